/* SPDX-License-Identifier: Apache-2.0 */
#include "image/chunk.h"

#include <sodium.h>
#include <string.h>
#include <zstd.h>

#include "base/wr.h"

enum {
    ZSTD_BLOCK_MAX = 128 << 10,         /* RFC 8878 section 3.1.1.2.4 */
    ZERO_FRAME_HEADER = 4 + 1 + 4,      /* magic number, descriptor, 4-byte content size */
    ZERO_FRAME_BLOCK = 3 + 1,           /* block header, the byte to repeat */
    FRAME_DESCRIPTOR = 2 << 6 | 1 << 5, /* 4-byte content size, single segment, no checksum */
    BLOCK_TYPE_RLE = 1,
};

struct image_unpacker {
    ZSTD_DCtx *context;
};

struct image_packer {
    ZSTD_CCtx *context;
};

void image_digest(const void *data, size_t len, uint8_t ret[static IMAGE_DIGEST_SIZE])
{
    (void)crypto_generichash(ret, IMAGE_DIGEST_SIZE, data, len, NULL, 0);
}

int image_chunk_check(const struct image_chunk *chunk, const void *frame, size_t len)
{
    if (len != chunk->length || chunk->zero)
        return -EBADMSG;
    uint8_t digest[IMAGE_DIGEST_SIZE];
    image_digest(frame, len, digest);
    return memcmp(digest, chunk->frame_digest, sizeof(digest)) == 0 ? 0 : -EBADMSG;
}

struct image_unpacker *image_unpacker_new(void)
{
    _autofree_ struct image_unpacker *u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    u->context = ZSTD_createDCtx();
    return u->context ? TAKE_PTR(u) : NULL;
}

void image_unpacker_free(struct image_unpacker *u)
{
    if (!u)
        return;
    (void)ZSTD_freeDCtx(u->context);
    free(u);
}

int image_chunk_unpack(struct image_unpacker *u, const void *frame, size_t len, void *out,
                       size_t raw_len)
{
    if (ZSTD_getFrameContentSize(frame, len) != raw_len ||
        ZSTD_findFrameCompressedSize(frame, len) != len)
        return -EBADMSG;
    return ZSTD_decompressDCtx(u->context, out, raw_len, frame, len) == raw_len ? 0 : -EBADMSG;
}

bool image_is_zero(const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t head = len < 16 ? len : 16;
    for (size_t i = 0; i < head; i++) {
        if (p[i])
            return false;
    }
    /* The first 16 bytes are zero, so the rest is when it equals itself shifted by 16. */
    return len <= head || memcmp(p, p + head, len - head) == 0;
}

bool image_chunk_holds(const struct image_chunk *chunk, const void *raw, size_t len)
{
    if (chunk->zero)
        return image_is_zero(raw, len);
    uint8_t digest[IMAGE_DIGEST_SIZE];
    image_digest(raw, len, digest);
    return memcmp(digest, chunk->raw_digest, sizeof(digest)) == 0;
}

size_t image_frame_max(size_t raw_len)
{
    size_t zero = image_zero_frame_length(raw_len);
    /* The macro: the function would pull the whole compressor into programs that only unpack. */
    size_t bound = ZSTD_COMPRESSBOUND(raw_len);
    return bound > zero ? bound : zero;
}

size_t image_zero_frame_length(size_t raw_len)
{
    size_t blocks = (raw_len + ZSTD_BLOCK_MAX - 1) / ZSTD_BLOCK_MAX;
    return ZERO_FRAME_HEADER + blocks * ZERO_FRAME_BLOCK;
}

void image_zero_frame(size_t raw_len, uint8_t *out)
{
    struct wr w = wr_init(out, image_zero_frame_length(raw_len));
    wr_u32_le(&w, ZSTD_MAGICNUMBER);
    wr_u8(&w, FRAME_DESCRIPTOR);
    wr_u32_le(&w, (uint32_t)raw_len);
    for (size_t left = raw_len; left;) {
        size_t block = left < ZSTD_BLOCK_MAX ? left : ZSTD_BLOCK_MAX;
        left -= block;
        uint32_t header = (uint32_t)block << 3 | BLOCK_TYPE_RLE << 1 | (left == 0);
        wr_u16_le(&w, (uint16_t)header);
        wr_u8(&w, (uint8_t)(header >> 16));
        wr_u8(&w, 0);
    }
}

struct image_packer *image_packer_new(int level)
{
    _autofree_ struct image_packer *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->context = ZSTD_createCCtx();
    if (!p->context)
        return NULL;
    size_t r = ZSTD_CCtx_setParameter(p->context, ZSTD_c_compressionLevel, level);
    if (ZSTD_isError(r)) {
        (void)ZSTD_freeCCtx(p->context);
        return NULL;
    }
    return TAKE_PTR(p);
}

void image_packer_free(struct image_packer *p)
{
    if (!p)
        return;
    (void)ZSTD_freeCCtx(p->context);
    free(p);
}

int image_chunk_pack(struct image_packer *p, const void *raw, size_t raw_len, uint8_t *out,
                     struct image_chunk *ret)
{
    if (raw_len == 0 || raw_len > IMAGE_CHUNK_SIZE_MAX)
        return -EINVAL;
    if (image_is_zero(raw, raw_len)) {
        image_zero_frame(raw_len, out);
        *ret = (struct image_chunk){.length = (uint32_t)image_zero_frame_length(raw_len),
                                    .zero = true};
        return 0;
    }
    size_t n = ZSTD_compress2(p->context, out, image_frame_max(raw_len), raw, raw_len);
    if (ZSTD_isError(n))
        return -EIO;
    *ret = (struct image_chunk){.length = (uint32_t)n};
    image_digest(out, n, ret->frame_digest);
    image_digest(raw, raw_len, ret->raw_digest);
    return 0;
}
