/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "server/api-fields.h"
#include "server/api-managed.h"

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, 0, &error);
    if (!value)
        fail_msg("%s: %s", text, error.text);
    return value;
}

static void assert_json(const json_t *value, const char *expected)
{
    json_auto_t *wanted = parse(expected);
    if (json_equal(value, wanted))
        return;
    _autofree_ char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS);
    fail_msg("expected %s, found %s", expected, text);
}

static const struct api_manager alice = {"alice", "", "slipway.dev/v1alpha1", "T1"};
static const struct api_manager bob = {"bob", "", "slipway.dev/v1alpha1", "T2"};

/* Applies, expects success, and replaces *object. */
static void apply(json_t **object, const char *text, const struct api_manager *manager, bool force)
{
    json_auto_t *applied = parse(text);
    json_t *result = NULL, *conflicts = NULL;
    assert_int_equal(api_managed_apply(*object, applied, manager, force, &result, &conflicts), 0);
    json_decref(*object);
    *object = result;
}

static void assert_conflicts(const json_t *object, const char *text,
                             const struct api_manager *manager, const char *expected)
{
    json_auto_t *applied = parse(text);
    json_t *result = NULL, *conflicts = NULL;
    assert_int_equal(api_managed_apply(object, applied, manager, false, &result, &conflicts),
                     -EEXIST);
    assert_null(result);
    json_auto_t *wrapped = json_pack("{so}", "c", conflicts);
    assert_json(wrapped, expected);
}

static void assert_spec(const json_t *object, const char *expected)
{
    assert_json(json_object_get(object, "spec"), expected);
}

/* The fields that a manager owns, "null" when it has no entry. */
static void assert_owned(const json_t *object, const char *manager, const char *expected)
{
    const json_t *entries = json_object_get(json_object_get(object, "metadata"), "managedFields");
    size_t i;
    const json_t *entry, *found = NULL;
    json_array_foreach (entries, i, entry) {
        if (str_eq(json_string_value(json_object_get(entry, "manager")), manager))
            found = json_object_get(entry, "fieldsV1");
    }
    if (!expected)
        assert_null(found);
    else
        assert_json(found, expected);
}

static void test_create_and_remove(void **state)
{
    (void)state;
    json_t *m = NULL;
    apply(&m,
          "{\"metadata\":{\"name\":\"n\",\"labels\":{\"a\":\"1\"}},"
          "\"spec\":{\"role\":\"worker\",\"rootDisk\":{\"serial\":\"S\"},\"list\":[1]}}",
          &alice, false);
    assert_owned(m, "alice",
                 "{\"f:metadata\":{\"f:labels\":{\"f:a\":{}}},\"f:spec\":{\"f:role\":{},"
                 "\"f:rootDisk\":{\"f:serial\":{}},\"f:list\":{}}}");
    apply(&m, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"role\":\"none\",\"list\":[2]}}", &alice,
          false);
    assert_json(m, "{\"metadata\":{\"name\":\"n\",\"managedFields\":[{\"manager\":\"alice\","
                   "\"operation\":\"Apply\",\"apiVersion\":\"slipway.dev/v1alpha1\",\"time\":\"T1\""
                   ",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{\"f:spec\":{\"f:role\":{},"
                   "\"f:list\":{}}}}]},\"spec\":{\"role\":\"none\",\"list\":[2]}}");
    json_decref(m);
}

static void test_same_again_changes_nothing(void **state)
{
    (void)state;
    json_t *m = NULL;
    const char *text = "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"role\":\"worker\"}}";
    apply(&m, text, &alice, false);
    json_auto_t *before = json_deep_copy(m);
    struct api_manager later = alice;
    later.now = "T9";
    apply(&m, text, &later, false);
    assert_true(json_equal(m, before));
    json_decref(m);
}

static void test_conflict_and_force(void **state)
{
    (void)state;
    json_t *m = NULL;
    apply(&m, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"role\":\"worker\",\"image\":\"x\"}}",
          &alice, false);
    const char *other = "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"role\":\"none\"}}";
    assert_conflicts(m, other, &bob, "{\"c\":[{\"manager\":\"alice\",\"field\":\".spec.role\"}]}");
    apply(&m, other, &bob, true);
    assert_spec(m, "{\"role\":\"none\",\"image\":\"x\"}");
    assert_owned(m, "alice", "{\"f:spec\":{\"f:image\":{}}}");
    assert_owned(m, "bob", "{\"f:spec\":{\"f:role\":{}}}");
    json_decref(m);
}

/* Both set the same value: shared; it stays until both leave it out. */
static void test_shared(void **state)
{
    (void)state;
    json_t *m = NULL;
    const char *with = "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"role\":\"worker\"}}";
    const char *without = "{\"metadata\":{\"name\":\"n\"}}";
    apply(&m, with, &alice, false);
    apply(&m, with, &bob, false);
    apply(&m, without, &alice, false);
    assert_spec(m, "{\"role\":\"worker\"}");
    apply(&m, without, &bob, false);
    assert_null(json_object_get(m, "spec"));
    assert_null(json_object_get(json_object_get(m, "metadata"), "managedFields"));
    json_decref(m);
}

