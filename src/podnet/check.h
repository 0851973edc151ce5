/* SPDX-License-Identifier: Apache-2.0 */
/* Shows what would be done, without doing it. */
#pragma once

#include <stdbool.h>

#include "base/err.h"

struct podnet_check_options {
    const char *config;
    const char *kubeconfig;
    const char *nodes; /* a file with a NodeList in JSON instead of the API server; NULL: ask it */
    bool json;
};

/* Prints to standard output; *ret_waits tells whether there is no plan yet. 0 or a negative errno.
 */
int podnet_check(const struct podnet_check_options *options, bool *ret_waits, struct err *err)
    _must_check_;
