/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A machine is released while spec.release.generation is above status.releasedGeneration. Asking
 * for it means raising the former once; as long as no disk was touched it can be set back.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/machine-change.h"
#include "cli/progress.h"
#include "cli/target.h"
#include "resource/kind.h"
#include "resource/machine.h"

enum { WAIT_POLL_SECONDS = 1, DRAIN_SECONDS_MAX = 86400, STATE_MAX = 256 };

static const struct command_option options[] = {
    {'y', "yes", NULL, "do not ask", COMPLETE_NOTHING},
    {0, "wipe", "METHOD", "how: auto (the default), secureErase, discard, zero or none",
     COMPLETE_NOTHING},
    {0, "disks", "WHICH", "which: all (the default) or root", COMPLETE_NOTHING},
    {0, "drain-timeout", "SECONDS", "go without pods that stay longer than this; 600 by default",
     COMPLETE_NOTHING},
    {0, "stay-on", NULL, "leave the machine on, waiting in stage2, instead of powering it off",
     COMPLETE_NOTHING},
    {0, "undo", NULL, "take the release back, as long as no disk was touched", COMPLETE_NOTHING},
    {0, "wait", NULL, "wait until it is done, and show how far it is", COMPLETE_NOTHING},
    {0},
};

/* ---- what is asked for ---- */

struct standing {
    json_int_t asked, wiping, released;
    const char *phase;
};

static json_int_t number_of(const json_t *machine, const char *path)
{
    return json_integer_value(object_get(machine, path));
}

static struct standing standing_of(const json_t *machine)
{
    const char *phase = object_text(machine, "status.phase");
    return (struct standing){
        .asked = number_of(machine, "spec.release.generation"),
        .wiping = number_of(machine, "status.wipingGeneration"),
        .released = number_of(machine, "status.releasedGeneration"),
        .phase = phase ? phase : "",
    };
}

static json_int_t larger(json_int_t a, json_int_t b)
{
    return a > b ? a : b;
}

static int undo(const json_t *machine, const struct standing *s, json_t **ret_patch,
                char ret_said[static MACHINE_SAID_SIZE], struct err *err)
{
    if (s->wiping > s->released)
        return err_set(err, -EEXIST, "%s: too late: its disks are being wiped",
                       object_name(machine));
    machine_say(ret_said, "is not being released");
    if (s->asked <= s->released)
        return 0;
    machine_say(ret_said, "is not released after all");
    *ret_patch = json_pack("{s{s{sI}}}", "spec", "release", "generation", s->released);
    return *ret_patch ? 0 : err_errno(err, -ENOMEM, "request");
}

/* What the options say; what they do not say stays as the Machine has it. */
static json_t *wanted_release(const struct args *args, json_int_t generation)
{
    const char *seconds = args_value(args, "drain-timeout");
    json_t *release = json_pack("{sI, ss*, ss*}", "generation", generation, "wipe",
                                args_value(args, "wipe"), "disks", args_value(args, "disks"));
    if (seconds)
        (void)json_object_set_new(release, "drainTimeoutSeconds",
                                  json_integer(strtol(seconds, NULL, 10)));
    if (args_given(args, "stay-on"))
        (void)json_object_set_new(release, "powerOff", json_false());
    return release;
}

static int decide(const struct args *args, const json_t *machine, json_t **ret_patch,
                  char ret_said[static MACHINE_SAID_SIZE], struct err *err)
{
    struct standing s = standing_of(machine);
    if (args_given(args, "undo"))
        return undo(machine, &s, ret_patch, ret_said, err);
    bool open = larger(s.asked, s.wiping) > s.released, failed = str_eq(s.phase, "Failed");
    if (str_eq(s.phase, "Rejected") || str_eq(s.phase, "Discovered"))
        return err_set(err, -EPERM, "%s is not approved: nothing on its disks is Slipway's",
                       object_name(machine));
    machine_say(ret_said, "is released already");
    if (!open && str_eq(s.phase, "Released"))
        return 0;
    json_int_t generation = larger(larger(s.asked, s.wiping), s.released) + (!open || failed);
    machine_say(ret_said, !open    ? "will be released"
                          : failed ? "will try to wipe its disks again"
                                   : "is being released");
    *ret_patch = json_pack("{s{so}}", "spec", "release", wanted_release(args, generation));
    return *ret_patch ? 0 : err_errno(err, -ENOMEM, "request");
}

/* ---- asking ---- */

static void print_names(const struct args *args)
{
    for (size_t i = 0; args_operand(args, i); i++)
        (void)fprintf(stderr, "%s%s", i ? ", " : "", args_operand(args, i));
}

