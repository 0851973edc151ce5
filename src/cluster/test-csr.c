/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/csr.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/test.h"
#include "base/wr.h"
#include "cluster/csr-sample.h"

static const char *const nodes[] = {"system:nodes", NULL};

static struct csr *parsed(const char *pem)
{
    struct csr *csr = NULL;
    struct err err = ERR_INIT;
    if (csr_parse(pem, strlen(pem), &csr, &err) < 0)
        fail_msg("%s", err.text);
    return csr;
}

static struct csr *made(const struct csr_sample *sample)
{
    _autofree_ char *pem = csr_sample_pem(sample);
    return parsed(pem);
}

static void refused(const char *pem, size_t len, const char *text)
{
    struct csr *csr = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(csr_parse(pem, len, &csr, &err), -EBADMSG);
    assert_null(csr);
    if (!strstr(err.text, text))
        fail_msg("expected \"%s\" in \"%s\"", text, err.text);
}

static void test_client_request(void **state)
{
    (void)state;
    const struct csr_sample sample = {.common_name = "system:node:node1", .organizations = nodes};
    _autocsr_ struct csr *csr = made(&sample);
    assert_string_equal(csr->common_name, "system:node:node1");
    assert_string_equal(csr->organizations[0], "system:nodes");
    assert_null(csr->organizations[1]);
    assert_null(csr->dns_names[0]);
    assert_null(csr->addresses[0]);
    assert_true(csr->signature_valid);
    assert_true(csr->key_strong);
    assert_int_equal(csr->usages, 0);
    assert_false(csr->has_email || csr->has_uri || csr->has_other_name || csr->has_other_subject ||
                 csr->has_other_extension);
    assert_int_equal(strlen(csr->key_hash), CSR_HASH_TEXT_SIZE - 1);
}

static void test_serving_request(void **state)
{
    (void)state;
    static const char *const names[] = {"node1", "node1.example.org", NULL};
    static const char *const addresses[] = {"10.0.0.5", "fd00::5", NULL};
    const struct csr_sample sample = {.common_name = "system:node:node1",
                                      .organizations = nodes,
                                      .dns_names = names,
                                      .addresses = addresses};
    _autocsr_ struct csr *csr = made(&sample);
    assert_string_equal(csr->dns_names[0], "node1");
    assert_string_equal(csr->dns_names[1], "node1.example.org");
    assert_null(csr->dns_names[2]);
    assert_string_equal(csr->addresses[0], "10.0.0.5");
    assert_string_equal(csr->addresses[1], "fd00::5");
    assert_null(csr->addresses[2]);
    assert_true(csr->signature_valid);
}

static void test_everything_odd_is_seen(void **state)
{
    (void)state;
    static const char *const two[] = {"system:nodes", "system:masters", NULL};
    const struct csr_sample sample = {.common_name = "system:node:node1",
                                      .organizations = two,
                                      .email = "root@example.org",
                                      .uri = "spiffe://example.org/a",
                                      .unit = "unit",
                                      .authority = 1,
                                      .key_usage = GNUTLS_KEY_DIGITAL_SIGNATURE |
                                                   GNUTLS_KEY_KEY_ENCIPHERMENT |
                                                   GNUTLS_KEY_KEY_CERT_SIGN,
                                      .purpose = GNUTLS_KP_TLS_WWW_SERVER};
    _autocsr_ struct csr *csr = made(&sample);
    assert_string_equal(csr->organizations[1], "system:masters");
    assert_true(csr->has_email);
    assert_true(csr->has_uri);
    assert_true(csr->has_other_subject);
    assert_true(csr->has_other_extension);
    assert_int_equal(csr->usages, CSR_USAGE_DIGITAL_SIGNATURE | CSR_USAGE_KEY_ENCIPHERMENT |
                                      CSR_USAGE_SERVER_AUTH | CSR_USAGE_OTHER);
}

