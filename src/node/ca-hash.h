/* SPDX-License-Identifier: Apache-2.0 */
/* The hash by which joining nodes know a cluster's authority. */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

enum { CA_HASH_SIZE = 72 }; /* "sha256:", 64 digits and NUL */

/*
 * Of the first certificate in PEM: SHA-256 of its SubjectPublicKeyInfo (RFC 5280 section 4.1),
 * as kubeadm's --discovery-token-ca-cert-hash. The bytes are read with care, but nothing is
 * verified. 0, -EBADMSG (not a certificate) or -ENOMEM. Pure.
 */
int ca_hash(const char *pem, size_t len, char ret[static CA_HASH_SIZE]) _must_check_;
