/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One chunk of an image: checking the frame that arrived, unpacking it, comparing what a disk
 * already holds, and packing. The order for data from the network is always image_chunk_check()
 * first, then image_chunk_unpack(): nothing unverified reaches the decompressor.
 *
 * Pure functions over memory. An unpacker or packer holds a zstd context for reuse and belongs to
 * one thread at a time; everything else is thread safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "image/manifest.h"

/* BLAKE2b-256 of the data. */
void image_digest(const void *data, size_t len, uint8_t ret[static IMAGE_DIGEST_SIZE]);

/*
 * Whether these bytes are the frame that the manifest promised: length and frame digest. 0 or
 * -EBADMSG.
 */
int image_chunk_check(const struct image_chunk *chunk, const void *frame, size_t len) _must_check_;

struct image_unpacker;

/* A reusable decompression context of one thread; NULL when out of memory. */
struct image_unpacker *image_unpacker_new(void);
void image_unpacker_free(struct image_unpacker *u);
DEFINE_CLEANUP(struct image_unpacker *, image_unpacker_free)

/*
 * Decompresses one frame into exactly raw_len bytes at out (any alignment, so also a buffer for
 * direct I/O). 0, or -EBADMSG when it is not one whole zstd frame of that content size.
 */
int image_chunk_unpack(struct image_unpacker *u, const void *frame, size_t len, void *out,
                       size_t raw_len) _must_check_;

/*
 * Whether raw disk bytes are already the chunk's content: the digest, or all zero for a zero chunk.
 * len must be image_chunk_raw_length().
 */
bool image_chunk_holds(const struct image_chunk *chunk, const void *raw, size_t len);

/* True when every byte is zero. */
bool image_is_zero(const void *data, size_t len);

/* The most bytes a frame of raw_len bytes may take. */
size_t image_frame_max(size_t raw_len);

/*
 * The frame of an all-zero chunk of raw_len bytes (1..IMAGE_CHUNK_SIZE_MAX): a single-segment frame
 * of run-length blocks (RFC 8878 sections 3.1.1.1 and 3.1.1.2). Its bytes depend on raw_len alone.
 */
size_t image_zero_frame_length(size_t raw_len);
void image_zero_frame(size_t raw_len, uint8_t *out);

struct image_packer;

/* A reusable compression context of one thread; level as for zstd. NULL when out of memory. */
struct image_packer *image_packer_new(int level);
void image_packer_free(struct image_packer *p);
DEFINE_CLEANUP(struct image_packer *, image_packer_free)

/*
 * Packs raw bytes into one frame at out (of image_frame_max(raw_len) bytes) and fills length, zero
 * flag and digests of *ret (the offset is the caller's). The same bytes and level always give the
 * same frame. 0 or a negative errno.
 */
int image_chunk_pack(struct image_packer *p, const void *raw, size_t raw_len, uint8_t *out,
                     struct image_chunk *ret) _must_check_;
