/* SPDX-License-Identifier: Apache-2.0 */
/* Applying a decision to a Machine's JSON. */
#include "base/clock.h"
#include "base/str.h"
#include "resource/validate.h"
#include "resource/condition.h"
#include "server/machine-step.h"

bool machine_change_writes(const struct machine_change *c)
{
    return c->phase != MACHINE_PHASE_UNSET || c->identity || c->candidate || c->clear_candidate ||
           c->boot_id || c->inventory || c->addresses || c->progress || c->clear_progress ||
           c->clear_failure || c->seen || c->observe || c->installed_generation >= 0 ||
           c->attempts >= 0 || c->join || c->join_lost || c->join_times || c->task ||
           c->clear_join || c->failure || c->wiping_generation >= 0 ||
           c->released_generation >= 0 || c->restart || c->clear_restart || c->n_conditions ||
           c->n_notes;
}

static json_t *time_value(int64_t ms)
{
    char text[CLOCK_TEXT_SIZE];
    return json_string(clock_text(ms, text));
}

/* A key as status shows it; a new reference, NULL when out of memory. */
static json_t *key_object(const struct trust_public *key)
{
    char text[TRUST_PUBLIC_TEXT_SIZE], words[TRUST_FINGERPRINT_TEXT_SIZE];
    uint8_t digest[TRUST_DIGEST_SIZE];
    trust_digest(key->b, sizeof(key->b), digest);
    _autofree_ char *hex = str_hex(digest, sizeof(digest));
    return hex ? json_pack("{s:s, s:s, s:s}", "publicKey", trust_public_text(key, text),
                           "fingerprint", hex, "words", trust_fingerprint(key, words))
               : NULL;
}

static int set_candidate(json_t *object, const struct machine_event *e)
{
    json_t *candidate = key_object(e->key);
    (void)json_object_set_new(candidate, "seen", time_value(e->now_ms));
    return object_set(object, "status.candidate", candidate);
}

static int set_boot_id(json_t *object, const json_t *system)
{
    return object_set(object, "status.bootID", json_incref(json_object_get(system, "bootID")));
}

/* The inventory comes from the network: only what the field table admits is kept. */
static int set_inventory(json_t *object, const json_t *sent)
{
    return object_set(object, "status.inventory", fields_salvage(machine_inventory_fields, sent));
}

static int set_addresses(json_t *object, json_t *sent)
{
    json_t *list = json_array();
    size_t i;
    json_t *item;
    json_array_foreach (sent, i, item) {
        struct cidr c;
        char text[IPV4_TEXT_SIZE];
        if (cidr_parse(json_string_value(item), &c) < 0)
            continue;
        (void)json_array_append_new(list, json_pack("{s:s, s:s}", "type", "InternalIP", "address",
                                                    ipv4_text(c.address, text)));
    }
    return object_set(object, "status.addresses", list);
}

static int set_progress(json_t *object, const struct protocol_report *report, int64_t now)
{
    json_t *progress = json_pack("{s:s, s:I, s:I, s:o}", "step", report->step, "bytesDone",
                                 (json_int_t)report->bytes_done, "bytesTotal",
                                 (json_int_t)report->bytes_total, "updatedAt", time_value(now));
    if (progress && report->message)
        (void)json_object_set_new(progress, "message", json_string(report->message));
    return object_set(object, "status.progress", progress);
}

static int set_failure(json_t *object, const struct machine_change *c,
                       const struct machine_event *e)
{
    const char *message = c->failure_said ? e->report->message : c->failure_message;
    return object_set(object, "status.failure",
                      json_pack("{s:s, s:s, s:s, s:o}", "step", c->failure_step, "reason",
                                c->failure_reason, "message", message, "time",
                                time_value(e->now_ms)));
}

static void clear(json_t *object, const char *member)
{
    (void)json_object_del(object_get(object, "status"), member);
}

