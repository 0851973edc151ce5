/* SPDX-License-Identifier: Apache-2.0 */
/* What a running command knows about its surroundings. Commands use the functions of command.h. */
#pragma once

#include <stdio.h>

#include "cli/command.h"

#define CLI_STATE_DIR "/var/lib/slipway"

struct cli {
    char path[64]; /* "slipway image build": the words that led to the command, for messages */
    bool colour;
    bool interactive;
};

void cli_init(struct cli *cli);

/* The help of one command, as --help prints it. path as in struct cli. */
void help_print(FILE *out, const char *path, const struct command *command);

/* All top-level commands, NULL-terminated, sorted by name. */
extern const struct command *const commands[];

/* `slipway` itself, as a command that has them as subcommands. */
extern const struct command root_command;

/* The command of that name in a NULL-terminated list; NULL when there is none. */
const struct command *command_find(const struct command *const *list, const char *name);

/*
 * Follows words[0..] through subcommands as far as they go. Returns the command, NULL when the
 * first word is none; *ret_depth is the number of words used, path (64 bytes) gets "slipway WORD
 * WORD".
 */
const struct command *command_resolve(const char *const *words, size_t count, size_t *ret_depth,
                                      char path[static 64]);
