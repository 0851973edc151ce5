/* SPDX-License-Identifier: Apache-2.0 */
/* Counted lists inside the structs of this folder: strings, bytes, and arrays of structs. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* A list of strings; items is NULL when count is 0. */
struct texts {
    char **items;
    size_t count;
};

/* Bytes of any value; data is NULL when len is 0. */
struct bytes {
    uint8_t *data;
    size_t len;
};

/* Any ITEMS_OF() array: the typed pointer is at the same place as `items`. */
struct __attribute__((may_alias)) items {
    void *items;
    size_t count;
};

/* A counted array of TYPE with the layout of struct items. */
#define ITEMS_OF(type)                                                                             \
    struct {                                                                                       \
        type *items;                                                                               \
        size_t count;                                                                              \
    }

/* Appends a copy of text. 0 or -ENOMEM. */
int texts_add(struct texts *list, const char *text) _must_check_;
void texts_free(struct texts *list);

/* Appends one zeroed element of `size` bytes; NULL when out of memory. */
void *items_add(void *items, size_t size);

/* Replaces a malloc'd text by a copy; an empty or absent one changes nothing. 0 or -ENOMEM. */
int text_set(char **to, const char *from) _must_check_;
/* Appends copies of n texts. 0 or -ENOMEM. */
int texts_add_all(struct texts *list, const char *const *texts, size_t n) _must_check_;
