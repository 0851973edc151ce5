/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/csr-object.h"

#include <string.h>

#include "base/str.h"
#include "base/test.h"
#include "cluster/csr-sample.h"

#define NOW 1750000000000

static const char *const nodes[] = {"system:nodes", NULL};
static const struct csr_sample kubelet = {.common_name = "system:node:node1",
                                          .organizations = nodes};

/* An object as an API server returns it. */
static json_t *object_of(const char *pem)
{
    _autofree_ char *request = str_base64(pem, strlen(pem));
    json_t *object = json_pack(
        "{s:s, s:s, s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s, s:[s,s,s], s:[s,s,s]}, s:{}}",
        "apiVersion", "certificates.k8s.io/v1", "kind", "CertificateSigningRequest", "metadata",
        "name", "csr-abc", "uid", "1234", "resourceVersion", "77", "spec", "request", request,
        "signerName", CSR_SIGNER_KUBELET_CLIENT, "username", "system:bootstrap:abcdef", "usages",
        "digital signature", "key encipherment", "client auth", "groups", "system:bootstrappers",
        "system:bootstrappers:slipway", "system:authenticated", "status");
    assert_non_null(object);
    return object;
}

static json_t *sample_object(void)
{
    _autofree_ char *pem = csr_sample_pem(&kubelet);
    return object_of(pem);
}

static void set(json_t *object, const char *outer, const char *inner, json_t *value)
{
    assert_int_equal(json_object_set_new(json_object_get(object, outer), inner, value), 0);
}

/* From a kubelet's real request to the object that goes back. */
static void test_whole_way(void **state)
{
    (void)state;
    json_t *object = sample_object();
    _autocsrobject_ struct csr_object o = {0};
    struct err err = ERR_INIT;
    assert_int_equal(csr_object_parse(object, &o, &err), 0);
    assert_string_equal(o.facts.name, "csr-abc");
    assert_int_equal(o.facts.usages, CSR_USAGE_DIGITAL_SIGNATURE | CSR_USAGE_KEY_ENCIPHERMENT |
                                         CSR_USAGE_CLIENT_AUTH);
    assert_string_equal(o.facts.groups[1], "system:bootstrappers:slipway");
    assert_null(o.facts.groups[3]);
    assert_false(o.facts.decided);
    const struct csr_machine machine = {.name = "node1",
                                        .node_name = "node1",
                                        .standing = CSR_STANDING_JOINING,
                                        .token_id = "abcdef",
                                        .window_ends_ms = NOW + 60000};
    struct csr_decision decision;
    csr_decide(&o.facts, &machine, 1, NOW, &decision);
    assert_int_equal(decision.action, CSR_APPROVE);
    assert_true(decision.bind_key);

    json_t *approval = csr_object_approval(object, &decision, NOW);
    const json_t *conditions = json_object_get(json_object_get(approval, "status"), "conditions");
    assert_int_equal(json_array_size(conditions), 1);
    const json_t *condition = json_array_get(conditions, 0);
    const char *const expected[][2] = {{"type", "Approved"},
                                       {"status", "True"},
                                       {"reason", "MachineApproved"},
                                       {"message", decision.message},
                                       {"lastUpdateTime", "2025-06-15T15:06:40Z"}};
    assert_int_equal(json_object_size(condition), ARRAY_SIZE(expected));
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
        assert_string_equal(json_string_value(json_object_get(condition, expected[i][0])),
                            expected[i][1]);
    assert_string_equal(json_string_value(json_object_get(json_object_get(approval, "metadata"),
                                                          "resourceVersion")),
                        "77");
    /* The given object stays as it was, and what goes back counts as decided. */
    assert_int_equal(json_object_size(json_object_get(object, "status")), 0);
    _autocsrobject_ struct csr_object again = {0};
    assert_int_equal(csr_object_parse(approval, &again, &err), 0);
    assert_true(again.facts.decided);
    json_decref(approval);
    json_decref(object);
}

static void test_denial(void **state)
{
    (void)state;
    json_t *object = sample_object();
    json_object_del(object, "status");
    struct csr_decision decision = {.action = CSR_DENY, .reason = "Rejected", .message = "No."};
    json_t *denial = csr_object_approval(object, &decision, NOW);
    const json_t *condition =
        json_array_get(json_object_get(json_object_get(denial, "status"), "conditions"), 0);
    assert_string_equal(json_string_value(json_object_get(condition, "type")), "Denied");
    assert_string_equal(json_string_value(json_object_get(condition, "message")), "No.");
    json_decref(denial);
    decision.action = CSR_IGNORE;
    assert_null(csr_object_approval(object, &decision, NOW));
    json_decref(object);
}

