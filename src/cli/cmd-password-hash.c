/* SPDX-License-Identifier: Apache-2.0 */
/* bcrypt hashes of passwords, for Dex and others that keep users themselves. */
#include <crypt.h>
#include <string.h>
#include <termios.h>

#include "base/random.h"
#include "base/str.h"
#include "cli/cli.h"

enum {
    PASSWORD_MAX = 72, /* bcrypt looks at no more bytes */
    COST_DEFAULT = 10,
    COST_MIN = 4,
    COST_MAX = 18, /* above it one check takes half a minute */
    SALT_BYTES = 16,
};

static const struct command_option options[] = {
    {0, "cost", "N", "each step doubles the work, 4 to 18 (default: 10)", COMPLETE_NOTHING},
    {0},
};

/* One line without its end. -E2BIG: it is longer than bcrypt looks at. */
static int read_line(char dst[static PASSWORD_MAX + 2])
{
    size_t n = 0;
    int c;
    while ((c = getc(stdin)) != EOF && c != '\n') {
        if (c == '\0' || n == PASSWORD_MAX)
            return c ? -E2BIG : -EINVAL;
        dst[n++] = (char)c;
    }
    dst[n] = '\0';
    return n ? 0 : -ENODATA;
}

/* The same from a terminal, which does not show what is typed. */
static int ask(const char *prompt, char dst[static PASSWORD_MAX + 2])
{
    struct termios shown, hidden;
    if (tcgetattr(STDIN_FILENO, &shown) < 0)
        return read_line(dst);
    hidden = shown;
    hidden.c_lflag &= (tcflag_t)~ECHO;
    (void)fputs(prompt, stderr);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    int r = read_line(dst);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    (void)fputc('\n', stderr);
    return r;
}

static int ask_twice(char dst[static PASSWORD_MAX + 2], struct err *err)
{
    char again[PASSWORD_MAX + 2];
    bool terminal = isatty(STDIN_FILENO);
    int r = ask("Password: ", dst);
    if (r == 0 && terminal) {
        r = ask("Again: ", again);
        if (r == 0 && !str_eq(dst, again))
            r = -ESTALE;
        explicit_bzero(again, sizeof(again));
    }
    if (r == -E2BIG)
        return err_set(err, -EINVAL, "longer than the %d bytes that bcrypt looks at", PASSWORD_MAX);
    if (r == -ESTALE)
        return err_set(err, -EINVAL, "the two are not the same");
    return r < 0 ? err_set(err, -EINVAL, "expected a password on standard input") : 0;
}

static int hash(const char *password, long cost, struct err *err)
{
    uint8_t random[SALT_BYTES];
    char salt[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *data = calloc(1, sizeof(*data)); /* 32 KiB */
    if (!data)
        return err_set(err, -ENOMEM, "out of memory");
    rng_fill(&rng_system, random, sizeof(random));
    const char *text = NULL;
    if (crypt_gensalt_rn("$2b$", (unsigned long)cost, (const char *)random, sizeof(random), salt,
                         sizeof(salt)))
        text = crypt_rn(password, salt, data, (int)sizeof(*data));
    int r = text ? 0 : err_errno(err, -errno, "bcrypt");
    if (text)
        (void)printf("%s\n", text);
    explicit_bzero(data, sizeof(*data));
    free(data);
    return r;
}

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    char password[PASSWORD_MAX + 2];
    long cost = 0;
    if (args_number(args, "cost", COST_MIN, COST_MAX, COST_DEFAULT, &cost, &err) < 0)
        return cli_usage_error(cli, "%s", err_text(&err));
    int r = ask_twice(password, &err);
    if (r == 0)
        r = hash(password, cost, &err);
    explicit_bzero(password, sizeof(password));
    return r < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

const struct command cmd_password_hash = {
    .name = "password-hash",
    .summary = "Print the bcrypt hash of a password",
    .options = options,
    .details = "Reads a password from standard input, unseen from a terminal, and prints what "
               "Dex and others keep of it.",
    .run = run,
};
