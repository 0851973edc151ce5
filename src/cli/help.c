/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"
#include "cli/cli.h"

#include <string.h>

static void print_option(void *data, const struct command_option *option)
{
    FILE *out = data;
    char left[48];
    (void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", option->short_name ? '-' : ' ',
                   option->short_name ? option->short_name : ' ', option->short_name ? ", " : "  ",
                   option->long_name, option->argument ? " " : "",
                   option->argument ? option->argument : "");
    (void)fprintf(out, "  %-28s %s\n", left, option->help);
}

static void print_commands(FILE *out, const struct command *const *list)
{
    for (size_t i = 0; list[i]; i++)
        if (!list[i]->hidden)
            (void)fprintf(out, "  %-14s %s\n", list[i]->name, list[i]->summary);
}

void help_print(FILE *out, const char *path, const struct command *command)
{
    if (command->subcommands) {
        (void)fprintf(out, "Usage: %s COMMAND [OPTION...]\n\n%s.\n\nCommands:\n", path,
                      command->summary);
        print_commands(out, command->subcommands);
        (void)fprintf(out, "\nSee '%s COMMAND --help'.\n", path);
        return;
    }
    (void)fprintf(out, "Usage: %s [OPTION...]%s%s\n\n%s.\n\nOptions:\n", path,
                  command->operands ? " " : "", command->operands ? command->operands : "",
                  command->summary);
    command_each_option(command, print_option, out);
    if (command->details)
        (void)fprintf(out, "\n%s\n", command->details);
}
