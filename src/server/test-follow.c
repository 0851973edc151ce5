/* SPDX-License-Identifier: Apache-2.0 */
/* What a follower hears, also when it comes too late for some of the store's history. */
#include "server/follow.h"
#include "store/test-fixture.h"

enum { HISTORY = 8 };

struct ear {
    struct fixture f;
    uv_loop_t loop;
    struct follow *follow;
    char heard[512];
    int settled;
};

static void hear(void *data, enum store_change change, json_t *object)
{
    static const char signs[] = {
        [STORE_ADDED] = '+', [STORE_MODIFIED] = '=', [STORE_DELETED] = '-'};
    struct ear *e = data;
    size_t len = strlen(e->heard);
    (void)snprintf(e->heard + len, sizeof(e->heard) - len, "%c%s ", signs[change],
                   object_name(object));
}

static void settle(void *data)
{
    ((struct ear *)data)->settled++;
}

static void begin(struct ear *e)
{
    memset(e, 0, sizeof(*e));
    fixture_init(&e->f);
    e->f.options.history = HISTORY;
    fixture_open(&e->f);
    assert_int_equal(uv_loop_init(&e->loop), 0);
}

static void follow(struct ear *e)
{
    const struct follow_options options = {
        .loop = &e->loop,
        .store = e->f.store,
        .kind = &kind_machine,
        .data = e,
        .on_object = hear,
        .on_settled = settle,
    };
    assert_int_equal(follow_new(&options, &e->follow), 0);
}

static void end(struct ear *e)
{
    follow_free(e->follow);
    assert_int_equal(uv_run(&e->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&e->loop), 0);
    fixture_done(&e->f);
}

static void make(struct ear *e, const char *name)
{
    assert_int_equal(create_machine(e->f.store, name, NULL), 0);
}

static void change(struct ear *e, const char *name, int n)
{
    _autofree_ char *value = str_format("\"%d\"", n);
    struct setter set = {"spec.image", value, {0}};
    assert_int_equal(
        store_mutate(e->f.store, &kind_machine, STORE_ALL, name, set_value, NULL, &set), 0);
}

static void drop(struct ear *e, const char *name)
{
    assert_int_equal(store_delete(e->f.store, &kind_machine, name, NULL, NULL, NULL), 0);
}

static void hears(struct ear *e, const char *expected)
{
    (void)uv_run(&e->loop, UV_RUN_NOWAIT);
    assert_string_equal(e->heard, expected);
    e->heard[0] = '\0';
}

static void what_is_there_comes_first(void **state)
{
    (void)state;
    struct ear e;
    begin(&e);
    make(&e, "a");
    make(&e, "b");
    follow(&e);
    assert_int_equal(e.settled, 1);
    hears(&e, "+a +b ");
    make(&e, "c");
    change(&e, "a", 1);
    drop(&e, "b");
    hears(&e, "+c =a -b ");
    assert_int_equal(e.settled, 2);
    end(&e);
}

static void who_comes_too_late_hears_how_it_is_now(void **state)
{
    (void)state;
    struct ear e;
    begin(&e);
    make(&e, "a");
    make(&e, "gone");
    make(&e, "anew");
    follow(&e);
    hears(&e, "+a +anew +gone ");
    drop(&e, "gone");
    drop(&e, "anew");
    make(&e, "anew");
    make(&e, "c");
    for (int i = 0; i < HISTORY; i++)
        change(&e, "a", i);
    hears(&e, "+a +anew +c -gone ");
    /* and again, now that another turn has passed */
    drop(&e, "c");
    for (int i = 0; i < HISTORY; i++)
        change(&e, "a", HISTORY + i);
    hears(&e, "+a +anew -c ");
    drop(&e, "anew");
    hears(&e, "-anew ");
    end(&e);
}

UNIT_MAIN(cmocka_unit_test(what_is_there_comes_first),
          cmocka_unit_test(who_comes_too_late_hears_how_it_is_now))
