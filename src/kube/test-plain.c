/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, the API's Status, bootstrap tokens. */
#include "base/test.h"

#include "base/str.h"
#include "kube/bootstrap-token.h"
#include "kube/path.h"
#include "kube/status.h"

/* ---- paths ---- */

static void assert_path(const struct kube_path *path, const char *expected)
{
    _autobuf_ struct buf b = BUF_INIT;
    assert_int_equal(kube_path_write(path, &b), 0);
    assert_string_equal(buf_str(&b), expected);
}

static void test_paths(void **state)
{
    (void)state;
    assert_path(&(struct kube_path){&kube_nodes, NULL, NULL, NULL}, "/api/v1/nodes");
    assert_path(&(struct kube_path){&kube_nodes, NULL, "node1", "status"},
                "/api/v1/nodes/node1/status");
    assert_path(&(struct kube_path){&kube_pods, "kube-system", "a", "eviction"},
                "/api/v1/namespaces/kube-system/pods/a/eviction");
    assert_path(&(struct kube_path){&kube_csrs, NULL, "node-csr-1", "approval"},
                "/apis/certificates.k8s.io/v1/certificatesigningrequests/node-csr-1/approval");
    assert_path(&(struct kube_path){&kube_cluster_roles, NULL, "system:node proxier", NULL},
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode%20proxier");
    assert_path(&(struct kube_path){&kube_pods, "a", "?x=1&y#z", NULL},
                "/api/v1/namespaces/a/pods/%3Fx%3D1%26y%23z");
}

static void test_paths_that_cannot_be(void **state)
{
    (void)state;
    static const struct kube_kind bad_kind = {"a/b", "v1", "c"};
    char longest[256];
    memset(longest, 'a', 254);
    longest[254] = '\0';
    const struct kube_path cases[] = {
        {NULL, NULL, NULL, NULL},           {&bad_kind, NULL, NULL, NULL},
        {&kube_nodes, NULL, "", NULL},      {&kube_nodes, NULL, "..", NULL},
        {&kube_nodes, NULL, ".", NULL},     {&kube_nodes, NULL, "a/b", NULL},
        {&kube_nodes, NULL, "a%2fb", NULL}, {&kube_pods, "", "a", NULL},
        {&kube_pods, "../x", "a", NULL},    {&kube_nodes, NULL, NULL, "status"},
        {&kube_nodes, NULL, "a", "x/y"},    {&kube_nodes, NULL, longest, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autobuf_ struct buf b = BUF_INIT;
        assert_int_equal(kube_path_write(&cases[i], &b), -EINVAL);
        assert_int_equal(b.len, 0);
    }
}

static void test_query(void **state)
{
    (void)state;
    _autobuf_ struct buf b = BUF_INIT;
    buf_adds(&b, "/api");
    kube_query_add(&b, "none", NULL);
    kube_query_add(&b, "labelSelector", "a=b,c in (d)");
    kube_query_add_number(&b, "limit", -5);
    kube_query_add(&b, "continue", "+/=");
    assert_string_equal(buf_str(&b),
                        "/api?labelSelector=a%3Db%2Cc%20in%20%28d%29&limit=-5&continue=%2B%2F%3D");
}

/* ---- Status ---- */

static int read_status(int http, const char *text, struct kube_status *ret)
{
    json_auto_t *body = text ? json_loads(text, 0, NULL) : NULL;
    assert_true(!text || body);
    return kube_status_read(http, body, ret);
}

static void test_status(void **state)
{
    (void)state;
    struct kube_status s;
    assert_int_equal(read_status(201, NULL, &s), 0);
    assert_int_equal(s.code, 201);
    assert_int_equal(read_status(409,
                                 "{\"kind\":\"Status\",\"reason\":\"AlreadyExists\",\"message\":"
                                 "\"nodes \\\"a\\\" already exists\"}",
                                 &s),
                     -EEXIST);
    assert_string_equal(s.reason, "AlreadyExists");
    assert_string_equal(s.message, "nodes \"a\" already exists");
    assert_int_equal(read_status(409, "{\"kind\":\"Status\",\"reason\":\"Conflict\"}", &s),
                     -ESTALE);
    assert_string_equal(s.message, "the API server answered 409 Conflict");
    assert_int_equal(read_status(429,
                                 "{\"kind\":\"Status\",\"reason\":\"TooManyRequests\",\"details\":"
                                 "{\"retryAfterSeconds\":7}}",
                                 &s),
                     -EAGAIN);
    assert_int_equal(s.retry_after_seconds, 7);
    assert_int_equal(read_status(410, NULL, &s), -EIDRM);
    assert_int_equal(read_status(403, "{}", &s), -EPERM);
    assert_int_equal(read_status(401, "[]", &s), -EACCES);
    assert_int_equal(read_status(302, "{\"kind\":\"Pod\",\"reason\":\"NotFound\"}", &s),
                     -EREMOTEIO);
    assert_int_equal(read_status(500, "{\"kind\":\"Status\",\"reason\":5,\"message\":{}}", &s),
                     -EREMOTEIO);
}

static void test_status_is_bounded(void **state)
{
    (void)state;
    struct kube_status s;
    _autobuf_ struct buf text = BUF_INIT;
    buf_adds(&text, "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":9999999999},"
                    "\"message\":\"");
    for (int i = 0; i < 5000; i++)
        buf_adds(&text, "x");
    buf_adds(&text, "\"}");
    assert_int_equal(read_status(503, buf_str(&text), &s), -EAGAIN);
    assert_int_equal(strlen(s.message), sizeof(s.message) - 1);
    assert_int_equal(s.retry_after_seconds, 24 * 3600);
}

static void test_status_is_one_line(void **state)
{
    (void)state;
    struct kube_status s;
    (void)read_status(
        500, "{\"kind\":\"Status\",\"reason\":\"a\\nb\",\"message\":\"x\\r\\ny\\u001bz\\u007f\"}",
        &s);
    assert_string_equal(s.reason, "a b");
    assert_string_equal(s.message, "x  y z ");
}

static void test_transient(void **state)
{
    (void)state;
    static const int yes[] = {-ECONNREFUSED, -ETIMEDOUT, -EAGAIN, -EREMOTEIO};
    static const int no[] = {0, -ENOENT, -ESTALE, -EACCES, -EPERM, -EKEYREJECTED, -EINVAL};
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
        assert_true(kube_error_is_transient(yes[i]));
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        assert_false(kube_error_is_transient(no[i]));
}

/* ---- bootstrap tokens ---- */

static void test_token_text(void **state)
{
    (void)state;
    struct rng_seeded seeded;
    struct kube_token token, again;
    char text[KUBE_TOKEN_TEXT_SIZE], name[KUBE_TOKEN_NAME_SIZE];
    rng_seeded_init(&seeded, 1);
    kube_token_make(&seeded.rng, &token);
    assert_int_equal(strlen(kube_token_text(&token, text)), 23);
    assert_int_equal(kube_token_parse(text, &again), 0);
    assert_memory_equal(&token, &again, sizeof(token));
    assert_int_equal(strlen(kube_token_secret_name(token.id, name)), 22);
    assert_string_equal(name + 16, token.id);
    kube_token_wipe(&again);
    assert_int_equal(again.secret[0] | again.id[0], 0);
    static const char *const bad[] = {"",
                                      "abcdef",
                                      "abcdef.0123456789abcde",
                                      "abcdef.0123456789abcdef0",
                                      "abcdeF.0123456789abcdef",
                                      "abcdef-0123456789abcdef",
                                      "abcde.00123456789abcdef",
                                      "abcdef.0123456789abcd f"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(kube_token_parse(bad[i], &again), -EINVAL);
}

/* Every character comes about as often as any other: 36,000 draws of 22 with a fixed seed. */
static void test_token_is_uniform(void **state)
{
    (void)state;
    enum { TOKENS = 36000 };
    unsigned count[256] = {0};
    struct rng_seeded seeded;
    rng_seeded_init(&seeded, 2);
    for (int i = 0; i < TOKENS; i++) {
        struct kube_token token;
        kube_token_make(&seeded.rng, &token);
        for (const char *c = token.id; *c; c++)
            count[(uint8_t)*c]++;
        for (const char *c = token.secret; *c; c++)
            count[(uint8_t)*c]++;
    }
    /* Expected 22,000 each, standard deviation 146; a modulo over 256 would add 14 % to some. */
    for (const char *c = "0123456789abcdefghijklmnopqrstuvwxyz"; *c; c++)
        assert_in_range(count[(uint8_t)*c], 22000 - 900, 22000 + 900);
}

static void test_token_secret(void **state)
{
    (void)state;
    static const char *const groups[] = {"system:bootstrappers:slipway", "system:bootstrappers:a"};
    static const char *const labels[] = {"app.kubernetes.io/managed-by", "slipway", NULL};
    static const char *const annotations[] = {"slipway.dev/machine", "node1", NULL};
    const struct kube_token token = {"abcdef", "0123456789abcdef"};
    struct kube_token_options options = {.expires_wall_ms = 1769860800001,
                                         .authentication = true,
                                         .groups = groups,
                                         .n_groups = 2,
                                         .description = "for node1",
                                         .labels = labels,
                                         .annotations = annotations};
    json_auto_t
        *secret = NULL,
        *expected = json_loads(
            "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"type\":\"bootstrap.kubernetes.io/token\","
            "\"metadata\":{\"name\":\"bootstrap-token-abcdef\",\"namespace\":\"kube-system\","
            "\"labels\":{\"app.kubernetes.io/managed-by\":\"slipway\"},"
            "\"annotations\":{\"slipway.dev/machine\":\"node1\"}},"
            "\"stringData\":{\"token-id\":\"abcdef\","
            "\"token-secret\":\"0123456789abcdef\",\"expiration\":\"2026-01-31T12:00:01Z\","
            "\"usage-bootstrap-authentication\":\"true\",\"usage-bootstrap-signing\":\"false\","
            "\"auth-extra-groups\":\"system:bootstrappers:slipway,system:bootstrappers:a\","
            "\"description\":\"for node1\"}}",
            0, NULL);
    assert_int_equal(kube_token_secret(&token, &options, &secret), 0);
    assert_true(json_equal(secret, expected));
}

static void test_token_secret_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"system:masters",
                                      "system:bootstrappers:", "system:bootstrappers:A",
                                      "system:bootstrappers:a,b", "system:bootstrappers:a-"};
    const struct kube_token token = {"abcdef", "0123456789abcdef"};
    struct kube_token_options options = {.expires_wall_ms = 1000, .n_groups = 1};
    json_t *secret = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        options.groups = &bad[i];
        assert_int_equal(kube_token_secret(&token, &options, &secret), -EINVAL);
    }
    options = (struct kube_token_options){0};
    assert_int_equal(kube_token_secret(&token, &options, &secret), -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(test_paths), cmocka_unit_test(test_paths_that_cannot_be),
          cmocka_unit_test(test_query), cmocka_unit_test(test_status),
          cmocka_unit_test(test_status_is_bounded), cmocka_unit_test(test_status_is_one_line),
          cmocka_unit_test(test_transient), cmocka_unit_test(test_token_text),
          cmocka_unit_test(test_token_is_uniform), cmocka_unit_test(test_token_secret),
          cmocka_unit_test(test_token_secret_refused))
