/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where resources live: all of them in memory (compressed, with indexes, so that the boot path
 * never waits for a disk), kept by SQLite (so that nothing is lost).
 *
 * Writes are operations. They queue up on the caller's thread, are decided there in order against
 * the latest state, committed as one transaction by a worker, and only then become visible to
 * readers and watchers and call back. So nothing is promised before it is durable, the loop never
 * waits, and while one transaction is on its way to the disk the next one collects everything that
 * arrives meanwhile. When a commit fails (disk full, I/O error) every operation of it fails with
 * that error and memory stays as it was.
 *
 * Everything here belongs to one thread, the one that opened the store; only the executor's work
 * runs elsewhere. JSON values are jansson's; what is passed as "borrowed" must not be changed.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "resource/kind.h"

struct store;
struct store_watch;

/* ---- opening ----------------------------------------------------------------------------------
 */

/* A piece of work to be done off the store's thread. */
struct store_task {
    void (*work)(struct store_task *task);  /* on any thread */
    void (*after)(struct store_task *task); /* then on the store's thread */
};

struct store_executor {
    void (*run)(struct store_executor *executor, struct store_task *task);
};

/* Does the work at once on the caller's thread: for tests and for command-line use. */
extern struct store_executor store_executor_sync;

struct store_options {
    const char *path;                /* of the database file; its folder must exist */
    struct store_executor *executor; /* NULL: store_executor_sync */
    const struct clock *clock;       /* NULL: clock_system */
    struct rng *rng;                 /* NULL: rng_system */
    uint64_t max_bytes;              /* the database may not grow beyond this; 0: no limit */
    size_t history;                  /* changes that watches can resume from; 0: 2048 */
    size_t events_max;               /* Events in all; 0: 2048 */
    size_t events_per_object;        /* Events about one object; 0: 32 */
};

/*
 * Opens or creates the database, checks it and reads everything into memory. Blocks. 0, -EBUSY
 * (another process has it open), -EUCLEAN (damaged), -EPROTONOSUPPORT (written by a newer version),
 * -ENOSPC, -EIO, -ENOMEM, ...
 */
int store_open(const struct store_options *options, struct store **ret, struct err *err)
    _must_check_;

struct store_counters {
    uint64_t commits; /* transactions that reached the disk */
    uint64_t failed;  /* transactions that did not */
};
void store_get_counters(const struct store *store, struct store_counters *ret);

/* Why the last transaction did not reach the disk; NULL when it did. Borrowed until the next. */
const struct err *store_trouble(const struct store *store);

/* True when no operation waits or is on its way to the disk. */
bool store_is_idle(const struct store *store);

/* Calls once as soon as the store is idle (at once when it is). Replaces an earlier call. */
void store_on_idle(struct store *store, void (*idle)(void *data), void *data);

/*
 * Closes the database and frees everything. The store must be idle and watches must be freed
 * before. NULL allowed.
 */
void store_close(struct store *store);
DEFINE_CLEANUP(struct store *, store_close)

/* ---- reading ----------------------------------------------------------------------------------
 */

/* The resourceVersion of the last visible change. */
uint64_t store_version(const struct store *store);

/* The object as a new reference which the caller may change, or NULL (not there; out of memory). */
json_t *store_get(const struct store *store, const struct kind *kind, const char *name);

/* Number of objects of a kind. */
size_t store_count(const struct store *store, const struct kind *kind);

struct store_list {
    const char *after; /* only names behind this one, for continuing; NULL: from the start */
    size_t limit;      /* at most this many; 0: all */
    /* Only objects for which this holds; NULL: all. The object is borrowed. */
    bool (*match)(void *data, const json_t *object);
    void *match_data;
};

/*
 * Calls each with every matching object in the order of names; stops when each returns nonzero and
 * returns that. each gets its own reference to the object for the time of the call. *ret_more (may
 * be NULL) tells whether the limit left something out. 0 or -ENOMEM.
 */
int store_each(const struct store *store, const struct kind *kind, const struct store_list *list,
               int (*each)(void *data, json_t *object), void *data, bool *ret_more) _must_check_;

enum store_index {
    STORE_MACHINE_BY_MAC,         /* spec.macAddresses; unique */
    STORE_MACHINE_BY_UUID,        /* spec.uuid, in any case */
    STORE_MACHINE_BY_SERIAL,      /* spec.serial, in any case */
    STORE_MACHINE_BY_FINGERPRINT, /* status.identity.fingerprint */
};

/*
 * The Machine with that MAC address (text form), UUID, serial number or key fingerprint as a new
 * reference. NULL when there is none, or when several have it (real machines share serial numbers
 * such as "To be filled by O.E.M."), or when out of memory; *ret_count (may be NULL) tells how
 * many.
 */
json_t *store_find(const struct store *store, enum store_index index, const char *key,
                   size_t *ret_count);
json_t *store_find_mac(const struct store *store, struct mac mac);

/*
 * As store_find(), but only the Machine's name, which costs neither unpacking nor parsing. Borrowed
 * until the next change.
 */
const char *store_find_name(const struct store *store, enum store_index index, const char *key,
                            size_t *ret_count);

/* ---- writing ----------------------------------------------------------------------------------
 */

/*
 * Called once for each operation, in the order of submission. rc 0: object is the stored result
 * (for a delete the last state; NULL for records). Else object is NULL and err says why:
 *   -ENOENT   there is no such object
 *   -EEXIST   create: the name is taken; or a Machine's MAC address belongs to another one
 *   -ESTALE   the resourceVersion or uid is not the one that the operation expects
 *   -EINVAL   the object has no name, or a rule of metadata is broken
 *   -ENOSPC, -EIO, -ENOMEM  it could not be made durable; nothing changed
 *   or what the mutate function returned.
 * The object and err are borrowed. Operations may be submitted from inside.
 */
