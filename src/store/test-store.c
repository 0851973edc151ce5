/* SPDX-License-Identifier: Apache-2.0 */
/* What operations do to objects, with the synchronous executor. */
#include "store/test-fixture.h"

static void create_fills_in_metadata(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct outcome o = {0};
    json_t *object = load_json("{\"metadata\":{\"name\":\"a\",\"generation\":9,\"uid\":\"x\","
                               "\"resourceVersion\":\"77\"},\"spec\":{\"image\":\"i\"},"
                               "\"status\":{\"phase\":\"Running\"}}");
    assert_int_equal(store_create(f.store, &kind_machine, STORE_SPEC, object, outcome_done, &o), 0);
    assert_int_equal(o.rc, 0);
    assert_string_equal(object_text(o.object, "apiVersion"), "slipway.dev/v1alpha1");
    assert_string_equal(object_text(o.object, "kind"), "Machine");
    assert_int_equal(strlen(object_text(o.object, "metadata.uid")), 36);
    assert_int_equal(json_integer_value(object_get(o.object, "metadata.generation")), 1);
    assert_string_equal(object_text(o.object, "metadata.creationTimestamp"),
                        "2026-01-31T12:00:00Z");
    assert_string_equal(object_text(o.object, "metadata.resourceVersion"), "1");
    assert_null(object_get(o.object, "status"));
    assert_int_equal(store_version(f.store), 1);
    json_t *read = store_get(f.store, &kind_machine, "a");
    assert_true(json_equal(read, o.object));
    json_decref(read);
    assert_int_equal(create_machine(f.store, "a", NULL), -EEXIST);
    assert_int_equal(store_version(f.store), 1);
    outcome_free(&o);
    fixture_done(&f);
}

static void names_are_checked_or_made(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    static const char *const bad[] = {"{}", "{\"metadata\":{}}", "{\"metadata\":{\"name\":\"A\"}}",
                                      "{\"metadata\":{\"name\":\"a/b\"}}", "{\"metadata\":3}"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct outcome o = {0};
        assert_int_equal(
            store_create(f.store, &kind_machine, STORE_SPEC, load_json(bad[i]), outcome_done, &o),
            0);
        assert_int_equal(o.rc, -EINVAL);
        assert_non_null(strstr(o.text, "metadata"));
    }
    struct outcome o = {0};
    assert_int_equal(store_create(f.store, &kind_machine, STORE_SPEC,
                                  load_json("{\"metadata\":{\"generateName\":\"rack-\"}}"),
                                  outcome_done, &o),
                     0);
    assert_int_equal(o.rc, 0);
    assert_int_equal(strlen(object_name(o.object)), 10);
    assert_non_null(str_after(object_name(o.object), "rack-"));
    outcome_free(&o);
    fixture_done(&f);
}

static void update_checks_the_version_and_counts_the_generation(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(create_machine(f.store, "a", "{\"image\":\"i\"}"), 0);
    struct outcome o = {0};
    json_t *object = store_get(f.store, &kind_machine, "a");
    assert_int_equal(object_set(object, "spec.image", json_string("j")), 0);
    json_t *again = json_deep_copy(object);
    assert_int_equal(store_update(f.store, &kind_machine, STORE_SPEC, object, outcome_done, &o), 0);
    assert_int_equal(o.rc, 0);
    assert_int_equal(json_integer_value(object_get(o.object, "metadata.generation")), 2);
    assert_string_equal(object_text(o.object, "metadata.resourceVersion"), "2");
    assert_int_equal(store_update(f.store, &kind_machine, STORE_SPEC, again, outcome_done, &o), 0);
    assert_int_equal(o.rc, -ESTALE);
    assert_null(o.object);
    /* Without a version it goes through; labels do not count as a change of specification. */
    object = machine_json("a", "{\"image\":\"j\"}");
    assert_int_equal(object_set(object, "metadata.labels.rack", json_string("r")), 0);
    assert_int_equal(store_update(f.store, &kind_machine, STORE_SPEC, object, outcome_done, &o), 0);
    assert_int_equal(o.rc, 0);
    assert_int_equal(json_integer_value(object_get(o.object, "metadata.generation")), 2);
    assert_string_equal(object_text(o.object, "metadata.resourceVersion"), "3");
    assert_non_null(object_text(o.object, "metadata.uid"));
    outcome_free(&o);
    fixture_done(&f);
}

