/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command of `slipway`: one constant table entry per command says its name, options, operands and
 * help. Parsing, `--help`, shell completion and the test of the man pages all come from that entry;
 * nothing about a command line is written twice.
 *
 * A file cmd-NAME.c defines `const struct command cmd_NAME` ('-' in a name becomes '_') and is
 * listed in src/cli/meson.build. A command that has subcommands has no run function of its own.
 *
 *     static const struct command_option options[] = {
 *         {'o', "output", "FILE", "write the image to FILE", COMPLETE_FILE},
 *         {0, "force", NULL, "replace FILE when it is there", COMPLETE_NOTHING},
 *         {0},
 *     };
 *     static int run(struct cli *cli, const struct args *args)
 *     {
 *         const char *output = args_value(args, "output");
 *         ...
 *     }
 *     const struct command cmd_pack = {
 *         .name = "pack", .summary = "Pack a thing", .operands = "THING", .min_operands = 1,
 *         .max_operands = 1, .options = options, .run = run};
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Exit statuses; documented in slipway(1). */
enum exit_status {
    STATUS_OK = 0,
    STATUS_FAILURE = 1,   /* anything without a status of its own */
    STATUS_USAGE = 2,     /* the command line is wrong */
    STATUS_NOT_FOUND = 3, /* -ENOENT, -ESRCH: a resource is not there */
    STATUS_CONFLICT = 4,  /* -EEXIST, -ESTALE: it is there already, or was changed meanwhile */
    STATUS_INVALID = 5,   /* -EINVAL, -EBADMSG: input was refused: wrong field, type or value */
    STATUS_FORBIDDEN = 6, /* -EACCES, -EPERM */
    STATUS_UNREACHABLE =
        7, /* -ECONNREFUSED, -EHOSTUNREACH, -ETIMEDOUT...: the server, not the request */
};

/* What shell completion offers for an operand or an option's argument. */
enum complete {
    COMPLETE_NOTHING,
    COMPLETE_FILE,
    COMPLETE_FOLDER,
    COMPLETE_KIND,    /* kinds of resources: machines, images... */
    COMPLETE_NAME,    /* names of the kind given before */
    COMPLETE_MACHINE, /* names of Machines */
    COMPLETE_CLUSTER, /* names of Clusters */
    COMPLETE_FORMAT,  /* values of -o: json yaml wide name ... */
};

/* One option. A table of them ends with an entry that is all zero. */
struct command_option {
    char short_name;       /* 0: none */
    const char *long_name; /* always given; without the dashes */
    const char *argument;  /* placeholder of its argument; NULL: a switch without one */
    const char *help;      /* one line, lower case, no full stop */
    enum complete complete;
};

#define OPERANDS_ANY (-1)

struct args;
struct cli;

struct command {
    const char *name;
    const char *summary;  /* one line, starts with a capital, no full stop */
    const char *operands; /* as shown behind the name: "KIND [NAME...]"; NULL: none */
    int min_operands;
    int max_operands;                     /* OPERANDS_ANY: no limit */
    const char *details;                  /* paragraphs for --help behind the options; NULL: none */
    const struct command_option *options; /* NULL: none */
    enum complete complete[3];            /* of the first, the second, and all later operands */
    bool api;                             /* also takes --state, --server, --kubeconfig... */
    bool hidden;                          /* not in lists of commands (for completion scripts) */
    const struct command *const *subcommands; /* NULL-terminated; NULL: run is given */
    /* Returns an exit status. What goes wrong is printed before with cli_error(). */
    int (*run)(struct cli *cli, const struct args *args);
};

/* ---- what run() gets ---- */

/* The last value of a long option, or NULL when it was not given. Aborts on an unknown name. */
const char *args_value(const struct args *args, const char *long_name);
/* Whether the option was given. */
bool args_given(const struct args *args, const char *long_name);
/* Each value of a repeated option in turn; start with *cursor = 0. NULL at the end. */
const char *args_each(const struct args *args, const char *long_name, size_t *cursor);
/*
 * A whole number within min..max; `fallback` when the option was not given. On a bad number *ret is
 * untouched, err says so and -EINVAL is returned.
 */
int args_number(const struct args *args, const char *long_name, long min, long max, long fallback,
                long *ret, struct err *err) _must_check_;
size_t args_operand_count(const struct args *args);
/* The operand at i, or NULL behind the last. */
const char *args_operand(const struct args *args, size_t i);
/* All operands, NULL-terminated. Borrowed. */
const char *const *args_operands(const struct args *args);

/* The state folder: --state, else $SLIPWAY_STATE, else /var/lib/slipway. */
const char *cli_state_dir(const struct cli *cli, const struct args *args);

/* Whether standard output is a terminal and NO_COLOR is not set. */
bool cli_colour(const struct cli *cli);
/* Whether standard error is a terminal: progress lines may be redrawn there. */
bool cli_interactive(const struct cli *cli);

/* Prints "slipway COMMAND: text" to standard error. */
void cli_error(const struct cli *cli, const char *format, ...) _printf_(2, 3);
/* Prints err's text with cli_error() and returns the exit status for its code. */
int cli_fail(const struct cli *cli, const struct err *err) _must_check_;
/* As cli_error(), with a hint to --help; returns STATUS_USAGE. */
int cli_usage_error(const struct cli *cli, const char *format, ...) _printf_(2, 3) _must_check_;
/* The exit status for a negative errno. */
int cli_status(int code);
