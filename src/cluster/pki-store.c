/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/pki-store.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "cluster/key-file.h"

enum { KEY_TEXT_MAX = 256, CLUSTER_NAME_MAX = 240, TEMPORARY_LETTERS = 6 };

struct pki_store {
    char *folder;
    char *key_path; /* NULL: not encrypted */
    uint8_t *key;   /* guarded memory; NULL: not encrypted */
};

/* ---- the key ---- */

/* A key beside what it protects protects nothing: both would be copied together. */
static int check_place(const char *key_file, const char *state_folder, struct err *err)
{
    char key[PATH_MAX], state[PATH_MAX];
    if (!state_folder || !realpath(state_folder, state))
        return 0;
    if (!realpath(key_file, key))
        return err_errno(err, -errno, "cannot open %s", key_file);
    const char *below = str_after(key, state);
    if (below && (below[0] == '/' || str_eq(state, "/")))
        return err_set(err, -EPERM,
                       "%s lies in the state folder %s, whose copies it is to protect: expected a "
                       "place outside",
                       key_file, state_folder);
    return 0;
}

static int load_key(const char *path, uint8_t **ret, struct err *err)
{
    _autokeyfile_ struct key_file text = {0};
    int r = key_file_read(path, KEY_TEXT_MAX, &text, err);
    if (r < 0)
        return r;
    char *base64 = (char *)text.data;
    base64[strcspn(base64, "\r\n")] = '\0';
    uint8_t *key = sodium_malloc(PKI_STORE_KEY_SIZE);
    if (!key)
        return err_set(err, -ENOMEM, "out of memory");
    if (str_unbase64_exact(base64, key, PKI_STORE_KEY_SIZE) < 0) {
        sodium_free(key);
        return err_set(err, -EINVAL, "%s is not a key: expected %d random bytes in base64", path,
                       PKI_STORE_KEY_SIZE);
    }
    (void)sodium_mprotect_readonly(key);
    *ret = key;
    return 0;
}

/* ---- the folder ---- */

/* "NAME.pki.Ab3dE6", as file_write_atomic() calls what it has not finished. */
static bool is_temporary(const char *name)
{
    const size_t suffix = strlen(".pki.") + TEMPORARY_LETTERS, len = strlen(name);
    const char *tail = len > suffix ? str_after(name + len - suffix, ".pki.") : NULL;
    for (size_t i = 0; tail && i < TEMPORARY_LETTERS; i++)
        if (!isalnum((unsigned char)tail[i]))
            return false;
    return tail != NULL;
}

static int remove_temporaries(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return -errno;
    int r = 0;
    bool removed = false;
    for (struct dirent *entry = readdir(dir); entry && r == 0; entry = readdir(dir)) {
        if (!is_temporary(entry->d_name))
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) < 0 && errno != ENOENT)
            r = -errno;
        removed = true;
    }
    (void)closedir(dir);
    return r == 0 && removed ? dir_sync(folder) : r;
}

static int sync_parent(const char *folder)
{
    _autofree_ char *copy = strdup(folder);
    return copy ? dir_sync(dirname(copy)) : -ENOMEM;
}

static int prepare_folder(const char *folder, struct err *err)
{
    int r = dir_make(folder, 0700, err);
    if (r < 0)
        return r;
    if (chmod(folder, 0700) < 0)
        return err_errno(err, -errno, "cannot change the mode of %s", folder);
    r = sync_parent(folder);
    if (r == 0)
        r = remove_temporaries(folder);
    return r < 0 ? err_errno(err, r, "cannot clean up %s", folder) : 0;
}

/* ---- the store ---- */

void pki_store_close(struct pki_store *store)
{
    if (!store)
        return;
    sodium_free(store->key);
    free(store->key_path);
    free(store->folder);
    free(store);
}

static int open_key(struct pki_store *store, const struct pki_store_config *config, struct err *err)
{
    store->key_path = strdup(config->key_file);
    if (!store->key_path)
        return err_set(err, -ENOMEM, "out of memory");
    int r = check_place(config->key_file, config->state_folder, err);
    return r < 0 ? r : load_key(config->key_file, &store->key, err);
}

