/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus' text exposition format, version 0.0.4. Pure; errors stay in the buffer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct metric_label {
    const char *name, *value;
};

/* Begins a family: its HELP and TYPE lines. type is "counter" or "gauge". */
void metric_family(struct buf *out, const char *name, const char *type, const char *help);

/* One sample of it; values of labels may be any UTF-8 text. */
void metric_sample(struct buf *out, const char *name, const struct metric_label *labels, size_t n,
                   uint64_t value);

/* A family with one sample that has no labels. */
void metric_single(struct buf *out, const char *name, const char *type, const char *help,
                   uint64_t value);
