/* SPDX-License-Identifier: Apache-2.0 */
/* The list of commands: commands.def is written by meson.build from the cmd-*.c files that exist.
 */
#include "cli/cli.h"

#include "base/str.h"

#define COMMAND(name) extern const struct command cmd_##name;
#include "commands.def"
#undef COMMAND

#define COMMAND(name) &cmd_##name,
const struct command *const commands[] = {
#include "commands.def"
    NULL,
};

const struct command root_command = {
    .name = "slipway",
    .summary = "Turn blank machines into running nodes",
    .subcommands = commands,
};

const struct command *command_find(const struct command *const *list, const char *name)
{
    for (size_t i = 0; list[i]; i++)
        if (str_eq(list[i]->name, name))
            return list[i];
    return NULL;
}

const struct command *command_resolve(const char *const *words, size_t count, size_t *ret_depth,
                                      char path[static 64])
{
    const struct command *found = NULL;
    const struct command *const *list = commands;
    size_t used = (size_t)snprintf(path, 64, "slipway");
    *ret_depth = 0;
    for (size_t i = 0; i < count && list; i++) {
        const struct command *next = command_find(list, words[i]);
        if (!next)
            break;
        found = next;
        *ret_depth = i + 1;
        used += (size_t)snprintf(path + used, 64 - used, " %s", next->name);
        list = next->subcommands;
    }
    return found;
}
