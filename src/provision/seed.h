/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contents of the seed partition (label CIDATA) as a list of files in memory: what the server
 * renders, seals to the machine's key and sends, and what stage2 unseals and writes to the disk.
 * A seed holds secrets, so its memory is wiped when it is freed.
 *
 * Nothing here is thread safe on the same seed; different seeds are independent.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* The partition is 8 MiB of FAT: half of it stays free for what people put beside our files. */
#define SEED_BYTES_MAX ((size_t)4 << 20)
#define SEED_FILES_MAX 64
#define SEED_PATH_MAX 127
/* The longest text that seed_parse() takes: base64 of SEED_BYTES_MAX, and names. */
#define SEED_JSON_MAX (SEED_BYTES_MAX / 3 * 4 + SEED_FILES_MAX * 512)

/* Paths that the programs agree on. */
#define SEED_PATH_META_DATA "meta-data"
#define SEED_PATH_USER_DATA "user-data"
#define SEED_PATH_VENDOR_DATA "vendor-data"
#define SEED_PATH_NETWORK_CONFIG "network-config"
#define SEED_PATH_NODE "slipway/node.json"
#define SEED_PATH_IDENTITY "slipway/identity.json"

struct seed_file {
    char *path;    /* relative, '/' between folder and name, at most one folder */
    mode_t mode;   /* permission bits; FAT cannot keep them, other carriers may */
    uint8_t *data; /* never NULL, also when len is 0 */
    size_t len;
};

struct seed {
    struct seed_file *files; /* in the order in which they were added */
    size_t count;
    size_t bytes; /* of all files together */
};

#define SEED_INIT ((struct seed){0})
#define _autoseed_ _cleanup_(seed_free)

/* Wipes and frees the files; the seed is empty afterwards and may be used again. */
void seed_free(struct seed *seed);

/*
 * Adds a file, or replaces the one of that path (compared without case, as FAT does). The data is
 * copied. 0, -EINVAL (a path that is not "name" or "folder/name" of letters, digits, '.', '_' and
 * '-', not starting with '.'; or bits outside 0777), -EFBIG (limits above) or -ENOMEM.
 */
int seed_put(struct seed *seed, const char *path, mode_t mode, const void *data, size_t len,
             struct err *err) _must_check_;

/* The file of that path, borrowed until the seed changes; NULL when there is none. */
const struct seed_file *seed_find(const struct seed *seed, const char *path);

/*
 * The seed as JSON: {"version": 1, "files": [{"path", "mode": "0600", "data": base64}]}.
 * *ret_text is malloc'd and NUL-terminated; it holds secrets, so free it with seed_text_free().
 */
int seed_build(const struct seed *seed, char **ret_text, size_t *ret_len) _must_check_;

/* The reverse; *ret is untouched on failure. 0, -EINVAL, -EFBIG or -ENOMEM. */
int seed_parse(const char *text, size_t len, struct seed *ret, struct err *err) _must_check_;

/* Wipes and frees text of seed_build() or of the renderer. NULL allowed. */
void seed_text_free(char *text);
