/* SPDX-License-Identifier: Apache-2.0 */
#include "node/redact.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/test.h"

#define TOKEN "abcdef.0123456789abcdef"

static void assert_redacted(const char *line, const char *expected)
{
    _autofree_ char *text = redact_line(line);
    assert_non_null(text);
    assert_string_equal(text, expected);
}

static void test_bootstrap_tokens(void **state)
{
    (void)state;
    assert_redacted(TOKEN, REDACTED);
    assert_redacted("[bootstrap-token] Using token: " TOKEN,
                    "[bootstrap-token] Using token: " REDACTED);
    assert_redacted("kubeadm join 10.0.0.1:6443 --token " TOKEN " \\",
                    "kubeadm join 10.0.0.1:6443 --token " REDACTED " \\");
    assert_redacted("\"token=" TOKEN "\"", "\"token=" REDACTED "\"");
    assert_redacted("a\\n" TOKEN "\\n", "a\\n" REDACTED "\\n");
    assert_redacted("x" TOKEN TOKEN, "x" REDACTED ".0123456789abcdef");
    assert_redacted(TOKEN "," TOKEN, REDACTED "," REDACTED);
}

static void test_keys(void **state)
{
    (void)state;
    assert_redacted("--certificate-key "
                    "9555b74008f24687eb964bd90a164ecb5760a89481d9c55a77c129b7db438168",
                    "--certificate-key " REDACTED);
    assert_redacted("MC4CAQAwBQYDK2VwBCIEIAe3WzvTnN0AQzgkNeFqyZQ/+8UkQT==", REDACTED);
    assert_redacted("Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IiJ9.eyJpc3MiOiJrdWJlIn0.c2ln-_A end",
                    "Bearer " REDACTED " end");
}

static void test_what_is_no_secret_stays(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "[certs] Generating \"apiserver-kubelet-client\" certificate and key",
        "--hash sha256:9fd7b2f70a1ff5d6697c8991d8330d8bb25c4c5e135f26c1862830a82c3ebaf2",
        "Get \"https://10.0.0.1:6443/api/v1/namespaces/kube-system/configmaps/kubeadm-config\"",
        "[kubelet-start] Writing kubelet configuration to file \"/var/lib/kubelet/config.yaml\"",
        "abcdef.0123456789abcde is too short, abcde.0123456789abcdef too",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        assert_redacted(lines[i], lines[i]);
}

/* Whatever stands around it, no part of 8 letters of a token is left. */
static void test_nothing_of_a_token_is_left(void **state)
{
    (void)state;
    static const char around[] = "az09AZ.-_=:\"'\\ /%+";
    for (size_t i = 0; around[i]; i++) {
        for (size_t j = 0; around[j]; j++) {
            _autofree_ char *line = str_format("x%c" TOKEN "%cx", around[i], around[j]);
            _autofree_ char *text = redact_line(line);
            assert_non_null(text);
            assert_null(strstr(text, "bcdef.0"));
            assert_null(strstr(text, "01234567"));
        }
    }
}

UNIT_MAIN(cmocka_unit_test(test_bootstrap_tokens), cmocka_unit_test(test_keys),
          cmocka_unit_test(test_what_is_no_secret_stays),
          cmocka_unit_test(test_nothing_of_a_token_is_left))
