/* SPDX-License-Identifier: Apache-2.0 */
/* A command line that grows. Running out of memory sticks: append freely, check once. */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

struct argv {
    char **v; /* NULL-terminated once something was added */
    size_t count;
    int error; /* 0 or -ENOMEM */
};

#define ARGV_INIT ((struct argv){0})
#define _autoargv_ _cleanup_(argv_free)

void argv_free(struct argv *a);
/* Appends one argument, formatted. */
void argv_add(struct argv *a, const char *format, ...) _printf_(2, 3);
/* Appends a copy of an argument as it is. */
void argv_push(struct argv *a, const char *value);
/* The vector as exec(3) and proc_run() take it; NULL when memory ran out or nothing was added. */
const char *const *argv_vector(const struct argv *a);
