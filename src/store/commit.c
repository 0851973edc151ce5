/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a batch: decided here, written by the worker, then shown to everybody. */
#include "base/log.h"
#include "store/internal.h"

static int write_change(struct db *db, const struct change *change, struct err *err)
{
    if (change->deletion)
        return db_delete_object(db, change->kind->plural, change->name, err);
    return db_put_object(db, change->kind->plural, change->name, change->after->version,
                         change->body, change->body_len, err);
}

static int write_record(struct db *db, const struct op *op, struct err *err)
{
    if (op->type == OP_RECORD_PUT)
        return db_put_record(db, op->name, op->key, op->key_len, op->value, op->value_len, err);
    if (op->type == OP_RECORD_DELETE)
        return db_delete_record(db, op->name, op->key, op->key_len, err);
    return 0;
}

static int write_batch(struct db *db, const struct batch *batch, struct err *err)
{
    int r = db_begin(db, err);
    for (size_t i = 0; r == 0 && i < batch->n_changes; i++)
        r = write_change(db, &batch->changes[i], err);
    list_for_each (it, &batch->ops) {
        if (r == 0)
            r = write_record(db, container_of(it, struct op, link), err);
    }
    if (r == 0 && batch->n_changes)
        r = db_set_version(db, batch->version, err);
    return r < 0 ? r : db_commit(db, err);
}

/* On the worker's thread: touches the database and the batch's plain bytes, nothing else. */
static void work(struct store_task *task)
{
    struct batch *batch = container_of(task, struct batch, task);
    batch->rc = write_batch(batch->store->db, batch, &batch->err);
    if (batch->rc < 0)
        db_rollback(batch->store->db);
}

static int show_change(struct store *store, const struct change *change)
{
    if (!change->deletion)
        return view_put(&store->view, change->kind, change->name, change->after,
                        &change->keys_before, &change->keys_after);
    view_remove(&store->view, change->kind, change->name, &change->keys_before);
    return 0;
}

static void show(struct store *store, const struct batch *batch)
{
    for (size_t i = 0; i < batch->n_changes; i++) {
        if (show_change(store, &batch->changes[i]) < 0) {
            /* The database is ahead of memory now: only reading it anew makes them agree. */
            log_error("out of memory while applying a committed change");
            abort();
        }
    }
    store->version = batch->version;
    history_add(store, batch);
}

static void fail_all(struct batch *batch)
{
    events_keep(batch);
    list_for_each (it, &batch->ops) {
        struct op *op = container_of(it, struct op, link);
        op->rc = batch->rc;
        op->err = batch->err;
        json_decref(op->result);
        op->result = NULL;
    }
}

static void call_back(struct batch *batch)
{
    list_for_each_safe (it, &batch->ops) {
        struct op *op = container_of(it, struct op, link);
        if (op->done)
            op->done(op->data, op->rc, op->result, &op->err);
        list_remove(it);
        op_free(op);
    }
}

static void count(struct store *store, const struct batch *batch)
{
    if (!batch->n_changes && !batch->n_records)
        return; /* nothing was to be written */
    if (batch->rc < 0)
        store->counters.failed++;
    else
        store->counters.commits++;
    store->trouble = batch->rc < 0 ? batch->err : ERR_INIT;
}

static void after(struct store_task *task)
{
    struct batch *batch = container_of(task, struct batch, task);
    struct store *store = batch->store;
    count(store, batch);
    if (batch->rc < 0)
        fail_all(batch);
    else
        show(store, batch);
    call_back(batch);
    batch_free(batch);
    store->busy = false;
    store_pump(store);
}

/* Without memory for a batch the operations fail one by one. */
static void fail_queue(struct store *store)
{
    while (!list_is_empty(&store->queue)) {
        struct op *op = container_of(list_first(&store->queue), struct op, link);
        list_remove(&op->link);
        (void)err_errno(&op->err, -ENOMEM, "cannot write");
        if (op->done)
            op->done(op->data, -ENOMEM, NULL, &op->err);
        op_free(op);
    }
}

static void start(struct store *store)
{
    struct batch *batch = batch_new(store);
    if (!batch) {
        fail_queue(store);
        return;
    }
    batch->task = (struct store_task){.work = work, .after = after};
    store->busy = true;
    while (!list_is_empty(&store->queue) && batch->n_ops < BATCH_OPS_MAX) {
        struct op *op = container_of(list_first(&store->queue), struct op, link);
        list_remove(&op->link);
        decide(batch, op);
        list_append(&batch->ops, &op->link);
        batch->n_ops++;
    }
    if (batch->n_changes || batch->n_records)
        store->executor->run(store->executor, &batch->task);
    else
        after(&batch->task);
}

void store_pump(struct store *store)
{
    if (store->pumping)
        return; /* the loop below goes on when this returns */
    store->pumping = true;
    while (!store->busy && !list_is_empty(&store->queue))
        start(store);
    store->pumping = false;
    if (store->idle && store_is_idle(store)) {
        void (*idle)(void *data) = store->idle;
        store->idle = NULL;
        idle(store->idle_data);
    }
}
