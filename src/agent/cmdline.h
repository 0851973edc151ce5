/* SPDX-License-Identifier: Apache-2.0 */
/* What the boot script tells stage2 on the kernel's command line. A pure parser. */
#pragma once

#include <stdbool.h>

#include "base/addr.h"
#include "base/err.h"
#include "trust/key.h"

enum { CMDLINE_MAX = 4096, SERVER_URL_MAX = 255, MACHINE_NAME_MAX = 253, CMDLINE_LINKS_MAX = 8 };

struct cmdline {
    char server[SERVER_URL_MAX + 1]; /* "http://10.0.0.1:8080", no slash at the end */
    struct trust_public key;         /* the server's */
    bool has_key;
    bool has_boot_mac;
    struct mac boot_mac;                /* BOOTIF: the adapter that the firmware booted from */
    char machine[MACHINE_NAME_MAX + 1]; /* "" when the server did not say */
    bool debug;                         /* slipway.debug: debug lines, kernel messages stay on */
    bool verify;                        /* slipway.verify: read the written image back */
};

/*
 * Parses "slipway.server=URL slipway.key=KEY [BOOTIF=01-MAC] [slipway.machine=NAME]
 * [slipway.debug] [slipway.verify]" among the kernel's own words; of a repeated word the last
 * counts. Words may be quoted as the kernel allows: name="a b". 0, -EINVAL with the word named
 * (*ret is filled with what could be read), -EDESTADDRREQ when server or key are missing.
 */
int cmdline_parse(const char *text, struct cmdline *ret, struct err *err) _must_check_;
