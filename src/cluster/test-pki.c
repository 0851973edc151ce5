/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/pki.h"

#include <sodium.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/test.h"
#include "cluster/x509.h"

#define NOW 1750000000000 /* 2025-06-15T15:06:40Z */
#define YEAR ((int64_t)365 * 24 * 3600 * 1000)

static struct clock_fake at(int64_t wall_ms)
{
    struct clock_fake clock;
    clock_fake_init(&clock, 0, wall_ms);
    return clock;
}

static void new_pki(struct pki *pki, enum pki_algorithm algorithm)
{
    struct clock_fake clock = at(NOW);
    struct err err = ERR_INIT;
    *pki = PKI_INIT;
    assert_int_equal(pki_create(pki, algorithm, &clock.clock, &err), 0);
}

static gnutls_x509_crt_t parsed(const char *pem)
{
    gnutls_x509_crt_t certificate = NULL;
    assert_true(x509_certificate_read(pem, &certificate) >= 0);
    return certificate;
}

static void assert_authority(const struct pki_pair *pair, const char *common_name,
                             unsigned expected_usage, const char *begin_key)
{
    _autox509crt_ gnutls_x509_crt_t c = parsed(pair->certificate);
    char name[64];
    size_t size = sizeof(name);
    assert_int_equal(
        gnutls_x509_crt_get_dn_by_oid(c, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size), 0);
    assert_string_equal(name, common_name);
    unsigned critical = 0, usage = 0;
    assert_int_equal(gnutls_x509_crt_get_ca_status(c, &critical), 1);
    assert_int_equal(critical, 1);
    assert_int_equal(gnutls_x509_crt_get_key_usage(c, &usage, &critical), 0);
    assert_int_equal(critical, 1);
    assert_int_equal(usage, expected_usage);
    assert_int_equal(gnutls_x509_crt_get_version(c), 3);
    assert_int_equal(gnutls_x509_crt_get_activation_time(c), NOW / 1000 - 3600);
    assert_int_equal(gnutls_x509_crt_get_expiration_time(c), NOW / 1000 + 10 * YEAR / 1000);
    assert_non_null(str_after(pair->key, begin_key));
    int64_t end;
    assert_int_equal(pki_not_after(pair->certificate, &end), 0);
    assert_int_equal(end, NOW + 10 * YEAR);
}

static void test_create(void **state)
{
    (void)state;
    static const struct {
        enum pki_algorithm algorithm;
        unsigned usage;
        const char *begin;
    } cases[] = {
        {PKI_EC, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN,
         "-----BEGIN EC PRIVATE KEY-----"},
        {PKI_RSA,
         GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_KEY_ENCIPHERMENT,
         "-----BEGIN RSA PRIVATE KEY-----"}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autopki_ struct pki pki = PKI_INIT;
        new_pki(&pki, cases[i].algorithm);
        assert_authority(&pki.ca, "kubernetes", cases[i].usage, cases[i].begin);
        assert_authority(&pki.front_proxy_ca, "front-proxy-ca", cases[i].usage, cases[i].begin);
        assert_authority(&pki.etcd_ca, "etcd-ca", cases[i].usage, cases[i].begin);
        assert_non_null(str_after(pki.sa_key, "-----BEGIN RSA PRIVATE KEY-----"));
        assert_non_null(str_after(pki.sa_pub, "-----BEGIN PUBLIC KEY-----"));
        struct err err = ERR_INIT;
        assert_int_equal(pki_check(&pki, &err), 0);
    }
}

static void test_create_keeps_what_is_there(void **state)
{
    (void)state;
    _autopki_ struct pki pki = PKI_INIT, old = PKI_INIT;
    new_pki(&old, PKI_EC);
    pki.ca.certificate = strdup(old.ca.certificate);
    pki.ca.key = strdup(old.ca.key);
    struct clock_fake clock = at(NOW);
    struct err err = ERR_INIT;
    assert_int_equal(pki_create(&pki, PKI_EC, &clock.clock, &err), 0);
    assert_string_equal(pki.ca.certificate, old.ca.certificate);
    assert_string_not_equal(pki.etcd_ca.certificate, old.etcd_ca.certificate);
    assert_int_equal(pki_check(&pki, &err), 0);

    pki_secret_free(TAKE_PTR(pki.etcd_ca.key));
    assert_int_equal(pki_create(&pki, PKI_EC, &clock.clock, &err), -EINVAL);
    assert_non_null(strstr(err.text, "etcd/ca.crt"));
}

