/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request from a stranger: PEM when it begins like it, else DER. What is parsed must be what
 * GnuTLS sees in it, and an approval must keep the rules, looked at from the other end.
 */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cluster/csr-decide.h"
#include "cluster/csr-sample.h"

#define NODE "system:node:node1"

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* GnuTLS takes the same bytes, and reads the same common name in them (it escapes odd letters). */
static void compare(const uint8_t *der, size_t len, const struct csr *csr)
{
    const gnutls_datum_t data = {(unsigned char *)(uintptr_t)der, (unsigned)len};
    gnutls_x509_crq_t request;
    char name[1024] = "";
    size_t size = sizeof(name);
    check(gnutls_x509_crq_init(&request) >= 0);
    check(gnutls_x509_crq_import(request, &data, GNUTLS_X509_FMT_DER) >= 0);
    int r = gnutls_x509_crq_get_dn_by_oid(request, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size);
    check(r >= 0 ? strpbrk(csr->common_name, "\\,+\"<>;#= ") || str_eq(name, csr->common_name)
                 : csr->common_name[0] == '\0');
    gnutls_x509_crq_deinit(request);
}

static void decide(const struct csr *csr, bool serving)
{
    static const char *const groups[] = {"system:nodes", NULL};
    static const char *const addresses[] = {"10.0.0.1", NULL};
    const struct csr_machine machine = {
        .name = "m", .node_name = "node1", .addresses = addresses, .standing = CSR_STANDING_MEMBER};
    const struct csr_facts facts = {
        .name = "csr",
        .signer_name = serving ? CSR_SIGNER_KUBELET_SERVING : CSR_SIGNER_KUBELET_CLIENT,
        .username = NODE,
        .groups = groups,
        .usages = CSR_USAGE_DIGITAL_SIGNATURE |
                  (serving ? (unsigned)CSR_USAGE_SERVER_AUTH : (unsigned)CSR_USAGE_CLIENT_AUTH),
        .request = csr};
    struct csr_decision decision;
    csr_decide(&facts, &machine, 1, 0, &decision);
    check(decision.action != CSR_IGNORE);
    if (decision.action == CSR_DENY)
        return;
    check(str_eq(csr->common_name, NODE) && csr->signature_valid && !csr->organizations[1]);
    check(serving || (!csr->dns_names[0] && !csr->addresses[0]));
    for (size_t i = 0; csr->dns_names[i]; i++)
        check(str_eq(csr->dns_names[i], "node1"));
    for (size_t i = 0; csr->addresses[i]; i++)
        check(str_eq(csr->addresses[i], "10.0.0.1"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autocsr_ struct csr *csr = NULL;
    const bool pem = size > 0 && data[0] == '-';
    _autofree_ char *text = pem ? strndup((const char *)data, size) : csr_sample_wrap(data, size);
    check(text != NULL);
    if (csr_parse(text, strlen(text), &csr, NULL) < 0)
        return 0;
    if (!pem)
        compare(data, size, csr);
    decide(csr, false);
    decide(csr, true);
    return 0;
}