static void an_update_without_change_writes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(create_machine(f.store, "a", "{\"image\":\"i\"}"), 0);
    struct outcome o = {0};
    assert_int_equal(store_update(f.store, &kind_machine, STORE_SPEC,
                                  machine_json("a", "{\"image\":\"i\"}"), outcome_done, &o),
                     0);
    assert_int_equal(o.rc, 0);
    assert_string_equal(object_text(o.object, "metadata.resourceVersion"), "1");
    assert_int_equal(store_version(f.store), 1);
    outcome_free(&o);
    fixture_done(&f);
}

static void parts_do_not_touch_each_other(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(create_machine(f.store, "a", "{\"image\":\"i\"}"), 0);
    struct outcome o = {0};
    json_t *object = load_json("{\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"y\"}},"
                               "\"spec\":{\"image\":\"other\"},\"status\":{\"phase\":\"Ready\"}}");
    json_t *second = json_deep_copy(object);
    assert_int_equal(store_update(f.store, &kind_machine, STORE_STATUS, object, outcome_done, &o),
                     0);
    assert_int_equal(o.rc, 0);
    assert_string_equal(object_text(o.object, "spec.image"), "i");
    assert_string_equal(object_text(o.object, "status.phase"), "Ready");
    assert_null(object_get(o.object, "metadata.labels"));
    assert_int_equal(json_integer_value(object_get(o.object, "metadata.generation")), 1);
    assert_int_equal(object_set(second, "status.phase", json_string("Failed")), 0);
    assert_int_equal(store_update(f.store, &kind_machine, STORE_SPEC, second, outcome_done, &o), 0);
    assert_int_equal(o.rc, 0);
    assert_string_equal(object_text(o.object, "spec.image"), "other");
    assert_string_equal(object_text(o.object, "status.phase"), "Ready");
    assert_string_equal(object_text(o.object, "metadata.labels.x"), "y");
    assert_int_equal(json_integer_value(object_get(o.object, "metadata.generation")), 2);
    outcome_free(&o);
    fixture_done(&f);
}

static int refuse(void *data, json_t *object, struct err *err)
{
    (void)data;
    (void)json_object_clear(object);
    return err_set(err, -EPERM, "not today");
}

static void mutate_changes_the_latest_or_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(create_machine(f.store, "a", NULL), 0);
    struct outcome o = {0};
    struct setter set = {"spec.image", "\"i\"", {0}};
    assert_int_equal(store_mutate(f.store, &kind_machine, STORE_ALL, "a", set_value, NULL, &set),
                     0);
    json_t *object = store_get(f.store, &kind_machine, "a");
    assert_string_equal(object_text(object, "spec.image"), "i");
    json_decref(object);
    assert_int_equal(store_mutate(f.store, &kind_machine, STORE_ALL, "a", refuse, outcome_done, &o),
                     0);
    assert_int_equal(o.rc, -EPERM);
    assert_string_equal(o.text, "not today");
    assert_int_equal(store_mutate(f.store, &kind_machine, STORE_ALL, "b", refuse, outcome_done, &o),
                     0);
    assert_int_equal(o.rc, -ENOENT);
    assert_string_equal(o.text, "machines \"b\" not found");
    object = store_get(f.store, &kind_machine, "a");
    assert_string_equal(object_text(object, "spec.image"), "i");
    json_decref(object);
    outcome_free(&o);
    fixture_done(&f);
}