static void test_single_oddities(void **state)
{
    (void)state;
    const struct csr_sample challenge = {.common_name = "a", .challenge = "secret"};
    _autocsr_ struct csr *a = made(&challenge);
    assert_true(a->has_other_extension);
    const struct csr_sample nobody = {.organizations = nodes};
    _autocsr_ struct csr *b = made(&nobody);
    assert_string_equal(b->common_name, "");
    const struct csr_sample client = {.common_name = "a", .purpose = GNUTLS_KP_TLS_WWW_CLIENT};
    _autocsr_ struct csr *c = made(&client);
    assert_int_equal(c->usages, CSR_USAGE_CLIENT_AUTH);
    assert_false(c->has_other_extension);
    const struct csr_sample code = {.common_name = "a", .purpose = GNUTLS_KP_CODE_SIGNING};
    _autocsr_ struct csr *d = made(&code);
    assert_int_equal(d->usages, CSR_USAGE_OTHER);
    const struct csr_sample decipher = {.common_name = "a", .key_usage = GNUTLS_KEY_DECIPHER_ONLY};
    _autocsr_ struct csr *e = made(&decipher);
    assert_int_equal(e->usages, CSR_USAGE_OTHER);
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        gnutls_pk_algorithm_t algorithm;
        unsigned bits;
        bool strong;
    } cases[] = {
        {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), true},
        {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1), true},
        {GNUTLS_PK_RSA, 2048, true},
        {GNUTLS_PK_RSA, 1024, false},
        {GNUTLS_PK_EDDSA_ED25519, 256, true},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct csr_sample sample = {
            .common_name = "a", .algorithm = cases[i].algorithm, .bits = cases[i].bits};
        _autocsr_ struct csr *csr = made(&sample);
        assert_true(csr->key_strong == cases[i].strong);
        assert_true(csr->signature_valid);
    }
}

static void test_two_requests_have_two_keys(void **state)
{
    (void)state;
    const struct csr_sample sample = {.common_name = "a"};
    _autocsr_ struct csr *a = made(&sample);
    _autocsr_ struct csr *b = made(&sample);
    assert_string_not_equal(a->key_hash, b->key_hash);
}

static void test_changed_request_is_not_signed(void **state)
{
    (void)state;
    const struct csr_sample sample = {.common_name = "system:node:node1"};
    _autofree_ char *pem = csr_sample_pem(&sample);
    _autofree_ uint8_t *der = NULL;
    size_t len = 0;
    const char *body = strchr(pem, '\n') + 1;
    _autofree_ char *base64 = strndup(body, (size_t)(strstr(body, "\n-----END") - body));
    char *to = base64;
    for (char *from = base64; *from; from++)
        if (*from != '\n')
            *to++ = *from;
    *to = '\0';
    assert_int_equal(str_unbase64(base64, 4096, &der, &len), 0);
    uint8_t *name = memmem(der, len, "node1", 5);
    assert_non_null(name);
    name[4] = '2';
    _autofree_ char *changed = csr_sample_wrap(der, len);
    _autocsr_ struct csr *csr = parsed(changed);
    assert_string_equal(csr->common_name, "system:node:node2");
    assert_false(csr->signature_valid);

    /* Bytes behind the request. */
    _autofree_ uint8_t *longer = malloc(len + 1);
    memcpy(longer, der, len);
    longer[len] = 0;
    _autofree_ char *trailing = csr_sample_wrap(longer, len + 1);
    refused(trailing, strlen(trailing), "request in DER");
}

/* ---- PEM ---- */

static void test_pem_that_two_parsers_could_read_differently(void **state)
{
    (void)state;
    const struct csr_sample sample = {.common_name = "system:node:node1"};
    _autofree_ char *a = csr_sample_pem(&sample);
    _autofree_ char *b = csr_sample_pem(&sample);
    _autofree_ char *two = str_format("%s%s", a, b);
    _autofree_ char *before = str_format("text\n%s", a);
    _autofree_ char *behind = str_format("%stext\n", a);
    _autofree_ char *blank = str_format(" %s", a);
    _autofree_ char *cut = strndup(a, strlen(a) - 10);
    const char *body = strchr(a, '\n') + 1;
    _autofree_ char *header = str_format("-----BEGIN CERTIFICATE REQUEST-----\nX: y\n\n%s", body);
    /* GnuTLS looks for this kind of block first, Go takes the first of the other kind. */
    _autofree_ char *new_block =
        str_format("%s-----BEGIN NEW CERTIFICATE REQUEST-----\n%.*s-----END NEW CERTIFICATE "
                   "REQUEST-----\n",
                   a, (int)(strstr(body, "-----END") - body), body);
    _autofree_ char *joined = str_format("-----BEGIN CERTIFICATE REQUEST-----%s", body);
    const char *const texts[] = {two, before, behind, blank, cut, new_block, joined, "", "\n"};
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        refused(texts[i], strlen(texts[i]), "one PEM block");
    refused(header, strlen(header), "not base64");
    static const char high[] =
        "-----BEGIN CERTIFICATE REQUEST-----\n\xc3\xa4\n-----END CERTIFICATE REQUEST-----\n";
    refused(high, strlen(high), "one PEM block");
    refused("a\0b", 3, "NUL");
    _autofree_ char *huge = calloc(1, CSR_PEM_MAX + 1);
    refused(huge, CSR_PEM_MAX + 1, "longer than");
    /* Lines may end as they do elsewhere, and the last one may be missing. */
    _autofree_ char *unended = strndup(a, strlen(a) - 1);
    _autocsr_ struct csr *csr = parsed(unended);
    assert_true(csr->signature_valid);
}

