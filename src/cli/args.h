/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing of a command line by its command's table (see command.h for reading the result). */
#pragma once

#include "cli/command.h"

/* Options that every command takes, and those of commands that talk to the API. End with a zero. */
extern const struct command_option common_options[];
extern const struct command_option api_options[];

struct args_value {
    const struct command_option *option;
    const char *value; /* "" for a switch */
};

struct args {
    const struct command *command;
    struct args_value *values; /* in the order given */
    size_t value_count;
    const char **operands; /* NULL-terminated */
    size_t operand_count;
};

/*
 * Parses argv (argv[0] is the command's name and is skipped); options and operands may be mixed,
 * "--" ends the options. The result borrows argv. -EINVAL with err when an option is not known,
 * lacks its argument, or the number of operands does not fit; with --help among the options the
 * number of operands is not checked.
 */
int args_parse(const struct command *command, int argc, char **argv, struct args **ret,
               struct err *err) _must_check_;
void args_free(struct args *args);
DEFINE_CLEANUP(struct args *, args_free)

/* Calls visit for each option that the command takes: its own, the API's, the common ones. */
void command_each_option(const struct command *command,
                         void (*visit)(void *data, const struct command_option *option),
                         void *data);
