/* SPDX-License-Identifier: Apache-2.0 */
/* `slipway sandbox`: virtual machines on a private network, for trying and testing. */
#include "cli/cmd-sandbox.h"

#include <signal.h>
#include <string.h>

#include "base/str.h"
#include "sandbox/control.h"
#include "sandbox/paths.h"
#include "sandbox/start.h"

int sandbox_state(const struct args *args, char **ret, struct err *err)
{
    const char *given = args_value(args, "state");
    _autofree_ char *state = given ? str_format("%s", given) : sandbox_default_state();
    if (str_empty(state))
        return err_set(err, -EINVAL, "no folder for the sandbox: give --state");
    _autofree_ char *cwd = state[0] == '/' ? NULL : getcwd(NULL, 0);
    if (cwd) {
        char *absolute = str_format("%s/%s", cwd, state);
        free(state);
        state = absolute;
    }
    if (!state)
        return err_set(err, -ENOMEM, "out of memory");
    size_t n = strlen(state);
    while (n > 1 && state[n - 1] == '/')
        state[--n] = '\0';
    *ret = TAKE_PTR(state);
    return 0;
}

int sandbox_ask(const struct args *args, json_t *request, json_t **ret_answer, struct err *err)
{
    _autofree_ char *state = NULL;
    int r = sandbox_state(args, &state, err);
    if (r < 0) {
        json_decref(request);
        return r;
    }
    return control_request(state, request, ret_answer, err);
}

int sandbox_machine_folder(const struct args *args, const char *machine, char **ret,
                           struct err *err)
{
    _autofree_ char *state = NULL;
    int r = sandbox_state(args, &state, err);
    if (r < 0)
        return r;
    if (strchr(machine, '/') || machine[0] == '.')
        return err_set(err, -EINVAL, "not a machine's name: \"%s\"", machine);
    *ret = str_format("%s/machines/%s", state, machine);
    return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
}