static void identity_cannot_be_changed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(create_machine(f.store, "a", NULL), 0);
    static const struct {
        const char *path, *value;
        int rc;
    } cases[] = {
        {"metadata.name", "\"b\"", 0},
        {"metadata.creationTimestamp", "\"2000-01-01T00:00:00Z\"", 0},
        {"metadata.generation", "99", 0},
        {"metadata.uid", "\"other\"", -ESTALE},
        {"metadata.resourceVersion", "\"99\"", -ESTALE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *before = store_get(f.store, &kind_machine, "a");
        struct setter set = {cases[i].path, cases[i].value, {0}};
        assert_int_equal(
            store_mutate(f.store, &kind_machine, STORE_ALL, "a", set_value, NULL, &set), 0);
        json_t *after = store_get(f.store, &kind_machine, "a");
        assert_true(json_equal(before, after));
        json_decref(before);
        json_decref(after);
        /* The outcome tells a wrong precondition from something that is quietly kept. */
        struct outcome o = {0};
        json_t *object = store_get(f.store, &kind_machine, "a");
        assert_int_equal(
            object_set(object, cases[i].path, json_loads(cases[i].value, JSON_DECODE_ANY, NULL)),
            0);
        if (!str_eq(cases[i].path, "metadata.name")) {
            assert_int_equal(
                store_update(f.store, &kind_machine, STORE_ALL, object, outcome_done, &o), 0);
            assert_int_equal(o.rc, cases[i].rc);
            outcome_free(&o);
        } else {
            json_decref(object);
        }
    }
    assert_int_equal(store_count(f.store, &kind_machine), 1);
    fixture_done(&f);
}

static void delete_goes_and_checks_preconditions(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(create_machine(f.store, "a", NULL), 0);
    struct outcome o = {0};
    struct store_precondition wrong = {.uid = "zz"}, old = {.resource_version = "0"};
    assert_int_equal(store_delete(f.store, &kind_machine, "a", &wrong, outcome_done, &o), 0);
    assert_int_equal(o.rc, -ESTALE);
    assert_int_equal(store_delete(f.store, &kind_machine, "a", &old, outcome_done, &o), 0);
    assert_int_equal(o.rc, -ESTALE);
    assert_int_equal(store_delete(f.store, &kind_machine, "a", NULL, outcome_done, &o), 0);
    assert_int_equal(o.rc, 0);
    assert_string_equal(object_text(o.object, "metadata.resourceVersion"), "2");
    assert_null(store_get(f.store, &kind_machine, "a"));
    assert_int_equal(store_delete(f.store, &kind_machine, "a", NULL, outcome_done, &o), 0);
    assert_int_equal(o.rc, -ENOENT);
    outcome_free(&o);
    fixture_done(&f);
}

static void finalizers_hold_an_object_back(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct outcome o = {0};
    json_t *object =
        load_json("{\"metadata\":{\"name\":\"a\",\"finalizers\":[\"slipway.dev/wipe\"]}}");
    assert_int_equal(store_create(f.store, &kind_machine, STORE_SPEC, object, NULL, NULL), 0);
    assert_int_equal(store_delete(f.store, &kind_machine, "a", NULL, outcome_done, &o), 0);
    assert_int_equal(o.rc, 0);
    assert_string_equal(object_text(o.object, "metadata.deletionTimestamp"),
                        "2026-01-31T12:00:00Z");
    clock_fake_advance(&f.clock, 5000);
    assert_int_equal(store_delete(f.store, &kind_machine, "a", NULL, outcome_done, &o), 0);
    assert_string_equal(object_text(o.object, "metadata.deletionTimestamp"),
                        "2026-01-31T12:00:00Z");
    assert_int_equal(store_version(f.store), 2);
    struct setter set = {"metadata.finalizers", "[]", {0}};
    assert_int_equal(store_mutate(f.store, &kind_machine, STORE_SPEC, "a", set_value, NULL, &set),
                     0);
    assert_null(store_get(f.store, &kind_machine, "a"));
    fixture_reopen(&f);
    assert_int_equal(store_count(f.store, &kind_machine), 0);
    outcome_free(&o);
    fixture_done(&f);
}

