/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster's certificate authorities and keys, in kubeadm's layout, as PEM text: what
 * /etc/kubernetes/pki holds on a control plane. The server makes them before any machine exists,
 * so that every machine can pin the authority.
 *
 * Private keys are written as "EC PRIVATE KEY" (RFC 5915) and "RSA PRIVATE KEY" (PKCS #1), as
 * kubeadm itself does; client-go reads these and PKCS #8.
 *
 * Nothing here has state: everything is thread safe as long as its arguments are.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/err.h"

enum {
    PKI_HASH_TEXT_SIZE = 72,     /* "sha256:", 64 hex digits and NUL */
    PKI_PEM_MAX = 64 * 1024,     /* one certificate or key */
    PKI_NAMES_MAX = 64,          /* organisations, DNS names or addresses of one certificate */
    PKI_BACKDATED_SECONDS = 3600 /* validity begins so long ago, for machines with a slow clock */
};

/* What a key is made of: RSA with 2048 bits, or ECDSA on P-256. */
enum pki_algorithm { PKI_EC, PKI_RSA };

/* A certificate and its private key. */
struct pki_pair {
    char *certificate; /* PEM */
    char *key;         /* PEM, secret */
};

/*
 * A whole cluster's. The authorities' algorithm is free (kubeadm 1.20 and later read both); the
 * service account key is always RSA, because kubeadm before 1.30 refuses others when a control
 * plane joins ("isn't in RSA format").
 */
struct pki {
    struct pki_pair ca;             /* CN=kubernetes: API servers, kubelets, users */
    struct pki_pair front_proxy_ca; /* CN=front-proxy-ca: the API server towards its extensions */
    struct pki_pair etcd_ca;        /* CN=etcd-ca */
    char *sa_key;                   /* signs service account tokens; PEM, secret */
    char *sa_pub;                   /* its public half; "PUBLIC KEY" */
};

#define PKI_INIT ((struct pki){{NULL, NULL}, {NULL, NULL}, {NULL, NULL}, NULL, NULL})

/* Overwrites and frees a secret text; NULL allowed. */
void pki_secret_free(char *secret);
DEFINE_CLEANUP(char *, pki_secret_free)
#define _autosecret_ _cleanup_(pki_secret_freep)

/* Overwrites what is secret, frees everything; the structure may be used again. */
void pki_pair_clear(struct pki_pair *pair);
void pki_clear(struct pki *pki);
#define _autopki_ _cleanup_(pki_clear)
#define _autopair_ _cleanup_(pki_pair_clear)

/*
 * Fills in what is still missing in *pki: an empty one becomes a new PKI; one that holds imported
 * authorities gets the rest. Authorities are valid for ten years. -EINVAL: half of a pair is there.
 * On failure nothing was added.
 */
int pki_create(struct pki *pki, enum pki_algorithm algorithm, const struct clock *clock,
               struct err *err) _must_check_;

/*
 * Takes an authority that somebody brings. Refused (-EINVAL, err says what was expected): anything
 * but one certificate and one unencrypted key in PEM, not an authority, keyUsage without
 * keyCertSign, not valid now, a key that does not belong to it, keys other than RSA from 2048 bits
 * and ECDSA on P-256, P-384, P-521 (what kubeadm takes). *ret holds copies, the key in the form
 * described above. `what` names the authority in messages ("/root/pki/ca.{crt,key}").
 */
int pki_import(const char *what, const char *certificate_pem, const char *key_pem,
               const struct clock *clock, struct pki_pair *ret, struct err *err) _must_check_;

/* Takes a service account key (RSA, private, PEM) into pki->sa_key and sa_pub. -EINVAL as above. */
int pki_import_service_account(const char *what, const char *key_pem, struct pki *pki,
                               struct err *err) _must_check_;

/*
 * Takes the authorities and the service account key that lie in a folder of kubeadm's layout; what
 * is not there stays as it is in *pki, which is empty at first. Refused besides what pki_import()
 * refuses (err names the file): half of a pair (sa.pub may be missing), a key that others may read,
 * a folder without any of them. *ret_ends is when the first of the authorities ends, wall time in
 * milliseconds (INT64_MAX: none was taken). 0 or a negative errno. Blocks.
 */
int pki_import_folder(const char *folder, const struct clock *clock, struct pki *pki,
                      int64_t *ret_ends, struct err *err) _must_check_;

/*
 * Whether everything is there and fits: three authorities with their own keys, a service account
 * pair. Says nothing about time. 0 or -EINVAL with the member's file name in err.
 */
int pki_check(const struct pki *pki, struct err *err) _must_check_;

/*
 * kubeadm's discovery hash: "sha256:<hex>" over the certificate's SubjectPublicKeyInfo (RFC 7469).
 * 0, -EINVAL (no certificate) or -ENOMEM.
 */
int pki_hash(const char *certificate_pem, char ret[static PKI_HASH_TEXT_SIZE]) _must_check_;

/* End of a certificate's validity, milliseconds since 1970. 0, -EINVAL or -ENOMEM. */
int pki_not_after(const char *certificate_pem, int64_t *ret_wall_ms) _must_check_;

enum {
    PKI_USAGE_CLIENT = 1, /* extendedKeyUsage clientAuth */
    PKI_USAGE_SERVER = 2, /* serverAuth */
};

/* A certificate to issue. Lists end with NULL; a NULL list is empty. */
struct pki_subject {
    const char *common_name;
    const char *const *organizations; /* groups, for a user of the API */
    const char *const *names;         /* subjectAltName: DNS names, IPv4 and IPv6 addresses */
    unsigned usages;                  /* PKI_USAGE_*, at least one */
    int64_t lifetime_seconds;         /* from now; cut to the authority's own end */
    enum pki_algorithm algorithm;     /* of its new key */
};

/*
 * Issues a certificate for a new key: for the server's own access
 * (CN=..., O=system:masters, PKI_USAGE_CLIENT), for `slipway kubeconfig`, for Dex.
 * -EINVAL: a subject that cannot be (err says which part), -EKEYEXPIRED: the authority has ended.
 */
int pki_issue(const struct pki_pair *authority, const struct pki_subject *subject,
              const struct clock *clock, struct pki_pair *ret, struct err *err) _must_check_;

/* Where the members of a PKI live below kubeadm's certificatesDir, and who gets them. */
struct pki_file {
    const char *path; /* "ca.crt", "etcd/ca.key", "sa.pub", ... */
    mode_t mode;      /* 0600 for keys, 0644 for others */
    const char *data; /* borrowed from the PKI; NULL when missing there */
};
enum { PKI_FILE_COUNT = 8 };

/* All of them, as every control plane needs; a worker needs ca.crt only. */
void pki_files(const struct pki *pki, struct pki_file ret[static PKI_FILE_COUNT]);
