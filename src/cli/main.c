/* SPDX-License-Identifier: Apache-2.0 */
/* `slipway COMMAND [SUBCOMMAND] [OPTION...] [OPERAND...]` */
#include <signal.h>

#include "base/log.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/cli.h"

static bool is_help(const char *word)
{
    return str_eq(word, "--help") || str_eq(word, "-h");
}

/* A command that only groups subcommands was named, with a word behind it that is none of them. */
static int missing_subcommand(const struct cli *cli, const struct command *command,
                              const char *word)
{
    if (is_help(word)) {
        help_print(stdout, cli->path, command);
        return STATUS_OK;
    }
    if (!word) {
        help_print(stderr, cli->path, command);
        return STATUS_USAGE;
    }
    return cli_usage_error(cli, "unknown command \"%s\"", word);
}

static int run_command(struct cli *cli, const struct command *command, int argc, char **argv)
{
    struct err err = ERR_INIT;
    _cleanup_(args_freep) struct args *args = NULL;
    if (args_parse(command, argc, argv, &args, &err) < 0)
        return cli_usage_error(cli, "%s", err_text(&err));
    if (args_given(args, "help")) {
        help_print(stdout, cli->path, command);
        return STATUS_OK;
    }
    int status = command->run(cli, args);
    if (fflush(stdout) != 0 && status == STATUS_OK) {
        cli_error(cli, "cannot write to standard output");
        return STATUS_FAILURE;
    }
    return status;
}

int main(int argc, char **argv)
{
    static char version[] = "version";
    struct cli cli;
    cli_init(&cli);
    log_init(LOG_LEVEL_INFO, LOG_STYLE_AUTO);
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && str_eq(argv[1], "--version"))
        argv[1] = version;
    size_t words = argc > 1 ? (size_t)argc - 1 : 0, depth = 0;
    const struct command *command =
        command_resolve((const char *const *)argv + 1, words, &depth, cli.path);
    if (command && command->run)
        return run_command(&cli, command, argc - (int)depth, argv + depth);
    return missing_subcommand(&cli, command ? command : &root_command,
                              depth < words ? argv[1 + depth] : NULL);
}
