/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table that describes a kind. One table of fields per kind drives everything there is to do
 * with its JSON form: validation, defaults, pruning, decoding into a C struct and encoding back,
 * OpenAPI schemas, the CRD, printing and the reference page. Nothing about a kind is written twice;
 * the macros below tie each entry to the C struct's member and refuse to compile on a wrong type.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

enum field_type {
    FIELD_STRING, /* const char *; NULL when absent */
    FIELD_ENUM,   /* an enum whose value 0 is "absent" and i + 1 is values[i] */
    FIELD_INT,    /* int64_t */
    FIELD_BOOL,   /* bool; false when absent */
    FIELD_TRI,    /* enum tristate */
    FIELD_MAC,    /* struct mac; all zero when absent */
    FIELD_IPV4,   /* ipv4; 0 when absent */
    FIELD_CIDR,   /* struct cidr; all zero when absent */
    FIELD_SIZE,   /* uint64_t bytes, written as "100Gi" or a number; 0 when absent */
    FIELD_TIME,   /* int64_t wall milliseconds, written as RFC 3339; 0 when absent */
    FIELD_MAP,    /* list of struct pair: an object of strings (or booleans) under free keys */
    FIELD_OBJECT, /* an embedded struct described by .fields */
    FIELD_ANY,    /* any JSON: kept and never looked at; the struct has no member for it */
};

enum field_flag {
    FIELD_LIST = 1 << 0,       /* an array of the type; the struct has member and n_member */
    FIELD_REQUIRED = 1 << 1,   /* must be present where its parent is */
    FIELD_IMMUTABLE = 1 << 2,  /* may not change once set */
    FIELD_UNIQUE = 1 << 3,     /* no two items of the list are equal */
    FIELD_ATOMIC = 1 << 4,     /* an object that a Profile gives whole or not at all */
    FIELD_SELECTABLE = 1 << 5, /* may be used in field selectors */
    FIELD_BOOLEANS = 1 << 6,   /* a map of true and false, which struct pair holds as text */
    FIELD_SECRET = 1 << 7,     /* messages do not show the value */
};

/* absent, false or true where the difference between absent and false matters */
enum tristate { TRI_UNSET, TRI_FALSE, TRI_TRUE };

/* One label, annotation or selector entry. */
struct pair {
    const char *key;
    const char *value;
};

/* How the text of a string field must look. */
struct format {
    const char *what;    /* completes "not ...": "a MAC address" */
    const char *pattern; /* the same as a regular expression for schemas; NULL when not regular */
    bool (*check)(const char *text);
};

struct field {
    const char *name; /* in JSON; NULL ends a table */
    const char *doc;  /* sentences for explain, schemas and the reference page */
    enum field_type type;
    unsigned flags;
    const struct format *format; /* FIELD_STRING: NULL means any text */
    const char *const *values;   /* FIELD_ENUM: NULL-terminated */
    const struct field *fields;  /* FIELD_OBJECT */
    const char *def;             /* stored when absent, as JSON text; NULL: no default */
    const char *late;            /* for the reference page: what absence means in the end */
    int64_t min, max;            /* FIELD_INT: the range when they differ */
    int64_t absent;              /* FIELD_INT: the struct's value when the JSON has none */
    size_t max_length;           /* FIELD_STRING bytes; 0: FIELD_LENGTH_DEFAULT */
    size_t max_items;            /* lists and maps; 0: FIELD_ITEMS_DEFAULT */
    size_t offset, count_offset; /* in the struct; the latter is where n_member is */
    size_t size;                 /* of one value in the struct */
};

enum { FIELD_LENGTH_DEFAULT = 1024, FIELD_ITEMS_DEFAULT = 256 };

/* offsetof(s, m) when that member's type is t, else an error at compile time. */
#define FIELD_AT(s, m, t)                                                                          \
    (offsetof(s, m) +                                                                              \
     0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((s *)NULL)->m), t) ? 1 : -1]))
#define FIELD_AT_SIZE(s, m, n)                                                                     \
    (offsetof(s, m) + 0 * sizeof(char[sizeof(((s *)NULL)->m) == (n) ? 1 : -1]))

