/* SPDX-License-Identifier: Apache-2.0 */
/* `slipway sandbox exec|ssh|console`: reaching into a sandbox. */
#include <string.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/cmd-sandbox.h"
#include "sandbox/argv.h"
#include "sandbox/console.h"
#include "sandbox/control.h"
#include "sandbox/namespace.h"
#include "sandbox/paths.h"

/* Work inside a sandbox; returns an exit status. */
typedef int inside_fn(struct cli *cli, const struct args *args, void *data);

/*
 * Does the work in a child that joins the sandbox: this process stays outside, where what belongs
 * to its end (reports of the sanitizers, for one) works as ever. Returns the exit status.
 */
static int run_inside(struct cli *cli, const struct args *args, inside_fn *work, void *data)
{
    struct err err = ERR_INIT;
    _autofree_ char *state = NULL;
    if (sandbox_state(args, &state, &err) < 0)
        return cli_fail(cli, &err);
    pid_t supervisor = control_supervisor(state);
    if (supervisor <= 0) {
        (void)err_set(&err, -ENOENT, "no sandbox is up in %s", state);
        return cli_fail(cli, &err);
    }
    pid_t child = fork();
    if (child == 0)
        _exit(namespace_join(supervisor, &err) < 0 ? cli_fail(cli, &err) : work(cli, args, data));
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0) {
        cli_error(cli, "%s", strerror(errno));
        return STATUS_FAILURE;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_FAILURE;
}

