/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A struct and its JSON object described once, by a table of fields: reading, writing, checking and
 * freeing all follow the table. Reading ignores names that the table does not have, so that an
 * older slipway-node understands a newer server, and refuses wrong types and values with their
 * path.
 *
 * resource/field.h describes structs, too, and is not used here: its decoder makes read-only values
 * that share one arena, which is right for resources; these structs are filled by code, text by
 * text, changed in place when templates are expanded, and wiped when they go, because they hold
 * keys. Nor do stage2 and slipway-node, which link this, have any use for what comes with it: all
 * problems at once with their lines, suggestions, schemas.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/err.h"
#include "provision/lists.h"

enum field_kind {
    FIELD_TEXT,  /* char *, NULL when absent */
    FIELD_TEXTS, /* struct texts */
    FIELD_BYTES, /* struct bytes, base64 in JSON */
    FIELD_UINT,  /* unsigned, up to max; 0 when absent */
    FIELD_BOOL,  /* bool, false when absent */
    FIELD_MODE,  /* mode_t, "0644" in JSON; `max` when absent */
    FIELD_MAC,   /* struct mac, all zero when absent */
    FIELD_MACS,  /* ITEMS_OF(struct mac) */
    FIELD_ENUM,  /* int, an index into names; 0 when absent */
    FIELD_ITEMS, /* ITEMS_OF(a struct described by table) */
};

struct field {
    const char *name;
    enum field_kind kind;
    size_t offset;
    bool required;
    size_t max;                       /* longest text or bytes, most items, largest number */
    bool (*check)(const char *value); /* of each text; NULL: any text without control characters */
    const char *what;                 /* what check() admits, for messages: "a host name" */
    const char *const *names;         /* FIELD_ENUM, NULL-terminated */
    const struct field_table *table;  /* FIELD_ITEMS */
};

struct field_table {
    const struct field *fields;
    size_t count;
    size_t size; /* of the struct */
};

/*
 * Reads object into value (zeroed before), whose fields are freed again on failure. 0, -EINVAL with
 * a message that starts with the path, or -ENOMEM.
 */
int fields_read(const struct field_table *table, json_t *object, void *value, struct err *err)
    _must_check_;

/* A new object, without the fields that are absent. NULL when out of memory. */
json_t *fields_write(const struct field_table *table, const void *value);

/* Checks what fields_read() would have checked, for a struct that was filled by code. */
int fields_check(const struct field_table *table, const void *value, struct err *err) _must_check_;

/* Wipes and frees everything that the struct owns and zeroes it. */
void fields_free(const struct field_table *table, void *value);