/* ---- requests that no honest program writes ---- */

/* Elements of DER around what was written before, from the inside out. */
struct element {
    uint8_t bytes[1024];
    size_t len;
};

static struct element wrap(uint8_t tag, const struct element *inner)
{
    struct element e = {0};
    struct wr w = wr_init(e.bytes, sizeof(e.bytes));
    wr_u8(&w, tag);
    if (inner->len >= 0x100)
        wr_u8(&w, 0x82), wr_u16(&w, (uint16_t)inner->len);
    else if (inner->len >= 0x80)
        wr_u8(&w, 0x81), wr_u8(&w, (uint8_t)inner->len);
    else
        wr_u8(&w, (uint8_t)inner->len);
    wr_bytes(&w, inner->bytes, inner->len);
    assert_true(wr_ok(&w));
    e.len = w.pos;
    return e;
}

static struct element bytes(const void *data, size_t len)
{
    struct element e = {.len = len};
    memcpy(e.bytes, data, len);
    return e;
}

static struct element join(const struct element *a, const struct element *b)
{
    struct element e = *a;
    assert_true(a->len + b->len <= sizeof(e.bytes));
    memcpy(e.bytes + e.len, b->bytes, b->len);
    e.len += b->len;
    return e;
}

static struct element named(uint8_t last_of_oid, uint8_t tag, const char *value, size_t len)
{
    const uint8_t type[] = {0x06, 0x03, 0x55, 0x04, last_of_oid};
    struct element id = bytes(type, sizeof(type)), raw = bytes(value, len), text = wrap(tag, &raw);
    struct element both = join(&id, &text), sequence = wrap(0x30, &both);
    return wrap(0x31, &sequence);
}

static struct element extension(uint8_t last_of_oid, const struct element *value)
{
    const uint8_t type[] = {0x06, 0x03, 0x55, 0x1d, last_of_oid};
    struct element id = bytes(type, sizeof(type)), octets = wrap(0x04, value);
    struct element both = join(&id, &octets);
    return wrap(0x30, &both);
}

static struct element dns_names(const char *name)
{
    struct element raw = bytes(name, strlen(name)), dns = wrap(0x82, &raw);
    return wrap(0x30, &dns);
}

static struct element attribute(const struct element *extensions)
{
    static const uint8_t type[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                   0xf7, 0x0d, 0x01, 0x09, 0x0e};
    struct element id = bytes(type, sizeof(type)), set = wrap(0x31, extensions);
    struct element both = join(&id, &set);
    return wrap(0x30, &both);
}

/* A whole request with a real key of P-256 in it, and a signature that is not looked at here. */
static char *request(const struct element *names, const struct element *attributes)
{
    static const uint8_t version[] = {0x02, 0x01, 0x00};
    static const uint8_t key_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                       0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                       0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    static const uint8_t generator[] = {
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63,
        0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1,
        0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f,
        0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57,
        0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};
    static const uint8_t signature[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
                                        0x3d, 0x04, 0x03, 0x02, 0x03, 0x09, 0x00, 0x30,
                                        0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01};
    struct element v = bytes(version, sizeof(version)), subject = wrap(0x30, names);
    struct element head = bytes(key_head, sizeof(key_head)), point = bytes(generator, 64);
    struct element key = join(&head, &point), set = wrap(0xa0, attributes);
    struct element info = join(&v, &subject);
    info = join(&info, &key);
    info = join(&info, &set);
    info = wrap(0x30, &info);
    struct element tail = bytes(signature, sizeof(signature)), all = join(&info, &tail);
    all = wrap(0x30, &all);
    return csr_sample_wrap(all.bytes, all.len);
}

