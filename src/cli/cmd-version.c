/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static int run(struct cli *cli, const struct args *args)
{
    (void)cli;
    (void)args;
    (void)printf("slipway %s\n", SLIPWAY_VERSION);
    return STATUS_OK;
}

const struct command cmd_version = {
    .name = "version",
    .summary = "Show the version of this program",
    .run = run,
};
