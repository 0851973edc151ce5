/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles that choose their Machines: a Machine without a Profile gets the first one, by name,
 * whose selector it fulfils and whose quantity is not used up. Once given, it stays.
 */
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "server/follow.h"
#include "server/private.h"

struct profiles {
    struct server *server;
    struct follow *follow;
    struct map *by_name;    /* struct entry */
    struct map *of_machine; /* Machine's name -> its Profile's name (malloc'd) */
};

struct entry {
    char *name;
    struct profile *profile; /* NULL: not there (yet), but Machines name it */
    int64_t count;           /* Machines that have it, or are being given it */
};

static void entry_free(void *value)
{
    struct entry *entry = value;
    free(entry->name);
    if (entry->profile)
        profile_free(entry->profile);
    free(entry);
}

static struct entry *entry_of(struct profiles *self, const char *name)
{
    struct entry *entry = map_gets(self->by_name, name);
    if (entry)
        return entry;
    entry = calloc(1, sizeof(*entry));
    if (entry)
        entry->name = strdup(name);
    if (!entry || !entry->name || map_puts(self->by_name, name, entry, NULL) < 0) {
        if (entry)
            entry_free(entry);
        return NULL;
    }
    return entry;
}

/* ---- counting ---- */

static void count_machine(struct profiles *self, const char *machine, const char *profile)
{
    char *old = map_removes(self->of_machine, machine);
    struct entry *entry = old ? map_gets(self->by_name, old) : NULL;
    if (entry)
        entry->count--;
    free(old);
    if (str_empty(profile))
        return;
    char *copy = strdup(profile);
    entry = copy ? entry_of(self, profile) : NULL;
    if (!entry || map_puts(self->of_machine, machine, copy, NULL) < 0)
        free(copy);
    else
        entry->count++;
}

static int set_matched(void *data, json_t *object, struct err *err)
{
    const struct profiles *self = ((const struct server *)data)->profiles;
    struct entry *entry = self ? map_gets(self->by_name, object_name(object)) : NULL;
    if (!self)
        return err_set(err, -ESHUTDOWN, "the server is stopping");
    return object_set(object, "status.matched", json_integer(entry ? entry->count : 0));
}

static void show_count(struct profiles *self, const char *profile)
{
    struct entry *entry = map_gets(self->by_name, profile);
    if (entry && entry->profile && entry->profile->status.matched != entry->count)
        (void)!store_mutate(self->server->store, &kind_profile, STORE_STATUS, profile, set_matched,
                            NULL, self->server);
}

/* ---- choosing ---- */

static bool has_room(const struct entry *entry)
{
    return entry->profile->spec.quantity < 0 || entry->count < entry->profile->spec.quantity;
}

static struct entry *choose(struct profiles *self, const struct machine *machine)
{
    struct entry *best = NULL;
    struct map_entry_view e;
    size_t cursor = 0;
    while (map_next(self->by_name, &cursor, &e)) {
        struct entry *entry = e.value;
        if (entry->profile && has_room(entry) && profile_selects(entry->profile, machine) &&
            (!best || strcmp(entry->name, best->name) < 0))
            best = entry;
    }
    return best;
}

static int set_profile(void *data, json_t *object, struct err *err)
{
    (void)err;
    if (!str_empty(object_text(object, "spec.profile")))
        return 0;
    return object_set(object, "spec.profile", json_string(data));
}

static void set_done(void *data, int rc, json_t *object, const struct err *err)
{
    if (rc < 0)
        log_warn("a Profile could not be given to a Machine: %s", err_text(err));
    else
        log_info("%s: has Profile %s now", object_name(object), (char *)data);
    free(data);
}

static void give(struct profiles *self, const char *machine, const char *profile)
{
    char *name = strdup(profile);
    count_machine(self, machine, profile);
    if (name && store_mutate(self->server->store, &kind_machine, STORE_ALL, machine, set_profile,
                             set_done, name) < 0)
        free(name);
}

void profiles_machine_changed(struct server *server, enum store_change change, json_t *object)
{
    struct profiles *self = server->profiles;
    const char *name = object_name(object);
    const char *profile = change == STORE_DELETED ? NULL : object_text(object, "spec.profile");
    if (!self)
        return;
    count_machine(self, name, profile);
    if (!str_empty(profile)) {
        show_count(self, profile);
        return;
    }
    _cleanup_(machine_freep) struct machine *machine = NULL;
    if (change == STORE_DELETED || map_count(self->by_name) == 0 ||
        machine_decode(object, &machine, NULL) < 0)
        return;
    struct entry *entry = choose(self, machine);
    if (entry)
        give(self, name, entry->name);
}

/* ---- following ---- */

static void on_profile(void *data, enum store_change change, json_t *object)
{
    struct profiles *self = data;
    struct entry *entry = entry_of(self, object_name(object));
    if (!entry)
        return;
    int64_t before = entry->profile ? entry->profile->meta.generation : 0;
    if (entry->profile)
        profile_free(entry->profile);
    entry->profile = NULL;
    if (change != STORE_DELETED)
        (void)!profile_decode(object, &entry->profile, NULL);
    /* Machines without a Profile are looked at by the walk that this starts. A status alone, such
     * as our own count, changes nothing for them. */
    if (!entry->profile || entry->profile->meta.generation != before)
        machines_recheck(self->server);
}

int profiles_new(struct server *server, struct err *err)
{
    struct profiles *self = calloc(1, sizeof(*self));
    if (!self)
        return err_set(err, -ENOMEM, "out of memory");
    *self = (struct profiles){.server = server, .by_name = map_new(), .of_machine = map_new()};
    server->profiles = self;
    if (!self->by_name || !self->of_machine)
        return err_set(err, -ENOMEM, "out of memory");
    const struct follow_options follow = {
        .loop = &server->loop,
        .store = server->store,
        .kind = &kind_profile,
        .data = self,
        .on_object = on_profile,
    };
    int r = follow_new(&follow, &self->follow);
    return r < 0 ? err_errno(err, r, "cannot follow Profiles") : 0;
}

void profiles_free(struct server *server)
{
    struct profiles *self = server->profiles;
    if (!self)
        return;
    server->profiles = NULL;
    follow_free(self->follow);
    map_free_with(self->by_name, entry_free);
    map_free_with(self->of_machine, free);
    free(self);
}