static void refuse_request(const struct element *names, const struct element *attributes,
                           const char *text)
{
    _autofree_ char *pem = request(names, attributes);
    refused(pem, strlen(pem), text);
}

static void test_forged_subjects(void **state)
{
    (void)state;
    const struct element none = {.len = 0};
    struct element good = named(3, 0x0c, "system:node:node1", 17);
    _autofree_ char *pem = request(&good, &none);
    _autocsr_ struct csr *csr = parsed(pem); /* the builder builds what it should */
    assert_string_equal(csr->common_name, "system:node:node1");
    assert_true(csr->key_strong);
    assert_false(csr->signature_valid);

    struct element other = named(3, 0x0c, "system:node:node2", 17), two = join(&good, &other);
    refuse_request(&two, &none, "two common names");
    struct element nul = named(3, 0x0c, "system:node:node1\0x", 19);
    refuse_request(&nul, &none, "printable");
    struct element wide = named(3, 0x1e, "\0a", 2); /* BMPString */
    refuse_request(&wide, &none, "printable");
    struct element foreign = named(3, 0x16, "node1", 5); /* IA5String: GnuTLS does not read it */
    refuse_request(&foreign, &none, "printable");
    struct element umlaut = named(10, 0x0c, "\xc3\xa4", 2);
    refuse_request(&umlaut, &none, "printable");
    static const uint8_t longer[] = {0x31, 0x0e, 0x30, 0x0c, 0x06, 0x03, 0x55, 0x04,
                                     0x03, 0x0c, 0x01, 'a',  0x0c, 0x02, 'b',  'c'};
    struct element two_values = bytes(longer, sizeof(longer));
    refuse_request(&two_values, &none, "printable");
    struct element empty = named(3, 0x0c, "", 0);
    refuse_request(&empty, &none, "printable");
    struct element set = {.bytes = {0x31, 0x00}, .len = 2};
    refuse_request(&set, &none, "malformed");
    /* One relative name of two parts, as good as two. */
    struct element both = join(&good, &none);
    both.bytes[1] = 0; /* an empty set, and bytes behind it */
    refuse_request(&both, &none, "malformed");
}

static void test_forged_extensions(void **state)
{
    (void)state;
    struct element name = named(3, 0x0c, "a", 1);
    struct element dns = dns_names("node1"), other = dns_names("node2");
    struct element first = extension(0x11, &dns), second = extension(0x11, &other);
    struct element once = wrap(0x30, &first), two = join(&first, &second);
    struct element twice = wrap(0x30, &two), more = wrap(0x30, &second);
    struct element good = attribute(&once), again = attribute(&more);

    _autofree_ char *pem = request(&name, &good);
    _autocsr_ struct csr *csr = parsed(pem);
    assert_string_equal(csr->dns_names[0], "node1");

    struct element doubled = attribute(&twice), attributes = join(&good, &again);
    refuse_request(&name, &doubled, "an extension twice");
    refuse_request(&name, &attributes, "twice");
    static const uint8_t client_auth[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
                                          0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
    struct element purposes = bytes(client_auth, sizeof(client_auth));
    struct element purpose = extension(0x25, &purposes), different = wrap(0x30, &purpose);
    struct element second_attribute = attribute(&different);
    attributes = join(&good, &second_attribute);
    refuse_request(&name, &attributes, "twice");
    struct element values = join(&once, &more), two_values = attribute(&values);
    refuse_request(&name, &two_values, "malformed");

    struct element zone = dns_names("a b"), bad_dns = extension(0x11, &zone);
    struct element list = wrap(0x30, &bad_dns), bad_name = attribute(&list);
    refuse_request(&name, &bad_name, "DNS name");
    struct element raw = bytes("\x0a\0\0", 3), address = wrap(0x87, &raw);
    struct element names = wrap(0x30, &address), short_address = extension(0x11, &names);
    list = wrap(0x30, &short_address);
    bad_name = attribute(&list);
    refuse_request(&name, &bad_name, "another size");
}

static void test_too_many_names(void **state)
{
    (void)state;
    const char *names[CSR_NAMES_MAX + 2] = {0};
    for (size_t i = 0; i < CSR_NAMES_MAX; i++)
        names[i] = "name";
    const struct csr_sample sample = {.common_name = "a", .dns_names = names};
    _autocsr_ struct csr *csr = made(&sample);
    assert_non_null(csr->dns_names[CSR_NAMES_MAX - 1]);
    names[CSR_NAMES_MAX] = "another";
    _autofree_ char *pem = csr_sample_pem(&sample);
    refused(pem, strlen(pem), "too many");
}

static void test_indefinite_and_long_lengths(void **state)
{
    (void)state;
    static const struct {
        const char *der;
        size_t len;
    } cases[] = {{"\x30\x80\x00\x00", 4},
                 {"\x30\x81\x02\x05\x00", 5},
                 {"\x30\x84\x00\x00\x00\x01\x00", 7},
                 {"\x30\x82\x00\x80", 4},
                 {"\x3f\x81\x01\x00", 4},
                 {"\x30\x83\xff\xff\xff", 5},
                 {"\x30", 1},
                 {"\x30\x82", 2},
                 {"\x31\x00", 2},
                 {"\x30\x00", 2}};
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autofree_ char *pem = csr_sample_wrap(cases[i].der, cases[i].len);
        refused(pem, strlen(pem), "request in DER");
    }
}