int pki_store_open(const struct pki_store_config *config, struct pki_store **ret, struct err *err)
{
    if (sodium_init() < 0)
        return err_set(err, -EIO, "cannot start libsodium");
    _autopkistore_ struct pki_store *store = calloc(1, sizeof(*store));
    if (!store || !(store->folder = strdup(config->folder)))
        return err_set(err, -ENOMEM, "out of memory");
    int r = config->key_file ? open_key(store, config, err) : 0;
    if (r == 0)
        r = prepare_folder(config->folder, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(store);
    return 0;
}

/* Names of Kubernetes objects are safe as names of files; others are none of ours. */
static int path_of(const struct pki_store *store, const char *cluster, char **ret, struct err *err)
{
    const size_t len = strnlen(cluster, CLUSTER_NAME_MAX + 1);
    if (len == 0 || len > CLUSTER_NAME_MAX || cluster[0] == '.' ||
        strspn(cluster, "abcdefghijklmnopqrstuvwxyz0123456789-.") != len)
        return err_set(err, -EINVAL, "not the name of a cluster: \"%.64s\"", cluster);
    *ret = str_format("%s/%s.pki", store->folder, cluster);
    return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
}

int pki_store_save(struct pki_store *store, const char *cluster, const struct pki *pki,
                   struct err *err)
{
    _autofree_ char *path = NULL;
    _autokeyfile_ struct key_file content = {0};
    int r = path_of(store, cluster, &path, err);
    if (r == 0)
        r = pki_check(pki, err);
    if (r < 0)
        return r;
    r = pki_store_encode(cluster, pki, store->key, &content.data, &content.len);
    if (r < 0)
        return err_errno(err, r, "cannot save %s", path);
    return file_write_atomic(path, content.data, content.len, 0600, err);
}

/* What pki_store_decode() found, for people. */
static int explain(const struct pki_store *store, const char *path, int code, struct err *err)
{
    switch (code) {
    case -ENOKEY:
        return err_set(err, -EKEYREJECTED,
                       "%s is encrypted: expected the key file that it was encrypted with", path);
    case -EKEYREJECTED:
        return err_set(err, code, "%s was encrypted with another key than the one in %s", path,
                       store->key_path);
    case -EBADMSG:
        return err_set(err, code, "%s is damaged, or belongs to another cluster", path);
    default:
        return err_errno(err, code, "cannot read %s", path);
    }
}

static int check_loaded(const char *path, const struct pki *pki, struct err *err)
{
    if (pki_check(pki, err) == 0)
        return 0;
    (void)err_wrap(err, "%s is damaged", path);
    return -EBADMSG;
}

int pki_store_load(struct pki_store *store, const char *cluster, struct pki *ret, struct err *err)
{
    _autofree_ char *path = NULL;
    _autokeyfile_ struct key_file content = {0};
    _autopki_ struct pki pki = PKI_INIT;
    bool encrypted = false;
    int r = path_of(store, cluster, &path, err);
    if (r == 0)
        r = key_file_read(path, PKI_STORE_FILE_MAX, &content, err);
    if (r < 0)
        return r;
    r = pki_store_decode(cluster, content.data, content.len, store->key, &pki, &encrypted);
    if (r < 0)
        return explain(store, path, r, err);
    r = check_loaded(path, &pki, err);
    if (r == 0 && !encrypted && store->key)
        r = pki_store_save(store, cluster, &pki, err);
    if (r < 0)
        return r;
    *ret = pki;
    pki = PKI_INIT;
    return 0;
}

/* A folder that does not hold a PKI of that cluster yet. */
static int make_aside(const struct pki_store *store, const char *cluster, int64_t now_ms,
                      char **ret_folder, char **ret_path, struct err *err)
{
    char time[CLOCK_TEXT_SIZE];
    for (;; now_ms += 1000) {
        _autofree_ char *folder =
            str_format("%s/deleted-%s", store->folder, clock_text(now_ms, time));
        _autofree_ char *path = folder ? str_format("%s/%s.pki", folder, cluster) : NULL;
        if (!path)
            return err_set(err, -ENOMEM, "out of memory");
        int r = dir_make(folder, 0700, err);
        if (r == 0 && access(path, F_OK) == 0)
            continue;
        if (r == 0) {
            *ret_folder = TAKE_PTR(folder);
            *ret_path = TAKE_PTR(path);
        }
        return r;
    }
}

int pki_store_retire(struct pki_store *store, const char *cluster, int64_t now_ms, char **ret,
                     struct err *err)
{
    _autofree_ char *path = NULL, *folder = NULL, *aside = NULL;
    int r = path_of(store, cluster, &path, err);
    if (r < 0)
        return r;
    if (access(path, F_OK) < 0)
        return errno == ENOENT ? 0 : err_errno(err, -errno, "cannot find %s", path);
    r = make_aside(store, cluster, now_ms, &folder, &aside, err);
    if (r < 0)
        return r;
    if (rename(path, aside) < 0)
        return err_errno(err, -errno, "cannot move %s to %s", path, aside);
    r = dir_sync(folder);
    if (r == 0)
        r = dir_sync(store->folder);
    if (r < 0)
        return err_errno(err, r, "cannot sync %s", store->folder);
    *ret = TAKE_PTR(aside);
    return 0;
}
