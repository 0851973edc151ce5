/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the machine is: the key pair that stage2 made and that the administrator approved, carried
 * with the server's address and key to the installed system as slipway/identity.json.
 */
#pragma once

#include "provision/seed.h"

struct provision_identity {
    char *machine;     /* the Machine's name; NULL when the server did not say */
    char *server;      /* "http://10.0.0.1:8080" */
    char *server_key;  /* base64url of the server's Ed25519 public key */
    char *private_key; /* as trust_key_to_text() writes it */
};

#define _autoidentity_ _cleanup_(provision_identity_free)

/* Wipes and frees everything; the struct is zero afterwards. */
void provision_identity_free(struct provision_identity *identity);

/* As JSON text; free with seed_text_free(). 0, -EINVAL (with the field in err) or -ENOMEM. */
int provision_identity_build(const struct provision_identity *identity, char **ret_text,
                             struct err *err) _must_check_;

/* The reverse. *ret is untouched on failure. 0, -EINVAL or -ENOMEM. */
int provision_identity_parse(const char *text, size_t len, struct provision_identity *ret,
                             struct err *err) _must_check_;

/* Puts it into the seed as SEED_PATH_IDENTITY. */
int provision_identity_put(const struct provision_identity *identity, struct seed *seed,
                           struct err *err) _must_check_;
