/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: what is seen while one is under way, and what is left when one fails. */
#include <signal.h>
#include <sys/resource.h>

#include "store/test-fixture.h"

/* Holds a batch back until the test lets it go: as a slow disk does. */
struct held {
    struct store_executor executor;
    struct store_task *task;
    int runs;
};

static void hold(struct store_executor *executor, struct store_task *task)
{
    struct held *held = container_of(executor, struct held, executor);
    assert_null(held->task);
    held->task = task;
    held->runs++;
}

static void let_go(struct held *held)
{
    struct store_task *task = TAKE_PTR(held->task);
    assert_non_null(task);
    task->work(task);
    task->after(task);
}

static void open_held(struct fixture *f, struct held *held)
{
    fixture_init(f);
    *held = (struct held){.executor = {hold}};
    f->options.executor = &held->executor;
    fixture_open(f);
}

static void submit_create(struct fixture *f, const char *name, const char *spec, struct outcome *o)
{
    assert_int_equal(
        store_create(f->store, &kind_machine, STORE_ALL, machine_json(name, spec), outcome_done, o),
        0);
}

static void submit_set(struct fixture *f, const char *name, struct setter *set)
{
    assert_int_equal(
        store_mutate(f->store, &kind_machine, STORE_ALL, name, set_value, set_done, set), 0);
}

static void nothing_is_seen_before_it_is_durable(void **state)
{
    (void)state;
    struct fixture f;
    struct held held;
    open_held(&f, &held);
    struct outcome a = {0}, lease = {0};
    submit_create(&f, "a", NULL, &a);
    assert_int_equal(a.calls, 0);
    assert_null(store_get(f.store, &kind_machine, "a"));
    assert_int_equal(store_version(f.store), 0);
    assert_false(store_is_idle(f.store));
    assert_int_equal(store_record_each(f.store, "lease", NULL, NULL, NULL), -EBUSY);
    assert_int_equal(store_record_put(f.store, "lease", "k", 1, "v", 1, outcome_done, &lease), 0);
    let_go(&held);
    assert_int_equal(a.calls, 1);
    assert_int_equal(a.rc, 0);
    assert_int_equal(store_count(f.store, &kind_machine), 1);
    assert_int_equal(lease.calls, 0); /* in the batch that follows */
    let_go(&held);
    assert_int_equal(lease.calls, 1);
    assert_true(store_is_idle(f.store));
    outcome_free(&a);
    fixture_done(&f);
}

static void what_arrives_meanwhile_shares_one_transaction(void **state)
{
    (void)state;
    struct fixture f;
    struct held held;
    open_held(&f, &held);
    struct outcome all[40] = {0};
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "m%zu", i);
        submit_create(&f, name, NULL, &all[i]);
    }
    let_go(&held);
    let_go(&held);
    assert_null(held.task);
    assert_int_equal(held.runs, 2);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        assert_int_equal(all[i].rc, 0);
        outcome_free(&all[i]);
    }
    assert_int_equal(store_version(f.store), ARRAY_SIZE(all));
    fixture_done(&f);
}

static void operations_of_one_batch_build_on_each_other(void **state)
{
    (void)state;
    struct fixture f;
    struct held held;
    open_held(&f, &held);
    struct outcome first = {0}, create[3] = {0}, gone = {0}, last = {0};
    struct setter image = {"spec.image", "\"i\"", {0}};
    struct setter take = {"spec.macAddresses", "[\"52:54:00:00:00:01\"]", {0}};
    struct setter release = {"spec.macAddresses", "[]", {0}};
    struct setter take_now = take;
    submit_create(&f, "first", "{\"macAddresses\":[\"52:54:00:00:00:01\"]}", &first);
    /* The rest is decided together, each on top of what those before it decided. */
    submit_create(&f, "a", NULL, &create[0]);
    submit_create(&f, "a", NULL, &create[1]);
    submit_set(&f, "a", &image);
    submit_set(&f, "a", &take);
    submit_set(&f, "first", &release);
    submit_set(&f, "a", &take_now);
    submit_create(&f, "b", "{\"macAddresses\":[\"52:54:00:00:00:01\"]}", &create[2]);
    assert_int_equal(store_delete(f.store, &kind_machine, "a", NULL, outcome_done, &gone), 0);
    submit_create(&f, "c", "{\"macAddresses\":[\"52:54:00:00:00:01\"]}", &last);
    let_go(&held);
    let_go(&held);
    assert_int_equal(held.runs, 2);
    assert_int_equal(create[0].rc, 0);
    assert_int_equal(create[1].rc, -EEXIST);
    assert_int_equal(image.outcome.rc, 0);
    assert_string_equal(object_text(image.outcome.object, "spec.image"), "i");
    assert_int_equal(take.outcome.rc, -EEXIST);
    assert_int_equal(release.outcome.rc, 0);
    assert_int_equal(take_now.outcome.rc, 0);
    assert_string_equal(object_text(take_now.outcome.object, "spec.image"), "i");
    assert_int_equal(create[2].rc, -EEXIST);
    assert_non_null(strstr(create[2].text, "belongs to Machine \"a\""));
    assert_int_equal(gone.rc, 0);
    assert_int_equal(last.rc, 0);
    f.options.executor = NULL;
    for (int round = 0; round < 2; round++) {
        json_t *found = store_find(f.store, STORE_MACHINE_BY_MAC, "52:54:00:00:00:01", NULL);
        assert_string_equal(object_name(found), "c");
        json_decref(found);
        assert_int_equal(store_count(f.store, &kind_machine), 2);
        fixture_reopen(&f);
    }
    outcome_free(&first);
    outcome_free(&create[0]);
    outcome_free(&gone);
    outcome_free(&last);
    outcome_free(&image.outcome);
    outcome_free(&release.outcome);
    outcome_free(&take_now.outcome);
    fixture_done(&f);
}

