/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine is installed while spec.installGeneration is above status.installedGeneration, so
 * asking for it means raising the former once; asking again before it happened changes nothing.
 * When the installation that is due has failed, raising it once more makes the machine try again.
 */
#include "base/str.h"
#include "cli/cli.h"
#include "cli/machine-change.h"
#include "resource/kind.h"

static int decide(const struct args *args, const json_t *machine, json_t **ret_patch,
                  char ret_said[static MACHINE_SAID_SIZE], struct err *err)
{
    (void)args;
    json_int_t installed = json_integer_value(object_get(machine, "status.installedGeneration"));
    const json_t *wanted = object_get(machine, "spec.installGeneration");
    json_int_t due = wanted ? json_integer_value(wanted) : 1;
    machine_say(ret_said, "will be installed at its next boot (already asked for)");
    bool is_due = due > installed, failed = str_eq(object_text(machine, "status.phase"), "Failed");
    if (is_due && !failed)
        return 0;
    machine_say(ret_said, is_due ? "will try to install again"
                                 : "will be reinstalled at its next network boot");
    *ret_patch = json_pack("{s{sI}}", "spec", "installGeneration", (is_due ? due : installed) + 1);
    return *ret_patch ? 0 : err_errno(err, -ENOMEM, "request");
}

static int run(struct cli *cli, const struct args *args)
{
    return machines_change(cli, args, decide);
}

const struct command cmd_reinstall = {
    .name = "reinstall",
    .summary = "Install Machines once more at their next network boot",
    .operands = "NAME...",
    .min_operands = 1,
    .max_operands = OPERANDS_ANY,
    .details =
        "All data on the machine's root disk will be lost. Asking twice installs once. Where\n"
        "installing has failed, the machine tries again, at once if it is still on.",
    .complete = {COMPLETE_MACHINE, COMPLETE_MACHINE, COMPLETE_MACHINE},
    .api = true,
    .run = run,
};
