/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/rollout.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* The members, counted. Of several the one with the lowest name is told about. */
struct census {
    size_t members, updated, control_planes;
    size_t away;                                   /* members that do not count as available */
    const struct rollout_machine *under_way;       /* has the Image, or gets it; not yet Ready */
    const struct rollout_machine *failed;          /* such a one */
    const struct rollout_machine *broken;          /* failed with another Image, or barred by it */
    const struct rollout_machine *other_away;      /* not Ready, and not of this rollout's doing */
    const struct rollout_machine *control_away;    /* a control plane that is not Ready */
    const struct rollout_machine *control_waiting; /* a control plane that has another Image */
    const struct rollout_machine *worker_waiting;
};

static const struct rollout_machine *lower(const struct rollout_machine *best,
                                           const struct rollout_machine *m)
{
    return !best || strcmp(m->name, best->name) < 0 ? m : best;
}

/* One that was begun is as good as away, though it may be Ready for a moment longer. */
static bool is_available(const struct rollout_cluster *c, const struct rollout_machine *m,
                         int64_t now)
{
    return m->ready && m->installed && now - m->ready_since >= c->min_ready_ms;
}

static void count(const struct rollout_cluster *c, const struct rollout_machine *m, int64_t now,
                  struct census *census)
{
    bool available = is_available(c, m, now), control = m->role == ROLE_CONTROL_PLANE;
    census->members++;
    census->control_planes += control ? 1 : 0;
    census->away += available ? 0 : 1;
    census->updated += m->wants && available ? 1 : 0;
    if (control && !available)
        census->control_away = lower(census->control_away, m);
    if (m->wants && !available)
        census->under_way = lower(census->under_way, m);
    if (m->wants && m->failed)
        census->failed = lower(census->failed, m);
    if (!m->wants && (m->failed || m->barred))
        census->broken = lower(census->broken, m);
    if (!m->wants && !available)
        census->other_away = lower(census->other_away, m);
    if (!m->wants && control)
        census->control_waiting = lower(census->control_waiting, m);
    if (!m->wants && !control)
        census->worker_waiting = lower(census->worker_waiting, m);
}

static bool is_concerned(const struct rollout_machine *m)
{
    return m->member && machine_role_joins(m->role);
}

/* When a Machine that is Ready already begins to count. */
static int64_t wake_time(const struct rollout_cluster *c, const struct rollout_machine *machines,
                         size_t n, int64_t now)
{
    int64_t first = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t at = machines[i].ready_since + c->min_ready_ms;
        if (is_concerned(&machines[i]) && machines[i].ready && at > now && (!first || at < first))
            first = at;
    }
    return first;
}

static void say(struct rollout *r, enum rollout_state state, const char *format, ...)
    _printf_(3, 4);

static void say(struct rollout *r, enum rollout_state state, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(r->message, sizeof(r->message), format, args);
    va_end(args);
    r->state = state;
}

/* ---- who is next ---- */

struct choosing {
    const struct rollout_machine *machines;
    size_t n;
    bool *begin;
};

/* Of the workers that wait, those with the lowest names; how many were begun. */
static size_t begin_workers(const struct choosing *c, size_t budget)
{
    size_t begun = 0;
    while (begun < budget) {
        const struct rollout_machine *next = NULL;
        for (size_t i = 0; i < c->n; i++) {
            const struct rollout_machine *m = &c->machines[i];
            if (is_concerned(m) && m->role == ROLE_WORKER && !m->wants && !c->begin[i])
                next = lower(next, m);
        }
        if (!next)
            break;
        c->begin[next - c->machines] = true;
        begun++;
    }
    return begun;
}

/* It is away already, so nothing is lost by it. */
static void choose_broken(const struct choosing *c, const struct census *census, struct rollout *r)
{
    c->begin[census->broken - c->machines] = true;
    say(r, ROLLOUT_PROGRESSING, "%s is next, which %s", census->broken->name,
        census->broken->failed
            ? "failed"
            : "may not join with its Image: it holds another version of Kubernetes");
}

