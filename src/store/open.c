/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing: the database's rows become the memory view. */
#include "base/str.h"
#include "store/internal.h"

static void run_here(struct store_executor *executor, struct store_task *task)
{
    (void)executor;
    task->work(task);
    task->after(task);
}

struct store_executor store_executor_sync = {run_here};

enum { HISTORY_DEFAULT = 2048, EVENTS_DEFAULT = 2048, EVENTS_PER_OBJECT_DEFAULT = 32 };

struct loading {
    struct store *store;
    struct err *err;
};

static const struct kind *kind_of_row(const char *plural)
{
    for (const struct kind *const *k = kinds; *k; k++) {
        if (str_eq((*k)->plural, plural))
            return *k;
    }
    return NULL;
}

static int load_object(struct store *store, const struct kind *kind, const char *name,
                       uint64_t version, const char *body, size_t len)
{
    json_t *json = json_loadb(body, len, 0, NULL);
    if (!json)
        return -EUCLEAN;
    struct keys none = {0}, keys;
    int r = keys_of(kind, json, &keys);
    json_decref(json);
    if (r < 0)
        return r;
    _cleanup_(stored_unrefp) struct stored *stored = stored_new(store->packer, version, body, len);
    r = stored ? view_put(&store->view, kind, name, stored, &none, &keys) : -ENOMEM;
    keys_free(&keys);
    return r;
}

static int load_row(void *data, const char *plural, const char *name, uint64_t version,
                    const char *body, size_t len)
{
    struct loading *loading = data;
    const struct kind *kind = kind_of_row(plural);
    if (!kind)
        return err_set(loading->err, -EPROTONOSUPPORT,
                       "the database holds %s, which this version does not know", plural);
    int r = load_object(loading->store, kind, name, version, body, len);
    if (r == -EUCLEAN)
        return err_set(loading->err, r, "the database is damaged: %s \"%s\" is no JSON", plural,
                       name);
    return r < 0 ? err_errno(loading->err, r, "cannot read %s \"%s\"", plural, name) : 0;
}

static int load(struct store *store, const struct store_options *options, struct err *err)
{
    int r = db_open(options->path, options->max_bytes, &store->db, err);
    if (r < 0)
        return r;
    r = db_version(store->db, &store->version, err);
    struct loading loading = {.store = store, .err = err};
    if (r == 0)
        r = db_each_object(store->db, load_row, &loading, err);
    if (r < 0)
        return err_wrap(err, "%s", options->path);
    r = history_init(&store->history, options->history ? options->history : HISTORY_DEFAULT,
                     store->version);
    return r < 0 ? err_errno(err, r, "cannot open %s", options->path) : 0;
}

int store_open(const struct store_options *options, struct store **ret, struct err *err)
{
    _cleanup_(store_closep) struct store *store = calloc(1, sizeof(*store));
    if (!store)
        return err_errno(err, -ENOMEM, "cannot open %s", options->path);
    list_init(&store->queue);
    list_init(&store->watches);
    store->executor = options->executor ? options->executor : &store_executor_sync;
    store->clock = options->clock ? options->clock : &clock_system;
    store->rng = options->rng ? options->rng : &rng_system;
    store->events_max = options->events_max ? options->events_max : EVENTS_DEFAULT;
    store->events_per_object =
        options->events_per_object ? options->events_per_object : EVENTS_PER_OBJECT_DEFAULT;
    store->packer = packer_new();
    if (!store->packer || view_init(&store->view) < 0)
        return err_errno(err, -ENOMEM, "cannot open %s", options->path);
    int r = load(store, options, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(store);
    return 0;
}

bool store_is_idle(const struct store *store)
{
    return !store->busy && list_is_empty(&store->queue);
}

void store_on_idle(struct store *store, void (*idle)(void *data), void *data)
{
    store->idle = idle;
    store->idle_data = data;
    store_pump(store);
}

void store_close(struct store *store)
{
    if (!store)
        return;
    db_close(store->db);
    history_free(&store->history);
    view_free(&store->view);
    packer_free(store->packer);
    free(store);
}
