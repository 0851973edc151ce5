/* SPDX-License-Identifier: Apache-2.0 */
/* `slipway serve`: DHCP, TFTP, HTTP, API and controllers in one process. */
#pragma once

#include "base/err.h"
#include "server/config.h"

struct server_options {
    const char *config_path; /* NULL: CONFIG_PATH_DEFAULT, which may be missing */
    /* Flags, which win over the file; NULL or negative: not given. */
    const char *state_dir, *boot_dir, *images_dir, *log_level, *api_address;
    int http_port, api_port;
    bool no_dhcp, no_tftp;
};

/* Runs until SIGTERM or SIGINT. 0 after a clean stop, or a negative errno with text. */
int server_run(const struct server_options *options, struct err *err) _must_check_;
