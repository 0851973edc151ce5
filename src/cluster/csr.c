/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request is taken apart by a reader of our own, not by GnuTLS, because what counts is that
 * the signer (Go) and we see the same names. GnuTLS takes the first of several common names,
 * extensions, attributes or PEM blocks where others take the last; here, whatever could be read in
 * two ways is refused. GnuTLS verifies the signature.
 */
#include "cluster/csr.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <string.h>

#include "base/str.h"
#include "cluster/der.h"

enum { SUBJECT_TEXT_MAX = 512, DNS_NAME_MAX = 253 };

/* Object identifiers as they are encoded. */
static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_organization[] = {0x55, 0x04, 0x0a};
static const uint8_t oid_key_usage[] = {0x55, 0x1d, 0x0f};
static const uint8_t oid_alt_name[] = {0x55, 0x1d, 0x11};
static const uint8_t oid_ext_key_usage[] = {0x55, 0x1d, 0x25};
static const uint8_t oid_extension_request[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
                                                0x0d, 0x01, 0x09, 0x0e};
static const uint8_t oid_server_auth[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
static const uint8_t oid_client_auth[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
#define IS(value, oid) der_equals(&(value), oid, sizeof(oid))

struct list {
    char **items; /* ends with NULL */
    size_t count;
};

/* What was seen so far, for finding things that are there twice. */
struct parse {
    struct csr *csr;
    struct list organizations, dns_names, addresses;
    bool key_usage, ext_key_usage, alt_name;
    struct err *err;
};

static int bad(struct parse *p, const char *what)
{
    return err_set(p->err, -EBADMSG, "%s", what);
}

/* ---- texts ---- */

static int list_add(struct parse *p, struct list *list, const void *text, size_t len)
{
    if (list->count == CSR_NAMES_MAX)
        return bad(p, "the request holds too many names");
    char **items = realloc(list->items, (list->count + 2) * sizeof(*items));
    if (!items)
        return -ENOMEM;
    list->items = items;
    items[list->count] = strndup(text, len);
    items[list->count + 1] = NULL;
    return items[list->count++] ? 0 : -ENOMEM;
}

/* Printable ASCII without, where wanted, blanks. */
static bool is_text(const struct rd *value, uint8_t lowest, size_t max)
{
    if (!rd_ok(value) || value->len == 0 || value->len > max)
        return false;
    for (size_t i = 0; i < value->len; i++)
        if (value->buf[i] < lowest || value->buf[i] > 0x7e)
            return false;
    return true;
}

/* ---- the subject (RFC 5280 section 4.1.2.4) ---- */

/* Of DirectoryString's five types, the two that are not obsolete. */
static int read_attribute_value(struct parse *p, struct rd *attribute, struct rd *ret_value)
{
    uint8_t tag;
    *ret_value = der_next(attribute, &tag);
    bool text = tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING;
    if (!rd_done(attribute) || !text || !is_text(ret_value, ' ', SUBJECT_TEXT_MAX))
        return bad(p, "the subject holds something else than short printable text");
    return 0;
}

static int read_attribute(struct parse *p, struct rd attribute)
{
    struct rd value, type = der_take(&attribute, DER_OID);
    if (!rd_ok(&attribute))
        return bad(p, "the subject is malformed");
    if (!IS(type, oid_common_name) && !IS(type, oid_organization)) {
        p->csr->has_other_subject = true;
        return 0;
    }
    int r = read_attribute_value(p, &attribute, &value);
    if (r < 0)
        return r;
    if (IS(type, oid_organization))
        return list_add(p, &p->organizations, value.buf, value.len);
    if (p->csr->common_name)
        return bad(p, "the subject holds two common names");
    p->csr->common_name = strndup((const char *)value.buf, value.len);
    return p->csr->common_name ? 0 : -ENOMEM;
}

static int read_subject(struct parse *p, struct rd name)
{
    while (rd_left(&name) > 0) {
        struct rd relative = der_take(&name, DER_SET);
        do {
            int r = read_attribute(p, der_take(&relative, DER_SEQUENCE));
            if (r < 0)
                return r;
        } while (rd_left(&relative) > 0);
    }
    return rd_done(&name) ? 0 : bad(p, "the subject is malformed");
}

/* ---- extensions ---- */

static int read_address(struct parse *p, const struct rd *value)
{
    char text[INET6_ADDRSTRLEN];
    if (!rd_ok(value) || (value->len != 4 && value->len != 16))
        return bad(p, "subjectAltName holds an address of another size than 4 or 16 bytes");
    if (!inet_ntop(value->len == 4 ? AF_INET : AF_INET6, value->buf, text, sizeof(text)))
        return -EINVAL;
    return list_add(p, &p->addresses, text, strlen(text));
}

/* RFC 5280 section 4.2.1.6: GeneralName's choices are context tags. */
static int read_alt_name(struct parse *p, uint8_t tag, const struct rd *value)
{
    enum { EMAIL = 1, DNS = 2, URI = 6, ADDRESS = 7 };
    switch (tag) {
    case DER_CONTEXT + DNS:
        if (!value->buf || !is_text(value, '!', DNS_NAME_MAX))
            return bad(p, "subjectAltName holds a DNS name that cannot be one");
        return list_add(p, &p->dns_names, value->buf, value->len);
    case DER_CONTEXT + ADDRESS:
        return read_address(p, value);
    case DER_CONTEXT + EMAIL:
        p->csr->has_email = true;
        return 0;
    case DER_CONTEXT + URI:
        p->csr->has_uri = true;
        return 0;
    default:
        p->csr->has_other_name = true;
        return 0;
    }
}

static int read_alt_names(struct parse *p, struct rd value)
{
    struct rd names = der_take(&value, DER_SEQUENCE);
    while (rd_left(&names) > 0) {
        uint8_t tag;
        struct rd name = der_next(&names, &tag);
        int r = read_alt_name(p, tag, &name);
        if (r < 0)
            return r;
    }
    return rd_done(&names) && rd_done(&value) ? 0 : bad(p, "subjectAltName is malformed");
}

/* RFC 5280 section 4.2.1.3: bit 0 is the first byte's highest. */
static int read_key_usage(struct parse *p, struct rd value)
{
    struct rd bits = der_take(&value, DER_BIT_STRING);
    (void)rd_u8(&bits); /* count of unused bits */
    if (!rd_done(&value) || !rd_ok(&bits))
        return bad(p, "keyUsage is malformed");
    for (unsigned first = 1; rd_left(&bits) > 0; first = 0) {
        uint8_t b = rd_u8(&bits);
        if (first && b & 0x80)
            p->csr->usages |= CSR_USAGE_DIGITAL_SIGNATURE;
        if (first && b & 0x20)
            p->csr->usages |= CSR_USAGE_KEY_ENCIPHERMENT;
        if (first ? b & 0x5f : b)
            p->csr->usages |= CSR_USAGE_OTHER;
    }
    return 0;
}

static int read_ext_key_usage(struct parse *p, struct rd value)
{
    struct rd purposes = der_take(&value, DER_SEQUENCE);
    while (rd_left(&purposes) > 0) {
        struct rd purpose = der_take(&purposes, DER_OID);
        if (IS(purpose, oid_client_auth))
            p->csr->usages |= CSR_USAGE_CLIENT_AUTH;
        else if (IS(purpose, oid_server_auth))
            p->csr->usages |= CSR_USAGE_SERVER_AUTH;
        else
            p->csr->usages |= CSR_USAGE_OTHER;
    }
    return rd_done(&purposes) && rd_done(&value) ? 0 : bad(p, "extendedKeyUsage is malformed");
}

static int once(struct parse *p, bool *seen)
{
    if (*seen)
        return bad(p, "the request holds an extension twice");
    *seen = true;
    return 0;
}

/* RFC 5280 section 4.1: SEQUENCE { OID, BOOLEAN DEFAULT FALSE, OCTET STRING }. */
static int read_extension(struct parse *p, struct rd extension)
{
    struct rd id = der_take(&extension, DER_OID);
    if (der_is(&extension, DER_BOOLEAN))
        (void)der_take(&extension, DER_BOOLEAN);
    struct rd value = der_take(&extension, DER_OCTET_STRING);
    if (!rd_done(&extension))
        return bad(p, "a requested extension is malformed");
    int r;
    if (IS(id, oid_alt_name))
        return (r = once(p, &p->alt_name)) < 0 ? r : read_alt_names(p, value);
    if (IS(id, oid_key_usage))
        return (r = once(p, &p->key_usage)) < 0 ? r : read_key_usage(p, value);
    if (IS(id, oid_ext_key_usage))
        return (r = once(p, &p->ext_key_usage)) < 0 ? r : read_ext_key_usage(p, value);
    p->csr->has_other_extension = true;
    return 0;
}

/*
 * RFC 2986 section 4.1 and RFC 2985 section 5.4.2: of all attributes, at most one extensionRequest
 * with one value. Others (challenge passwords) no signer of Kubernetes reads, and no kubelet sends.
 */
static int read_attributes(struct parse *p, struct rd attributes)
{
    bool seen = false;
    while (rd_left(&attributes) > 0) {
        struct rd attribute = der_take(&attributes, DER_SEQUENCE);
        struct rd type = der_take(&attribute, DER_OID);
        struct rd values = der_take(&attribute, DER_SET);
        if (!rd_done(&attribute))
            break;
        if (!IS(type, oid_extension_request)) {
            p->csr->has_other_extension = true;
            continue;
        }
        int r = once(p, &seen);
        struct rd extensions = der_take(&values, DER_SEQUENCE);
        if (!rd_done(&values))
            return bad(p, "the requested extensions are malformed");
        while (r == 0 && rd_left(&extensions) > 0)
            r = read_extension(p, der_take(&extensions, DER_SEQUENCE));
        if (r < 0)
            return r;
    }
    return rd_done(&attributes) ? 0 : bad(p, "the request's attributes are malformed");
}

/* ---- the request ---- */

static void hash_key(struct csr *csr, const uint8_t *spki, size_t len)
{
    uint8_t hash[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(hash, spki, len);
    (void)snprintf(csr->key_hash, sizeof(csr->key_hash), "sha256:");
    size_t used = strlen(csr->key_hash);
    (void)sodium_bin2hex(csr->key_hash + used, sizeof(csr->key_hash) - used, hash, sizeof(hash));
}

/* CertificationRequestInfo (RFC 2986 section 4.1). */
static int read_info(struct parse *p, struct rd info)
{
    struct rd version = der_take(&info, DER_INTEGER);
    struct rd subject = der_take(&info, DER_SEQUENCE);
    size_t spki = info.pos;
    (void)der_take(&info, DER_SEQUENCE);
    if (!rd_ok(&info) || !der_equals(&version, "", 1))
        return bad(p, "expected a PKCS #10 request of version 1");
    hash_key(p->csr, info.buf + spki, info.pos - spki);
    int r = read_subject(p, subject);
    if (r < 0 || rd_left(&info) == 0)
        return r;
    struct rd attributes = der_take(&info, DER_CONTEXT_CONSTRUCTED + 0);
    return rd_done(&info) ? read_attributes(p, attributes)
                          : bad(p, "the request is followed by something else");
}

static int read_request(struct parse *p, const void *der, size_t len)
{
    struct rd r = rd_init(der, len);
    struct rd request = der_take(&r, DER_SEQUENCE);
    struct rd info = der_take(&request, DER_SEQUENCE);
    (void)der_take(&request, DER_SEQUENCE);   /* signatureAlgorithm */
    (void)der_take(&request, DER_BIT_STRING); /* signature */
    if (!rd_done(&r) || !rd_done(&request))
        return bad(p, "expected a PKCS #10 request in DER");
    return read_info(p, info);
}

/* Whether a key may hold an identity today (as pki_import() wants it, and Ed25519). */
static bool is_strong(gnutls_x509_crq_t request)
{
    unsigned bits = 0;
    switch (gnutls_x509_crq_get_pk_algorithm(request, &bits)) {
    case GNUTLS_PK_RSA:
        return bits >= 2048;
    case GNUTLS_PK_ECDSA:
        return bits >= 256;
    case GNUTLS_PK_EDDSA_ED25519:
        return true;
    default:
        return false;
    }
}

static int read_key(struct parse *p, uint8_t *der, size_t len)
{
    const gnutls_datum_t data = {der, (unsigned)len};
    gnutls_x509_crq_t request = NULL;
    if (gnutls_x509_crq_init(&request) < 0)
        return -ENOMEM;
    int r = gnutls_x509_crq_import(request, &data, GNUTLS_X509_FMT_DER);
    if (r >= 0) {
        p->csr->key_strong = is_strong(request);
        p->csr->signature_valid = gnutls_x509_crq_verify(request, 0) >= 0;
    }
    gnutls_x509_crq_deinit(request);
    return r < 0 ? err_set(p->err, -EBADMSG, "expected a PKCS #10 request: %s", gnutls_strerror(r))
                 : 0;
}

/* ---- PEM (RFC 7468) ---- */

#define BEGIN "-----BEGIN CERTIFICATE REQUEST-----"
#define END "-----END CERTIFICATE REQUEST-----"

/* The base64 text between the two lines, or NULL. */
static const char *pem_body(const char *pem, size_t *ret_len)
{
    const char *body = str_after(pem, BEGIN);
    const char *end = body ? strstr(body, END) : NULL;
    if (!end || (body[0] != '\n' && body[0] != '\r'))
        return NULL;
    const char *rest = end + strlen(END);
    if (rest[strspn(rest, "\r\n")] != '\0')
        return NULL;
    *ret_len = (size_t)(end - body);
    return body;
}

static int from_pem(const char *pem, uint8_t **ret, size_t *ret_len, struct err *err)
{
    size_t body_len = 0;
    const char *body = str_is_ascii(pem) ? pem_body(pem, &body_len) : NULL;
    if (!body)
        return err_set(err, -EBADMSG,
                       "expected one PEM block CERTIFICATE REQUEST and nothing around it");
    _autofree_ uint8_t *der = malloc(body_len);
    if (!der)
        return err_set(err, -ENOMEM, "out of memory");
    if (sodium_base642bin(der, body_len, body, body_len, "\r\n", ret_len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return err_set(err, -EBADMSG, "the PEM block is not base64");
    *ret = TAKE_PTR(der);
    return 0;
}

/* Lists are never NULL for the user. */
static char **finished(struct list *list)
{
    return list->items ? TAKE_PTR(list->items) : calloc(1, sizeof(char *));
}

static int finish(struct parse *p)
{
    struct csr *csr = p->csr;
    csr->organizations = finished(&p->organizations);
    csr->dns_names = finished(&p->dns_names);
    csr->addresses = finished(&p->addresses);
    if (!csr->common_name)
        csr->common_name = strdup("");
    return csr->organizations && csr->dns_names && csr->addresses && csr->common_name ? 0 : -ENOMEM;
}

static void list_free(char **items)
{
    for (size_t i = 0; items && items[i]; i++)
        free(items[i]);
    free(items);
}

void csr_free(struct csr *csr)
{
    if (!csr)
        return;
    free(csr->common_name);
    list_free(csr->organizations);
    list_free(csr->dns_names);
    list_free(csr->addresses);
    free(csr);
}

static int parse_der(uint8_t *der, size_t len, struct csr *csr, struct err *err)
{
    struct parse p = {.csr = csr, .err = err};
    int r = read_request(&p, der, len);
    if (r == 0)
        r = read_key(&p, der, len);
    int finished_r = finish(&p); /* in any case: it hands the lists to csr, which frees them */
    if (r == 0)
        r = finished_r;
    return r == -ENOMEM ? err_set(err, r, "out of memory") : r;
}

int csr_parse(const char *pem, size_t len, struct csr **ret, struct err *err)
{
    if (len > CSR_PEM_MAX)
        return err_set(err, -EBADMSG, "the request is longer than %d bytes", CSR_PEM_MAX);
    _autofree_ char *text = strndup(pem, len);
    _autofree_ uint8_t *der = NULL;
    size_t der_len = 0;
    if (!text)
        return err_set(err, -ENOMEM, "out of memory");
    if (strlen(text) != len)
        return err_set(err, -EBADMSG, "the request holds a NUL byte");
    int r = from_pem(text, &der, &der_len, err);
    if (r < 0)
        return r;
    _autocsr_ struct csr *csr = calloc(1, sizeof(*csr));
    if (!csr)
        return err_set(err, -ENOMEM, "out of memory");
    r = parse_der(der, der_len, csr, err);
    if (r == 0)
        *ret = TAKE_PTR(csr);
    return r;
}

enum csr_usage csr_usage_parse(const char *word)
{
    static const struct {
        const char *word;
        enum csr_usage usage;
    } usages[] = {{"digital signature", CSR_USAGE_DIGITAL_SIGNATURE},
                  {"key encipherment", CSR_USAGE_KEY_ENCIPHERMENT},
                  {"client auth", CSR_USAGE_CLIENT_AUTH},
                  {"server auth", CSR_USAGE_SERVER_AUTH}};
    for (size_t i = 0; i < ARRAY_SIZE(usages); i++)
        if (str_eq(word, usages[i].word))
            return usages[i].usage;
    return CSR_USAGE_OTHER;
}
