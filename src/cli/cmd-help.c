/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

static int run(struct cli *cli, const struct args *args)
{
    char path[64];
    size_t depth = 0;
    const char *const *words = args_operands(args);
    size_t count = args_operand_count(args);
    const struct command *command = command_resolve(words, count, &depth, path);
    if (depth < count)
        return cli_usage_error(cli, "unknown command \"%s\"", words[depth]);
    help_print(stdout, path, command ? command : &root_command);
    return STATUS_OK;
}

const struct command cmd_help = {
    .name = "help",
    .summary = "Show help about a command",
    .operands = "[COMMAND...]",
    .max_operands = 3,
    .run = run,
};