static void set_true(void *data)
{
    *(bool *)data = true;
}

static void on_idle_waits_for_the_last_operation(void **state)
{
    (void)state;
    struct fixture f;
    struct held held;
    open_held(&f, &held);
    struct outcome a = {0}, b = {0};
    bool idle = false;
    submit_create(&f, "a", NULL, &a);
    submit_create(&f, "b", NULL, &b);
    store_on_idle(f.store, set_true, &idle);
    let_go(&held);
    assert_false(idle);
    let_go(&held);
    assert_true(idle);
    outcome_free(&a);
    outcome_free(&b);
    fixture_done(&f);
}

static char *filler(size_t size)
{
    char *text = calloc(1, size + 32);
    int n = snprintf(text, size, "{\"image\":\"");
    uint64_t x = 88172645463325252ull;
    for (size_t i = (size_t)n; i < size; i++) { /* nothing that compresses */
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        text[i] = (char)('a' + x % 26);
    }
    memcpy(text + size, "\"}", 3);
    return text;
}

static void a_full_database_fails_clearly_and_recovers(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.options.max_bytes = 1 << 20;
    fixture_open(&f);
    _autofree_ char *spec = filler(100000);
    struct outcome o = {0};
    int stored = 0;
    for (int i = 0; i < 20 && o.rc == 0; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "m%d", i);
        submit_create(&f, name, spec, &o);
        stored += o.rc == 0;
    }
    assert_int_equal(o.rc, -ENOSPC);
    assert_non_null(strstr(o.text, "cannot write to the database"));
    assert_in_range(stored, 5, 11);
    assert_int_equal(store_count(f.store, &kind_machine), stored);
    assert_int_equal(store_version(f.store), stored);
    /* A lease is not promised either while it cannot be kept. */
    _autofree_ char *big = calloc(1, 200000);
    assert_int_equal(store_record_put(f.store, "lease", "k", 1, big, 200000, outcome_done, &o), 0);
    assert_int_equal(o.rc, -ENOSPC);
    assert_int_equal(store_delete(f.store, &kind_machine, "m0", NULL, outcome_done, &o), 0);
    assert_int_equal(o.rc, 0);
    submit_create(&f, "again", spec, &o);
    assert_int_equal(o.rc, 0);
    fixture_reopen(&f);
    assert_int_equal(store_count(f.store, &kind_machine), stored);
    outcome_free(&o);
    fixture_done(&f);
}

static void a_refusing_file_system_fails_clearly_and_recovers(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(create_machine(f.store, "a", NULL), 0);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit tight = {.rlim_cur = 40000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    _autofree_ char *spec = filler(100000);
    struct outcome o = {0};
    submit_create(&f, "b", spec, &o);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(o.rc, -EIO);
    assert_string_equal(o.text, "cannot write to the database: disk I/O error");
    assert_null(store_get(f.store, &kind_machine, "b"));
    assert_int_equal(store_version(f.store), 1);
    submit_create(&f, "b", spec, &o);
    assert_int_equal(o.rc, 0);
    fixture_reopen(&f);
    assert_int_equal(store_count(f.store, &kind_machine), 2);
    outcome_free(&o);
    fixture_done(&f);
}

static void a_failing_commit_fails_its_whole_batch_only(void **state)
{
    (void)state;
    struct fixture f;
    struct held held;
    fixture_init(&f);
    f.options.max_bytes = 300000;
    held = (struct held){.executor = {hold}};
    f.options.executor = &held.executor;
    fixture_open(&f);
    _autofree_ char *spec = filler(400000);
    struct outcome first = {0}, big = {0}, small = {0};
    submit_create(&f, "first", NULL, &first);
    submit_create(&f, "big", spec, &big);
    submit_create(&f, "small", NULL, &small);
    json_t *object = load_json("{\"metadata\":{\"name\":\"first\",\"uid\":\"u\"}}");
    assert_int_equal(store_event(f.store, object, false, "Seen", "x"), 0);
    json_decref(object);
    let_go(&held);
    let_go(&held);
    assert_int_equal(first.rc, 0);
    assert_int_equal(big.rc, -ENOSPC);
    assert_int_equal(small.rc, -ENOSPC);
    assert_null(small.object);
    assert_int_equal(store_count(f.store, &kind_machine), 1);
    assert_int_equal(store_count(f.store, &kind_event), 0);
    submit_create(&f, "small", NULL, &small);
    let_go(&held);
    assert_int_equal(small.rc, 0);
    assert_string_equal(object_meta_text(small.object, "resourceVersion"), "2");
    outcome_free(&first);
    outcome_free(&small);
    fixture_done(&f);
}

UNIT_MAIN(cmocka_unit_test(nothing_is_seen_before_it_is_durable),
          cmocka_unit_test(what_arrives_meanwhile_shares_one_transaction),
          cmocka_unit_test(operations_of_one_batch_build_on_each_other),
          cmocka_unit_test(on_idle_waits_for_the_last_operation),
          cmocka_unit_test(a_full_database_fails_clearly_and_recovers),
          cmocka_unit_test(a_refusing_file_system_fails_clearly_and_recovers),
          cmocka_unit_test(a_failing_commit_fails_its_whole_batch_only))
