/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "kube/kubeconfig.h"

#define CA "-----BEGIN CERTIFICATE-----\nQ0E=\n-----END CERTIFICATE-----\n"
#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nQ0VSVA==\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nS0VZ\n-----END PRIVATE KEY-----\n"

static int read_text(const char *text, const char *context, struct kube_config *ret,
                     struct err *err)
{
    return kube_config_read("test.conf", text, strlen(text), context, ret, err);
}

static void test_written_is_read(void **state)
{
    (void)state;
    const struct kube_config_parts parts = {.server = "https://[fd00::1]:6443",
                                            .authority = CA,
                                            .certificate = CERTIFICATE,
                                            .key = KEY};
    _autofree_ char *text = kube_config_text(&parts);
    _autokubeconfig_ struct kube_config c = {0};
    struct err err = ERR_INIT;
    assert_non_null(text);
    assert_non_null(strstr(text, "current-context: \"kubernetes-admin@kubernetes\"\n"));
    assert_int_equal(read_text(text, NULL, &c, &err), 0);
    assert_string_equal(c.server, "https://[fd00::1]:6443");
    assert_string_equal(c.authority, CA);
    assert_string_equal(c.certificate, CERTIFICATE);
    assert_string_equal(c.key, KEY);
    assert_null(c.token);
}

static void test_hostile_text_stays_a_text(void **state)
{
    (void)state;
    const struct kube_config_parts parts = {.server = "https://a",
                                            .authority = CA,
                                            .token = "a\"\n    exec: {command: x}\\",
                                            .user = "me: \"you\"",
                                            .cluster = "#c\t\x7f"};
    _autofree_ char *text = kube_config_text(&parts);
    _autokubeconfig_ struct kube_config c = {0};
    struct err err = ERR_INIT;
    assert_non_null(text);
    assert_int_equal(read_text(text, NULL, &c, &err), 0);
    assert_string_equal(c.token, parts.token);
    kube_config_clear(&c);
    assert_int_equal(read_text(text, "me: \"you\"@#c\t\x7f", &c, &err), 0);
}

static void test_discovery_file_has_no_user(void **state)
{
    (void)state;
    const struct kube_config_parts parts = {.server = "https://10.0.0.1:6443", .authority = CA};
    _autofree_ char *text = kube_config_text(&parts);
    _autokubeconfig_ struct kube_config c = {0};
    struct err err = ERR_INIT;
    assert_int_equal(read_text(text, NULL, &c, &err), 0);
    assert_string_equal(c.authority, CA);
    assert_null(c.certificate);
    assert_null(c.token);
    kube_config_clear(&c);
    /* Neither a context is needed. */
    assert_int_equal(
        read_text("clusters: [{name: a, cluster: {server: 'https://b'}}]", NULL, &c, &err), 0);
    assert_string_equal(c.server, "https://b");
}

static void test_parts_are_needed(void **state)
{
    (void)state;
    assert_null(kube_config_text(&(struct kube_config_parts){.server = "https://a"}));
    assert_null(kube_config_text(&(struct kube_config_parts){.authority = CA}));
}

/* As kubeadm and kubelet write it. */
static const char kubelet[] = "apiVersion: v1\n"
                              "clusters:\n"
                              "- cluster:\n"
                              "    certificate-authority: ca.crt\n"
                              "    server: https://10.0.0.1:6443\n"
                              "  name: default-cluster\n"
                              "contexts:\n"
                              "- context:\n"
                              "    cluster: default-cluster\n"
                              "    namespace: default\n"
                              "    user: default-auth\n"
                              "  name: default-context\n"
                              "- {name: other, context: {cluster: default-cluster, user: other}}\n"
                              "- {name: lost, context: {cluster: nowhere, user: other}}\n"
                              "current-context: default-context\n"
                              "kind: Config\n"
                              "preferences: {}\n"
                              "users:\n"
                              "- name: default-auth\n"
                              "  user:\n"
                              "    client-certificate: pki/current.pem\n"
                              "    client-key: pki/current.pem\n"
                              "- {name: other, user: {tokenFile: token}}\n";

