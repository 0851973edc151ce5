/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which commands show objects: -o json, yaml, name, wide, jsonpath=TEMPLATE. */
#pragma once

#include <jansson.h>

#include "cli/command.h"
#include "resource/kind.h"

enum output_form {
    OUTPUT_TABLE,
    OUTPUT_WIDE,
    OUTPUT_JSON,
    OUTPUT_YAML,
    OUTPUT_NAME,
    OUTPUT_JSONPATH,
};

struct output {
    enum output_form form;
    const char *template; /* OUTPUT_JSONPATH */
};

/* The value of -o; NULL: a table. -EINVAL with err listing the forms. */
int output_parse(const char *text, struct output *ret, struct err *err) _must_check_;

/* True when whole objects are shown, not tables. */
static inline bool output_is_objects(const struct output *output)
{
    return output->form >= OUTPUT_JSON;
}

/* Prints one object, or a List of them, to standard output. Not for tables. */
int output_print(const struct output *output, const json_t *object, struct err *err) _must_check_;