static void machines_are_found_by_their_keys(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(
        create_machine(f.store, "a",
                       "{\"macAddresses\":[\"52:54:00:00:00:0A\",\"52-54-00-00-00-0b\"]"
                       ",\"uuid\":\"AAAAAAAA-0000-0000-0000-000000000001\","
                       "\"serial\":\"SN1\"}"),
        0);
    assert_int_equal(create_machine(f.store, "b", "{\"serial\":\"To be filled by O.E.M.\"}"), 0);
    assert_int_equal(create_machine(f.store, "c", "{\"serial\":\"To be filled by O.E.M.\"}"), 0);
    for (int round = 0; round < 2; round++) { /* as indexed on the way in, and by opening */
        static const struct {
            enum store_index index;
            const char *key, *name;
            size_t count;
        } cases[] = {
            {STORE_MACHINE_BY_MAC, "52:54:00:00:00:0b", "a", 1},
            {STORE_MACHINE_BY_MAC, "52:54:00:00:00:0C", NULL, 0},
            {STORE_MACHINE_BY_MAC, "nonsense", NULL, 0},
            {STORE_MACHINE_BY_UUID, "aaaaaaaa-0000-0000-0000-000000000001", "a", 1},
            {STORE_MACHINE_BY_SERIAL, "sn1", "a", 1},
            {STORE_MACHINE_BY_SERIAL, "To be filled by O.E.M.", NULL, 2},
            {STORE_MACHINE_BY_SERIAL, "", NULL, 0},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            size_t count;
            json_t *m = store_find(f.store, cases[i].index, cases[i].key, &count);
            assert_int_equal(count, cases[i].count);
            assert_true(str_eq(object_name(m), cases[i].name));
            json_decref(m);
        }
        fixture_reopen(&f);
    }
    struct setter set = {"spec.macAddresses", "[\"52:54:00:00:00:0c\"]", {0}};
    assert_int_equal(store_mutate(f.store, &kind_machine, STORE_ALL, "a", set_value, NULL, &set),
                     0);
    assert_null(store_find(f.store, STORE_MACHINE_BY_MAC, "52:54:00:00:00:0b", NULL));
    assert_int_equal(store_delete(f.store, &kind_machine, "b", NULL, NULL, NULL), 0);
    size_t count;
    json_t *m = store_find(f.store, STORE_MACHINE_BY_SERIAL, "To be filled by O.E.M.", &count);
    assert_string_equal(object_name(m), "c");
    json_decref(m);
    m = store_find_mac(f.store, (struct mac){{0x52, 0x54, 0, 0, 0, 0x0c}});
    assert_string_equal(object_name(m), "a");
    json_decref(m);
    fixture_done(&f);
}

static void a_mac_address_belongs_to_one_machine(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(create_machine(f.store, "a", "{\"macAddresses\":[\"52:54:00:00:00:01\"]}"), 0);
    struct outcome o = {0};
    assert_int_equal(store_create(f.store, &kind_machine, STORE_SPEC,
                                  machine_json("b", "{\"macAddresses\":[\"52-54-00-00-00-01\"]}"),
                                  outcome_done, &o),
                     0);
    assert_int_equal(o.rc, -EEXIST);
    assert_string_equal(o.text, "spec.macAddresses: 52:54:00:00:00:01 belongs to Machine \"a\"");
    struct setter set = {"spec.macAddresses", "[]", {0}};
    assert_int_equal(store_mutate(f.store, &kind_machine, STORE_ALL, "a", set_value, NULL, &set),
                     0);
    assert_int_equal(create_machine(f.store, "b", "{\"macAddresses\":[\"52:54:00:00:00:01\"]}"), 0);
    fixture_done(&f);
}

struct names {
    struct buf text;
    size_t n;
};

static int collect_name(void *data, json_t *object)
{
    struct names *names = data;
    buf_printf(&names->text, "%s ", object_name(object));
    names->n++;
    return 0;
}

static bool has_image(void *data, const json_t *object)
{
    return str_eq(object_text(object, "spec.image"), data);
}

