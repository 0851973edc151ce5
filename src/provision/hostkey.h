/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 host keys for OpenSSH, made without running ssh-keygen: the server makes one for each
 * Machine, so that people can trust it before they log in, and slipway-node makes one when the seed
 * has none. The private key is the unencrypted form of PROTOCOL.key in OpenSSH's source.
 */
#pragma once

#include "base/random.h"
#include "provision/provision.h"

#define HOSTKEY_FINGERPRINT_SIZE 64 /* "SHA256:" and 43 characters, and NUL */

/*
 * A new key with this comment ("root@NAME"; printable, no newline). Fills type, private and public,
 * which the caller owns. 0, -EINVAL (comment) or -ENOMEM.
 */
int hostkey_generate(struct rng *rng, const char *comment, struct provision_host_key *ret)
    _must_check_;

/*
 * What `ssh-keygen -l` shows of a public key line: "SHA256:" and base64. Returns dst, or NULL when
 * the line is no public key.
 */
const char *hostkey_fingerprint(const char *public_line, char dst[static HOSTKEY_FINGERPRINT_SIZE]);

/* The line of known_hosts for that key: "HOST TYPE KEY" without newline. malloc'd; NULL on failure.
 */
char *hostkey_known_hosts_line(const char *host, const char *public_line);