static int set_task(json_t *object, const struct machine_view *v, const struct machine_event *e)
{
    int64_t attempts = v->machine->status.join.attempts + 1;
    json_t *join = json_pack("{s:s, s:s, s:o, s:I}", "task", e->task, "state", "Running",
                             "startedAt", time_value(e->now_ms), "attempts", (json_int_t)attempts);
    if (join && e->token_id) {
        (void)json_object_set_new(join, "tokenID", json_string(e->token_id));
        (void)json_object_set_new(join, "tokenExpiresAt", time_value(e->token_expires_ms));
    }
    return object_set(object, "status.join", join);
}

/* Of what the node says of its task only this, and only as the field table admits it. */
static json_t *said_of_task(const json_t *said)
{
    static const char *const members[] = {"phase", "failure", "message", "nodeName"};
    json_auto_t *part = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        json_t *value = json_object_get(said, members[i]);
        if (value && json_object_set(part, members[i], value) < 0)
            return NULL;
    }
    return fields_salvage(machine_join_fields, part);
}

/* The state in status' words, NULL when it is none that is known. */
static const char *join_state(const json_t *said)
{
    static const char *const words[] = {"running", "done", "failed"};
    const char *state = json_string_value(json_object_get(said, "state"));
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (str_eq(state, words[i]))
            return join_state_values[i];
    }
    return NULL;
}

static int set_join(json_t *object, const struct machine_view *v, const struct machine_event *e)
{
    const json_t *said = json_object_get(e->hello->system, "cluster");
    const char *state = join_state(said);
    json_auto_t *kept = said_of_task(said);
    if (!kept || json_object_update(object_get(object, "status.join"), kept) < 0)
        return -ENOMEM;
    int r = state ? object_set(object, "status.join.state", json_string(state)) : 0;
    bool ended = state && !str_eq(state, join_state_values[JOIN_RUNNING - 1]);
    if (r == 0 && ended && !v->machine->status.join.ended_at)
        r = object_set(object, "status.join.endedAt", time_value(e->now_ms));
    return r;
}

static int lose_join(json_t *object, const struct machine_event *e)
{
    int r =
        object_set(object, "status.join.state", json_string(join_state_values[JOIN_FAILED - 1]));
    return r < 0 ? r : object_set(object, "status.join.endedAt", time_value(e->now_ms));
}

/* What is said to be in the future is now. */
static int repair_join_times(json_t *object, const struct machine_view *v, int64_t now)
{
    const struct machine_join *join = &v->machine->status.join;
    int r = 0;
    if (join->started_at > now)
        r = object_set(object, "status.join.startedAt", time_value(now));
    if (r == 0 && join->ended_at > now)
        r = object_set(object, "status.join.endedAt", time_value(now));
    return r;
}

static int apply_what_was_sent(const struct machine_change *c, const struct machine_view *v,
                               const struct machine_event *e, json_t *object)
{
    int r = 0;
    if (c->identity)
        r = object_set(object, "status.identity", key_object(e->key));
    if (r == 0 && c->candidate)
        r = set_candidate(object, e);
    if (r == 0 && c->boot_id)
        r = set_boot_id(object, e->hello->system);
    if (r == 0 && c->inventory)
        r = set_inventory(object, e->hello->inventory);
    if (r == 0 && c->addresses)
        r = set_addresses(object, e->hello->addresses);
    if (r == 0 && c->progress)
        r = set_progress(object, e->report, e->now_ms);
    if (r == 0 && c->join)
        r = set_join(object, v, e);
    if (r == 0 && c->join_lost)
        r = lose_join(object, e);
    if (r == 0 && c->join_times)
        r = repair_join_times(object, v, e->now_ms);
    return r;
}

/* The Image that was asked for may be another one by now than the one that was written. */
static int apply_image(const struct machine_change *c, const struct machine_view *v, json_t *object)
{
    const char *asked = v->effective->image, *told = v->machine->status.installing_image;
    const char *written = told ? told : asked;
    if (c->installing_image)
        return object_set(object, "status.installingImage", json_string(asked));
    clear(object, "installingImage");
    return written ? object_set(object, "status.installedImage", json_string(written)) : 0;
}