static void test_untracked_before(void **state)
{
    (void)state;
    json_t *m = parse("{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"},"
                      "\"spec\":{\"role\":\"worker\",\"network\":{\"mtu\":1500}}}");
    assert_conflicts(
        m, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"role\":\"none\",\"network\":{}}}", &alice,
        "{\"c\":[{\"manager\":\"before-first-apply\",\"field\":\".spec.role\"}]}");
    apply(&m, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"role\":\"worker\",\"image\":\"i\"}}",
          &alice, false);
    assert_owned(m, "before-first-apply",
                 "{\"f:spec\":{\"f:role\":{},\"f:network\":{\"f:mtu\":{}}}}");
    assert_owned(m, "alice", "{\"f:spec\":{\"f:role\":{},\"f:image\":{}}}");
    json_decref(m);
}

static void test_update_takes_fields(void **state)
{
    (void)state;
    json_t *m = NULL;
    apply(&m,
          "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"role\":\"worker\",\"image\":\"x\","
          "\"network\":{\"mtu\":1500,\"vlan\":7}}}",
          &alice, false);
    json_auto_t *after = json_deep_copy(m);
    json_t *spec = json_object_get(after, "spec");
    json_object_set_new(spec, "role", json_string("none"));
    json_object_del(json_object_get(spec, "network"), "vlan");
    assert_int_equal(api_managed_update(m, after, &bob), 0);
    assert_owned(after, "alice", "{\"f:spec\":{\"f:image\":{},\"f:network\":{\"f:mtu\":{}}}}");
    assert_owned(after, "bob", "{\"f:spec\":{\"f:role\":{}}}");
    json_object_set_new(json_object_get(after, "metadata"), "managedFields", json_array());
    assert_int_equal(api_managed_update(m, after, &bob), 0);
    assert_null(json_object_get(json_object_get(after, "metadata"), "managedFields"));
    json_decref(m);
}

static void test_untracked_stays_untracked(void **state)
{
    (void)state;
    json_auto_t *before = parse("{\"metadata\":{\"name\":\"n\"},\"spec\":{\"role\":\"worker\"}}");
    json_auto_t *after = parse("{\"metadata\":{\"name\":\"n\",\"managedFields\":[{}]},"
                               "\"spec\":{\"role\":\"none\"}}");
    assert_int_equal(api_managed_update(before, after, &bob), 0);
    assert_json(after, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"role\":\"none\"}}");
    assert_int_equal(api_managed_update(NULL, after, &bob), 0);
}

/* A stream of new managers does not grow the object without end. */
static void test_many_managers(void **state)
{
    (void)state;
    json_t *m = NULL;
    apply(&m, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"image\":\"x\"}}", &alice, false);
    for (int i = 0; i < 50; i++) {
        _autofree_ char *name = str_format("m%d", i);
        struct api_manager manager = bob;
        manager.name = name;
        json_t *after = json_deep_copy(m);
        json_object_set_new(json_object_get(after, "spec"), name, json_integer(i));
        assert_int_equal(api_managed_update(m, after, &manager), 0);
        json_decref(m);
        m = after;
    }
    const json_t *entries = json_object_get(json_object_get(m, "metadata"), "managedFields");
    assert_int_equal(json_array_size(entries), 20);
    assert_owned(m, "alice", "{\"f:spec\":{\"f:image\":{}}}");
    assert_owned(m, "m49", "{\"f:spec\":{\"f:m49\":{}}}");
    json_decref(m);
}

/* An object that was empty for one and filled by another: neither loses the other's part. */
static void test_empty_objects(void **state)
{
    (void)state;
    json_t *m = NULL;
    apply(&m, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"network\":{}}}", &alice, false);
    apply(&m, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"network\":{\"mtu\":9000}}}", &bob, false);
    apply(&m, "{\"metadata\":{\"name\":\"n\"},\"spec\":{\"network\":{}}}", &alice, false);
    assert_spec(m, "{\"network\":{\"mtu\":9000}}");
    apply(&m, "{\"metadata\":{\"name\":\"n\"}}", &alice, false);
    assert_spec(m, "{\"network\":{\"mtu\":9000}}");
    json_decref(m);
}

UNIT_MAIN(cmocka_unit_test(test_create_and_remove),
          cmocka_unit_test(test_same_again_changes_nothing),
          cmocka_unit_test(test_conflict_and_force), cmocka_unit_test(test_shared),
          cmocka_unit_test(test_untracked_before), cmocka_unit_test(test_update_takes_fields),
          cmocka_unit_test(test_untracked_stays_untracked), cmocka_unit_test(test_many_managers),
          cmocka_unit_test(test_empty_objects))
