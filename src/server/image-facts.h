/* SPDX-License-Identifier: Apache-2.0 */
/* What the server knows of an image's files: read on a worker thread, kept in memory. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "trust/key.h"

struct image_facts {
    bool ready;
    char problem[512];                 /* why it is not ready; "" when it is */
    uint8_t digest[TRUST_DIGEST_SIZE]; /* of the manifest file */
    uint64_t disk_size, data_size;
    uint64_t chunk_count;
    char architecture[64];
    char manifest_file[256]; /* names in the image folder */
    char data_file[256];
    char kubernetes[32];   /* version that it holds; "": none */
    char proxy_image[256]; /* container image of its kube-proxy; "": not known */
    char dns_image[256];   /* of its CoreDNS, likewise */
    bool kexec;            /* stage2 can start its kernel directly */
    bool cloud_init; /* configured by cloud-init and not by slipway-node, as imported images are */
    int64_t changed_ns; /* newest modification time of both files: cheap check for a change */
};

/*
 * Reads the manifest `name` ("debian-12.json") in the folder, checks it and that its data file has
 * the right size. Always fills *ret: what is wrong is in `problem`. Does not read the data: stage2
 * checks each chunk, and `slipway image verify` all of them. Thread safe.
 */
void image_facts_read(const char *folder, const char *name, struct image_facts *ret);

/* The newest modification time of manifest and data file, or 0 when either is missing. */
int64_t image_facts_changed(const char *folder, const char *name);
