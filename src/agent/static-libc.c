/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two functions of the C library that the static program replaces. glibc translates its messages,
 * and translation brings catalogues, character sets and dynamic loading into every static program:
 * a tenth of this one. In stage2 there is nothing to translate with. Linked only there.
 */
#include <assert.h>
#include <stdint.h>

#include "base/log.h"

/* What strerror(3) and others call; glibc's own name and signature. */
char *__dcgettext(const char *domain, const char *message, int category);
char *__dcgettext(const char *domain, const char *message, int category)
{
    (void)domain;
    (void)category;
    return (char *)(uintptr_t)message;
}

/* assert(3), which libsodium uses; the supervisor shows the line and starts the worker again. */
_Noreturn void __assert_fail(const char *assertion, const char *file, unsigned line,
                             const char *function)
{
    log_error("%s:%u: %s: assertion failed: %s", file, line, function, assertion);
    abort();
}