static void test_check_finds_swapped_members(void **state)
{
    (void)state;
    _autopki_ struct pki pki = PKI_INIT, other = PKI_INIT;
    new_pki(&pki, PKI_EC);
    new_pki(&other, PKI_EC);
    struct err err = ERR_INIT;
    char *mine = pki.etcd_ca.key;
    pki.etcd_ca.key = other.etcd_ca.key;
    assert_int_equal(pki_check(&pki, &err), -EINVAL);
    assert_string_equal(err.text, "etcd/ca.key is not the key of etcd/ca.crt");
    pki.etcd_ca.key = mine;
    char *public = pki.sa_pub;
    pki.sa_pub = other.sa_pub;
    assert_int_equal(pki_check(&pki, &err), -EINVAL);
    assert_string_equal(err.text, "sa.pub is not the public half of sa.key");
    pki.sa_pub = public;
    assert_int_equal(pki_check(&pki, &err), 0);
}

static void test_files(void **state)
{
    (void)state;
    _autopki_ struct pki pki = PKI_INIT;
    new_pki(&pki, PKI_EC);
    struct pki_file files[PKI_FILE_COUNT];
    pki_files(&pki, files);
    for (size_t i = 0; i < PKI_FILE_COUNT; i++) {
        assert_non_null(files[i].data);
        assert_int_equal(files[i].mode, strstr(files[i].data, "PRIVATE") ? 0600 : 0644);
    }
    assert_string_equal(files[5].path, "etcd/ca.key");
    assert_ptr_equal(files[5].data, pki.etcd_ca.key);
}

/* ---- issuing ---- */

static const struct pki_subject admin = {.common_name = "kubernetes-admin",
                                         .organizations =
                                             (const char *const[]){"system:masters", NULL},
                                         .usages = PKI_USAGE_CLIENT,
                                         .lifetime_seconds = 3600};

static int verify(const struct pki_pair *authority, const char *certificate_pem)
{
    _autox509crt_ gnutls_x509_crt_t ca = parsed(authority->certificate);
    _autox509crt_ gnutls_x509_crt_t certificate = parsed(certificate_pem);
    gnutls_x509_trust_list_t list;
    unsigned status = 0;
    assert_true(gnutls_x509_trust_list_init(&list, 0) >= 0);
    assert_true(gnutls_x509_trust_list_add_cas(list, &ca, 1, 0) >= 0);
    int r = gnutls_x509_trust_list_verify_crt(list, &certificate, 1,
                                              GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
                                                  GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS,
                                              &status, NULL);
    gnutls_x509_trust_list_deinit(list, 0);
    return r < 0 ? r : (int)status;
}

static void test_issue_client(void **state)
{
    (void)state;
    for (enum pki_algorithm algorithm = PKI_EC; algorithm <= PKI_RSA; algorithm++) {
        _autopki_ struct pki pki = PKI_INIT;
        _autopair_ struct pki_pair issued = {0};
        new_pki(&pki, algorithm);
        struct clock_fake clock = at(NOW + 1000000);
        struct err err = ERR_INIT;
        assert_int_equal(pki_issue(&pki.ca, &admin, &clock.clock, &issued, &err), 0);
        assert_int_equal(verify(&pki.ca, issued.certificate), 0);
        assert_int_not_equal(verify(&pki.etcd_ca, issued.certificate), 0);
        _autox509crt_ gnutls_x509_crt_t c = parsed(issued.certificate);
        assert_int_equal(gnutls_x509_crt_get_expiration_time(c), NOW / 1000 + 1000 + 3600);
        /* An hour back, but not before the authority itself begins. */
        assert_int_equal(gnutls_x509_crt_get_activation_time(c), NOW / 1000 + 1000 - 3600);
        assert_int_equal(gnutls_x509_crt_get_ca_status(c, NULL), 0);
        char text[64];
        size_t size = sizeof(text);
        assert_int_equal(
            gnutls_x509_crt_get_dn_by_oid(c, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, 0, text, &size),
            0);
        assert_string_equal(text, "system:masters");
        size = sizeof(text);
        assert_int_equal(gnutls_x509_crt_get_key_purpose_oid(c, 0, text, &size, NULL), 0);
        assert_string_equal(text, GNUTLS_KP_TLS_WWW_CLIENT);
        size = sizeof(text);
        assert_int_equal(gnutls_x509_crt_get_key_purpose_oid(c, 1, text, &size, NULL),
                         GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE);
    }
}