#define FIELD_ONE(s, m, n, k, t, ...)                                                              \
    {                                                                                              \
        .name = (n), .type = (k), .offset = FIELD_AT(s, m, t), .size = sizeof(t), __VA_ARGS__      \
    }
#define FIELD_MANY(s, m, n, k, t, f, ...)                                                          \
    {                                                                                              \
        .name = (n), .type = (k), .flags = FIELD_LIST | (f),                                       \
        .offset = FIELD_AT(s, m, __typeof__(t) const *),                                           \
        .count_offset = FIELD_AT(s, n_##m, size_t), .size = sizeof(t), __VA_ARGS__                 \
    }

/* s: struct type, m: member, n: JSON name; then designated initialisers of struct field. */
#define F_STRING(s, m, n, ...) FIELD_ONE(s, m, n, FIELD_STRING, const char *, __VA_ARGS__)
#define F_INT(s, m, n, ...) FIELD_ONE(s, m, n, FIELD_INT, int64_t, __VA_ARGS__)
#define F_BOOL(s, m, n, ...) FIELD_ONE(s, m, n, FIELD_BOOL, bool, __VA_ARGS__)
#define F_TRI(s, m, n, ...) FIELD_ONE(s, m, n, FIELD_TRI, enum tristate, __VA_ARGS__)
#define F_MAC(s, m, n, ...) FIELD_ONE(s, m, n, FIELD_MAC, struct mac, __VA_ARGS__)
#define F_IPV4(s, m, n, ...) FIELD_ONE(s, m, n, FIELD_IPV4, ipv4, __VA_ARGS__)
#define F_CIDR(s, m, n, ...) FIELD_ONE(s, m, n, FIELD_CIDR, struct cidr, __VA_ARGS__)
#define F_SIZE(s, m, n, ...) FIELD_ONE(s, m, n, FIELD_SIZE, uint64_t, __VA_ARGS__)
#define F_TIME(s, m, n, ...) FIELD_ONE(s, m, n, FIELD_TIME, int64_t, __VA_ARGS__)
#define F_ENUM(s, m, n, v, ...)                                                                    \
    {                                                                                              \
        .name = (n), .type = FIELD_ENUM, .offset = FIELD_AT_SIZE(s, m, sizeof(int)),               \
        .size = sizeof(int), .values = (v), __VA_ARGS__                                            \
    }
#define F_MAP(s, m, n, ...)                                                                        \
    {                                                                                              \
        .name = (n), .type = FIELD_MAP, .offset = FIELD_AT(s, m, const struct pair *),             \
        .count_offset = FIELD_AT(s, n_##m, size_t), .size = sizeof(struct pair), __VA_ARGS__       \
    }
#define F_OBJECT(s, m, n, t, sub, ...)                                                             \
    FIELD_ONE(s, m, n, FIELD_OBJECT, t, .fields = (sub), __VA_ARGS__)

/* Lists; f: further flags. */
#define F_STRINGS(s, m, n, f, ...) FIELD_MANY(s, m, n, FIELD_STRING, const char *, f, __VA_ARGS__)
#define F_MACS(s, m, n, f, ...) FIELD_MANY(s, m, n, FIELD_MAC, struct mac, f, __VA_ARGS__)
#define F_IPV4S(s, m, n, f, ...) FIELD_MANY(s, m, n, FIELD_IPV4, ipv4, f, __VA_ARGS__)
#define F_OBJECTS(s, m, n, t, sub, f, ...)                                                         \
    FIELD_MANY(s, m, n, FIELD_OBJECT, t, f, .fields = (sub), __VA_ARGS__)

/* The entry of that name in a table, or NULL. */
const struct field *field_find(const struct field *fields, const char *name);

static inline bool field_is_list(const struct field *field)
{
    return (field->flags & FIELD_LIST) != 0;
}

/* The text of value `value` of an enum field's values; "" for 0 and for what is out of range. */
const char *field_enum_text(const char *const *values, int value);
/* The reverse; 0 when text is NULL or none of them. */
int field_enum_parse(const char *const *values, const char *text);