static int apply_numbers(const struct machine_change *c, const struct machine_view *v,
                         const struct machine_event *e, json_t *object)
{
    int r = 0;
    if (c->phase != MACHINE_PHASE_UNSET)
        r = object_set(object, "status.phase", json_string(machine_phase_text(c->phase)));
    if (r == 0 && c->seen)
        r = object_set(object, "status.lastSeen", time_value(e->now_ms));
    if (r == 0 && c->observe)
        r = object_set(object, "status.observedGeneration",
                       json_integer((json_int_t)v->machine->meta.generation));
    if (r == 0 && c->installed_generation >= 0)
        r = object_set(object, "status.installedGeneration",
                       json_integer((json_int_t)c->installed_generation));
    if (r == 0 && (c->installing_image || c->installed_image))
        r = apply_image(c, v, object);
    if (r == 0 && c->attempts >= 0)
        r = object_set(object, "status.attempts", json_integer((json_int_t)c->attempts));
    return r;
}

static int apply_release(const struct machine_change *c, const struct machine_event *e,
                         json_t *object)
{
    int r = 0;
    if (c->wiping_generation >= 0)
        r = object_set(object, "status.wipingGeneration",
                       json_integer((json_int_t)c->wiping_generation));
    if (r == 0 && c->restart)
        r = object_set(object, "status.restartedAt", time_value(e->now_ms));
    if (c->clear_restart)
        clear(object, "restartedAt");
    return r;
}

/* The end of this life of the machine: only what it is remains, not what it held. */
static int forget_life(const struct machine_change *c, const struct machine_view *v, json_t *object)
{
    static const char *const members[] = {
        "identity",    "candidate", "progress",       "failure",
        "join",        "addresses", "attempts",       "wipingGeneration",
        "restartedAt", "bootID",    "installedImage", "installingImage",
    };
    const char *key = v->machine->status.identity.public_key;
    int64_t asked = v->effective->install_generation;
    int r = object_set(object, "status.releasedGeneration",
                       json_integer((json_int_t)c->released_generation));
    if (r == 0 && key)
        r = object_set(object, "status.revokedKey", json_string(key));
    if (r == 0 && asked > v->machine->status.installed_generation)
        r = object_set(object, "status.installedGeneration", json_integer((json_int_t)asked));
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(members); i++)
        clear(object, members[i]);
    return r;
}

/* Much of it are a machine's own words: none of them makes an object that nobody may change. */
static int keep_valid(json_t *object)
{
    json_t *status = json_object_get(object, "status");
    return status ? object_set(object, "status", fields_salvage(machine_status_fields, status)) : 0;
}

int machine_change_apply(const struct machine_change *c, const struct machine_view *v,
                         const struct machine_event *e, json_t *object)
{
    int r = apply_what_was_sent(c, v, e, object);
    if (r == 0)
        r = apply_numbers(c, v, e, object);
    if (r == 0 && c->task)
        r = set_task(object, v, e);
    if (r == 0 && c->clear_join)
        clear(object, "join");
    if (r == 0 && c->clear_progress)
        clear(object, "progress");
    if (r == 0 && c->clear_failure)
        clear(object, "failure");
    if (r == 0 && c->clear_candidate)
        clear(object, "candidate");
    if (r == 0)
        r = apply_release(c, e, object);
    if (r == 0 && c->released_generation >= 0)
        r = forget_life(c, v, object);
    if (r == 0 && c->failure)
        r = set_failure(object, c, e);
    for (size_t i = 0; r == 0 && i < c->n_conditions; i++)
        r = object_set_condition(object, c->conditions[i].type, c->conditions[i].status,
                                 c->conditions[i].reason, c->conditions[i].message, e->now_ms);
    for (size_t i = 0; r == 0 && i < c->n_notes; i++)
        r = machine_timeline_add(object, e->now_ms, c->notes[i].reason, c->notes[i].message);
    return r < 0 ? r : keep_valid(object);
}