static void test_issue_server(void **state)
{
    (void)state;
    _autopki_ struct pki pki = PKI_INIT;
    _autopair_ struct pki_pair issued = {0};
    new_pki(&pki, PKI_EC);
    const struct pki_subject dex = {
        .common_name = "dex",
        .names =
            (const char *const[]){"dex.example.org", "*.example.org", "10.0.0.7", "fd00::7", NULL},
        .usages = PKI_USAGE_SERVER,
        .lifetime_seconds = INT64_MAX};
    struct clock_fake clock = at(NOW);
    struct err err = ERR_INIT;
    assert_int_equal(pki_issue(&pki.ca, &dex, &clock.clock, &issued, &err), 0);
    _autox509crt_ gnutls_x509_crt_t c = parsed(issued.certificate);
    assert_int_equal(gnutls_x509_crt_check_hostname(c, "dex.example.org"), 1);
    assert_int_equal(gnutls_x509_crt_check_hostname(c, "other.org"), 0);
    const uint8_t four[] = {10, 0, 0, 7}, other[] = {10, 0, 0, 8};
    const uint8_t six[16] = {0xfd, [15] = 7};
    assert_int_equal(gnutls_x509_crt_check_ip(c, four, sizeof(four), 0), 1);
    assert_int_equal(gnutls_x509_crt_check_ip(c, six, sizeof(six), 0), 1);
    assert_int_equal(gnutls_x509_crt_check_ip(c, other, sizeof(other), 0), 0);
    /* Never longer than the authority. */
    assert_int_equal(gnutls_x509_crt_get_expiration_time(c), NOW / 1000 + 10 * YEAR / 1000);
    assert_int_equal(verify(&pki.ca, issued.certificate), 0);
}