static void test_kubelet_conf_names_files(void **state)
{
    (void)state;
    _autokubeconfig_ struct kube_config c = {0};
    struct err err = ERR_INIT;
    assert_int_equal(read_text(kubelet, NULL, &c, &err), 0);
    assert_string_equal(c.certificate_file, "pki/current.pem");
    assert_string_equal(c.key_file, "pki/current.pem");
    assert_string_equal(c.authority_file, "ca.crt");
    assert_string_equal(c.namespace, "default");
    assert_null(c.certificate);
}

static void write_at(const char *dir, const char *name, const char *text)
{
    _autofree_ char *path = str_format("%s/%s", dir, name);
    struct err err = ERR_INIT;
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, &err), 0);
}

static void test_files_are_loaded_beside(void **state)
{
    (void)state;
    char dir[] = "/tmp/kubeconfig-XXXXXX";
    _autokubeconfig_ struct kube_config c = {0};
    struct err err = ERR_INIT;
    assert_non_null(mkdtemp(dir));
    _autofree_ char *path = str_format("%s/kubelet.conf", dir);
    _autofree_ char *pki = str_format("%s/pki", dir);
    assert_int_equal(mkdir(pki, 0700), 0);
    write_at(dir, "kubelet.conf", kubelet);
    write_at(dir, "ca.crt", CA);
    write_at(dir, "token", "secret\n");
    assert_int_equal(kube_config_load(path, NULL, &c, &err), -ENOENT);
    assert_non_null(strstr(err.text, "current.pem"));
    write_at(pki, "current.pem", CERTIFICATE KEY);
    assert_int_equal(kube_config_load(path, NULL, &c, &err), 0);
    assert_string_equal(c.authority, CA);
    assert_string_equal(c.certificate, CERTIFICATE KEY);
    assert_string_equal(c.key, CERTIFICATE KEY);
    kube_config_clear(&c);
    assert_int_equal(kube_config_load(path, "other", &c, &err), 0);
    assert_string_equal(c.token, "secret");
    assert_int_equal(tree_remove(dir, &err), 0);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "not a kubeconfig"},
        {"- a", "not a kubeconfig"},
        {"{}", "names no cluster"},
        {"a: [", "test.conf"},
        {"current-context: x", "no context \"x\""},
        {"clusters: [{name: a, cluster: {server: 'http://b'}}]", "https://"},
        {"clusters: [{name: a, cluster: {}}]", "https://"},
        {"clusters: [{name: a, cluster: {server: 'https://b', insecure-skip-tls-verify: true}}]",
         "insecure"},
        {"clusters: [{name: a, cluster: {server: 'https://b', certificate-authority-data: '?'}}]",
         "not base64"},
        {"clusters: [{name: a, cluster: {server: 'https://b', certificate-authority-data: AAAA}}]",
         "not a PEM"},
        {"clusters: [{name: a, cluster: {server: 'https://b'}}]\n"
         "users: [{name: u, user: {exec: {command: sh}}}]",
         "exec"},
        {"clusters: [{name: a, cluster: {server: 'https://b'}}]\n"
         "contexts: [{name: c, context: {cluster: a, user: u}}]\ncurrent-context: c",
         "no user \"u\""},
        {"clusters: [{name: a, cluster: {server: 'https://b'}}]\n"
         "contexts: [{name: c, context: {}}]\ncurrent-context: c",
         "names no cluster"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autokubeconfig_ struct kube_config c = {0};
        struct err err = ERR_INIT;
        assert_int_equal(read_text(cases[i].text, NULL, &c, &err), -EINVAL);
        if (!strstr(err.text, cases[i].says))
            fail_msg("case %zu: %s", i, err.text);
    }
    _autokubeconfig_ struct kube_config c = {0};
    struct err err = ERR_INIT;
    assert_int_equal(read_text(kubelet, "lost", &c, &err), -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(test_written_is_read), cmocka_unit_test(test_hostile_text_stays_a_text),
          cmocka_unit_test(test_discovery_file_has_no_user),
          cmocka_unit_test(test_parts_are_needed), cmocka_unit_test(test_kubelet_conf_names_files),
          cmocka_unit_test(test_files_are_loaded_beside), cmocka_unit_test(test_refused))
