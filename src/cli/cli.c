/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdarg.h>

#include "base/str.h"

void cli_init(struct cli *cli)
{
    *cli = (struct cli){.path = "slipway"};
    cli->colour = isatty(STDOUT_FILENO) && str_empty(getenv("NO_COLOR"));
    cli->interactive = isatty(STDERR_FILENO);
}

const char *cli_state_dir(const struct cli *cli, const struct args *args)
{
    (void)cli;
    const char *dir = args_value(args, "state");
    if (!dir)
        dir = getenv("SLIPWAY_STATE");
    return str_empty(dir) ? CLI_STATE_DIR : dir;
}

bool cli_colour(const struct cli *cli)
{
    return cli->colour;
}

bool cli_interactive(const struct cli *cli)
{
    return cli->interactive;
}

static void print_error(const struct cli *cli, const char *format, va_list args) _printf_(2, 0);

static void print_error(const struct cli *cli, const char *format, va_list args)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "%s: ", cli->path);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
}

void cli_error(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_error(cli, format, args);
    va_end(args);
}

int cli_usage_error(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_error(cli, format, args);
    va_end(args);
    (void)fprintf(stderr, "Try '%s --help'.\n", cli->path);
    return STATUS_USAGE;
}

int cli_status(int code)
{
    switch (code) {
    case 0:
        return STATUS_OK;
    case -ENOENT:
    case -ESRCH:
        return STATUS_NOT_FOUND;
    case -EEXIST:
    case -ESTALE:
        return STATUS_CONFLICT;
    case -EINVAL:
    case -EBADMSG:
    case -ERANGE:
        return STATUS_INVALID;
    case -EACCES:
    case -EPERM:
        return STATUS_FORBIDDEN;
    case -ECONNREFUSED:
    case -ECONNRESET:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
    case -ETIMEDOUT:
        return STATUS_UNREACHABLE;
    default:
        return STATUS_FAILURE;
    }
}

int cli_fail(const struct cli *cli, const struct err *err)
{
    cli_error(cli, "%s", err_text(err));
    int status = cli_status(err->code);
    return status == STATUS_OK ? STATUS_FAILURE : status;
}