static void lists_are_ordered_filtered_and_continued(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    static const char *const made[] = {"d", "b", "a", "c", "e"};
    for (size_t i = 0; i < ARRAY_SIZE(made); i++)
        assert_int_equal(
            create_machine(f.store, made[i], i % 2 ? "{\"image\":\"x\"}" : "{\"image\":\"y\"}"), 0);
    static char x[] = "x", y[] = "y";
    static const struct {
        struct store_list list;
        const char *want;
        bool more;
    } cases[] = {
        {{0}, "a b c d e ", false},
        {{.limit = 2}, "a b ", true},
        {{.after = "b", .limit = 2}, "c d ", true},
        {{.after = "bb", .limit = 3}, "c d e ", false},
        {{.after = "e"}, "", false},
        {{.match = has_image, .match_data = x}, "b c ", false},
        {{.match = has_image, .match_data = x, .limit = 2}, "b c ", false},
        {{.match = has_image, .match_data = y, .limit = 2}, "a d ", true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct names names = {0};
        bool more = !cases[i].more;
        assert_int_equal(
            store_each(f.store, &kind_machine, &cases[i].list, collect_name, &names, &more), 0);
        assert_string_equal(buf_str(&names.text), cases[i].want);
        assert_int_equal(more, cases[i].more);
        buf_free(&names.text);
    }
    fixture_done(&f);
}

static void everything_is_there_after_reopening(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    assert_int_equal(create_machine(f.store, "a", "{\"image\":\"i\"}"), 0);
    assert_int_equal(create_machine(f.store, "b", NULL), 0);
    assert_int_equal(store_delete(f.store, &kind_machine, "b", NULL, NULL, NULL), 0);
    json_t *before = store_get(f.store, &kind_machine, "a");
    fixture_reopen(&f);
    json_t *after = store_get(f.store, &kind_machine, "a");
    assert_true(json_equal(before, after));
    assert_int_equal(store_count(f.store, &kind_machine), 1);
    assert_int_equal(store_version(f.store), 3); /* versions are never given twice */
    json_decref(before);
    json_decref(after);
    fixture_done(&f);
}

static int collect_record(void *data, const void *key, size_t key_len, const void *value,
                          size_t value_len)
{
    buf_printf(data, "%.*s=%.*s ", (int)key_len, (const char *)key, (int)value_len,
               (const char *)value);
    return 0;
}

static void records_are_kept_in_their_bucket(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct outcome o = {0};
    assert_int_equal(store_record_put(f.store, "lease", "k2", 2, "v2", 2, outcome_done, &o), 0);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.rc, 0);
    assert_int_equal(store_record_put(f.store, "lease", "k1", 2, "", 0, NULL, NULL), 0);
    assert_int_equal(store_record_put(f.store, "other", "k1", 2, "x", 1, NULL, NULL), 0);
    assert_int_equal(store_record_put(f.store, "lease", "k2", 2, "w", 1, NULL, NULL), 0);
    assert_int_equal(store_record_put(f.store, "lease", "k3", 2, "v3", 2, NULL, NULL), 0);
    assert_int_equal(store_record_delete(f.store, "lease", "k3", 2, NULL, NULL), 0);
    assert_int_equal(store_record_delete(f.store, "lease", "none", 4, outcome_done, &o), 0);
    assert_int_equal(o.rc, 0);
    fixture_reopen(&f);
    _autobuf_ struct buf text = BUF_INIT;
    assert_int_equal(store_record_each(f.store, "lease", collect_record, &text, NULL), 0);
    assert_string_equal(buf_str(&text), "k1= k2=w ");
    assert_int_equal(store_version(f.store), 0); /* records are no resources */
    fixture_done(&f);
}

static void events_repeat_and_stay_bounded(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.options.events_per_object = 3;
    f.options.events_max = 5;
    fixture_open(&f);
    for (int i = 0; i < 4; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "m%d", i);
        assert_int_equal(create_machine(f.store, name, NULL), 0);
    }
    json_t *m0 = store_get(f.store, &kind_machine, "m0");
    for (int i = 0; i < 5; i++)
        assert_int_equal(store_event(f.store, m0, false, "Booted", "again"), 0);
    assert_int_equal(store_count(f.store, &kind_event), 1);
    for (int i = 0; i < 10; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "number %d", i);
        assert_int_equal(store_event(f.store, m0, true, "Failed", text), 0);
    }
    assert_int_equal(store_count(f.store, &kind_event), 3);
    for (int i = 1; i < 4; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "m%d", i);
        json_t *m = store_get(f.store, &kind_machine, name);
        assert_int_equal(store_event(f.store, m, false, "Booted", "x"), 0);
        json_decref(m);
    }
    assert_int_equal(store_count(f.store, &kind_event), 5);
    struct names names = {0};
    assert_int_equal(
        store_each(f.store, &kind_event, &(struct store_list){0}, collect_name, &names, NULL), 0);
    assert_non_null(strstr(buf_str(&names.text), "m3."));
    buf_free(&names.text);
    json_decref(m0);
    fixture_reopen(&f);
    assert_int_equal(store_count(f.store, &kind_event), 5);
    fixture_done(&f);
}

