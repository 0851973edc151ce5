/* SPDX-License-Identifier: Apache-2.0 */
/* The store on a libuv loop: the loop goes on while commits are made, and order is kept. */
#include <uv.h>

#include "store/executor-uv.h"
#include "store/test-fixture.h"

enum { CLIENTS = 8, ROUNDS = 40 };

struct client {
    struct store *store;
    int id, round, failed;
    uint64_t last_version;
};

static void next_round(struct client *c);

static void round_done(void *data, int rc, json_t *object, const struct err *err)
{
    struct client *c = data;
    (void)err;
    c->failed += rc < 0;
    uint64_t version = strtoull(object_meta_text(object, "resourceVersion"), NULL, 10);
    c->failed += version <= c->last_version;
    c->last_version = version;
    next_round(c);
}

static int bump(void *data, json_t *object, struct err *err)
{
    struct client *c = data;
    (void)err;
    return object_set(object, "spec.installGeneration", json_integer(c->round));
}

static void next_round(struct client *c)
{
    char name[16];
    (void)snprintf(name, sizeof(name), "m%d", c->id);
    if (c->round++ == ROUNDS)
        return;
    int r = c->round == 1
                ? store_create(c->store, &kind_machine, STORE_ALL, machine_json(name, NULL),
                               round_done, c)
                : store_mutate(c->store, &kind_machine, STORE_ALL, name, bump, round_done, c);
    assert_int_equal(r, 0);
}

static int count_changes(struct store_watch *watch)
{
    enum store_change change;
    json_t *object;
    uint64_t last = 0;
    int n = 0;
    while (store_watch_next(watch, &change, &object) == 1) {
        uint64_t version = strtoull(object_meta_text(object, "resourceVersion"), NULL, 10);
        assert_true(version > last);
        last = version;
        json_decref(object);
        n++;
    }
    return n;
}

static void many_clients_on_one_loop(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct store_uv uv;
    struct fixture f;
    assert_int_equal(uv_loop_init(&loop), 0);
    store_uv_init(&uv, &loop);
    fixture_init(&f);
    f.options.executor = &uv.executor;
    fixture_open(&f);
    struct store_watch *watch;
    struct store_watch_options options = {.kind = &kind_machine};
    assert_int_equal(store_watch_new(f.store, &options, &watch), 0);
    struct client clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.store = f.store, .id = i};
        next_round(&clients[i]);
    }
    assert_false(store_is_idle(f.store));
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_true(store_is_idle(f.store));
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(clients[i].round, ROUNDS + 1);
        assert_int_equal(clients[i].failed, 0);
    }
    assert_int_equal(store_version(f.store), CLIENTS * ROUNDS);
    assert_int_equal(count_changes(watch), CLIENTS * ROUNDS);
    store_watch_free(watch);
    fixture_done(&f);
    assert_int_equal(uv_loop_close(&loop), 0);
}

UNIT_MAIN(cmocka_unit_test(many_clients_on_one_loop))
