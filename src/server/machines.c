/* SPDX-License-Identifier: Apache-2.0 */
/* The Machine controller: follows Machines, watches deadlines, keeps timelines. */
#include <inttypes.h>

#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "server/follow.h"
#include "server/machine-act.h"
#include "server/private.h"

enum {
    TICK_MS = 5000,
    RECHECK_MS = 20,
    RECHECK_SLICE = 50, /* Machines looked at in one go, so that the loop stays free for packets */
};

struct machines {
    struct server *server;
    struct follow *machines;
    struct map *waiting;   /* names of Machines whose phase has a deadline */
    struct map *undecided; /* names of Machines in phase Discovered, or without a phase */
    uv_timer_t ticker;
    uv_timer_t rechecker;    /* runs while a walk over all Machines is under way */
    char recheck_after[254]; /* name that the walk has reached */
    bool recheck_again;      /* something changed behind the walk's back */
    unsigned closing;        /* timers that libuv still holds */
};

void machines_view(const struct server *server, const struct machine *machine,
                   const struct machine_spec *effective, struct machine_view *ret)
{
    const struct config_deadlines *deadlines = &server->config->deadlines;
    const struct image_facts *facts =
        str_empty(effective->image) ? NULL : images_facts(server, effective->image);
    *ret = (struct machine_view){
        .machine = machine,
        .effective = effective,
        .image_ready = facts && facts->ready,
        .image_problem = facts ? facts->problem : "there is no such Image",
        .provisioning_deadline_ms = deadlines->provisioning_seconds * 1000,
        .first_boot_deadline_ms = deadlines->first_boot_seconds * 1000,
        .attempts_max = deadlines->attempts,
    };
}

/* ---- specification changes and time ---- */

/* Whether an event of this type could change anything: most Machines need no operation at all. */
static bool concerns(struct machines *self, json_t *object, enum machine_event_type type)
{
    _cleanup_(machine_freep) struct machine *machine = NULL;
    if (machine_decode(object, &machine, NULL) < 0)
        return false;
    _cleanup_(profile_freep) struct profile *profile = machine_profile(self->server, machine);
    struct machine_spec effective = machine_effective(machine, profile);
    struct machine_view view;
    struct machine_change change;
    machines_view(self->server, machine, &effective, &view);
    const struct machine_event event = {.type = type, .now_ms = clock_wall(self->server->clock)};
    machine_step(&view, &event, &change);
    return machine_change_writes(&change);
}

static void step(struct machines *self, json_t *object, enum machine_event_type type)
{
    if (concerns(self, object, type))
        machine_act(self->server, object_name(object), &(struct machine_act){.type = type});
}

static bool has_deadline(json_t *object)
{
    const char *phase = object_text(object, "status.phase");
    return str_eq(phase, "Provisioning") || str_eq(phase, "Installed");
}

static void on_tick(uv_timer_t *timer)
{
    struct machines *self = timer->data;
    size_t cursor = 0;
    struct map_entry_view e;
    while (map_next(self->waiting, &cursor, &e)) {
        json_auto_t *object = store_get(self->server->store, &kind_machine, e.key);
        if (object)
            step(self, object, MACHINE_EVENT_TICK);
    }
}

/* ---- looking at every Machine again, slice by slice ---- */

static int recheck_one(void *data, json_t *object)
{
    struct machines *self = data;
    (void)snprintf(self->recheck_after, sizeof(self->recheck_after), "%s", object_name(object));
    profiles_machine_changed(self->server, STORE_MODIFIED, object);
    step(self, object, MACHINE_EVENT_SPEC);
    return 0;
}

static void on_recheck(uv_timer_t *timer)
{
    struct machines *self = timer->data;
    bool more = false;
    const struct store_list list = {
        .after = self->recheck_after[0] ? self->recheck_after : NULL,
        .limit = RECHECK_SLICE,
    };
    int r = store_each(self->server->store, &kind_machine, &list, recheck_one, self, &more);
    if (r < 0)
        log_error("walking Machines failed: %s", err_text(&(struct err){.code = r}));
    if (r == 0 && more)
        return;
    self->recheck_after[0] = '\0';
    if (r == 0 && self->recheck_again)
        self->recheck_again = false;
    else
        (void)uv_timer_stop(timer);
}

