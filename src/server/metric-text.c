/* SPDX-License-Identifier: Apache-2.0 */
#include "server/metric-text.h"

#include <inttypes.h>

void metric_family(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_value(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\n')
            buf_adds(out, "\\n");
        else if (*p == '"' || *p == '\\')
            buf_printf(out, "\\%c", *p);
        else
            buf_addc(out, *p);
    }
}

void metric_sample(struct buf *out, const char *name, const struct metric_label *labels, size_t n,
                   uint64_t value)
{
    buf_adds(out, name);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%s%s=\"", i ? "," : "{", labels[i].name);
        add_value(out, labels[i].value);
        buf_addc(out, '"');
    }
    buf_printf(out, "%s %" PRIu64 "\n", n ? "}" : "", value);
}

void metric_single(struct buf *out, const char *name, const char *type, const char *help,
                   uint64_t value)
{
    metric_family(out, name, type, help);
    metric_sample(out, name, NULL, 0, value);
}
