/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "server/api-tls.h"
#include "server/api-users.h"

static const char *const names[] = {"127.0.0.1", "::1", "localhost"};

static gnutls_x509_crt_t import(const char *pem)
{
    gnutls_x509_crt_t crt;
    assert_int_equal(gnutls_x509_crt_init(&crt), 0);
    gnutls_datum_t datum = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    assert_int_equal(gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_PEM), 0);
    return crt;
}

/* The certificate's chain holds for each name, as a TLS client checks it. */
static void check_certificate(const struct api_certificate *c)
{
    gnutls_x509_crt_t authority = import(c->authority_pem), crt = import(c->certificate_pem);
    gnutls_x509_trust_list_t trust;
    assert_int_equal(gnutls_x509_trust_list_init(&trust, 1), 0);
    assert_int_equal(gnutls_x509_trust_list_add_cas(trust, &authority, 1, 0), 1);
    unsigned status = 1;
    assert_int_equal(gnutls_x509_trust_list_verify_crt(trust, &crt, 1, 0, &status, NULL), 0);
    assert_int_equal(status, 0);
    assert_true(gnutls_x509_crt_check_hostname(crt, "localhost"));
    assert_true(gnutls_x509_crt_check_hostname(crt, "127.0.0.1"));
    assert_true(gnutls_x509_crt_check_hostname(crt, "::1"));
    assert_false(gnutls_x509_crt_check_hostname(crt, "example.com"));
    gnutls_x509_trust_list_deinit(trust, 1);
    gnutls_x509_crt_deinit(crt);
}

static void test_certificate(void **state)
{
    (void)state;
    char dir[] = "/tmp/slipway-tls-XXXXXX";
    assert_non_null(mkdtemp(dir));
    int64_t now = clock_wall(&clock_system);
    struct api_certificate first = {0}, second = {0};
    struct err err = ERR_INIT;
    if (api_certificate_make(dir, names, 3, now, &rng_system, &first, &err) < 0)
        fail_msg("%s", err_text(&err));
    check_certificate(&first);
    assert_int_equal(api_certificate_make(dir, names, 3, now, &rng_system, &second, &err), 0);
    check_certificate(&second);
    assert_string_equal(first.authority_pem, second.authority_pem);
    assert_string_not_equal(first.key_pem, second.key_pem);
    _autofree_ char *key_path = str_format("%s/api-ca.key", dir);
    struct stat st;
    assert_int_equal(stat(key_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    assert_int_equal(unlink(key_path), 0);
    struct api_certificate none = {0};
    assert_int_equal(api_certificate_make(dir, names, 3, now, &rng_system, &none, &err), -EBADMSG);
    api_certificate_clear(&first);
    api_certificate_clear(&second);
    assert_int_equal(tree_remove(dir, NULL), 0);
}

static void test_kubeconfig(void **state)
{
    (void)state;
    char dir[] = "/tmp/slipway-kubeconfig-XXXXXX";
    assert_non_null(mkdtemp(dir));
    _autofree_ char *path = str_format("%s/kubeconfig", dir);
    _autofree_ char *users_path = str_format("%s/users.json", dir);
    _autofree_ char *first = NULL, *second = NULL, *third = NULL;
    static const char url[] = "https://127.0.0.1:6780", other[] = "https://10.0.0.1:6780";
    assert_int_equal(api_kubeconfig_ensure(dir, dir, url, "PEM", &rng_system, NULL), 0);
    assert_int_equal(file_read(path, 65536, &first, NULL, NULL), 0);
    assert_non_null(strstr(first, "server: \"https://127.0.0.1:6780\"\n"));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    /* the address changes, the token stays */
    assert_int_equal(api_kubeconfig_ensure(dir, dir, other, "PEM", &rng_system, NULL), 0);
    assert_int_equal(file_read(path, 65536, &second, NULL, NULL), 0);
    const char *token = strstr(first, "token: ");
    assert_memory_equal(token, strstr(second, "token: "), 7 + API_TOKEN_SIZE - 1);

    /* the users are gone: a new token */
    assert_int_equal(unlink(users_path), 0);
    assert_int_equal(api_kubeconfig_ensure(dir, dir, url, "PEM", &rng_system, NULL), 0);
    assert_int_equal(file_read(path, 65536, &third, NULL, NULL), 0);
    assert_string_not_equal(first, third);
    assert_int_equal(tree_remove(dir, NULL), 0);
}

UNIT_MAIN(cmocka_unit_test(test_certificate), cmocka_unit_test(test_kubeconfig))
