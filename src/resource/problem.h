/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is wrong with a resource, all at once: each problem names the place in the file when there
 * was a file, and the path in the object: `machines.yaml:12: spec.uuid: not a UUID: "zz"`.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* What kind of problem, in the words of Kubernetes' Status causes. */
enum problem_reason {
    PROBLEM_INVALID,   /* FieldValueInvalid */
    PROBLEM_REQUIRED,  /* FieldValueRequired */
    PROBLEM_DUPLICATE, /* FieldValueDuplicate */
    PROBLEM_UNKNOWN,   /* FieldValueNotSupported: a field or an enum value that does not exist */
    PROBLEM_FORBIDDEN, /* FieldValueForbidden: may not be changed */
    PROBLEM_SYNTAX,    /* the text is no YAML or JSON */
};

struct problem {
    enum problem_reason reason;
    int line;   /* 0: unknown */
    char *file; /* NULL: none */
    char *path; /* "spec.macAddresses[1]"; "" for the whole object */
    char *text; /* "not a MAC address: \"zz\"" */
};

/* Keeps the first PROBLEMS_MAX and counts the rest. */
struct problems {
    struct problem *items;
    size_t n;
    size_t dropped;
    bool failed; /* out of memory while adding: treat the input as bad */
};

enum { PROBLEMS_MAX = 100 };

#define PROBLEMS_INIT ((struct problems){0})
#define _autoproblems_ _cleanup_(problems_free)

void problems_free(struct problems *problems);

/* path may be NULL for the whole object. */
void problem_add(struct problems *problems, enum problem_reason reason, const char *path,
                 const char *format, ...) _printf_(4, 5);
/* As problem_add() with a place in a file; file may be NULL, line 0. */
void problem_add_at(struct problems *problems, enum problem_reason reason, const char *file,
                    int line, const char *path, const char *format, ...) _printf_(6, 7);

/* True when anything is wrong. */
static inline bool problems_any(const struct problems *problems)
{
    return problems->n > 0 || problems->failed;
}

/* "FILE:LINE: PATH: text", as much of it as is known. */
void problem_write(const struct problem *problem, struct buf *out);
/* One line each, and how many more there are. */
void problems_write(const struct problems *problems, struct buf *out);
/* The first problem and how many more there are as an error: -EINVAL; 0 when there is none. */
int problems_err(const struct problems *problems, struct err *err);

/* "FieldValueInvalid" */
const char *problem_reason_text(enum problem_reason reason);
