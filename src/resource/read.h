/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resources from files: YAML with any number of documents, of which JSON is a part, as kubectl
 * reads it. Safe for hostile input: size, depth, number of values and alias expansion are bounded.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "resource/kind.h"
#include "resource/problem.h"
#include "resource/where.h"

enum {
    YAML_SIZE_MAX = 4 << 20, /* bytes of a file */
    YAML_DEPTH_MAX = 64,     /* lists and mappings inside each other */
    YAML_VALUES_MAX = 100000 /* values in a file after aliases were expanded */
};

/* One document. */
struct document {
    json_t *json;        /* owned */
    struct where *where; /* owned */
};

struct documents {
    struct document *items;
    size_t n;
};

void documents_free(struct documents *documents);
#define _autodocuments_ _cleanup_(documents_free)

/*
 * Parses a text. Documents without content are left out. `file` is for messages and may be NULL.
 * What cannot be read is added to problems (and leaves out its document). 0, -EINVAL (there are
 * problems) or -ENOMEM.
 *
 * Plain scalars are what YAML 1.1 and kubectl make of them: yes, no, on, off, y, n, true, false in
 * three spellings are booleans; ~, null and nothing are null; 0x1f, 0o17, 017, 0b1, 1_000 are
 * numbers. Quoted ones are strings. Duplicate keys, merge keys (<<), non-scalar keys, NaN,
 * infinities and numbers beyond 64 bits are problems.
 */
int yaml_parse(const char *file, const char *text, size_t len, struct documents *ret,
               struct problems *problems) _must_check_;

/*
 * One resource out of a file: valid, and as it was written. Defaults are the server's business: a
 * client that sent them would undo what others have set meanwhile.
 */
struct resource {
    const struct kind *kind;
    json_t *json; /* owned */
    int line;     /* where it starts */
};

struct resources {
    struct resource *items;
    size_t n;
};

void resources_free(struct resources *resources);
#define _autoresources_ _cleanup_(resources_free)

/*
 * The resources of a text: each document is one, or a List (kind List, with items) of them. All
 * problems of all documents are collected. 0, -EINVAL or -ENOMEM.
 */
int resources_parse(const char *file, const char *text, size_t len, struct resources *ret,
                    struct problems *problems) _must_check_;
