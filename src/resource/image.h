/* SPDX-License-Identifier: Apache-2.0 */
/* Image: a disk image in the server's image folder. */
#pragma once

#include "resource/kind.h"

enum image_phase { IMAGE_PHASE_UNSET, IMAGE_PENDING, IMAGE_READY, IMAGE_FAILED };
extern const char *const image_phase_values[];

struct image_spec {
    const char *manifest; /* file name in the image folder; NULL: NAME.json */
    const char *url;      /* where the image came from, for people */
    const char *description;
    const char *const *kernel_arguments; /* added to those of the manifest */
    size_t n_kernel_arguments;
};

struct image_status {
    int64_t observed_generation;
    enum image_phase phase;
    const struct condition *conditions;
    size_t n_conditions;
    int64_t size_bytes;       /* of the disk */
    int64_t compressed_bytes; /* of the data file */
    int64_t chunk_count;
    const char *digest; /* of the manifest: BLAKE2b-256, hex */
    const char *architecture;
    const char *const *firmware; /* "bios", "uefi": what it boots on */
    size_t n_firmware;
    const char *kubernetes_version; /* "v1.20.2"; NULL: it is no node of Kubernetes */
};

struct image {
    struct meta meta;
    struct image_spec spec;
    struct image_status status;
};

extern const struct field image_spec_fields[];
extern const struct field image_status_fields[];

int image_decode(const json_t *json, struct image **ret, struct err *err) _must_check_;
void image_free(struct image *image);
DEFINE_CLEANUP(struct image *, image_free)
