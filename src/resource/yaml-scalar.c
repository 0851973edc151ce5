/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/yaml-scalar.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { NUMBER_MAX = 64 };

static bool is_one_of(const char *word, const char *const *list)
{
    for (; *list; list++) {
        if (strcmp(word, *list) == 0)
            return true;
    }
    return false;
}

static const char *const true_words[] = {"y",    "Y",    "yes", "Yes", "YES", "true",
                                         "True", "TRUE", "on",  "On",  "ON",  NULL};
static const char *const false_words[] = {"n",     "N",     "no",  "No",  "NO",  "false",
                                          "False", "FALSE", "off", "Off", "OFF", NULL};
static const char *const null_words[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const endless_words[] = {".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                            "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                            ".NaN",  ".NAN",  NULL};

/* The digits' base and where they start; 0 when the word has no digits of any base. */
static int base_of(const char **digits)
{
    const char *p = *digits;
    if (p[0] != '0' || !p[1])
        return 10;
    static const struct {
        char mark;
        int base;
    } bases[] = {{'x', 16}, {'X', 16}, {'o', 8}, {'O', 8}, {'b', 2}, {'B', 2}};
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++) {
        if (p[1] == bases[i].mark) {
            *digits = p + 2;
            return bases[i].base;
        }
    }
    *digits = p + 1;
    return 8; /* 0644 */
}

/* 0, -EINVAL (no integer) or -ERANGE. */
static int parse_int(const char *word, json_int_t *ret)
{
    bool negative = word[0] == '-';
    const char *digits = word + (word[0] == '-' || word[0] == '+');
    int base = base_of(&digits);
    char *end;
    if (!strchr("0123456789abcdefABCDEF", digits[0]) || !digits[0])
        return -EINVAL;
    errno = 0;
    unsigned long long value = strtoull(digits, &end, base);
    if (*end)
        return -EINVAL;
    if (errno == ERANGE || value > (unsigned long long)LLONG_MAX)
        return -ERANGE;
    *ret = negative ? -(json_int_t)value : (json_int_t)value;
    return 0;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_real(const char *word)
{
    const char *p = word + (word[0] == '-' || word[0] == '+');
    size_t whole = strspn(p, "0123456789");
    p += whole;
    if (*p == '.') {
        size_t fraction = strspn(++p, "0123456789");
        if (!whole && !fraction)
            return false;
        p += fraction;
    } else if (!whole) {
        return false;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '-' || *p == '+';
        size_t exponent = strspn(p, "0123456789");
        if (!exponent)
            return false;
        p += exponent;
    }
    return !*p;
}

static struct yaml_value bad(const char *problem)
{
    return (struct yaml_value){.type = YAML_BAD, .problem = problem};
}

static struct yaml_value integer(json_int_t value)
{
    return (struct yaml_value){.type = YAML_INT, .integer = value};
}

/* 1.0 and 1e3 are whole numbers to whoever reads the JSON that kubectl makes of them. */
static struct yaml_value real(const char *word)
{
    double value = strtod(word, NULL);
    if (!isfinite(value))
        return bad("number too large");
    if (fabs(value) < 9007199254740992.0 && value == (double)(json_int_t)value)
        return integer((json_int_t)value);
    return (struct yaml_value){.type = YAML_REAL, .real = value};
}

static struct yaml_value number(const char *word)
{
    json_int_t value;
    int r = parse_int(word, &value);
    if (r == 0)
        return integer(value);
    if (r == -ERANGE)
        return bad("number too large");
    return is_real(word) ? real(word) : (struct yaml_value){.type = YAML_STRING};
}

struct yaml_value yaml_word_value(const char *word)
{
    if (is_one_of(word, null_words))
        return (struct yaml_value){.type = YAML_NULL};
    if (is_one_of(word, true_words))
        return (struct yaml_value){.type = YAML_BOOL, .boolean = true};
    if (is_one_of(word, false_words))
        return (struct yaml_value){.type = YAML_BOOL};
    if (is_one_of(word, endless_words))
        return bad("neither infinities nor NaN have a JSON form");
    if (!strchr("0123456789-+.", word[0]) || strlen(word) >= NUMBER_MAX)
        return (struct yaml_value){.type = YAML_STRING};
    char plain[NUMBER_MAX];
    size_t n = 0;
    for (const char *p = word; *p; p++) {
        if (*p != '_')
            plain[n++] = *p;
    }
    plain[n] = '\0';
    return n ? number(plain) : (struct yaml_value){.type = YAML_STRING};
}
