/* SPDX-License-Identifier: Apache-2.0 */
/* Where a build gets its packages from: this machine's own apt configuration. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum { IMAGE_SOURCES_MAX = 16 };

struct image_sources {
    char *lines[IMAGE_SOURCES_MAX + 1]; /* sources.list lines for mmdebstrap; NULL-terminated */
    char *apt_options[IMAGE_SOURCES_MAX + 1]; /* apt.conf lines: proxies */
};

void image_sources_free(struct image_sources *sources);

/*
 * The archives that this machine's apt uses for the suite, its updates and its security updates, in
 * whatever format they are configured (apt itself is asked), with the given components (NULL or
 * empty: main), and apt's proxies. Without want_archives only the proxies. A machine that has no
 * such archive, or no apt, gives no lines: mmdebstrap then uses its own default. 0 or a negative
 * errno.
 */
int image_sources_find(const char *suite, const char *const *components, bool want_archives,
                       struct image_sources *ret, struct err *err) _must_check_;

/*
 * The pure part: finds lines "'URI/dists/SUITE/InRelease' ..." of `apt-get update --print-uris`
 * whose suite is the given one or it with -updates or -security behind it. 0, -ENOMEM, or -E2BIG.
 */
int image_sources_from_uris(const char *text, const char *suite, const char *const *components,
                            struct image_sources *ret) _must_check_;

/* Likewise for `apt-config dump`: keeps lines `Acquire::http...::Proxy... "VALUE";`. */
int image_sources_from_config(const char *text, struct image_sources *ret) _must_check_;
