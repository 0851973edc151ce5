/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a bootable disk image of a Debian system, without a loop device and, in mmdebstrap's
 * unshare mode, without root:
 *
 *   1. mmdebstrap installs the packages into a temporary tree; customize.sh runs as its hook, puts
 *      configuration and files there and has mke2fs write the tree straight into the raw disk, at
 *      the root partition's place.
 *   2. build-disk.c puts GPT, GRUB for BIOS, and an EFI system partition with GRUB around it.
 *   3. pack.c turns the raw disk into the chunked image.
 *
 * Layout: partition 1 BIOS boot (1 MiB), 2 ESP (FAT32), 3 seed (FAT, name CIDATA, empty), 4 root
 * (ext4, last, so that it can grow). The root partition starts at 64 MiB.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "image/build-kubernetes.h"
#include "image/gpt.h"
#include "image/manifest.h"
#include "image/progress.h"

/* A file for the image. Owned by root. */
struct image_build_file {
    const char *path; /* absolute, inside the image */
    const void *data;
    size_t len;
    mode_t mode; /* permission bits */
};

struct image_build {
    const char *name;              /* of the image */
    const char *description;       /* may be NULL */
    const char *suite;             /* "bookworm" */
    const char *architecture;      /* "amd64", the only one with boot loaders so far */
    const char *variant;           /* of mmdebstrap: "minbase", "apt"... */
    const char *const *packages;   /* NULL-terminated, as all lists here; beyond the kernel's */
    const char *const *components; /* NULL or empty: main */
    const char *const *mirrors;   /* as for mmdebstrap; NULL or empty: this machine's apt sources */
    const char *kernel;           /* package */
    const char *kernel_arguments; /* behind root= */
    const char *hostname;
    const char *locale;   /* NULL: none is set */
    bool documentation;   /* keep manuals, documentation and translations */
    uint64_t disk_size;   /* bytes; 0: as small as the contents allow */
    const char *commands; /* shell text to run inside the tree; NULL: none */
    const struct image_build_file *files;
    size_t file_count;
    const struct image_kubernetes *kubernetes; /* NULL: none */
    bool node;                                 /* files hold slipway-node and its unit: enable it */
    int level;                                 /* zstd; 0: default */
    int64_t time;       /* seconds since 1970 for all files and file systems */
    const char *folder; /* where the image goes; the raw disk is made there too */
    const struct image_progress *progress;        /* may be NULL */
    void (*on_log)(void *data, const char *line); /* hears what the tools say; may be NULL */
    void *log_data;
    const char *log_path; /* file that gets all that the tools say; NULL: none */
};

/*
 * Builds and saves the image; *ret_manifest (image_manifest_clear()) describes it. Nothing is left
 * behind on failure. 0; -ENOENT when a tool is missing (err names the Debian package); -EINTR when
 * cancelled; -ENOSPC; -EIO when a tool failed; or another negative errno.
 */
int image_build(const struct image_build *build, struct image_manifest *ret_manifest,
                struct err *err) _must_check_;

enum {
    IMAGE_PARTITION_BIOS = 1,
    IMAGE_PARTITION_ESP,
    IMAGE_PARTITION_SEED,
    IMAGE_PARTITION_ROOT,
};
#define IMAGE_ROOT_OFFSET ((uint64_t)64 << 20)
#define IMAGE_SEED_SIZE ((uint64_t)8 << 20)

/*
 * Identifiers of a built image, derived from its inputs, so that building again gives the same.
 * Machines that run the same image share them, as they share the image.
 */
struct image_ids {
    struct gpt_guid disk;
    struct gpt_guid partitions[4];
    struct gpt_guid root_fs;
    uint32_t esp_volume;
    uint32_t seed_volume;
};
void image_ids_derive(const char *name, int64_t time, struct image_ids *ret);

/*
 * Writes everything but the root file system into the raw disk of `size` bytes: partition table,
 * BIOS boot code, ESP, empty seed file system. work: a folder for temporary files. 0 or a negative
 * errno.
 */
int image_disk_finish(int disk_fd, uint64_t size, const struct image_ids *ids, int64_t time,
                      const char *work, struct err *err) _must_check_;
