/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kubelet gets a certificate. Rules, besides those that Kubernetes' own signers have
 * (kubernetes.io/kube-apiserver-client-kubelet, kubernetes.io/kubelet-serving):
 *
 *  - the first client certificate of a node only to the bootstrap token that was made for exactly
 *    that Machine, while the Machine joins, in its window, and for one key;
 *  - a renewal only to the node itself, while its Machine is approved;
 *  - a serving certificate only to the node itself, for names and addresses of its Machine. What a
 *    worker says of its addresses is no proof: one that another Machine has is not its own.
 *
 * Other requests to these two signers are denied with a sentence that says what was expected and
 * what was found; requests to other signers are none of our business.
 */
#pragma once

#include "cluster/csr.h"

#define CSR_SIGNER_KUBELET_CLIENT "kubernetes.io/kube-apiserver-client-kubelet"
#define CSR_SIGNER_KUBELET_SERVING "kubernetes.io/kubelet-serving"

/* What a CertificateSigningRequest says. csr_facts_clear() frees what csr_object_parse() filled in;
   tests may point at constants. */
struct csr_facts {
    const char *name; /* metadata.name, a hint for people only */
    const char *signer_name;
    const char *username;      /* who asks, as the API server authenticated it */
    const char *const *groups; /* ends with NULL */
    unsigned usages;           /* enum csr_usage: spec.usages */
    bool decided;              /* approved, denied or failed already, or signed */
    const struct csr *request; /* NULL: it cannot be read, and `problem` says why */
    const char *problem;
};

/* Where a Machine stands with the cluster. */
enum csr_standing {
    CSR_STANDING_PENDING, /* not approved (yet) */
    CSR_STANDING_REJECTED,
    CSR_STANDING_JOINING,  /* approved and told to join: may ask for its first certificate */
    CSR_STANDING_MEMBER,   /* approved, its node is in the cluster: renewals only */
    CSR_STANDING_RELEASED, /* on its way out, or gone */
};

/* What is known of a Machine. Lists end with NULL; a NULL list is empty. */
struct csr_machine {
    const char *name;             /* of the Machine, for messages */
    const char *node_name;        /* of its Node; always a name that it may serve */
    const char *const *dns_names; /* further names that it may serve */
    const char *const *addresses; /* its own as far as it says so, IPv4 or IPv6 as text */
    const char *given_address;    /* that its specification gives it, as text; NULL or "": none */
    bool control_plane;           /* has the authority's key, and need not be doubted */
    enum csr_standing standing;
    const char *token_id; /* of the bootstrap token made for it (6 characters); NULL or "": none */
    int64_t window_ends_ms; /* wall time at which its time to join ends */
    const char *bound_key;  /* hash of the key that its first certificate was approved for in this
                               window; NULL or "": none yet */
};

enum csr_action { CSR_IGNORE, CSR_APPROVE, CSR_DENY };

struct csr_decision {
    enum csr_action action;
    const char *reason; /* one word for the condition: "NotApproved", "WrongToken", ...; static */
    char message[512];  /* a sentence for people, printable ASCII */
    const struct csr_machine *machine; /* the one it is about, or NULL; borrowed from the input */
    bool bind_key; /* first certificate: keep request->key_hash durably as the Machine's bound_key
                      before the approval is written */
};

/*
 * Decides. machines: those of this cluster, at least all that have the node name asked for; when
 * two approved ones claim it, every request for it is denied. now_ms: wall time.
 */
void csr_decide(const struct csr_facts *facts, const struct csr_machine *machines, size_t count,
                int64_t now_ms, struct csr_decision *ret);
