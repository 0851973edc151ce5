/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates that the cluster's authority gives out. */
#include "cluster/pki.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/str.h"
#include "cluster/x509.h"

enum { TEXT_MAX = 512, DNS_NAME_MAX = 253 };

/* Printable and short: it goes into logs, and into other programs' parsers. */
static bool is_name(const char *text)
{
    size_t n = strnlen(text, TEXT_MAX + 1);
    if (n == 0 || n > TEXT_MAX)
        return false;
    for (size_t i = 0; i < n; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return true;
}

/* RFC 1123 labels, the first of which may be "*". */
static bool is_dns_name(const char *text)
{
    size_t n = strnlen(text, DNS_NAME_MAX + 1);
    if (n == 0 || n > DNS_NAME_MAX)
        return false;
    const char *rest = str_after(text, "*.");
    rest = rest ? rest : text;
    if (strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") !=
        strlen(rest))
        return false;
    return rest[0] && !strchr("-.", rest[0]) && !strstr(rest, "..") && !str_ends_with(rest, "-") &&
           !str_ends_with(rest, ".");
}

static bool is_alt_name(const char *text)
{
    uint8_t address[16];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1 ||
           is_dns_name(text);
}

static int check_list(const char *const *list, const char *what, bool (*fits)(const char *),
                      struct err *err)
{
    for (size_t i = 0; list && list[i]; i++) {
        if (i == PKI_NAMES_MAX)
            return err_set(err, -EINVAL, "more than %d %ss", PKI_NAMES_MAX, what);
        if (!fits(list[i]))
            return err_set(err, -EINVAL, "not a possible %s: \"%.64s\"", what, list[i]);
    }
    return 0;
}

static int check_subject(const struct pki_subject *subject, struct err *err)
{
    if (!subject->common_name || !is_name(subject->common_name))
        return err_set(err, -EINVAL, "not a possible common name: \"%.64s\"",
                       subject->common_name ? subject->common_name : "");
    if (!(subject->usages & (PKI_USAGE_CLIENT | PKI_USAGE_SERVER)))
        return err_set(err, -EINVAL, "a certificate for neither clients nor servers");
    if (subject->lifetime_seconds <= 0)
        return err_set(err, -EINVAL, "a lifetime of %lld seconds",
                       (long long)subject->lifetime_seconds);
    int r = check_list(subject->organizations, "organisation", is_name, err);
    return r < 0 ? r : check_list(subject->names, "DNS name or address", is_alt_name, err);
}

/* From an hour ago until the lifetime's end, inside the authority's own time. */
static int choose_validity(gnutls_x509_crt_t authority, const struct pki_subject *subject,
                           int64_t now_ms, struct x509_template *template, struct err *err)
{
    const time_t now = (time_t)(now_ms / 1000);
    const time_t from = gnutls_x509_crt_get_activation_time(authority);
    const time_t to = gnutls_x509_crt_get_expiration_time(authority);
    if (to <= now)
        return err_set(err, -EKEYEXPIRED, "the certificate authority has expired");
    template->not_before = now - PKI_BACKDATED_SECONDS;
    if (template->not_before < from)
        template->not_before = from;
    template->not_after =
        subject->lifetime_seconds < to - now ? now + (time_t)subject->lifetime_seconds : to;
    return 0;
}

static int read_authority(const struct pki_pair *authority, gnutls_x509_crt_t *ret_certificate,
                          gnutls_x509_privkey_t *ret_key, struct err *err)
{
    if (!authority->certificate || !authority->key)
        return err_set(err, -EINVAL, "no certificate authority");
    int r = x509_certificate_read(authority->certificate, ret_certificate);
    if (r >= 0)
        r = x509_key_read(authority->key, ret_key);
    return r < 0 ? x509_error(err, r, "cannot read the certificate authority") : 0;
}

static int sign(const struct x509_template *template, enum pki_algorithm algorithm,
                gnutls_x509_crt_t issuer, gnutls_x509_privkey_t issuer_key, struct pki_pair *ret)
{
    _autox509key_ gnutls_x509_privkey_t key = NULL;
    _autox509crt_ gnutls_x509_crt_t certificate = NULL;
    int r = x509_key_new(algorithm, &key);
    if (r >= 0)
        r = x509_certificate_new(template, key, issuer, issuer_key, &certificate);
    return r < 0 ? r : x509_pair_text(certificate, key, ret);
}

int pki_issue(const struct pki_pair *authority, const struct pki_subject *subject,
              const struct clock *clock, struct pki_pair *ret, struct err *err)
{
    _autox509crt_ gnutls_x509_crt_t issuer = NULL;
    _autox509key_ gnutls_x509_privkey_t issuer_key = NULL;
    struct x509_template template = {.common_name = subject->common_name,
                                     .organizations = subject->organizations,
                                     .names = subject->names,
                                     .usages = subject->usages};
    int r = check_subject(subject, err);
    if (r == 0)
        r = read_authority(authority, &issuer, &issuer_key, err);
    if (r == 0)
        r = choose_validity(issuer, subject, clock_wall(clock), &template, err);
    if (r < 0)
        return r;
    r = sign(&template, subject->algorithm, issuer, issuer_key, ret);
    return r < 0 ? x509_error(err, r, "cannot issue a certificate") : 0;
}
