/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "cli/machine-change.h"
#include "resource/kind.h"

static int decide(const struct args *args, const json_t *machine, json_t **ret_patch,
                  char ret_said[static MACHINE_SAID_SIZE], struct err *err)
{
    (void)args;
    machine_say(ret_said, "already rejected");
    if (json_is_false(object_get(machine, "spec.approved")))
        return 0;
    machine_say(ret_said, "rejected");
    *ret_patch = json_pack("{s{sb}}", "spec", "approved", false);
    return *ret_patch ? 0 : err_errno(err, -ENOMEM, "request");
}

static int run(struct cli *cli, const struct args *args)
{
    return machines_change(cli, args, decide);
}

const struct command cmd_reject = {
    .name = "reject",
    .summary = "Refuse Machines: they are neither installed nor given anything",
    .operands = "NAME...",
    .min_operands = 1,
    .max_operands = OPERANDS_ANY,
    .complete = {COMPLETE_MACHINE, COMPLETE_MACHINE, COMPLETE_MACHINE},
    .api = true,
    .run = run,
};
