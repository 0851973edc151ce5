/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form of a saved PKI. A head of one line says how the rest is kept:
 *
 *   slipway-pki-1 plain
 *   slipway-pki-1 xchacha20poly1305 <key id, 16 hex digits>
 *
 * Behind it come the members, or a nonce and the encrypted members. A member is the length of its
 * name (1 byte), its name in kubeadm's layout, the length of its text (4 bytes), its text. The key
 * id tells a wrong key from a damaged file; head and cluster name are authenticated.
 */
#include "cluster/pki-store.h"

#include <sodium.h>
#include <string.h>

#include "base/rd.h"
#include "base/str.h"
#include "base/wr.h"

enum {
    NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_SIZE = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    KEY_ID_SIZE = 8,
    HEAD_MAX = 64,
    CONTEXT_MAX = HEAD_MAX + 256,
};
_Static_assert(PKI_STORE_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");

#define PLAIN_HEAD "slipway-pki-1 plain\n"
#define SEALED_HEAD "slipway-pki-1 xchacha20poly1305 "

/* A piece of memory that is overwritten before it is freed. */
struct secret {
    uint8_t *data;
    size_t len;
};

static void secret_clear(struct secret *s)
{
    if (s->data)
        sodium_memzero(s->data, s->len);
    free(s->data);
}
#define _autobytes_ _cleanup_(secret_clear)

/* ---- members ---- */

static size_t members_size(const struct pki_file files[static PKI_FILE_COUNT])
{
    size_t size = 0;
    for (size_t i = 0; i < PKI_FILE_COUNT; i++) {
        if (!files[i].data)
            return 0;
        size += 1 + strlen(files[i].path) + 4 + strlen(files[i].data);
    }
    return size;
}

static void write_members(struct wr *w, const struct pki_file files[static PKI_FILE_COUNT])
{
    for (size_t i = 0; i < PKI_FILE_COUNT; i++) {
        wr_u8(w, (uint8_t)strlen(files[i].path));
        wr_bytes(w, files[i].path, strlen(files[i].path));
        wr_u32(w, (uint32_t)strlen(files[i].data));
        wr_bytes(w, files[i].data, strlen(files[i].data));
    }
}

/* Where the member of this name belongs; NULL for other names. */
static char **member_of(struct pki *pki, const void *name, size_t len)
{
    const struct {
        const char *path;
        char **member;
    } members[PKI_FILE_COUNT] = {
        {"ca.crt", &pki->ca.certificate},
        {"ca.key", &pki->ca.key},
        {"front-proxy-ca.crt", &pki->front_proxy_ca.certificate},
        {"front-proxy-ca.key", &pki->front_proxy_ca.key},
        {"etcd/ca.crt", &pki->etcd_ca.certificate},
        {"etcd/ca.key", &pki->etcd_ca.key},
        {"sa.key", &pki->sa_key},
        {"sa.pub", &pki->sa_pub},
    };
    for (size_t i = 0; i < PKI_FILE_COUNT; i++)
        if (len == strlen(members[i].path) && memcmp(members[i].path, name, len) == 0)
            return members[i].member;
    return NULL;
}

static int read_member(struct rd *r, struct pki *pki)
{
    size_t name_len = rd_u8(r);
    const uint8_t *name = rd_take(r, name_len);
    size_t len = rd_u32(r);
    const uint8_t *text = rd_take(r, len);
    if (!rd_ok(r))
        return -EBADMSG;
    char **member = member_of(pki, name, name_len);
    if (!member || *member || len == 0 || memchr(text, 0, len))
        return -EBADMSG;
    *member = strndup((const char *)text, len);
    return *member ? 0 : -ENOMEM;
}

static int read_members(const uint8_t *data, size_t len, struct pki *ret)
{
    _autopki_ struct pki pki = PKI_INIT;
    struct rd r = rd_init(data, len);
    for (size_t i = 0; i < PKI_FILE_COUNT; i++) {
        int code = read_member(&r, &pki);
        if (code < 0)
            return code;
    }
    if (!rd_done(&r))
        return -EBADMSG;
    *ret = pki;
    pki = PKI_INIT;
    return 0;
}

/* ---- the head ---- */

static void sealed_head(const uint8_t *key, char dst[static HEAD_MAX])
{
    static const char context[] = "slipway pki key id";
    uint8_t id[crypto_generichash_BYTES_MIN];
    (void)crypto_generichash(id, sizeof(id), (const uint8_t *)context, sizeof(context) - 1, key,
                             PKI_STORE_KEY_SIZE);
    char hex[2 * KEY_ID_SIZE + 1];
    (void)sodium_bin2hex(hex, sizeof(hex), id, KEY_ID_SIZE);
    (void)snprintf(dst, HEAD_MAX, SEALED_HEAD "%s\n", hex);
}

/* What is authenticated besides the members: the head and whose PKI it is. */
static size_t make_context(const char *head, const char *cluster, uint8_t dst[static CONTEXT_MAX])
{
    struct wr w = wr_init(dst, CONTEXT_MAX);
    wr_bytes(&w, head, strlen(head));
    wr_bytes(&w, cluster, strlen(cluster));
    return wr_ok(&w) ? w.pos : 0;
}

/* ---- encoding ---- */

static int seal(const char *cluster, const struct secret *members, const uint8_t *key, struct wr *w)
{
    char head[HEAD_MAX];
    uint8_t context[CONTEXT_MAX], nonce[NONCE_SIZE];
    sealed_head(key, head);
    size_t context_len = make_context(head, cluster, context);
    if (context_len == 0)
        return -EINVAL;
    randombytes_buf(nonce, sizeof(nonce));
    wr_bytes(w, head, strlen(head));
    wr_bytes(w, nonce, sizeof(nonce));
    uint8_t *box = wr_room(w, members->len + TAG_SIZE);
    if (!box)
        return -EINVAL;
    (void)crypto_aead_xchacha20poly1305_ietf_encrypt(box, NULL, members->data, members->len,
                                                     context, context_len, NULL, nonce, key);
    return 0;
}

int pki_store_encode(const char *cluster, const struct pki *pki, const uint8_t *key, uint8_t **ret,
                     size_t *ret_len)
{
    struct pki_file files[PKI_FILE_COUNT];
    pki_files(pki, files);
    _autobytes_ struct secret members = {.len = members_size(files)};
    if (members.len == 0 || members.len > PKI_STORE_FILE_MAX / 2)
        return -EINVAL;
    const size_t size = HEAD_MAX + NONCE_SIZE + members.len + TAG_SIZE;
    _autobytes_ struct secret out = {.data = malloc(size), .len = size};
    members.data = malloc(members.len);
    if (!members.data || !out.data)
        return -ENOMEM;
    struct wr inner = wr_init(members.data, members.len), w = wr_init(out.data, size);
    write_members(&inner, files);
    int r = 0;
    if (key) {
        r = seal(cluster, &members, key, &w);
    } else {
        wr_bytes(&w, PLAIN_HEAD, strlen(PLAIN_HEAD));
        wr_bytes(&w, members.data, members.len);
    }
    if (r < 0 || !wr_ok(&inner) || !wr_ok(&w))
        return -EINVAL;
    *ret_len = w.pos;
    *ret = TAKE_PTR(out.data);
    return 0;
}

/* ---- decoding ---- */

static int unseal(const char *cluster, struct rd *r, const char *head, const uint8_t *key,
                  struct pki *ret)
{
    uint8_t context[CONTEXT_MAX];
    size_t context_len = make_context(head, cluster, context);
    const uint8_t *nonce = rd_take(r, NONCE_SIZE);
    const size_t sealed_len = rd_left(r);
    const uint8_t *sealed = rd_take(r, sealed_len);
    if (!sealed || sealed_len <= TAG_SIZE || context_len == 0)
        return -EBADMSG;
    const size_t len = sealed_len - TAG_SIZE;
    _autobytes_ struct secret members = {.data = malloc(len), .len = len};
    if (!members.data)
        return -ENOMEM;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(members.data, NULL, NULL, sealed, sealed_len,
                                                   context, context_len, nonce, key) != 0)
        return -EBADMSG;
    return read_members(members.data, len, ret);
}

