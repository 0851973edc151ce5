/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certificates.k8s.io/v1 CertificateSigningRequest objects: from JSON to what csr_decide() looks
 * at, and the object that carries its answer back. Pure.
 */
#pragma once

#include <jansson.h>

#include "cluster/csr-decide.h"

/* An object's facts and the memory behind them. */
struct csr_object {
    struct csr_facts facts;
    struct csr *request;
    char *problem;
    const char **groups;
    json_t *object; /* holds the texts */
};

/*
 * Reads an object; the facts live as long as *ret and hold a reference to it. A request that
 * cannot be read is no failure here: facts.problem says so, and csr_decide() denies it. -EBADMSG:
 * not a CertificateSigningRequest (err names the field), -ENOMEM.
 */
int csr_object_parse(json_t *object, struct csr_object *ret, struct err *err) _must_check_;
void csr_object_clear(struct csr_object *o);
#define _autocsrobject_ _cleanup_(csr_object_clear)

/*
 * The object to PUT to .../certificatesigningrequests/NAME/approval: a copy with the decision as a
 * condition (Approved or Denied), its resourceVersion kept so that a stale write conflicts. A new
 * reference; NULL when out of memory, or when the decision is CSR_IGNORE.
 */
json_t *csr_object_approval(const json_t *object, const struct csr_decision *decision,
                            int64_t now_ms);
