/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "server/api-path.h"

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum api_path_type type;
        const struct kind *kind;
        const char *namespace, *name, *subresource;
    } cases[] = {
        {"/api", API_PATH_CORE, NULL, "", "", ""},
        {"/api/", API_PATH_CORE, NULL, "", "", ""},
        {"/api/v1", API_PATH_VERSION, NULL, "", "", ""},
        {"/apis", API_PATH_GROUPS, NULL, "", "", ""},
        {"/apis/slipway.dev", API_PATH_GROUP, NULL, "", "", ""},
        {"/apis/slipway.dev/v1alpha1", API_PATH_VERSION, NULL, "", "", ""},
        {"/apis/slipway.dev/v1alpha1/machines", API_PATH_RESOURCE, &kind_machine, "", "", ""},
        {"/apis/slipway.dev/v1alpha1/machines/n1", API_PATH_RESOURCE, &kind_machine, "", "n1", ""},
        {"/apis/slipway.dev/v1alpha1/machines/n1/status", API_PATH_RESOURCE, &kind_machine, "",
         "n1", "status"},
        {"/api/v1/events", API_PATH_RESOURCE, &kind_event, "", "", ""},
        {"/api/v1/namespaces/default/events", API_PATH_RESOURCE, &kind_event, "default", "", ""},
        {"/api/v1/namespaces/default/events/e", API_PATH_RESOURCE, &kind_event, "default", "e", ""},
        {"/", API_PATH_NONE, NULL, "", "", ""},
        {"/api/v2", API_PATH_NONE, NULL, "", "", ""},
        {"/api/v1/pods", API_PATH_NONE, NULL, "", "", ""},
        {"/api/v1/events/e", API_PATH_NONE, NULL, "", "", ""},
        {"/api/v1/events/e/status", API_PATH_NONE, NULL, "", "", ""},
        {"/apis/apps", API_PATH_NONE, NULL, "", "", ""},
        {"/apis/slipway.dev/v1", API_PATH_NONE, NULL, "", "", ""},
        {"/apis/slipway.dev/v1alpha1/namespaces/x/machines", API_PATH_NONE, NULL, "", "", ""},
        {"/apis/slipway.dev/v1alpha1/machines/n1/scale", API_PATH_NONE, NULL, "", "", ""},
        {"/apis/slipway.dev/v1alpha1/machines/n1/status/x", API_PATH_NONE, NULL, "", "", ""},
        {"/images/x", API_PATH_NONE, NULL, "", "", ""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct api_path p = api_path_parse(cases[i].path);
        if (p.type != cases[i].type || p.kind != cases[i].kind ||
            !str_eq(p.namespace, cases[i].namespace) || !str_eq(p.name, cases[i].name) ||
            !str_eq(p.subresource, cases[i].subresource))
            fail_msg("%s", cases[i].path);
    }
    _autofree_ char *path = str_format("/apis/slipway.dev/v1alpha1/machines/%0*d", 254, 0);
    assert_int_equal(api_path_parse(path).type, API_PATH_NONE);
}

/* A query as pairs of names and values, NULL-terminated. */
static const char *get_pair(const void *data, const char *name)
{
    const char *const *pairs = data;
    for (size_t i = 0; pairs[i]; i += 2)
        if (str_eq(pairs[i], name))
            return pairs[i + 1];
    return NULL;
}

static void test_options(void **state)
{
    (void)state;
    _autofree_ char *token = api_continue_token(42, "node-07");
    const char *const pairs[] = {"labelSelector",
                                 "a=b",
                                 "fieldSelector",
                                 "metadata.name=x",
                                 "limit",
                                 "500",
                                 "continue",
                                 token,
                                 "watch",
                                 "true",
                                 "allowWatchBookmarks",
                                 "1",
                                 "timeoutSeconds",
                                 "30",
                                 "dryRun",
                                 "All",
                                 "fieldManager",
                                 "me",
                                 "fieldValidation",
                                 "Strict",
                                 "includeObject",
                                 "None",
                                 "resourceVersion",
                                 "0",
                                 "force",
                                 "true",
                                 NULL};
    _cleanup_(api_options_clear) struct api_options o;
    struct err err = ERR_INIT;
    if (api_options_parse(get_pair, pairs, &o, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_non_null(o.labels);
    assert_non_null(o.fields);
    assert_int_equal(o.limit, 500);
    assert_string_equal(o.after, "node-07");
    assert_int_equal(o.continued_version, 42);
    assert_true(o.watch && o.bookmarks && o.dry_run && o.force && o.has_resource_version);
    assert_int_equal(o.timeout_seconds, 30);
    assert_string_equal(o.manager, "me");
    assert_int_equal(o.field_validation, API_FIELDS_STRICT);
    assert_int_equal(o.include_object, API_INCLUDE_NONE);
}

static void test_bad_options(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"limit", "-1", NULL},
        {"limit", "x", NULL},
        {"continue", "!", NULL},
        {"continue", "bm9wZQ==", NULL},
        {"watch", "maybe", NULL},
        {"dryRun", "Some", NULL},
        {"fieldValidation", "Hard", NULL},
        {"includeObject", "All", NULL},
        {"resourceVersion", "abc", NULL},
        {"resourceVersionMatch", "Near", NULL},
        {"labelSelector", "a in b", NULL},
        {"fieldSelector", "a", NULL},
        {"fieldManager", "a\nb", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(api_options_clear) struct api_options o;
        struct err err = ERR_INIT;
        if (api_options_parse(get_pair, cases[i], &o, &err) != -EINVAL)
            fail_msg("%s=%s was accepted", cases[i][0], cases[i][1]);
        assert_ptr_equal(strstr(err_text(&err), cases[i][0]), err_text(&err));
    }
}

static void test_agent(void **state)
{
    (void)state;
    char manager[API_MANAGER_SIZE];
    api_manager_of_agent("kubectl/v1.32.4 (linux/amd64)", manager);
    assert_string_equal(manager, "kubectl");
    api_manager_of_agent(NULL, manager);
    assert_string_equal(manager, "unknown");
}

UNIT_MAIN(cmocka_unit_test(test_paths), cmocka_unit_test(test_options),
          cmocka_unit_test(test_bad_options), cmocka_unit_test(test_agent))
