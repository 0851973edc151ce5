/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "cli/connect.h"
#include "server/api-tls.h"

static const char config[] = "apiVersion: v1\n"
                             "kind: Config\n"
                             "current-context: b\n"
                             "clusters:\n"
                             "- {name: c, cluster: {server: 'https://h:1/', "
                             "certificate-authority-data: UEVN}}\n"
                             "- {name: plain, cluster: {server: 'http://h:1'}}\n"
                             "users:\n"
                             "- {name: u, user: {token: secret}}\n"
                             "- {name: none, user: {}}\n"
                             "contexts:\n"
                             "- {name: b, context: {cluster: c, user: u}}\n"
                             "- {name: no-token, context: {cluster: c, user: none}}\n"
                             "- {name: no-user, context: {cluster: c, user: x}}\n"
                             "- {name: no-tls, context: {cluster: plain, user: u}}\n";

static void test_current_context(void **state)
{
    (void)state;
    struct connection c = {0};
    struct err err = ERR_INIT;
    if (connection_from_kubeconfig("f", config, NULL, &c, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_string_equal(c.url, "https://h:1");
    assert_string_equal(c.token, "secret");
    assert_string_equal(c.authority, "PEM");
    assert_null(c.socket);
    connection_clear(&c);
}

static void test_errors(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"zz", "f: there is no context \"zz\""},
        {"no-token", "f: the user has no token"},
        {"no-user", "f: context \"no-user\" names no cluster with a server, or no user"},
        {"no-tls", "server: expected an https:// URL, found \"http://h:1\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct connection c = {0};
        struct err err = ERR_INIT;
        assert_int_equal(connection_from_kubeconfig("f", config, cases[i][0], &c, &err), -EINVAL);
        assert_string_equal(err_text(&err), cases[i][1]);
        assert_null(c.url);
    }
    struct connection c = {0};
    assert_int_equal(connection_from_kubeconfig("f", "[", NULL, &c, NULL), -EINVAL);
}

/* What the server writes is what the client reads. */
static void test_own(void **state)
{
    (void)state;
    _autofree_ char *text = api_kubeconfig_text("https://10.0.0.1:6780", "PEM\n", "bob", "t0k-en_");
    struct connection c = {0};
    assert_int_equal(connection_from_kubeconfig("f", text, "slipway", &c, NULL), 0);
    assert_string_equal(c.token, "t0k-en_");
    assert_string_equal(c.authority, "PEM\n");
    connection_clear(&c);
}

UNIT_MAIN(cmocka_unit_test(test_current_context), cmocka_unit_test(test_errors),
          cmocka_unit_test(test_own))