void machines_recheck(struct server *server)
{
    struct machines *self = server->machines;
    if (!self)
        return;
    if (uv_is_active((uv_handle_t *)&self->rechecker))
        self->recheck_again = true;
    else
        (void)uv_timer_start(&self->rechecker, on_recheck, RECHECK_MS, RECHECK_MS);
}

/* ---- following ---- */

static void reserve_address(struct machines *self, json_t *object, bool reserved)
{
    struct cidr address;
    struct dhcp_server *dhcp = self->server->dhcp;
    if (dhcp && cidr_parse(object_text(object, "spec.network.address"), &address) == 0)
        dhcp_leases_reserve(dhcp_server_leases(dhcp), address.address, reserved);
}

static bool is_undecided(json_t *object)
{
    const char *phase = object_text(object, "status.phase");
    return !phase || str_eq(phase, "Discovered");
}

/* A set of names; a name that cannot be remembered for want of memory is left out. */
static void keep(struct map *set, struct machines *self, json_t *object, bool in)
{
    if (in)
        (void)!map_puts(set, object_name(object), self, NULL);
    else
        (void)map_removes(set, object_name(object));
}

size_t machines_undecided(const struct server *server)
{
    return map_count(server->machines->undecided);
}

static void on_machine(void *data, enum store_change change, json_t *object)
{
    struct machines *self = data;
    reserve_address(self, object, change != STORE_DELETED);
    profiles_machine_changed(self->server, change, object);
    bool there = change != STORE_DELETED;
    keep(self->waiting, self, object, there && has_deadline(object));
    keep(self->undecided, self, object, there && is_undecided(object));
    if (change != STORE_DELETED)
        step(self, object, MACHINE_EVENT_SPEC);
}

int machines_new(struct server *server, struct err *err)
{
    struct machines *self = calloc(1, sizeof(*self));
    if (!self)
        return err_set(err, -ENOMEM, "out of memory");
    self->server = server;
    self->waiting = map_new();
    self->undecided = map_new();
    if (!self->waiting || !self->undecided) {
        map_free(self->waiting);
        map_free(self->undecided);
        free(self);
        return err_set(err, -ENOMEM, "out of memory");
    }
    server->machines = self;
    (void)uv_timer_init(&server->loop, &self->ticker);
    (void)uv_timer_init(&server->loop, &self->rechecker);
    self->ticker.data = self->rechecker.data = self;
    (void)uv_timer_start(&self->ticker, on_tick, TICK_MS, TICK_MS);
    const struct follow_options follow = {
        .loop = &server->loop,
        .store = server->store,
        .kind = &kind_machine,
        .data = self,
        .on_object = on_machine,
    };
    int r = follow_new(&follow, &self->machines);
    return r < 0 ? err_errno(err, r, "cannot follow Machines") : 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct machines *self = handle->data;
    if (--self->closing > 0)
        return;
    map_free(self->waiting);
    map_free(self->undecided);
    free(self);
}

void machines_free(struct server *server)
{
    struct machines *self = server->machines;
    if (!self)
        return;
    server->machines = NULL;
    follow_free(self->machines);
    self->closing = 2;
    uv_close((uv_handle_t *)&self->ticker, on_timer_closed);
    uv_close((uv_handle_t *)&self->rechecker, on_timer_closed);
}

/* ---- timeline ---- */

struct timeline_entry {
    int64_t now;
    char *event, *message;
};

static void timeline_entry_free(struct timeline_entry *entry)
{
    free(entry->event);
    free(entry->message);
    free(entry);
}

static int add_entry(void *data, json_t *object, struct err *err)
{
    const struct timeline_entry *entry = data;
    (void)err;
    return machine_timeline_add(object, entry->now, entry->event, entry->message);
}

static void entry_done(void *data, int rc, json_t *object, const struct err *err)
{
    (void)rc, (void)object, (void)err;
    timeline_entry_free(data);
}

void machines_timeline(struct server *server, const char *name, const char *event,
                       const char *message)
{
    struct timeline_entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return;
    entry->now = clock_wall(server->clock);
    entry->event = strdup(event);
    entry->message = strdup(message);
    if (!entry->event || !entry->message ||
        store_mutate(server->store, &kind_machine, STORE_STATUS, name, add_entry, entry_done,
                     entry) < 0)
        timeline_entry_free(entry);
}