static void test_issue_refuses(void **state)
{
    (void)state;
    _autopki_ struct pki pki = PKI_INIT;
    new_pki(&pki, PKI_EC);
    char long_name[600];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    const char *many[PKI_NAMES_MAX + 2] = {0};
    for (size_t i = 0; i <= PKI_NAMES_MAX; i++)
        many[i] = "name";
    static const char *const bad_name[] = {"a..b", NULL}, *const not_dns[] = {"a b", NULL};
    static const char *const dashed[] = {"-a", NULL}, *const newline[] = {"a\nb", NULL};
    const struct {
        struct pki_subject subject;
        const char *text;
    } cases[] = {
        {{.common_name = "", .usages = 1, .lifetime_seconds = 1}, "common name"},
        {{.common_name = NULL, .usages = 1, .lifetime_seconds = 1}, "common name"},
        {{.common_name = long_name, .usages = 1, .lifetime_seconds = 1}, "common name"},
        {{.common_name = "a\nb", .usages = 1, .lifetime_seconds = 1}, "common name"},
        {{.common_name = "a", .usages = 0, .lifetime_seconds = 1}, "neither"},
        {{.common_name = "a", .usages = 1, .lifetime_seconds = 0}, "lifetime"},
        {{.common_name = "a", .usages = 1, .lifetime_seconds = -5}, "lifetime"},
        {{.common_name = "a", .usages = 2, .lifetime_seconds = 1, .names = bad_name}, "a..b"},
        {{.common_name = "a", .usages = 2, .lifetime_seconds = 1, .names = not_dns}, "a b"},
        {{.common_name = "a", .usages = 2, .lifetime_seconds = 1, .names = dashed}, "-a"},
        {{.common_name = "a", .usages = 2, .lifetime_seconds = 1, .names = many}, "more than"},
        {{.common_name = "a", .usages = 1, .lifetime_seconds = 1, .organizations = newline},
         "organisation"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct clock_fake clock = at(NOW);
        struct err err = ERR_INIT;
        struct pki_pair issued = {0};
        assert_int_equal(pki_issue(&pki.ca, &cases[i].subject, &clock.clock, &issued, &err),
                         -EINVAL);
        assert_non_null(strstr(err.text, cases[i].text));
        assert_null(issued.key);
    }
    struct clock_fake late = at(NOW + 11 * YEAR);
    struct err err = ERR_INIT;
    struct pki_pair issued = {0};
    assert_int_equal(pki_issue(&pki.ca, &admin, &late.clock, &issued, &err), -EKEYEXPIRED);
}

/* ---- importing ---- */

/* A certificate with whatever is wrong about it, its key in PKCS #8. */
static struct pki_pair make(gnutls_pk_algorithm_t algorithm, unsigned bits, int authority,
                            int usage, int64_t from_ms, int64_t to_ms)
{
    _autox509key_ gnutls_x509_privkey_t key = NULL;
    _autox509crt_ gnutls_x509_crt_t c = NULL;
    struct pki_pair pair = {0};
    assert_true(gnutls_x509_privkey_init(&key) >= 0 && gnutls_x509_crt_init(&c) >= 0);
    assert_true(gnutls_x509_privkey_generate(key, algorithm, bits, 0) >= 0);
    assert_true(gnutls_x509_crt_set_version(c, 3) >= 0);
    assert_true(gnutls_x509_crt_set_serial(c, "\1", 1) >= 0);
    assert_true(gnutls_x509_crt_set_dn(c, "CN=mine", NULL) >= 0);
    assert_true(gnutls_x509_crt_set_activation_time(c, from_ms / 1000) >= 0);
    assert_true(gnutls_x509_crt_set_expiration_time(c, to_ms / 1000) >= 0);
    assert_true(gnutls_x509_crt_set_key(c, key) >= 0);
    if (authority >= 0)
        assert_true(gnutls_x509_crt_set_basic_constraints(c, (unsigned)authority, -1) >= 0);
    if (usage >= 0)
        assert_true(gnutls_x509_crt_set_key_usage(c, (unsigned)usage) >= 0);
    gnutls_digest_algorithm_t digest =
        algorithm == GNUTLS_PK_EDDSA_ED25519 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
    assert_true(gnutls_x509_crt_sign2(c, c, key, digest, 0) >= 0);
    gnutls_datum_t pem = {0};
    assert_true(gnutls_x509_crt_export2(c, GNUTLS_X509_FMT_PEM, &pem) >= 0);
    pair.certificate = strndup((char *)pem.data, pem.size);
    gnutls_free(pem.data);
    assert_true(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                                  &pem) >= 0);
    pair.key = strndup((char *)pem.data, pem.size);
    gnutls_free(pem.data);
    return pair;
}

static int import(const struct pki_pair *pair, struct err *err)
{
    _autopair_ struct pki_pair taken = {0};
    struct clock_fake clock = at(NOW);
    int r = pki_import("spec.pki.ca", pair->certificate, pair->key, &clock.clock, &taken, err);
    assert_int_equal(r == 0, taken.key != NULL);
    if (r == 0)
        assert_string_equal(taken.certificate, pair->certificate);
    return r;
}

#define P256 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1)
#define P384 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1)
#define SIGNS GNUTLS_KEY_KEY_CERT_SIGN

