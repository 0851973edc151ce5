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
    struct boot_hosts *hosts; /* all of them, prepared for the boot path */
    struct map *waiting;      /* names of Machines whose phase has a deadline */
    bool addresses_changed;   /* of Machines, since DHCP was told of them */
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
        .node_deadline_ms = deadlines->node_ready_seconds * 1000,
        .attempts_max = deadlines->attempts,
    };
    if (machine->status.join.task)
        (void)clusters_hold(server, machine, effective->cluster, ret->hold, sizeof(ret->hold));
}

/* ---- addresses that DHCP keeps for Machines ---- */

/* Of all Machines at once: they come in any order, and so do the Networks with the ranges. */
void machines_reserve_addresses(struct server *server)
{
    struct machines *self = server->machines;
    size_t cursor = 0;
    if (!self || !server->dhcp)
        return;
    struct dhcp_leases *leases = dhcp_server_leases(server->dhcp);
    self->addresses_changed = false;
    dhcp_leases_reserve_none(leases);
    for (const struct boot_host *h; (h = boot_hosts_next(self->hosts, &cursor));)
        dhcp_leases_reserve(leases, h->address, true);
}

static void reserve_changed(struct machines *self)
{
    if (self->addresses_changed)
        machines_reserve_addresses(self->server);
}

static ipv4 address_of(const struct machines *self, const char *name)
{
    const struct boot_host *host = boot_hosts_get(self->hosts, name);
    return host ? host->address : 0;
}

static void put_host(struct machines *self, const struct machine *machine,
                     const struct machine_spec *effective, bool held)
{
    const char *name = machine->meta.name;
    ipv4 before = address_of(self, name);
    if (boot_hosts_put(self->hosts, machine, effective, held) < 0)
        log_error("%s: out of memory, it is looked up anew when it boots", name);
    self->addresses_changed |= address_of(self, name) != before;
}

static void remove_host(struct machines *self, const char *name)
{
    self->addresses_changed |= address_of(self, name) != 0;
    boot_hosts_remove(self->hosts, name);
}

/* ---- specification changes and time ---- */

/* Whether an event of this type could change anything: most Machines need no operation at all. */
static bool concerns(struct machines *self, const struct machine_view *view,
                     enum machine_event_type type)
{
    struct machine_change change;
    const struct machine_event event = {.type = type, .now_ms = clock_wall(self->server->clock)};
    machine_step(view, &event, &change);
    return machine_change_writes(&change);
}

static int set_or_clear(json_t *object, const char *member, const char *path, const char *value)
{
    if (!str_empty(value))
        return object_set(object, path, json_string(value));
    (void)json_object_del(object_get(object, "status"), member);
    return 0;
}

/* As status has it: "" for what nobody gave. */
static const char *role_text(enum machine_role role)
{
    return field_enum_text(machine_role_values, machine_role_joins(role) ? (int)role : 0);
}

static int set_effective(void *data, json_t *object, struct err *err)
{
    const struct server *server = data;
    _cleanup_(machine_freep) struct machine *machine = NULL;
    int r = server->stopping ? -ESHUTDOWN : machine_decode(object, &machine, err);
    if (r < 0)
        return r;
    _cleanup_(profile_freep) struct profile *profile = machine_profile(server, machine);
    struct machine_spec effective = machine_effective(machine, profile);
    r = set_or_clear(object, "image", "status.image", effective.image);
    if (r == 0)
        r = set_or_clear(object, "cluster", "status.cluster", effective.cluster);
    return r < 0 ? r : set_or_clear(object, "role", "status.role", role_text(effective.role));
}

/* For people and selectors: what holds may be the Profile's. Written only when it changes. */
static void show_effective(struct machines *self, const struct machine *machine,
                           const struct machine_spec *effective)
{
    const struct machine_status *s = &machine->status;
    if (!str_eq(s->image, effective->image) || !str_eq(s->cluster, effective->cluster) ||
        !str_eq(role_text(s->role), role_text(effective->role)))
        (void)!store_mutate(self->server->store, &kind_machine, STORE_STATUS, machine->meta.name,
                            set_effective, NULL, self->server);
}

