/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine leaves with the server while it is installed anew (the data of the only etcd), in
 * chunks that the server cannot read as they are (trust/chunk.h). To PROTOCOL_PATH_SAVE one is
 * sent, in the order of their indices from 0; one that was sent already may be sent again. Before
 * that, one without data asks whether there is room for as much as its size says. From
 * PROTOCOL_PATH_SAVED one is asked for by its index; it is in the answer's field "chunk".
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define PROTOCOL_PATH_SAVE "/v1/save"
#define PROTOCOL_PATH_SAVED "/v1/saved"

enum {
    PROTOCOL_CHUNK_SIZE = 512 << 10, /* bytes of data in each but the last */
    PROTOCOL_CHUNKS_MAX = 16384,
};

struct protocol_chunk {
    char *id; /* of the task that it was, or is, saved by */
    uint64_t index;
    bool last;
    uint64_t size; /* of all data; with the first that is sent, and before it: at most */
    char *sealed;  /* trust_chunk_seal()'s text; NULL: it, or whether it may come, is asked for */
};

void protocol_chunk_free(struct protocol_chunk *chunk);
#define _autochunk_ _cleanup_(protocol_chunk_free)

/* {"id", "index", "last", "size", "data"}: a new reference; NULL when out of memory. */
json_t *protocol_chunk_to_json(const struct protocol_chunk *chunk);
/* *ret is untouched on failure. 0, -EBADMSG with the field in err, or -ENOMEM. */
int protocol_chunk_parse(json_t *object, struct protocol_chunk *ret, struct err *err) _must_check_;
