/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the store share. An operation's way: store.c queues it, decide.c decides it
 * into a batch, commit.c makes the batch durable and visible, watch.c shows it to watchers. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "store/db.h"
#include "store/store.h"
#include "store/view.h"

enum op_type {
    OP_CREATE,
    OP_UPDATE,
    OP_MUTATE,
    OP_DELETE,
    OP_EVENT,
    OP_RECORD_PUT,
    OP_RECORD_DELETE
};

struct op {
    struct list link;
    enum op_type type;
    const struct kind *kind;
    enum store_part part;
    char *name;     /* the object's, or a record's bucket */
    json_t *object; /* owned: what to create, update or note */
    store_mutate_fn mutate;
    store_done done;
    void *data;
    char *uid, *resource_version; /* preconditions of a delete */
    void *key, *value;            /* of a record */
    size_t key_len, value_len;

    /* Set when it was decided. */
    int rc;
    json_t *result;
    struct err err;
};

void op_free(struct op *op);

/* One object's step from one version to the next inside a batch. */
struct change {
    const struct kind *kind;
    char *name;
    struct stored *before; /* NULL: it is created */
    struct stored *after;  /* never NULL; for a deletion the last state under its new version */
    bool deletion;
    struct keys keys_before, keys_after;
    char *body; /* JSON text for the database; NULL for a deletion */
    size_t body_len;
};

enum { BATCH_OPS_MAX = 512, OBJECT_SIZE_MAX = 3 << 19 /* 1.5 MiB of JSON, as etcd has it */ };

struct batch {
    struct store_task task;
    struct store *store;
    struct list ops;
    size_t n_ops;
    struct change *changes;
    size_t n_changes, size_changes;
    size_t n_records;
    uint64_t version;   /* of the last change decided */
    struct map *latest; /* "PLURAL/NAME" to the index + 1 of its last change here */
    struct map *claims; /* unique key to the index + 1 of the last change here that has or had it */
    int rc;             /* of the commit */
    struct err err;
};

struct history_item {
    const struct kind *kind;
    uint64_t version;
    bool deletion;
    struct stored *before, *after;
};

/* A ring of the last changes. Item number i is at items[i % size]. */
struct history {
    struct history_item *items;
    size_t size;
    uint64_t first, next; /* numbers of the oldest and behind the newest item */
    uint64_t oldest;      /* resourceVersion that the history starts behind */
    size_t bytes;         /* of the versions that the items brought */
};

struct store {
    struct db *db;
    struct store_executor *executor;
    const struct clock *clock;
    struct rng *rng;
    size_t events_max, events_per_object;
    struct packer *packer;
    struct view view;
    struct history history;
    struct list watches;
    uint64_t version;
    struct store_counters counters;
    struct err trouble; /* of the last transaction; code 0: none */
    struct list queue;  /* of struct op */
    bool busy;          /* a batch is under way */
    bool pumping;
    void (*idle)(void *data);
    void *idle_data;
};

/* decide.c: decides an operation against the batch's latest state; its result goes into op. */
void decide(struct batch *batch, struct op *op);

/* batch.c */
struct batch *batch_new(struct store *store);
void batch_free(struct batch *batch);
DEFINE_CLEANUP(struct batch *, batch_free)

/*
 * The latest version of an object inside the batch; NULL when there is none. Borrowed.
 */
struct stored *batch_latest(const struct batch *batch, const struct kind *kind, const char *name);
/*
 * Adds a step from before (NULL: none) to after, which must carry batch->version + 1. 0, -EEXIST (a
 * unique key belongs to another object), -E2BIG or -ENOMEM.
 */
int batch_add(struct batch *batch, const struct kind *kind, const json_t *before,
              const json_t *after, bool deletion, struct err *err) _must_check_;

/* event.c: decides an OP_EVENT. */
int decide_event(struct batch *batch, struct op *op);
/* Marks the Events that a failed batch wanted to delete as there to stay. */
void events_keep(struct batch *batch);

/* commit.c: starts batches while there are operations. */
void store_pump(struct store *store);

/* watch.c */
int history_init(struct history *history, size_t size, uint64_t version) _must_check_;
void history_free(struct history *history);
/* Appends the batch's changes and wakes the watches. */
void history_add(struct store *store, const struct batch *batch);