static void test_import(void **state)
{
    (void)state;
    const struct {
        gnutls_pk_algorithm_t algorithm;
        unsigned bits;
        int authority, usage;
        int64_t from, to;
        const char *text; /* NULL: taken */
    } cases[] = {
        {GNUTLS_PK_ECDSA, P256, 1, SIGNS, NOW - 1, NOW + YEAR, NULL},
        {GNUTLS_PK_ECDSA, P384, 1, SIGNS, NOW - 1, NOW + YEAR, NULL},
        {GNUTLS_PK_RSA, 2048, 1, SIGNS, NOW - 1, NOW + YEAR, NULL},
        {GNUTLS_PK_ECDSA, P256, 1, -1, NOW - 1, NOW + YEAR, NULL},
        {GNUTLS_PK_ECDSA, P256, 0, SIGNS, NOW - 1, NOW + YEAR, "CA:TRUE"},
        {GNUTLS_PK_ECDSA, P256, -1, SIGNS, NOW - 1, NOW + YEAR, "CA:TRUE"},
        {GNUTLS_PK_ECDSA, P256, 1, GNUTLS_KEY_DIGITAL_SIGNATURE, NOW - 1, NOW + YEAR,
         "keyCertSign"},
        {GNUTLS_PK_ECDSA, P256, 1, SIGNS, NOW - YEAR, NOW, "expired at 2025-06-15T15:06:40Z"},
        {GNUTLS_PK_ECDSA, P256, 1, SIGNS, NOW + 2000, NOW + YEAR, "valid only from"},
        {GNUTLS_PK_RSA, 1024, 1, SIGNS, NOW - 1, NOW + YEAR, "2048 bits"},
        {GNUTLS_PK_EDDSA_ED25519, 256, 1, SIGNS, NOW - 1, NOW + YEAR, "kubeadm takes"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autopair_ struct pki_pair pair =
            make(cases[i].algorithm, cases[i].bits, cases[i].authority, cases[i].usage,
                 cases[i].from, cases[i].to);
        struct err err = ERR_INIT;
        assert_int_equal(import(&pair, &err), cases[i].text ? -EINVAL : 0);
        if (cases[i].text) {
            assert_non_null(strstr(err.text, cases[i].text));
            assert_non_null(str_after(err.text, "spec.pki.ca: "));
        }
    }
}

static void test_import_wrong_texts(void **state)
{
    (void)state;
    _autopair_ struct pki_pair a = make(GNUTLS_PK_ECDSA, P256, 1, SIGNS, NOW - 1, NOW + YEAR);
    _autopair_ struct pki_pair b = make(GNUTLS_PK_ECDSA, P256, 1, SIGNS, NOW - 1, NOW + YEAR);
    _autofree_ char *two = str_format("%s%s", a.certificate, b.certificate);
    _autofree_ char *preamble = str_format("a certificate of ours\n%s", a.certificate);
    _autofree_ char *huge = calloc(1, PKI_PEM_MAX + 2);
    memset(huge, ' ', PKI_PEM_MAX + 1);
    static const char encrypted[] =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3\n"
        "-----END ENCRYPTED PRIVATE KEY-----\n";
    struct {
        const char *certificate, *key, *text;
    } cases[] = {
        {a.certificate, b.key, "not this certificate's"},
        {two, a.key, "found 2 PEM blocks"},
        {"", a.key, "expected a certificate in PEM"},
        {a.key, a.key, "expected a certificate in PEM"},
        {a.certificate, "", "expected a private key in PEM"},
        {a.certificate, a.certificate, "expected a private key in PEM"},
        {a.certificate, encrypted, "without a passphrase"},
        {huge, a.key, "at most"},
        {a.certificate, NULL, "at most"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct clock_fake clock = at(NOW);
        struct err err = ERR_INIT;
        struct pki_pair taken = {0};
        assert_int_equal(
            pki_import("ca", cases[i].certificate, cases[i].key, &clock.clock, &taken, &err),
            -EINVAL);
        assert_non_null(strstr(err.text, cases[i].text));
    }
    struct clock_fake clock = at(NOW);
    struct err err = ERR_INIT;
    _autopair_ struct pki_pair taken = {0};
    assert_int_equal(pki_import("ca", preamble, a.key, &clock.clock, &taken, &err), 0);
    assert_string_equal(taken.certificate, a.certificate);
}

static void test_import_service_account(void **state)
{
    (void)state;
    _autopki_ struct pki pki = PKI_INIT, other = PKI_INIT;
    new_pki(&pki, PKI_EC);
    new_pki(&other, PKI_EC);
    struct err err = ERR_INIT;
    assert_int_equal(pki_import_service_account("sa", other.sa_key, &pki, &err), 0);
    assert_string_equal(pki.sa_pub, other.sa_pub);
    assert_int_equal(pki_check(&pki, &err), 0);
    assert_int_equal(pki_import_service_account("sa", other.ca.key, &pki, &err), -EINVAL);
    assert_non_null(strstr(err.text, "RSA"));
    assert_string_equal(pki.sa_pub, other.sa_pub);
}

/* ---- what others think of it ---- */

struct files {
    char folder[32], ca[64], certificate[64], key[64];
};

static void write_files(struct files *f, const struct pki_pair *ca, const struct pki_pair *pair)
{
    struct err err = ERR_INIT;
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/test-pki.XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->ca, sizeof(f->ca), "%s/ca.crt", f->folder);
    (void)snprintf(f->certificate, sizeof(f->certificate), "%s/tls.crt", f->folder);
    (void)snprintf(f->key, sizeof(f->key), "%s/tls.key", f->folder);
    assert_int_equal(file_write_atomic(f->ca, ca->certificate, strlen(ca->certificate), 0600, &err),
                     0);
    assert_int_equal(
        file_write_atomic(f->certificate, pair->certificate, strlen(pair->certificate), 0600, &err),
        0);
    assert_int_equal(file_write_atomic(f->key, pair->key, strlen(pair->key), 0600, &err), 0);
}

static char *output_of(const char *const argv[], const char *input, size_t len)
{
    _autobuf_ struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    const struct proc_options options = {
        .input = input, .input_len = len, .output = &out, .timeout_ms = 20000};
    if (proc_run(argv, &options, NULL, &err) < 0)
        fail_msg("%s", err.text);
    return buf_steal(&out);
}

/* OpenSSL agrees about the chain, the key, and the hash that kubeadm's documentation tells people
   to compute. */
static void test_openssl_agrees(void **state)
{
    (void)state;
    char path[256];
    if (!proc_find("openssl", path, sizeof(path))) {
        print_message("openssl is not installed\n");
        skip();
    }
    for (enum pki_algorithm algorithm = PKI_EC; algorithm <= PKI_RSA; algorithm++) {
        _autopki_ struct pki pki = PKI_INIT;
        _autopair_ struct pki_pair issued = {0};
        struct err err = ERR_INIT;
        assert_int_equal(pki_create(&pki, algorithm, &clock_system, &err), 0);
        struct pki_subject subject = admin;
        subject.algorithm = algorithm;
        assert_int_equal(pki_issue(&pki.ca, &subject, &clock_system, &issued, &err), 0);
        struct files f = {{0}, {0}, {0}, {0}};
        write_files(&f, &pki.ca, &issued);
        const char *const chain[] = {"openssl", "verify", "-x509_strict", "-purpose", "sslclient",
                                     "-CAfile", f.ca,     f.certificate,  NULL};
        _autofree_ char *verified = output_of(chain, NULL, 0);
        assert_non_null(strstr(verified, "OK"));
        const char *const check[] = {"openssl", "pkey", "-in", f.key, "-check", "-noout", NULL};
        _autofree_ char *checked = output_of(check, NULL, 0);
        assert_non_null(strstr(checked, "is valid"));
        const char *const public[] = {"openssl", "x509", "-in", f.ca, "-pubkey", "-noout", NULL};
        _autofree_ char *spki = output_of(public, NULL, 0);
        const char *const to_der[] = {"openssl", "pkey", "-pubin", "-outform", "DER", NULL};
        _autobuf_ struct buf der = BUF_INIT;
        const struct proc_options options = {
            .input = spki, .input_len = strlen(spki), .output = &der, .timeout_ms = 20000};
        assert_int_equal(proc_run(to_der, &options, NULL, &err), 0);
        uint8_t digest[crypto_hash_sha256_BYTES];
        (void)crypto_hash_sha256(digest, (const uint8_t *)der.data, der.len);
        _autofree_ char *hex = str_hex(digest, sizeof(digest));
        char hash[PKI_HASH_TEXT_SIZE];
        assert_int_equal(pki_hash(pki.ca.certificate, hash), 0);
        assert_string_equal(str_after(hash, "sha256:"), hex);
        assert_int_equal(tree_remove(f.folder, &err), 0);
    }
    char hash[PKI_HASH_TEXT_SIZE];
    assert_int_equal(pki_hash("nothing", hash), -EINVAL);
}

UNIT_MAIN(cmocka_unit_test(test_create), cmocka_unit_test(test_create_keeps_what_is_there),
          cmocka_unit_test(test_check_finds_swapped_members), cmocka_unit_test(test_files),
          cmocka_unit_test(test_issue_client), cmocka_unit_test(test_issue_server),
          cmocka_unit_test(test_issue_refuses), cmocka_unit_test(test_import),
          cmocka_unit_test(test_import_wrong_texts), cmocka_unit_test(test_import_service_account),
          cmocka_unit_test(test_openssl_agrees))
