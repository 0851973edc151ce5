/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/kube-version.h"

#include <string.h>

enum { DIGITS_MAX = 6 };

/* Takes a number without leading zeros from *s. */
static bool take_number(const char **s, unsigned *ret)
{
    size_t n = strspn(*s, "0123456789");
    if (n == 0 || n > DIGITS_MAX || ((*s)[0] == '0' && n > 1))
        return false;
    unsigned value = 0;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (unsigned)((*s)[i] - '0');
    *s += n;
    *ret = value;
    return true;
}

static bool take_char(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

/* What may stand behind '-' and '+' of a semantic version, '+' being the last part. */
static bool take_suffix(const char **s, char mark)
{
    static const char allowed[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-";
    if (!take_char(s, mark))
        return true;
    size_t n = strspn(*s, allowed);
    *s += n;
    return n > 0;
}

int kube_version_parse(const char *text, struct kube_version *ret)
{
    struct kube_version v;
    const char *s = text;
    if (!s || !take_char(&s, 'v') || !take_number(&s, &v.major) || !take_char(&s, '.') ||
        !take_number(&s, &v.minor) || !take_char(&s, '.') || !take_number(&s, &v.patch) ||
        !take_suffix(&s, '-') || !take_suffix(&s, '+') || *s)
        return -EINVAL;
    *ret = v;
    return 0;
}
