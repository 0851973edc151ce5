/* SPDX-License-Identifier: Apache-2.0 */
/* The PKI that a cluster is to have: the one in the store, else one that is brought, else a new
 * one.
 */
#pragma once

#include "cluster/pki-store.h"

struct pki_wanted {
    const char *cluster;
    const char *from; /* folder whose authorities are to be taken; NULL: none */
    const char *hash; /* pki_hash() of the authority that the cluster is known by; NULL: none yet */
};

enum pki_origin {
    PKI_KEPT,     /* it was in the store */
    PKI_CREATED,  /* all of it is new */
    PKI_IMPORTED, /* its authorities are those of the folder, what was not there is new */
};

struct pki_provided {
    struct pki pki;
    enum pki_origin origin;
    int64_t ends; /* of PKI_IMPORTED, when the first that was brought ends; wall, INT64_MAX: none */
};

/*
 * Finds or makes it; a new one is in the store when this returns. Nothing is made, and nothing
 * taken from the store, that contradicts what is known: -EKEYREJECTED when the store has another
 * authority than `hash` says or than the folder holds, -ENOENT when it has none although there is a
 * hash. Else as the functions of pki.h and pki-store.h. Blocks.
 */
int pki_provide(struct pki_store *store, const struct pki_wanted *wanted, const struct clock *clock,
                struct pki_provided *ret, struct err *err) _must_check_;
