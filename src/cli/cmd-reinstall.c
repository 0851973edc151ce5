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

static const struct command_option options[] = {
    {0, "at-next-boot", NULL, "leave a running system alone until somebody restarts it",
     COMPLETE_NOTHING},
    {0},
};

/* Whether anything has to change about when it happens. */
static bool changes_when(const struct args *args, const json_t *machine)
{
    bool later = str_eq(object_text(machine, "spec.installWhen"), "nextBoot");
    return later != args_given(args, "at-next-boot");
}

/* What becomes of it. */
static void say(const struct args *args, const json_t *machine, bool due, bool again,
                char ret_said[static MACHINE_SAID_SIZE])
{
    bool later = args_given(args, "at-next-boot");
    if (str_eq(object_text(machine, "status.phase"), "Released"))
        machine_say(ret_said, object_text(machine, "spec.approvedKey")
                                  ? "will be installed again once its new key is approved: slipway "
                                    "approve NAME"
                                  : "will be installed again");
    else if (due && !again)
        machine_say(ret_said, "will be installed at its next boot (already asked for)");
    else if (again)
        machine_say(ret_said, "will try to install again");
    else
        machine_say(ret_said, later ? "will be reinstalled at its next network boot"
                                    : "will be reinstalled: a running system restarts for it");
}

static int decide(const struct args *args, const json_t *machine, json_t **ret_patch,
                  char ret_said[static MACHINE_SAID_SIZE], struct err *err)
{
    json_int_t installed = json_integer_value(object_get(machine, "status.installedGeneration"));
    const json_t *wanted = object_get(machine, "spec.installGeneration");
    json_int_t due = wanted ? json_integer_value(wanted) : 1;
    bool is_due = due > installed, failed = str_eq(object_text(machine, "status.phase"), "Failed");
    if (str_eq(object_text(machine, "status.phase"), "Releasing"))
        return err_set(err, -EEXIST, "%s is being released; slipway release --undo takes it back",
                       object_name(machine));
    say(args, machine, is_due, is_due && failed, ret_said);
    if (is_due && !failed && !changes_when(args, machine))
        return 0;
    json_int_t generation = is_due && !failed ? due : (is_due ? due : installed) + 1;
    *ret_patch = json_pack("{s{sI}}", "spec", "installGeneration", generation);
    if (!*ret_patch)
        return err_errno(err, -ENOMEM, "request");
    if (changes_when(args, machine))
        (void)json_object_set_new(json_object_get(*ret_patch, "spec"), "installWhen",
                                  args_given(args, "at-next-boot") ? json_string("nextBoot")
                                                                   : json_null());
    return 0;
}

static int run(struct cli *cli, const struct args *args)
{
    return machines_change(cli, args, decide);
}

const struct command cmd_reinstall = {
    .name = "reinstall",
    .summary = "Install Machines once more",
    .operands = "NAME...",
    .min_operands = 1,
    .max_operands = OPERANDS_ANY,
    .details =
        "All data on the machine's root disk will be lost. A running system leaves its Cluster\n"
        "and restarts for it; the machine has to boot from the network. Asking twice installs\n"
        "once. Where installing has failed, the machine tries again, at once if it is still on.\n"
        "A released machine is used again.",
    .options = options,
    .complete = {COMPLETE_MACHINE, COMPLETE_MACHINE, COMPLETE_MACHINE},
    .api = true,
    .run = run,
};