typedef void (*store_done)(void *data, int rc, json_t *object, const struct err *err);

/* What of an object an operation may change; the rest is kept as it is stored. */
enum store_part {
    STORE_SPEC,   /* all but status: what clients send to the object itself */
    STORE_STATUS, /* only status (and metadata.managedFields) */
    STORE_ALL,    /* the server's own controllers */
};

/*
 * Each of these returns 0 when the operation was queued (done will be called; it may be NULL), or
 * -ENOMEM (done will not be called). Arguments are copied or referenced; `object` is taken over in
 * every case. Objects are expected to be valid (see resource/validate.h); apiVersion and kind are
 * filled in.
 */

/*
 * Adds an object. Sets uid, creationTimestamp, generation 1 and resourceVersion. Without
 * metadata.name a name is made from metadata.generateName. With STORE_SPEC a status is dropped.
 */
int store_create(struct store *store, const struct kind *kind, enum store_part part, json_t *object,
                 store_done done, void *data) _must_check_;

/* Replaces an object. With metadata.resourceVersion or metadata.uid in it, these must match. */
int store_update(struct store *store, const struct kind *kind, enum store_part part, json_t *object,
                 store_done done, void *data) _must_check_;

/*
 * Changes an object: mutate gets a copy of the latest state at the moment of deciding, changes it
 * and returns 0, or a negative errno (and err) to leave everything as it is. It must not submit
 * operations. Where it sets another metadata.resourceVersion or uid (a patch with a precondition)
 * the result is -ESTALE. When it changed nothing, nothing is written and the resourceVersion stays.
 * mutate, and with the synchronous executor done too, may run before this returns.
 */
typedef int (*store_mutate_fn)(void *data, json_t *object, struct err *err);
int store_mutate(struct store *store, const struct kind *kind, enum store_part part,
                 const char *name, store_mutate_fn mutate, store_done done, void *data)
    _must_check_;

struct store_precondition {
    const char *uid;              /* NULL: any */
    const char *resource_version; /* NULL: any */
};

/*
 * Deletes an object; with finalizers in it, only marks it (deletionTimestamp), and the update that
 * takes the last finalizer away deletes it. precondition may be NULL.
 */
int store_delete(struct store *store, const struct kind *kind, const char *name,
                 const struct store_precondition *precondition, store_done done, void *data)
    _must_check_;

/*
 * Notes that something happened to an object (borrowed; its metadata is what counts) as an Event
 * which `kubectl describe` shows. Repetitions are counted into the earlier Event; the oldest Events
 * of the object, and of all, make room. 0 or -ENOMEM; a failing commit loses it silently.
 */
int store_event(struct store *store, const json_t *object, bool warning, const char *reason,
                const char *message) _must_check_;

/* ---- records ----------------------------------------------------------------------------------
 */

/*
 * Small durable values that are not resources (DHCP leases): kept by the database only, in named
 * buckets; their owner keeps his own view in memory and reads them back when he starts.
 */
int store_record_put(struct store *store, const char *bucket, const void *key, size_t key_len,
                     const void *value, size_t value_len, store_done done, void *data) _must_check_;
int store_record_delete(struct store *store, const char *bucket, const void *key, size_t key_len,
                        store_done done, void *data) _must_check_;

/*
 * Calls each with every record of a bucket in the order of keys; stops when it returns nonzero and
 * returns that. Reads the disk: for starting up, while the store is idle (-EBUSY otherwise).
 */
int store_record_each(struct store *store, const char *bucket,
                      int (*each)(void *data, const void *key, size_t key_len, const void *value,
                                  size_t value_len),
                      void *data, struct err *err) _must_check_;

/* ---- watching ---------------------------------------------------------------------------------
 */

enum store_change { STORE_ADDED, STORE_MODIFIED, STORE_DELETED };

struct store_watch_options {
    const struct kind *kind;
    uint64_t since; /* changes behind this resourceVersion */
    /* Only objects for which this holds; an object that starts or ceases to match is shown as
     * ADDED or DELETED. NULL: all. */
    bool (*match)(void *data, const json_t *object);
    void *match_data;
    /* Called when there may be something to fetch. It must not free the watch. */
    void (*wake)(void *data);
    void *wake_data;
};

/*
 * 0, -ESTALE when history does not reach back to `since` (Kubernetes' 410 Gone: list again),
 * -EINVAL when `since` is a version that has not been yet, -ENOMEM.
 */
int store_watch_new(struct store *store, const struct store_watch_options *options,
                    struct store_watch **ret) _must_check_;
void store_watch_free(struct store_watch *watch);
DEFINE_CLEANUP(struct store_watch *, store_watch_free)

/*
 * The next change: 1 with a new reference in *ret_object, 0 when there is none yet, -ESTALE when
 * the watch fell behind what history keeps (again 410 Gone), -ENOMEM. A deleted
 * object is shown in its last state with the resourceVersion of the deletion.
 */
int store_watch_next(struct store_watch *watch, enum store_change *ret_change, json_t **ret_object)
    _must_check_;

/* The resourceVersion up to which the watch has seen everything, for bookmarks. */
uint64_t store_watch_version(const struct store_watch *watch);

/* The oldest resourceVersion that a watch can still start from. */
uint64_t store_watch_oldest(const struct store *store);
