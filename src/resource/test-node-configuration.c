/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/file.h"
#include "base/str.h"
#include "resource/node-configuration.h"
#include "resource/read.h"
#include "resource/schema.h"
#include "resource/validate.h"

#define TOKEN "abcdef.0123456789abcdef"
#define HASH "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static json_t *document_of(const char *rest)
{
    _autofree_ char *text =
        str_format("apiVersion: slipway.dev/v1alpha1\nkind: NodeConfiguration\n%s", rest);
    _autodocuments_ struct documents documents = {0};
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    assert_int_equal(yaml_parse(NULL, text, strlen(text), &documents, &problems), 0);
    assert_int_equal(documents.n, 1);
    return json_incref(documents.items[0].json);
}

/* All that is wrong with a file, one line each. */
static char *problems_of(const char *rest)
{
    json_auto_t *json = document_of(rest);
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    struct buf out = BUF_INIT;
    assert_int_equal(node_configuration_complete(json, "v1.20.2"), 0);
    object_validate(&kind_node_configuration, json, NULL, &problems);
    problems_write(&problems, &out);
    return out.data ? buf_steal(&out) : strdup("");
}

static void what_is_wrong_is_told_with_its_path(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"seeder: node1\ntoken: " TOKEN "\ncaCertHash: " HASH "\n", ""},
        {"seeder: node1\ntoken: " TOKEN "\nunsafeSkipCAVerification: true\n", ""},
        {"seeder: node1\n", "token: required"},
        {"seeder: node1\ntoken: " TOKEN "\n", "caCertHash: required to join a seeder"},
        {"seeder: node1\ntoken: " TOKEN "\ncaCertHash: " HASH "\nunsafeSkipCAVerification: true\n",
         "unsafeSkipCAVerification: contradicts caCertHash"},
        {"seeder: a b\n", "seeder: not a host"},
        {"caCertHash: sha256:12\n", "caCertHash: not \"sha256:\""},
        {"clusterFormation: {}\n", "clusterFormation: unknown field"},
        {"cluster: {networking: {podSubnet: 10.96.0.0/16}}\n",
         "cluster.networking.serviceSubnet: overlaps cluster.networking.podSubnet"},
        {"cluster: {certificatesDir: /srv}\n", "cluster.certificatesDir: must be below"},
        {"cluster: {certificatesFrom: /srv}\n", "cluster.certificatesFrom: is for a server"},
        {"cluster: {kubernetesVersion: 1.20}\n", "cluster.kubernetesVersion"},
        {"bind: {address: 10.0.0.300}\n", "bind.address: "},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autofree_ char *found = problems_of(cases[i].text);
        if (cases[i].want[0] ? !strstr(found, cases[i].want) : found[0])
            fail_msg("%s: %s", cases[i].text, found);
    }
}

static void all_problems_are_told_at_once(void **state)
{
    (void)state;
    _autofree_ char *found = problems_of("sedeer: x\ntoken: x\nbind: {addr: 1}\n");
    assert_non_null(strstr(found, "sedeer"));
    assert_non_null(strstr(found, "token: "));
    assert_non_null(strstr(found, "bind.addr"));
}

static void a_wrong_token_is_not_told(void **state)
{
    (void)state;
    static const char *const tokens[] = {"s3cr3t", "\"s3cr3t" TOKEN "\"", "53727374.25",
                                         "[s3cr3t]"};
    for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
        _autofree_ char *text = str_format("token: %s\n", tokens[i]);
        _autofree_ char *found = problems_of(text);
        assert_non_null(strstr(found, "token: "));
        assert_null(strstr(found, "s3cr3t"));
        assert_null(strstr(found, "5372"));
    }
}

static struct node_configuration *decoded(const char *rest)
{
    json_auto_t *json = document_of(rest);
    struct node_configuration *c;
    struct err err = ERR_INIT;
    assert_int_equal(node_configuration_complete(json, "v1.31.4"), 0);
    if (node_configuration_decode(json, &c, &err) < 0)
        fail_msg("%s", err_text(&err));
    return c;
}

static void a_node_alone_has_defaults_of_its_own(void **state)
{
    (void)state;
    _cleanup_(node_configuration_freep) struct node_configuration *c = decoded("token: null\n");
    assert_null(c->seeder);
    assert_null(c->token);
    assert_string_equal(c->cluster.kubernetes_version, "v1.31.4");
    assert_true(c->cluster.join_policy.auto_approve);
    assert_int_equal(c->cluster.join_policy.token_ttl_seconds, 86400);
    assert_int_equal(c->cluster.cni.driver, CNI_BRIDGE);
    _cleanup_(node_configuration_freep) struct node_configuration *said =
        decoded("cluster: {kubernetesVersion: v1.20.2, joinPolicy: {autoApprove: false, "
                "tokenTTLSeconds: 900}}\n");
    assert_string_equal(said->cluster.kubernetes_version, "v1.20.2");
    assert_false(said->cluster.join_policy.auto_approve);
    assert_int_equal(said->cluster.join_policy.token_ttl_seconds, 900);
}

static void seeders_are_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"10.0.0.1", "10.0.0.1:6443"},
        {"10.0.0.1:7443", "10.0.0.1:7443"},
        {"Node1.Example", "node1.example:6443"},
        {"https://node1:6443/", "node1:6443"},
        {"https://node1", "node1:6443"},
        {"node1:", NULL},
        {"node1:0", NULL},
        {"node1:65536", NULL},
        {"node1:6443/", NULL},
        {"http://node1", NULL},
        {"", NULL},
        {":6443", NULL},
        {"a b", NULL},
        {"a:1:2", NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char endpoint[NODE_SEEDER_SIZE];
        int r = node_seeder_normalize(cases[i].text, endpoint);
        assert_int_equal(r, cases[i].want ? 0 : -EINVAL);
        if (cases[i].want)
            assert_string_equal(endpoint, cases[i].want);
    }
}

static void a_seeder_of_any_length_fits(void **state)
{
    (void)state;
    char text[1024], endpoint[NODE_SEEDER_SIZE];
    for (size_t n = 1; n < sizeof(text); n++) {
        memset(text, 'a', n);
        for (size_t i = 50; i < n; i += 50)
            text[i] = '.';
        text[n] = '\0';
        (void)!node_seeder_normalize(text, endpoint);
    }
}

static void the_reference_page_is_current(void **state)
{
    (void)state;
    const char *folder = getenv("SLIPWAY_REFERENCE");
    _autobuf_ struct buf page = BUF_INIT;
    _autofree_ char *path =
        str_format("%s/node-configuration.md", folder ? folder : "docs/reference");
    _autofree_ char *found = NULL;
    assert_int_equal(kind_reference(&kind_node_configuration, &page), 0);
    assert_int_equal(file_read(path, 1 << 20, &found, NULL, NULL), 0);
    if (!str_eq(found, buf_str(&page)))
        fail_msg("%s is not what the field table says; run `ninja reference`", path);
}

UNIT_MAIN(cmocka_unit_test(what_is_wrong_is_told_with_its_path),
          cmocka_unit_test(all_problems_are_told_at_once),
          cmocka_unit_test(a_wrong_token_is_not_told),
          cmocka_unit_test(a_node_alone_has_defaults_of_its_own),
          cmocka_unit_test(seeders_are_host_and_port),
          cmocka_unit_test(a_seeder_of_any_length_fits),
          cmocka_unit_test(the_reference_page_is_current))