/* A Machine is decoded once for all that want to know of it. */
static void look(struct machines *self, json_t *object, enum machine_event_type type)
{
    _cleanup_(machine_freep) struct machine *machine = NULL;
    if (machine_decode(object, &machine, NULL) < 0)
        return;
    _cleanup_(profile_freep) struct profile *profile = machine_profile(self->server, machine);
    struct machine_spec effective = machine_effective(machine, profile);
    struct machine_view view;
    machines_view(self->server, machine, &effective, &view);
    put_host(self, machine, &effective, view.hold[0] != '\0');
    show_effective(self, machine, &effective);
    if (concerns(self, &view, type))
        machine_act(self->server, machine->meta.name, &(struct machine_act){.type = type});
}

/* Whether time alone may change something; also when its Cluster lets a Machine go. */
static bool has_deadline(json_t *object)
{
    const char *phase = object_text(object, "status.phase");
    json_int_t installed = json_integer_value(object_get(object, "status.installedGeneration"));
    bool leaves = object_get(object, "status.join") &&
                  json_integer_value(object_get(object, "spec.installGeneration")) > installed;
    bool joined = str_eq(object_text(object, "status.join.state"),
                         field_enum_text(join_state_values, JOIN_DONE));
    bool joins = object_get(object, "status.join") && !joined;
    bool waits_for_node = joined && (str_eq(phase, "Joining") || str_eq(phase, "Running"));
    return leaves || joins || waits_for_node || str_eq(phase, "Provisioning") ||
           str_eq(phase, "Installed") || str_eq(phase, "Releasing");
}

static void on_tick(uv_timer_t *timer)
{
    struct machines *self = timer->data;
    size_t cursor = 0;
    struct map_entry_view e;
    while (map_next(self->waiting, &cursor, &e)) {
        json_auto_t *object = store_get(self->server->store, &kind_machine, e.key);
        if (object)
            look(self, object, MACHINE_EVENT_TICK);
    }
}

/* ---- looking at every Machine again, slice by slice ---- */

static int recheck_one(void *data, json_t *object)
{
    struct machines *self = data;
    (void)snprintf(self->recheck_after, sizeof(self->recheck_after), "%s", object_name(object));
    profiles_machine_changed(self->server, STORE_MODIFIED, object);
    clusters_machine_changed(self->server, STORE_MODIFIED, object);
    look(self, object, MACHINE_EVENT_SPEC);
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
    reserve_changed(self);
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

/* A set of names; a name that cannot be remembered for want of memory is left out. */
static void keep(struct map *set, struct machines *self, json_t *object, bool in)
{
    if (in)
        (void)!map_puts(set, object_name(object), self, NULL);
    else
        (void)map_removes(set, object_name(object));
}

size_t machines_in_phase(const struct server *server, enum machine_phase phase)
{
    return boot_hosts_in_phase(server->machines->hosts, phase);
}

size_t machines_undecided(const struct server *server)
{
    return machines_in_phase(server, MACHINE_PHASE_UNSET) +
           machines_in_phase(server, MACHINE_DISCOVERED);
}

const struct boot_host *machines_boot_host(struct server *server, const char *name)
{
    struct machines *self = server->machines;
    const struct boot_host *host = boot_hosts_get(self->hosts, name);
    if (host)
        return host;
    /* stored a moment ago, and the watch has not told of it yet */
    json_auto_t *object = store_get(server->store, &kind_machine, name);
    if (object)
        look(self, object, MACHINE_EVENT_SPEC);
    return boot_hosts_get(self->hosts, name);
}

const struct boot_host *machines_boot_host_by_mac(const struct server *server, struct mac mac)
{
    return boot_hosts_by_mac(server->machines->hosts, mac);
}

static void on_machine(void *data, enum store_change change, json_t *object)
{
    struct machines *self = data;
    bool there = change != STORE_DELETED;
    profiles_machine_changed(self->server, change, object);
    clusters_machine_changed(self->server, change, object);
    keep(self->waiting, self, object, there && has_deadline(object));
    if (there)
        look(self, object, MACHINE_EVENT_SPEC);
    else
        remove_host(self, object_name(object));
}

static void on_settled(void *data)
{
    reserve_changed(data);
}

int machines_new(struct server *server, struct err *err)
{
    struct machines *self = calloc(1, sizeof(*self));
    if (!self)
        return err_set(err, -ENOMEM, "out of memory");
    self->server = server;
    self->waiting = map_new();
    self->hosts = boot_hosts_new();
    if (!self->waiting || !self->hosts) {
        map_free(self->waiting);
        boot_hosts_free(self->hosts);
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
        .on_settled = on_settled,
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
    boot_hosts_free(self->hosts);
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
