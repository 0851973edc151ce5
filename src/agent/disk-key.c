/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/disk-key.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rd.h"
#include "base/str.h"
#include "base/wr.h"

#define MAGIC "SLIPWAY-DISKKEY1"
enum {
    MAGIC_SIZE = 16,
    SECRET_SIZE = 48, /* the key as trust_key_to_text() writes it, and zeros */
    OWNED_MAX = 256,  /* what the digest is of */
};

/* The digest that ties the secret to its owner, and tells a whole block from a torn one. */
static int block_digest(const uint8_t *secret, const struct disk_key_owner *owner,
                        uint8_t ret[static TRUST_DIGEST_SIZE])
{
    uint8_t bytes[OWNED_MAX];
    struct wr w = wr_init(bytes, sizeof(bytes));
    wr_bytes(&w, MAGIC, MAGIC_SIZE);
    wr_bytes(&w, secret, SECRET_SIZE);
    wr_bytes(&w, owner->server->b, sizeof(owner->server->b));
    wr_bytes(&w, owner->uuid, strlen(owner->uuid));
    if (wr_ok(&w))
        trust_digest(bytes, w.pos, ret);
    explicit_bzero(bytes, sizeof(bytes));
    return wr_ok(&w) ? 0 : -EINVAL;
}

int disk_key_build(const struct trust_key *key, const struct disk_key_owner *owner,
                   uint8_t dst[static DISK_KEY_SIZE])
{
    uint8_t digest[TRUST_DIGEST_SIZE];
    struct wr w = wr_init(dst, DISK_KEY_SIZE);
    char *text = trust_key_to_text(key);
    if (!text)
        return -ENOMEM;
    memset(dst, 0, DISK_KEY_SIZE);
    wr_bytes(&w, MAGIC, MAGIC_SIZE);
    uint8_t *secret = wr_room(&w, SECRET_SIZE);
    int r = str_copy((char *)secret, SECRET_SIZE, text);
    if (r == 0)
        r = block_digest(secret, owner, digest);
    if (r == 0)
        wr_bytes(&w, digest, sizeof(digest));
    explicit_bzero(text, strlen(text));
    free(text);
    return r;
}

int disk_key_parse(const uint8_t *block, size_t len, const struct disk_key_owner *owner,
                   struct trust_key *ret_key)
{
    uint8_t wanted[TRUST_DIGEST_SIZE];
    struct rd r = rd_init(block, len);
    const uint8_t *magic = rd_take(&r, MAGIC_SIZE);
    const uint8_t *secret = rd_take(&r, SECRET_SIZE);
    const uint8_t *digest = rd_take(&r, TRUST_DIGEST_SIZE);
    if (!rd_ok(&r) || memcmp(magic, MAGIC, MAGIC_SIZE) != 0 || secret[SECRET_SIZE - 1] ||
        block_digest(secret, owner, wanted) < 0 || memcmp(digest, wanted, sizeof(wanted)) != 0)
        return -EBADMSG;
    return trust_key_from_text((const char *)secret, ret_key) < 0 ? -EBADMSG : 0;
}

static int read_key(const char *dev, const struct disk *disk, const struct disk_key_owner *owner,
                    struct trust_key *ret_key)
{
    char path[256];
    uint8_t block[DISK_KEY_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", dev, disk->name);
    _autofd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : fd_pread_full(fd, block, sizeof(block), disk->key_offset);
    int r = n < 0 ? -EIO : disk_key_parse(block, (size_t)n, owner, ret_key);
    explicit_bzero(block, sizeof(block));
    return r;
}

int disk_key_find(const char *dev, const struct disk *disks, size_t count,
                  const struct disk_key_owner *owner, struct trust_key *ret_key,
                  const struct disk **ret_disk)
{
    static const enum disk_state order[] = {DISK_PARTIAL, DISK_OURS};
    for (size_t pass = 0; pass < ARRAY_SIZE(order); pass++) {
        for (size_t i = 0; i < count; i++) {
            if (disks[i].state != order[pass] || !disks[i].key_offset ||
                read_key(dev, &disks[i], owner, ret_key) < 0)
                continue;
            if (ret_disk)
                *ret_disk = &disks[i];
            return 0;
        }
    }
    return -ENOENT;
}
