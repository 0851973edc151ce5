/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/outcome.h"

#include <stdarg.h>
#include <string.h>

void podnet_outcome_clear(struct podnet_outcome *outcome)
{
    buf_free(&outcome->changes);
    buf_free(&outcome->troubles);
}

void outcome_changed(struct podnet_outcome *outcome, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(&outcome->changes, format, args);
    va_end(args);
    buf_addc(&outcome->changes, '\n');
}

int outcome_trouble(struct podnet_outcome *outcome, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    buf_vprintf(&outcome->troubles, format, args);
    va_end(args);
    buf_printf(&outcome->troubles, ": %s\n", strerror(-code));
    return code;
}