/* ---- OpenSSL's ---- */

static char *openssl_request(const char *key, const char *subject, const char *extension_text)
{
    char folder[] = "/tmp/test-csr.XXXXXX";
    assert_non_null(mkdtemp(folder));
    _autofree_ char *key_path = str_format("%s/key", folder);
    struct err err = ERR_INIT;
    const char *argv[16] = {"openssl", "req",    "-new",   "-nodes", "-newkey", key,
                            "-keyout", key_path, "-batch", "-subj",  subject};
    if (extension_text) {
        argv[11] = "-addext";
        argv[12] = extension_text;
    }
    struct buf out = BUF_INIT;
    const struct proc_options options = {.output = &out, .timeout_ms = 20000};
    if (proc_run(argv, &options, NULL, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(tree_remove(folder, &err), 0);
    return buf_steal(&out);
}

static void test_openssl_requests(void **state)
{
    (void)state;
    char path[256];
    if (!proc_find("openssl", path, sizeof(path))) {
        print_message("openssl is not installed\n");
        skip();
    }
    _autofree_ char *rsa = openssl_request("rsa:2048", "/O=system:nodes/CN=system:node:n",
                                           "subjectAltName=DNS:n,IP:10.0.0.9,IP:fd00::9");
    _autocsr_ struct csr *a = parsed(rsa);
    assert_string_equal(a->common_name, "system:node:n");
    assert_string_equal(a->organizations[0], "system:nodes");
    assert_string_equal(a->dns_names[0], "n");
    assert_string_equal(a->addresses[0], "10.0.0.9");
    assert_string_equal(a->addresses[1], "fd00::9");
    assert_true(a->signature_valid && a->key_strong);
    assert_false(a->has_other_extension || a->has_other_subject);
    /* Two names in one relative name. */
    _autofree_ char *multi = openssl_request("rsa:2048", "/O=system:nodes+CN=system:node:n", NULL);
    _autocsr_ struct csr *b = parsed(multi);
    assert_string_equal(b->common_name, "system:node:n");
    assert_string_equal(b->organizations[0], "system:nodes");
    _autofree_ char *both = openssl_request("rsa:2048", "/CN=system:node:a+CN=system:node:b", NULL);
    refused(both, strlen(both), "two common names");
    _autofree_ char *other =
        openssl_request("rsa:2048", "/CN=a", "subjectAltName=otherName:1.2.3.4;UTF8:x,RID:1.2.3");
    _autocsr_ struct csr *c = parsed(other);
    assert_true(c->has_other_name);
}

UNIT_MAIN(cmocka_unit_test(test_client_request), cmocka_unit_test(test_serving_request),
          cmocka_unit_test(test_everything_odd_is_seen), cmocka_unit_test(test_single_oddities),
          cmocka_unit_test(test_keys), cmocka_unit_test(test_two_requests_have_two_keys),
          cmocka_unit_test(test_changed_request_is_not_signed),
          cmocka_unit_test(test_pem_that_two_parsers_could_read_differently),
          cmocka_unit_test(test_forged_subjects), cmocka_unit_test(test_forged_extensions),
          cmocka_unit_test(test_too_many_names), cmocka_unit_test(test_indefinite_and_long_lengths),
          cmocka_unit_test(test_openssl_requests))