static void choose_control_plane(const struct choosing *c, const struct census *census,
                                 struct rollout *r)
{
    const struct rollout_machine *next = census->control_waiting;
    if (census->control_away) {
        say(r, census->control_away->wants ? ROLLOUT_PROGRESSING : ROLLOUT_WAITING,
            "waits until control plane %s is Ready", census->control_away->name);
        return;
    }
    c->begin[next - c->machines] = true;
    say(r, ROLLOUT_PROGRESSING, "control plane %s is next%s", next->name,
        census->control_planes > 1 ? "" : "; it is the only one: the API server is away meanwhile");
}

static void choose_workers(const struct choosing *c, const struct rollout_cluster *cluster,
                           const struct census *census, struct rollout *r)
{
    int64_t budget = cluster->max_unavailable - (int64_t)census->away;
    size_t begun = budget > 0 ? begin_workers(c, (size_t)budget) : 0;
    if (begun)
        say(r, ROLLOUT_PROGRESSING, "%zu worker%s begun", begun, begun == 1 ? " is" : "s are");
    else if (census->under_way)
        say(r, ROLLOUT_PROGRESSING, "waits until %s is Ready", census->under_way->name);
    else
        say(r, ROLLOUT_WAITING, "waits until %s is Ready, which is away for another reason",
            census->other_away ? census->other_away->name : "each member");
}

/* Without it there is no API server to wait for. */
static bool is_lone_and_broken(const struct census *census)
{
    return census->broken && census->broken->role == ROLE_CONTROL_PLANE &&
           census->control_planes == 1;
}

static void choose(const struct choosing *c, const struct rollout_cluster *cluster,
                   const struct census *census, struct rollout *r)
{
    if (census->broken)
        choose_broken(c, census, r);
    else if (census->control_waiting)
        choose_control_plane(c, census, r);
    else if (census->worker_waiting)
        choose_workers(c, cluster, census, r);
    else if (census->under_way)
        say(r, ROLLOUT_PROGRESSING, "waits until %s is Ready", census->under_way->name);
    else
        say(r, ROLLOUT_COMPLETE, "all have Image %s", cluster->image);
}

struct rollout rollout_plan(const struct rollout_cluster *cluster,
                            const struct rollout_machine *machines, size_t n, int64_t now,
                            bool *begin)
{
    const struct choosing choosing = {machines, n, begin};
    struct census census = {0};
    struct rollout r = {.wake_at = wake_time(cluster, machines, n, now)};
    memset(begin, 0, n * sizeof(*begin));
    for (size_t i = 0; i < n; i++) {
        if (is_concerned(&machines[i]))
            count(cluster, &machines[i], now, &census);
    }
    r.updated = census.updated;
    r.total = census.members;
    r.control_planes_updated = !census.control_waiting && !census.control_away;
    bool open = census.under_way || census.worker_waiting || census.control_waiting;
    if (open && census.failed)
        say(&r, ROLLOUT_FAILED, "%s failed; mend it, or: slipway rollout undo",
            census.failed->name);
    else if (open && cluster->paused)
        say(&r, ROLLOUT_PAUSED, "paused; go on with: slipway rollout resume");
    else if (open && !cluster->api_reachable && !is_lone_and_broken(&census))
        say(&r, ROLLOUT_WAITING, "waits for the API server, which does not answer");
    else
        choose(&choosing, cluster, &census, &r);
    return r;
}

const char *rollout_state_text(enum rollout_state state)
{
    static const char *const texts[] = {
        [ROLLOUT_COMPLETE] = "Complete", [ROLLOUT_PROGRESSING] = "Progressing",
        [ROLLOUT_PAUSED] = "Paused",     [ROLLOUT_WAITING] = "Waiting",
        [ROLLOUT_FAILED] = "Failed",
    };
    return texts[state];
}
