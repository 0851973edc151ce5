/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes an image to a disk. Threads, each with a connection of its own, fetch frames by range,
 * check each against its digest in the signed manifest, only then unpack it, and write it past the
 * page cache; so network, processors and disk all work at once.
 *
 * The order makes an interruption harmless: a marker that names the manifest takes the place of the
 * partition table, everything but the first chunk is written, and the first chunk comes last, its
 * first page last of all. A disk whose installation did not end never boots, and the next attempt
 * with the same image keeps what is there. The machine's key lies behind the marker, in the page
 * that the commit overwrites, so that the next attempt speaks with the key that was approved.
 */
#pragma once

#include <stdatomic.h>

#include "agent/disk.h"
#include "base/err.h"
#include "image/manifest.h"

#define IMAGING_REASON_CHUNK "ChunkCorrupt"
#define IMAGING_REASON_FETCH "ImageUnreachable"
#define IMAGING_REASON_DISK "DiskFailed"
#define IMAGING_REASON_MEMORY "OutOfMemory"
#define IMAGING_REASON_LAYOUT "PartitionTableInvalid"

struct imaging {
    /* Given: */
    int fd; /* the disk, open for reading and direct writing */
    const struct disk *disk;
    const struct image_manifest *manifest;
    const uint8_t *digest;    /* of the manifest: 32 bytes */
    const uint8_t *key_block; /* DISK_KEY_SIZE bytes to leave on the disk, or NULL */
    const char *server;       /* "http://ADDRESS:PORT" */
    const char *data_path;
    unsigned threads; /* 0: by processors and memory */
    /* Filled in while it works; any thread may read: */
    atomic_uint_fast64_t bytes_done; /* of the disk, of manifest->disk_size */
    atomic_uint_fast64_t bytes_fetched;
    atomic_uint_fast64_t bytes_kept;      /* found on the disk already */
    atomic_int_fast64_t first_request_ms; /* clock when the first byte was asked for; 0: not yet */
    const char *reason;                   /* after a failure: one of the above */
};

/*
 * Places the marker and writes all chunks but the first. 0, or a negative errno with reason and
 * text set; -EBADMSG: a chunk was corrupt in every attempt, and err names it. Nothing unverified
 * was written.
 */
int imaging_write(struct imaging *imaging, struct err *err) _must_check_;

/*
 * Fetches the first chunk into dst (page-aligned, of its raw length), which the caller may change
 * (partition table) before it is written.
 */
int imaging_first_chunk(struct imaging *imaging, void *dst, struct err *err) _must_check_;

/* Writes the first chunk without its first page. */
int imaging_write_first(struct imaging *imaging, const void *first_chunk, struct err *err)
    _must_check_;

/* Flushes all that was written, then writes the first page, which replaces the marker, and flushes.
 */
int imaging_commit(struct imaging *imaging, const void *first_chunk, struct err *err) _must_check_;

/*
 * Reads the disk back and compares with the manifest, without the first chunk and without chunks
 * that touch skip_length bytes from `skip` on (the seed). 0, or -EBADMSG with the chunk in err.
 */
int imaging_verify(struct imaging *imaging, uint64_t skip, uint64_t skip_length, struct err *err)
    _must_check_;

/* Page-aligned memory for direct I/O; NULL when out of memory. free() it. */
void *imaging_memory(size_t size);