static bool confirmed(const struct args *args)
{
    char line[16];
    const char *wipe = args_value(args, "wipe"), *disks = args_value(args, "disks");
    bool none = str_eq(wipe, "none");
    print_names(args);
    (void)fprintf(stderr,
                  ": each leaves its Cluster and ends its system.\n%s, and it is not used again "
                  "before it is asked for. Go on? [y/N] ",
                  none                    ? "The data on its disks stay"
                  : str_eq(disks, "root") ? "Its root disk is wiped: the data cannot be recovered"
                                          : "All of its disks are wiped: the data cannot be "
                                            "recovered");
    (void)fflush(stderr);
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

/* ---- waiting ---- */

struct waiting {
    const struct cli *cli;
    struct client *client;
    struct progress *shown;
    struct err *err;
};

static int read_machine(const struct waiting *w, const char *name, json_t **ret)
{
    const char *plain = str_after(name, "machine/");
    const struct target target = {&kind_machine, plain ? plain : name};
    _autofree_ char *path = target_path(&target, NULL);
    const struct client_request request = {.path = path};
    return path ? client_call(w->client, &request, ret, NULL, w->err)
                : err_errno(w->err, -ENOMEM, "request");
}

static void show(const struct waiting *w, const char *name, const json_t *machine)
{
    char state[STATE_MAX];
    const char *step = object_text(machine, "status.progress.step");
    const char *message = object_text(machine, "status.progress.message");
    (void)snprintf(state, sizeof(state), "%s: %s%s%s", name,
                   step ? step : "leaving its Cluster and its system", message ? ": " : "",
                   message ? message : "");
    progress_step(w->shown, state, (uint64_t)number_of(machine, "status.progress.bytesDone"),
                  (uint64_t)number_of(machine, "status.progress.bytesTotal"));
}

/* Whether the status is about what was asked for, and not about what was before. */
static bool is_observed(const json_t *machine)
{
    return number_of(machine, "status.observedGeneration") >=
           number_of(machine, "metadata.generation");
}

/* Nothing is open any more: it was wiped, or somebody took it back meanwhile. */
static int say_end(const struct waiting *w, const char *name, const struct standing *s,
                   json_int_t wanted)
{
    if (s->released < wanted || !str_eq(s->phase, "Released"))
        return err_set(w->err, -ECANCELED,
                       "%s: its release was taken back, or it was taken into use again", name);
    progress_pause(w->shown);
    (void)printf("%s is released\n", name);
    return 0;
}

/* Follows one to its end: 0, -EIO when it failed, or -ECANCELED. */
static int wait_for(const struct waiting *w, const char *name)
{
    for (json_int_t wanted = 0;;) {
        json_auto_t *machine = NULL;
        int r = read_machine(w, name, &machine);
        if (r < 0)
            return r;
        struct standing s = standing_of(machine);
        wanted = larger(wanted, larger(s.asked, s.wiping));
        if (larger(s.asked, s.wiping) <= s.released)
            return say_end(w, name, &s, wanted);
        const char *why = object_text(machine, "status.failure.message");
        if (str_eq(s.phase, "Failed") && is_observed(machine))
            return err_set(w->err, -EIO, "%s: %s", name, why ? why : "it failed");
        show(w, name, machine);
        (void)nanosleep(&(struct timespec){.tv_sec = WAIT_POLL_SECONDS}, NULL);
    }
}

static int wait_for_all(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    _cleanup_(client_freep) struct client *client = NULL;
    if (client_open(cli, args, &client, &err) < 0)
        return cli_fail(cli, &err);
    _cleanup_(progress_freep) struct progress *shown =
        progress_new(stderr, cli_interactive(cli), &clock_system);
    const struct waiting w = {cli, client, shown, &err};
    int status = STATUS_OK;
    for (size_t i = 0; args_operand(args, i); i++) {
        if (wait_for(&w, args_operand(args, i)) == 0)
            continue;
        progress_pause(shown);
        int failed = cli_fail(cli, &err);
        status = status ? status : failed;
    }
    return status;
}

/* ---- all of it ---- */

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    long seconds = 0;
    const char *wipe = args_value(args, "wipe"), *disks = args_value(args, "disks");
    bool undoing = args_given(args, "undo");
    if (wipe && !field_enum_parse(wipe_method_values, wipe))
        return cli_usage_error(cli, "--wipe is auto, secureErase, discard, zero or none");
    if (disks && !field_enum_parse(wipe_disks_values, disks))
        return cli_usage_error(cli, "--disks is all or root");
    if (args_number(args, "drain-timeout", 0, DRAIN_SECONDS_MAX, 0, &seconds, &err) < 0)
        return cli_usage_error(cli, "%s", err_text(&err));
    if (undoing && args_given(args, "wait"))
        return cli_usage_error(cli, "--undo has nothing to wait for");
    if (!undoing && !args_given(args, "yes")) {
        if (!isatty(STDIN_FILENO))
            return cli_usage_error(cli, "--yes is needed where nobody can be asked");
        if (!confirmed(args)) {
            cli_error(cli, "nothing was done");
            return STATUS_FAILURE;
        }
    }
    int status = machines_change(cli, args, decide);
    return status == STATUS_OK && args_given(args, "wait") ? wait_for_all(cli, args) : status;
}

const struct command cmd_release = {
    .name = "release",
    .summary = "Give Machines back: they leave their Cluster and their disks are wiped",
    .operands = "NAME...",
    .min_operands = 1,
    .max_operands = OPERANDS_ANY,
    .details =
        "The pods of the machine's node go elsewhere and the node is deleted; then the machine\n"
        "restarts into stage2, wipes its disks, reads them back to see that they are zero, and\n"
        "powers off. It is not installed again before `slipway reinstall NAME`, and what\n"
        "identified it is worth nothing any more. The machine has to boot from the network for\n"
        "it to happen. Where wiping has failed, releasing again tries again.",
    .options = options,
    .complete = {COMPLETE_MACHINE, COMPLETE_MACHINE, COMPLETE_MACHINE},
    .api = true,
    .run = run,
};