static void events_of_long_names_are_kept_too(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.options.events_per_object = 2;
    fixture_open(&f);
    char name[254];
    memset(name, 'a', sizeof(name) - 1);
    name[253] = '\0';
    assert_int_equal(create_machine(f.store, name, NULL), 0);
    json_t *m = store_get(f.store, &kind_machine, name);
    for (int i = 0; i < 5; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "number %d", i);
        assert_int_equal(store_event(f.store, m, false, "Seen", text), 0);
    }
    assert_int_equal(store_count(f.store, &kind_event), 2);
    json_decref(m);
    fixture_done(&f);
}

static void too_large_an_object_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    json_t *object = machine_json("a", NULL);
    char *big = calloc(1, 2 << 20);
    memset(big, 'x', (2 << 20) - 1);
    assert_int_equal(object_set(object, "spec.big", json_string(big)), 0);
    free(big);
    struct outcome o = {0};
    assert_int_equal(store_create(f.store, &kind_machine, STORE_ALL, object, outcome_done, &o), 0);
    assert_int_equal(o.rc, -E2BIG);
    assert_int_equal(store_count(f.store, &kind_machine), 0);
    fixture_done(&f);
}

struct chain {
    struct store *store;
    int left, deepest, depth;
};

static void create_next(void *data, int rc, json_t *object, const struct err *err)
{
    struct chain *chain = data;
    (void)object;
    (void)err;
    assert_int_equal(rc, 0);
    chain->depth++;
    if (chain->depth > chain->deepest)
        chain->deepest = chain->depth;
    if (chain->left-- > 0) {
        char name[16];
        (void)snprintf(name, sizeof(name), "n%d", chain->left);
        assert_int_equal(store_create(chain->store, &kind_machine, STORE_ALL,
                                      machine_json(name, NULL), create_next, chain),
                         0);
    }
    chain->depth--;
}

static void operations_may_follow_from_callbacks(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct chain chain = {.store = f.store, .left = 50};
    assert_int_equal(store_create(f.store, &kind_machine, STORE_ALL, machine_json("first", NULL),
                                  create_next, &chain),
                     0);
    assert_int_equal(store_count(f.store, &kind_machine), 51);
    assert_int_equal(chain.deepest, 1); /* queued, not nested */
    fixture_done(&f);
}

UNIT_MAIN(cmocka_unit_test(create_fills_in_metadata), cmocka_unit_test(names_are_checked_or_made),
          cmocka_unit_test(update_checks_the_version_and_counts_the_generation),
          cmocka_unit_test(an_update_without_change_writes_nothing),
          cmocka_unit_test(parts_do_not_touch_each_other),
          cmocka_unit_test(mutate_changes_the_latest_or_nothing),
          cmocka_unit_test(identity_cannot_be_changed),
          cmocka_unit_test(delete_goes_and_checks_preconditions),
          cmocka_unit_test(finalizers_hold_an_object_back),
          cmocka_unit_test(machines_are_found_by_their_keys),
          cmocka_unit_test(a_mac_address_belongs_to_one_machine),
          cmocka_unit_test(lists_are_ordered_filtered_and_continued),
          cmocka_unit_test(everything_is_there_after_reopening),
          cmocka_unit_test(records_are_kept_in_their_bucket),
          cmocka_unit_test(events_repeat_and_stay_bounded),
          cmocka_unit_test(events_of_long_names_are_kept_too),
          cmocka_unit_test(too_large_an_object_is_refused),
          cmocka_unit_test(operations_may_follow_from_callbacks))
