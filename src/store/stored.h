/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One version of an object as memory keeps it: its JSON text, compressed against a dictionary that
 * is made from the field tables (a Machine with its inventory shrinks to about a fifth), counted by
 * reference because the view, the watch history and a running transaction share it.
 *
 * Belongs to the store's thread.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/cleanup.h"

struct packer;

/* NULL when out of memory. */
struct packer *packer_new(void);
void packer_free(struct packer *packer);
DEFINE_CLEANUP(struct packer *, packer_free)

struct stored {
    unsigned refs;
    uint32_t text_len;   /* of the JSON text */
    uint32_t packed_len; /* of data; equal to text_len when it is the text itself */
    uint64_t version;    /* resourceVersion */
    char data[];
};

/* A version with one reference; NULL when out of memory or when the text is 4 GiB or more. */
struct stored *stored_new(struct packer *packer, uint64_t version, const char *text, size_t len);
struct stored *stored_ref(struct stored *stored);
void stored_unref(struct stored *stored);
DEFINE_CLEANUP(struct stored *, stored_unref)

/* Its JSON as a new value, or NULL when out of memory. */
json_t *stored_json(struct packer *packer, const struct stored *stored);
