/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an unquoted word means in YAML as kubectl reads it: YAML 1.1's booleans, null, integers in
 * four bases and decimal fractions; everything else is a string.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum yaml_word { YAML_STRING, YAML_NULL, YAML_BOOL, YAML_INT, YAML_REAL, YAML_BAD };

struct yaml_value {
    enum yaml_word type;
    bool boolean;
    json_int_t integer;
    double real;
    const char *problem; /* YAML_BAD: what is wrong with it */
};

/* Pure; never fails. */
struct yaml_value yaml_word_value(const char *word);
