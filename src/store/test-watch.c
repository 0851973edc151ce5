/* SPDX-License-Identifier: Apache-2.0 */
/* Watches: what they show, where they start, when they end. */
#include "store/test-fixture.h"

static int wakes;

static void wake(void *data)
{
    (void)data;
    wakes++;
}

static struct store_watch *watch_since(struct fixture *f, uint64_t since,
                                       bool (*match)(void *data, const json_t *object))
{
    struct store_watch *watch = NULL;
    struct store_watch_options options = {
        .kind = &kind_machine, .since = since, .match = match, .wake = wake};
    assert_int_equal(store_watch_new(f->store, &options, &watch), 0);
    return watch;
}

/* The next change must be this one: "ADDED a 1". NULL: nothing more. */
static void expect(struct store_watch *watch, const char *want)
{
    static const char *const words[] = {"ADDED", "MODIFIED", "DELETED"};
    enum store_change change;
    json_t *object = NULL;
    int r = store_watch_next(watch, &change, &object);
    if (!want) {
        assert_int_equal(r, 0);
        return;
    }
    assert_int_equal(r, 1);
    _autofree_ char *got = str_format("%s %s %s", words[change], object_name(object),
                                      object_meta_text(object, "resourceVersion"));
    assert_string_equal(got, want);
    json_decref(object);
}

static void mutate(struct fixture *f, const char *name, const char *path, const char *value)
{
    struct setter set = {path, value, {0}};
    assert_int_equal(store_mutate(f->store, &kind_machine, STORE_ALL, name, set_value, NULL, &set),
                     0);
}

static void changes_come_in_order_from_any_version(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    wakes = 0;
    _cleanup_(store_watch_freep) struct store_watch *live = watch_since(&f, 0, NULL);
    expect(live, NULL);
    assert_int_equal(create_machine(f.store, "a", NULL), 0);
    mutate(&f, "a", "spec.image", "\"i\"");
    assert_int_equal(create_machine(f.store, "b", NULL), 0);
    assert_int_equal(store_delete(f.store, &kind_machine, "a", NULL, NULL, NULL), 0);
    assert_int_equal(wakes, 4);
    expect(live, "ADDED a 1");
    expect(live, "MODIFIED a 2");
    expect(live, "ADDED b 3");
    expect(live, "DELETED a 4");
    expect(live, NULL);
    assert_int_equal(store_watch_version(live), 4);
    _cleanup_(store_watch_freep) struct store_watch *late = watch_since(&f, 2, NULL);
    expect(late, "ADDED b 3");
    expect(late, "DELETED a 4");
    expect(late, NULL);
    store_watch_free(TAKE_PTR(live));
    store_watch_free(TAKE_PTR(late));
    fixture_done(&f);
}

static void other_kinds_are_not_shown(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct store_watch *watch = watch_since(&f, 0, NULL);
    wakes = 0;
    assert_int_equal(store_create(f.store, &kind_image, STORE_ALL,
                                  load_json("{\"metadata\":{\"name\":\"i\"}}"), NULL, NULL),
                     0);
    assert_int_equal(wakes, 0);
    expect(watch, NULL);
    assert_int_equal(store_watch_version(watch), 1);
    store_watch_free(watch);
    fixture_done(&f);
}

static bool is_worker(void *data, const json_t *object)
{
    (void)data;
    return str_eq(object_text(object, "spec.role"), "worker");
}

static void a_filter_sees_objects_come_and_go(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct store_watch *watch = watch_since(&f, 0, is_worker);
    assert_int_equal(create_machine(f.store, "a", NULL), 0);
    mutate(&f, "a", "spec.role", "\"worker\"");
    mutate(&f, "a", "spec.image", "\"i\"");
    mutate(&f, "a", "spec.role", "\"none\"");
    mutate(&f, "a", "spec.image", "\"j\"");
    assert_int_equal(create_machine(f.store, "b", "{\"role\":\"worker\"}"), 0);
    assert_int_equal(store_delete(f.store, &kind_machine, "a", NULL, NULL, NULL), 0);
    assert_int_equal(store_delete(f.store, &kind_machine, "b", NULL, NULL, NULL), 0);
    expect(watch, "ADDED a 2");
    expect(watch, "MODIFIED a 3");
    expect(watch, "DELETED a 4");
    expect(watch, "ADDED b 6");
    expect(watch, "DELETED b 8");
    expect(watch, NULL);
    store_watch_free(watch);
    fixture_done(&f);
}

static void history_is_bounded(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.options.history = 3;
    fixture_open(&f);
    struct store_watch *slow = watch_since(&f, 0, NULL);
    struct store_watch *watch = NULL;
    struct store_watch_options options = {.kind = &kind_machine, .since = 1};
    for (int i = 0; i < 5; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "m%d", i);
        assert_int_equal(create_machine(f.store, name, NULL), 0);
    }
    enum store_change change;
    json_t *object;
    assert_int_equal(store_watch_next(slow, &change, &object), -ESTALE);
    assert_int_equal(store_watch_oldest(f.store), 2);
    assert_int_equal(store_watch_new(f.store, &options, &watch), -ESTALE);
    options.since = 6;
    assert_int_equal(store_watch_new(f.store, &options, &watch), -EINVAL);
    options.since = 2;
    assert_int_equal(store_watch_new(f.store, &options, &watch), 0);
    expect(watch, "ADDED m2 3");
    store_watch_free(watch);
    store_watch_free(slow);
    fixture_done(&f);
}

static void large_objects_shorten_history(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    _autofree_ char *value = calloc(1, 1 << 20);
    uint64_t x = 88172645463325252ull;
    for (int round = 0; round < 20; round++) {
        value[0] = '"';
        for (size_t i = 1; i < 1000000; i++) { /* nothing that compresses well */
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            value[i] = (char)('0' + x % 75 + (x % 75 >= '\\' - '0'));
        }
        value[1000000] = '"';
        if (round == 0)
            assert_int_equal(create_machine(f.store, "a", NULL), 0);
        mutate(&f, "a", "spec.big", value);
    }
    assert_int_equal(store_version(f.store), 21);
    assert_in_range(store_watch_oldest(f.store), 8, 15);
    fixture_done(&f);
}

static void a_restart_keeps_no_history(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(create_machine(f.store, "a", NULL), 0);
    fixture_reopen(&f);
    struct store_watch *watch = NULL;
    struct store_watch_options options = {.kind = &kind_machine, .since = 0};
    assert_int_equal(store_watch_new(f.store, &options, &watch), -ESTALE);
    watch = watch_since(&f, store_version(f.store), NULL);
    expect(watch, NULL);
    store_watch_free(watch);
    fixture_done(&f);
}

UNIT_MAIN(cmocka_unit_test(changes_come_in_order_from_any_version),
          cmocka_unit_test(other_kinds_are_not_shown),
          cmocka_unit_test(a_filter_sees_objects_come_and_go), cmocka_unit_test(history_is_bounded),
          cmocka_unit_test(large_objects_shorten_history),
          cmocka_unit_test(a_restart_keeps_no_history))
