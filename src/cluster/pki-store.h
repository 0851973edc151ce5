/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps clusters' PKIs in a folder, one file for each, NAME.pki (0600 in a folder of 0700). A file
 * is replaced as a whole and is on disk before pki_store_save() returns, so after a crash a PKI is
 * there completely, or not at all.
 *
 * With a key file the content is encrypted (XChaCha20-Poly1305, with the cluster's name and the
 * file's head authenticated, so that one cluster's file is not taken for another's). The key file
 * holds 32 random bytes in base64 (`head -c 32 /dev/urandom | base64`) and must live outside the
 * state folder, or it would travel with every copy of what it protects. A PKI that was saved
 * plainly is encrypted when it is loaded with a key for the first time; what the disk keeps of the
 * plain file's blocks is beyond a program's reach, so a key is best given from the beginning.
 *
 * One thread at a time for a store.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "cluster/pki.h"

struct pki_store;

struct pki_store_config {
    const char *folder;       /* made when missing: STATE/keys/pki */
    const char *key_file;     /* NULL: not encrypted */
    const char *state_folder; /* where key_file must not be; NULL: not checked */
};

/*
 * Opens the store, reads the key, removes what an interrupted save left behind. -EPERM: the key
 * file may be read by others, or lies inside the state folder; -EINVAL: it holds no key.
 */
int pki_store_open(const struct pki_store_config *config, struct pki_store **ret, struct err *err)
    _must_check_;
void pki_store_close(struct pki_store *store);
DEFINE_CLEANUP(struct pki_store *, pki_store_close)
#define _autopkistore_ _cleanup_(pki_store_closep)

/*
 * The PKI of this cluster (name: a Kubernetes object name). -ENOENT: none was saved. -EKEYREJECTED:
 * it was encrypted with another key, or a key is needed and none was given; err names the files.
 * -EBADMSG: damaged. Encrypts a plain one when the store has a key.
 */
int pki_store_load(struct pki_store *store, const char *cluster, struct pki *ret, struct err *err)
    _must_check_;

/* Saves durably; replaces what was there. */
int pki_store_save(struct pki_store *store, const char *cluster, const struct pki *pki,
                   struct err *err) _must_check_;

/*
 * Puts a deleted cluster's PKI out of use: moves it to deleted-TIME/NAME.pki in the store's folder,
 * where an administrator may take it back from (to NAME.pki, before a Cluster of that name is made)
 * or remove it. *ret is where it is now, malloc'd; untouched when there is none. 0 or a negative
 * errno.
 */
int pki_store_retire(struct pki_store *store, const char *cluster, int64_t now_ms, char **ret,
                     struct err *err) _must_check_;

/* ---- the file's form, for tests and fuzzing ---- */

enum { PKI_STORE_KEY_SIZE = 32, PKI_STORE_FILE_MAX = 1 << 20 };

/*
 * A file's bytes from a PKI: encrypted when key is given. *ret is malloc'd; the caller wipes it
 * with sodium_memzero() when key is NULL. 0, -EINVAL (incomplete) or -ENOMEM.
 */
int pki_store_encode(const char *cluster, const struct pki *pki, const uint8_t *key, uint8_t **ret,
                     size_t *ret_len) _must_check_;

/*
 * The reverse, of untrusted bytes. *ret_encrypted tells which form it was (set on success). 0,
 * -EBADMSG (not such a file, or damaged), -ENOKEY (encrypted, key is NULL), -EKEYREJECTED (another
 * key), -ENOMEM.
 */
int pki_store_decode(const char *cluster, const void *data, size_t len, const uint8_t *key,
                     struct pki *ret, bool *ret_encrypted) _must_check_;
