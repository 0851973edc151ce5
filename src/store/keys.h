/* SPDX-License-Identifier: Apache-2.0 */
/* The keys under which a Machine is found beside its name, in a form that compares by bytes. */
#pragma once

#include <jansson.h>

#include "resource/kind.h"
#include "store/store.h"

enum { KEY_SIZE = 160 };

/* First byte: enum store_index. */
struct key {
    size_t len;
    char bytes[KEY_SIZE];
};

struct keys {
    struct key *items;
    size_t n;
};

/* 0, or -EINVAL when the text is no key of that index (malformed, empty or too long). */
int key_make(enum store_index index, const char *text, struct key *ret) _must_check_;

/* All keys of an object; none when it is not a Machine. 0 or -ENOMEM. Release with keys_free(). */
int keys_of(const struct kind *kind, const json_t *object, struct keys *ret) _must_check_;
void keys_free(struct keys *keys);

static inline bool key_is_unique(const struct key *key)
{
    return key->bytes[0] == STORE_MACHINE_BY_MAC;
}