/* The head as text with its newline, from the front of r. */
static int read_head(struct rd *r, char dst[static HEAD_MAX])
{
    const uint8_t *start = r->buf;
    const uint8_t *end = start ? memchr(start, '\n', r->len < HEAD_MAX ? r->len : HEAD_MAX) : NULL;
    size_t len = end ? (size_t)(end - start) + 1 : 0;
    if (len == 0 || len >= HEAD_MAX || memchr(start, 0, len))
        return -EBADMSG;
    rd_copy(r, dst, len);
    dst[len] = '\0';
    return 0;
}

int pki_store_decode(const char *cluster, const void *data, size_t len, const uint8_t *key,
                     struct pki *ret, bool *ret_encrypted)
{
    char head[HEAD_MAX], expected[HEAD_MAX];
    struct rd r = rd_init(data, len);
    if (len > PKI_STORE_FILE_MAX || read_head(&r, head) < 0)
        return -EBADMSG;
    int code;
    const bool plain = str_eq(head, PLAIN_HEAD);
    if (plain) {
        const size_t left = rd_left(&r);
        code = read_members(rd_take(&r, left), left, ret);
    } else if (!str_after(head, SEALED_HEAD)) {
        return -EBADMSG;
    } else if (!key) {
        return -ENOKEY;
    } else {
        sealed_head(key, expected);
        code = str_eq(head, expected) ? unseal(cluster, &r, head, key, ret) : -EKEYREJECTED;
    }
    if (code == 0)
        *ret_encrypted = !plain;
    return code;
}