/* Runs the program with this terminal and returns what it returned, 128 + signal when killed. */
static int run_foreground(struct cli *cli, const char *const argv[])
{
    if (!argv) {
        cli_error(cli, "out of memory");
        return STATUS_FAILURE;
    }
    pid_t pid = fork();
    if (pid == 0) {
        (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
        cli_error(cli, "%s: %s", argv[0], strerror(errno));
        _exit(127);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) < 0) {
        cli_error(cli, "%s: %s", argv[0], strerror(errno));
        return STATUS_FAILURE;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- exec ---- */

static int exec_inside(struct cli *cli, const struct args *args, void *data)
{
    (void)data;
    return run_foreground(cli, args_operands(args));
}

static int run_exec(struct cli *cli, const struct args *args)
{
    return run_inside(cli, args, exec_inside, NULL);
}

static const struct command_option state_options[] = {SANDBOX_STATE_OPTION, {0}};

const struct command cmd_sandbox_exec = {
    .name = "exec",
    .summary = "Run a command inside a sandbox, where its server and machines can be reached",
    .operands = "-- COMMAND...",
    .min_operands = 1,
    .max_operands = OPERANDS_ANY,
    .options = state_options,
    .details = "The exit status is the command's.",
    .run = run_exec,
};

/* ---- ssh ---- */

static const char *machine_mac(const json_t *status, const char *name)
{
    size_t i;
    json_t *m;
    json_array_foreach (json_object_get(status, "machines"), i, m) {
        if (str_eq(json_string_value(json_object_get(m, "name")), name))
            return json_string_value(
                json_object_get(json_array_get(json_object_get(m, "nics"), 0), "mac"));
    }
    return NULL;
}

/*
 * The address that the bridge has learned for a MAC, from lines "10.77.0.20 lladdr 52:54:...
 * STALE". Machines reboot and may change their address: the one that was confirmed last counts.
 */
static bool neighbour_address(char *table, const char *mac, char *dst, size_t size)
{
    bool found = false;
    char *rest = NULL;
    for (char *line = strtok_r(table, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char address[64], lladdr[32], state[32];
        if (sscanf(line, "%63s lladdr %31s %31s", address, lladdr, state) != 3 ||
            strcasecmp(lladdr, mac) != 0 || strchr(address, ':'))
            continue;
        if (!found || !str_eq(state, "STALE"))
            found = str_copy(dst, size, address) == 0;
    }
    return found;
}

static int find_address(const char *mac, char *dst, size_t size, struct err *err)
{
    const char *argv[] = {"ip", "-4", "neigh", "show", "dev", SANDBOX_BRIDGE, NULL};
    _autobuf_ struct buf table = BUF_INIT_MAX(1 << 20);
    int r = proc_run(argv, &(struct proc_options){.output = &table}, NULL, err);
    if (r < 0)
        return r;
    if (!table.data || !neighbour_address(table.data, mac, dst, size))
        return err_set(err, -EHOSTUNREACH,
                       "no address is known for %s: has the machine talked to the server yet?",
                       mac);
    return 0;
}

static int ssh_command(const struct args *args, const char *address, struct argv *argv,
                       struct err *err)
{
    _autofree_ char *state = NULL;
    int r = sandbox_state(args, &state, err);
    if (r < 0)
        return r;
    const char *user = args_value(args, "login");
    static const char *const fixed[] = {"ssh",
                                        "-o",
                                        "StrictHostKeyChecking=no",
                                        "-o",
                                        "UserKnownHostsFile=/dev/null",
                                        "-o",
                                        "LogLevel=ERROR",
                                        "-o",
                                        "ConnectTimeout=20",
                                        "-i"};
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        argv_push(argv, fixed[i]);
    argv_add(argv, "%s/ssh/id_ed25519", state);
    argv_add(argv, "%s@%s", user ? user : "root", address);
    for (size_t i = 1; args_operand(args, i); i++)
        argv_push(argv, args_operand(args, i));
    return argv->error ? err_set(err, argv->error, "out of memory") : 0;
}

static int ssh_inside(struct cli *cli, const struct args *args, void *data)
{
    struct err err = ERR_INIT;
    char address[64];
    _autoargv_ struct argv argv = ARGV_INIT;
    int r = find_address(data, address, sizeof(address), &err);
    if (r == 0)
        r = ssh_command(args, address, &argv, &err);
    return r < 0 ? cli_fail(cli, &err) : run_foreground(cli, argv_vector(&argv));
}

static int run_ssh(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    json_auto_t *status = NULL;
    if (sandbox_ask(args, json_pack("{s:s}", "command", "status"), &status, &err) < 0)
        return cli_fail(cli, &err);
    const char *mac = machine_mac(status, args_operand(args, 0));
    if (mac)
        return run_inside(cli, args, ssh_inside, (void *)(uintptr_t)mac);
    (void)err_set(&err, -ENOENT, "the sandbox has no machine %s with a NIC", args_operand(args, 0));
    return cli_fail(cli, &err);
}

static const struct command_option ssh_options[] = {
    SANDBOX_STATE_OPTION,
    {'l', "login", "USER", "user to log in as (default: root)", COMPLETE_NOTHING},
    {0},
};

const struct command cmd_sandbox_ssh = {
    .name = "ssh",
    .summary = "Log in to a machine, or run a command on it",
    .operands = "MACHINE [-- COMMAND...]",
    .min_operands = 1,
    .max_operands = OPERANDS_ANY,
    .options = ssh_options,
    .details = "Uses the key ssh/id_ed25519 in the sandbox's folder, whose public half has to be\n"
               "among the sshAuthorizedKeys of the Machine.",
    .run = run_ssh,
};

/* ---- console ---- */

static int run_console(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    _autofree_ char *folder = NULL;
    int r = sandbox_machine_folder(args, args_operand(args, 0), &folder, &err);
    if (r == 0 && access(folder, F_OK) < 0)
        r = err_set(&err, -ENOENT, "the sandbox has no machine %s", args_operand(args, 0));
    if (r == 0 && cli_interactive(cli))
        fprintf(stderr, "connected; leave with Ctrl-]\n");
    if (r == 0)
        r = console_attach(folder, &err);
    return r < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

const struct command cmd_sandbox_console = {
    .name = "console",
    .summary = "Connect this terminal to a machine's serial port",
    .operands = "MACHINE",
    .min_operands = 1,
    .max_operands = 1,
    .options = state_options,
    .details = "Ctrl-] disconnects. What the machine printed before is in\n"
               "machines/MACHINE/console.log of the sandbox's folder.",
    .run = run_console,
};