/* Sends a request of which nothing but success is of interest. */
static int order(struct cli *cli, const struct args *args, json_t *request)
{
    struct err err = ERR_INIT;
    return sandbox_ask(args, request, NULL, &err) < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

static const struct command_option state_options[] = {SANDBOX_STATE_OPTION, {0}};

/* ---- down ---- */

static int run_down(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    _autofree_ char *state = NULL;
    int r = sandbox_state(args, &state, &err);
    if (r == 0)
        r = sandbox_stop(state, args_given(args, "keep"), &err);
    return r < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

static const struct command_option down_options[] = {
    SANDBOX_STATE_OPTION,
    {0, "keep", NULL, "keep the folder with disks and logs", COMPLETE_NOTHING},
    {0},
};

const struct command cmd_sandbox_down = {
    .name = "down",
    .summary = "End a sandbox and remove everything it made",
    .options = down_options,
    .run = run_down,
};

/* ---- power ---- */

static int power(struct cli *cli, const struct args *args, const char *machine, const char *action)
{
    return order(
        cli, args,
        json_pack("{s:s, s:s, s:s}", "command", "power", "machine", machine, "action", action));
}

static int run_reset(struct cli *cli, const struct args *args)
{
    const char *machine;
    for (size_t i = 0; (machine = args_operand(args, i)); i++) {
        int status;
        if (args_given(args, "blank")) {
            status = power(cli, args, machine, "blank");
            if (status == STATUS_OK)
                status = power(cli, args, machine, "on");
        } else {
            status = power(cli, args, machine, "reset");
        }
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static const struct command_option reset_options[] = {
    SANDBOX_STATE_OPTION,
    {0, "blank", NULL, "cut the power, make disks and firmware variables new, power on",
     COMPLETE_NOTHING},
    {0},
};

static const struct command cmd_reset = {
    .name = "reset",
    .summary = "Press machines' reset button, or make them new",
    .operands = "MACHINE...",
    .min_operands = 1,
    .max_operands = OPERANDS_ANY,
    .options = reset_options,
    .run = run_reset,
};

static int run_power(struct cli *cli, const struct args *args)
{
    return power(cli, args, args_operand(args, 1), args_operand(args, 0));
}

static const struct command cmd_power = {
    .name = "power",
    .summary = "Switch a machine's power",
    .operands = "on|off|cut MACHINE",
    .min_operands = 2,
    .max_operands = 2,
    .options = state_options,
    .details = "off is the power button: the machine shuts down if its system listens. cut is the\n"
               "plug: the machine stops at once.",
    .run = run_power,
};

static int run_remove(struct cli *cli, const struct args *args)
{
    return order(cli, args,
                 json_pack("{s:s, s:s}", "command", "remove", "machine", args_operand(args, 0)));
}

static const struct command cmd_remove = {
    .name = "remove",
    .summary = "Take a machine out of the sandbox with its disks and logs",
    .operands = "MACHINE",
    .min_operands = 1,
    .max_operands = 1,
    .options = state_options,
    .run = run_remove,
};

/* ---- link ---- */

static int run_link(struct cli *cli, const struct args *args)
{
    uint64_t nic = 0;
    const char *state = args_operand(args, 2);
    if (str_parse_u64(args_operand(args, 1), 0, 64, &nic) < 0)
        return cli_usage_error(cli, "expected the number of a NIC, found \"%s\"",
                               args_operand(args, 1));
    if (!str_eq(state, "up") && !str_eq(state, "down"))
        return cli_usage_error(cli, "expected up or down, found \"%s\"", state);
    return order(cli, args,
                 json_pack("{s:s, s:s, s:I, s:b}", "command", "link", "machine",
                           args_operand(args, 0), "nic", (json_int_t)nic, "up",
                           str_eq(state, "up")));
}

static const struct command cmd_link = {
    .name = "link",
    .summary = "Plug or unplug a machine's network cable",
    .operands = "MACHINE NIC up|down",
    .min_operands = 3,
    .max_operands = 3,
    .options = state_options,
    .details = "NICs are counted from 0.",
    .run = run_link,
};

/* ---- services ---- */

static json_t *texts(const char *const *list)
{
    json_t *array = json_array();
    for (size_t i = 0; array && list[i]; i++)
        (void)json_array_append_new(array, json_string(list[i]));
    return array;
}

static int run_run(struct cli *cli, const struct args *args)
{
    json_t *env = json_array();
    size_t cursor = 0;
    for (const char *e; (e = args_each(args, "env", &cursor));)
        (void)json_array_append_new(env, json_string(e));
    _autofree_ char *cwd = getcwd(NULL, 0);
    return order(cli, args,
                 json_pack("{s:s, s:s, s:o, s:o, s:s}", "command", "run", "service",
                           args_operand(args, 0), "argv", texts(args_operands(args) + 1), "env",
                           env, "folder", cwd ? cwd : "/"));
}

static const struct command_option run_options[] = {
    SANDBOX_STATE_OPTION,
    {'e', "env", "NAME=VALUE", "environment variable of the program", COMPLETE_NOTHING},
    {0},
};

static const struct command cmd_run = {
    .name = "run",
    .summary = "Start a program beside the machines, in the background",
    .operands = "SERVICE -- COMMAND...",
    .min_operands = 2,
    .max_operands = OPERANDS_ANY,
    .options = run_options,
    .details = "What it prints goes to logs/SERVICE.log in the sandbox's folder.",
    .run = run_run,
};

static const struct {
    const char *name;
    int number;
} signals[] = {
    {"TERM", SIGTERM}, {"KILL", SIGKILL}, {"INT", SIGINT},   {"HUP", SIGHUP},
    {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"STOP", SIGSTOP}, {"CONT", SIGCONT},
};

static int run_signal(struct cli *cli, const struct args *args)
{
    const char *name = args_operand(args, 1);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        if (str_eq(signals[i].name, name))
            return order(cli, args,
                         json_pack("{s:s, s:s, s:i}", "command", "signal", "service",
                                   args_operand(args, 0), "signal", signals[i].number));
    }
    return cli_usage_error(cli,
                           "expected TERM, KILL, INT, HUP, USR1, USR2, STOP or CONT, found "
                           "\"%s\"",
                           name);
}

static const struct command cmd_signal = {
    .name = "signal",
    .summary = "Send a signal to a program that runs beside the machines",
    .operands = "SERVICE SIGNAL",
    .min_operands = 2,
    .max_operands = 2,
    .options = state_options,
    .run = run_signal,
};

static const struct command *const subcommands[] = {
    &cmd_sandbox_up,
    &cmd_sandbox_status,
    &cmd_sandbox_console,
    &cmd_sandbox_ssh,
    &cmd_sandbox_exec,
    &cmd_reset,
    &cmd_power,
    &cmd_link,
    &cmd_run,
    &cmd_signal,
    &cmd_remove,
    &cmd_sandbox_down,
    NULL,
};

const struct command cmd_sandbox = {
    .name = "sandbox",
    .summary = "Virtual machines on a private network, for trying and testing",
    .details =
        "A sandbox lives in a network namespace of its own and changes nothing on the host\n"
        "(--nat as root excepted, which `slipway sandbox down` undoes). Without root it needs\n"
        "a system that lets its users make user namespaces.",
    .subcommands = subcommands,
};