/* Other conditions stay. */
static void test_conditions_are_kept(void **state)
{
    (void)state;
    json_t *object = sample_object();
    set(object, "status", "conditions",
        json_pack("[{s:s, s:s}]", "type", "Seen", "status", "True"));
    _autocsrobject_ struct csr_object o = {0};
    struct err err = ERR_INIT;
    assert_int_equal(csr_object_parse(object, &o, &err), 0);
    assert_false(o.facts.decided);
    struct csr_decision decision = {.action = CSR_APPROVE, .reason = "A", .message = "b."};
    json_t *approval = csr_object_approval(object, &decision, NOW);
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(approval, "status"), "conditions")), 2);
    json_decref(approval);
    json_decref(object);
}

static void test_decided(void **state)
{
    (void)state;
    static const char *const types[] = {"Approved", "Denied", "Failed"};
    struct err err = ERR_INIT;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        json_t *object = sample_object();
        set(object, "status", "conditions", json_pack("[{s:s}]", "type", types[i]));
        _autocsrobject_ struct csr_object o = {0};
        assert_int_equal(csr_object_parse(object, &o, &err), 0);
        assert_true(o.facts.decided);
        json_decref(object);
    }
    json_t *object = sample_object();
    set(object, "status", "certificate", json_string("LS0t"));
    _autocsrobject_ struct csr_object o = {0};
    assert_int_equal(csr_object_parse(object, &o, &err), 0);
    assert_true(o.facts.decided);
    json_decref(object);
}

static void test_requests_that_cannot_be_read(void **state)
{
    (void)state;
    _autofree_ char *huge = calloc(1, 40000);
    memset(huge, 'A', 39996);
    const struct {
        json_t *request;
        const char *text;
    } cases[] = {{json_string("not base64!"), "spec.request: expected base64"},
                 {json_string(huge), "spec.request: expected base64 of at most"},
                 {json_string(""), "one PEM block"},
                 {json_integer(7), "spec.request: expected base64"},
                 {json_string("AAAA"), "NUL byte"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *object = sample_object();
        set(object, "spec", "request", cases[i].request);
        _autocsrobject_ struct csr_object o = {0};
        struct err err = ERR_INIT;
        assert_int_equal(csr_object_parse(object, &o, &err), 0);
        assert_null(o.facts.request);
        if (!strstr(o.facts.problem, cases[i].text))
            fail_msg("%s", o.facts.problem);
        struct csr_decision decision;
        csr_decide(&o.facts, NULL, 0, NOW, &decision);
        assert_int_equal(decision.action, CSR_DENY);
        assert_string_equal(decision.reason, "Unreadable");
        json_decref(object);
    }
}

/* Unknown words and odd types in lists lead to a denial, never to an approval. */
static void test_odd_lists(void **state)
{
    (void)state;
    json_t *object = sample_object();
    set(object, "spec", "usages", json_pack("[s,i]", "client auth", 3));
    set(object, "spec", "groups", json_pack("[i,s]", 3, "a"));
    json_object_del(json_object_get(object, "spec"), "username");
    _autocsrobject_ struct csr_object o = {0};
    struct err err = ERR_INIT;
    assert_int_equal(csr_object_parse(object, &o, &err), 0);
    assert_int_equal(o.facts.usages, CSR_USAGE_CLIENT_AUTH | CSR_USAGE_OTHER);
    assert_string_equal(o.facts.groups[0], "a");
    assert_null(o.facts.groups[1]);
    assert_string_equal(o.facts.username, "");
    json_decref(object);
    assert_int_equal(csr_usage_parse("signing"), CSR_USAGE_OTHER);
}

static void test_other_objects(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct csr_object o = {0};
    json_t *object = json_pack("{s:{s:s}}", "metadata", "name", "a");
    assert_int_equal(csr_object_parse(object, &o, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "spec.signerName"));
    json_decref(object);
    object = json_array();
    assert_int_equal(csr_object_parse(object, &o, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "metadata.name"));
    json_decref(object);
    object = sample_object();
    json_t *many = json_array();
    for (int i = 0; i < 100; i++)
        json_array_append_new(many, json_string("any"));
    set(object, "spec", "usages", many);
    assert_int_equal(csr_object_parse(object, &o, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "spec.usages"));
    json_decref(object);
}

UNIT_MAIN(cmocka_unit_test(test_whole_way), cmocka_unit_test(test_denial),
          cmocka_unit_test(test_conditions_are_kept), cmocka_unit_test(test_decided),
          cmocka_unit_test(test_requests_that_cannot_be_read), cmocka_unit_test(test_odd_lists),
          cmocka_unit_test(test_other_objects))
