/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifest of a disk image: NAME.json beside its data file NAME.zst.
 *
 * The data file is ordinary zstd (RFC 8878): one independent frame per chunk of the disk, one after
 * the other without gaps, so that `zstd -dc NAME.zst` yields the disk. All-zero chunks have a frame
 * there too, a fixed one of a few bytes (image_zero_frame() in chunk.h), which nobody needs to
 * fetch.
 *
 * The manifest is JSON, by columns so that it stays small (about 90 bytes per chunk that holds
 * data) and cheap to parse:
 *
 *   {
 *     "format": "slipway-image/1", "name": "debian-12", "architecture": "amd64",
 *     "description": "...",                        optional
 *     "diskSize": 4294967296, "chunkSize": 4194304, "dataSize": 187432091,
 *     "hash": "blake2b-256",
 *     "firstBoot": "slipway-node",   optional; without it: cloud-init, as vendors' images have
 *     "kubernetes": {"version": "v1.20.2",         optional: what it holds of Kubernetes
 *                    "proxyImage": "k8s.gcr.io/kube-proxy:v1.20.2",   optional: the container
 *                    "dnsImage": "k8s.gcr.io/coredns:1.7.0"},         images of its add-ons
 *     "boot": {"rootPartition": 4, "kernel": "/boot/vmlinuz-...", "initrd": "/boot/initrd...",
 *              "cmdline": "root=UUID=... console=ttyS0"},    optional
 *     "chunks": {
 *       "lengths": [1823011, 137, ...],   frame lengths; a chunk's offset is the sum before it
 *       "zero": [[1, 12], ...],           runs of all-zero chunks as [first, count], ascending
 *       "frames": "BASE64",               frame digests of the other chunks, 32 bytes each
 *       "raw": "BASE64"                   digests of their contents, likewise
 *     }
 *   }
 *
 * Pure functions over memory, thread safe. A parsed manifest satisfies all invariants that
 * image_manifest_check() lists, so its users need no range checks of their own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define IMAGE_FORMAT "slipway-image/1"
#define IMAGE_DIGEST_SIZE 32 /* BLAKE2b-256 */

enum {
    IMAGE_NAME_MAX = 63,
    IMAGE_TEXT_MAX = 255,
    IMAGE_PATH_MAX = 255,
    IMAGE_CMDLINE_MAX = 2047,
    IMAGE_KUBERNETES_MAX = 31,
    IMAGE_SECTOR_SIZE = 512,
    IMAGE_CHUNK_SIZE_MIN = 64 << 10,
    IMAGE_CHUNK_SIZE_MAX = 64 << 20,
    IMAGE_CHUNK_SIZE_DEFAULT = 4 << 20,
    IMAGE_CHUNKS_MAX = 1 << 19, /* 2 TiB with the default chunk size */
    IMAGE_MANIFEST_MAX = 64 << 20,
};

struct image_chunk {
    uint64_t offset; /* of the frame in the data file */
    uint32_t length; /* of the frame */
    bool zero;       /* all zero: the digests are unset, the frame need not be fetched */
    uint8_t frame_digest[IMAGE_DIGEST_SIZE];
    uint8_t raw_digest[IMAGE_DIGEST_SIZE];
};

/* How to start the installed system without its boot loader; root_partition 0: not known. */
struct image_boot {
    uint32_t root_partition;         /* GPT partition number, from 1 */
    char kernel[IMAGE_PATH_MAX + 1]; /* absolute path inside the root file system */
    char initrd[IMAGE_PATH_MAX + 1]; /* likewise; "" when there is none */
    char cmdline[IMAGE_CMDLINE_MAX + 1];
};

struct image_manifest {
    char name[IMAGE_NAME_MAX + 1];
    char architecture[IMAGE_NAME_MAX + 1]; /* Debian's word: amd64, arm64 */
    char description[IMAGE_TEXT_MAX + 1];
    uint64_t disk_size;  /* bytes, a multiple of IMAGE_SECTOR_SIZE */
    uint32_t chunk_size; /* bytes, a power of two; the last chunk may be shorter */
    uint64_t data_size;  /* bytes of the data file: the sum of all frame lengths */
    bool node;           /* its first boot is slipway-node's; else cloud-init's */
    char kubernetes[IMAGE_KUBERNETES_MAX + 1]; /* version of kubeadm and kubelet; "": none */
    char proxy_image[IMAGE_TEXT_MAX + 1];      /* of kube-proxy, as kubeadm names it; "": unknown */
    char dns_image[IMAGE_TEXT_MAX + 1];        /* of CoreDNS, likewise */
    struct image_boot boot;
    size_t chunk_count; /* disk_size / chunk_size, rounded up */
    struct image_chunk *chunks;
};

/* Frees the chunks and empties the manifest. NULL allowed. */
void image_manifest_clear(struct image_manifest *m);
#define _automanifest_ _cleanup_(image_manifest_clear)

/*
 * Parses the JSON text strictly: unknown, missing or doubled fields, wrong types and every broken
 * invariant are errors. On success *ret owns memory (image_manifest_clear()); on failure it is
 * untouched. 0, -EBADMSG (not a valid manifest), -EMSGSIZE (over a limit) or -ENOMEM.
 */
int image_manifest_parse(const void *text, size_t len, struct image_manifest *ret, struct err *err)
    _must_check_;

/* The JSON text of a manifest; the same manifest always gives the same bytes. malloc'd. */
int image_manifest_print(const struct image_manifest *m, char **ret_text, size_t *ret_len,
                         struct err *err) _must_check_;

/*
 * An empty manifest with room for all chunks of a disk (all marked zero with length 0). 0, -EINVAL
 * when the sizes are not allowed, -EMSGSIZE or -ENOMEM.
 */
int image_manifest_init(struct image_manifest *ret, const char *name, const char *architecture,
                        uint64_t disk_size, uint32_t chunk_size, struct err *err) _must_check_;

/*
 * Every invariant: allowed sizes and names; chunk_count is disk_size / chunk_size rounded up;
 * frames follow each other without gap from 0 to data_size; no frame is empty or longer than a
 * frame of that chunk can be; zero chunks have exactly the length of the zero frame; paths are
 * absolute. 0 or -EBADMSG.
 */
int image_manifest_check(const struct image_manifest *m, struct err *err) _must_check_;

/* A name for images: lower-case letters, digits, '-' and '.', as in RFC 1123. */
bool image_name_valid(const char *name);

/*
 * A version as Kubernetes writes its own: 'v' and Semantic Versioning 2.0.0, such as "v1.20.2" or
 * "v1.31.0-rc.1". Not NULL.
 */
bool image_kubernetes_version_valid(const char *version);

/* Where chunk `index` lies on the disk, and how many bytes of it. index < chunk_count. */
static inline uint64_t image_chunk_position(const struct image_manifest *m, size_t index)
{
    return (uint64_t)index * m->chunk_size;
}

static inline uint32_t image_chunk_raw_length(const struct image_manifest *m, size_t index)
{
    uint64_t left = m->disk_size - image_chunk_position(m, index);
    return left < m->chunk_size ? (uint32_t)left : m->chunk_size;
}
