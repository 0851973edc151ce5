/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "cli/args.h"
#include "cli/cli.h"

static const struct command_option options[] = {
    {'o', "output", "FILE", "write to FILE", COMPLETE_FILE},
    {'w', "watch", NULL, "keep watching", COMPLETE_NOTHING},
    {0, "count", "N", "how many", COMPLETE_NOTHING},
    {0},
};

static const struct command command = {
    .name = "pack",
    .summary = "Pack a thing",
    .operands = "THING [OTHER]",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
};

/* The words of a line as argv; they live until the next call. */
static int parse(const char *line, struct args **ret, struct err *err)
{
    static char text[128];
    static char *argv[16];
    int argc = 0;
    assert_int_equal(str_copy(text, sizeof(text), line), 0);
    char *rest = text;
    for (char *word; (word = strsep(&rest, " "));)
        argv[argc++] = word;
    argv[argc] = NULL;
    return args_parse(&command, argc, argv, ret, err);
}

static void test_mixed(void **state)
{
    (void)state;
    _cleanup_(args_freep) struct args *args = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(parse("pack a -wofile b --output=last", &args, &err), 0);
    assert_true(args_given(args, "watch"));
    assert_string_equal(args_value(args, "output"), "last");
    size_t cursor = 0;
    assert_string_equal(args_each(args, "output", &cursor), "file");
    assert_string_equal(args_each(args, "output", &cursor), "last");
    assert_null(args_each(args, "output", &cursor));
    assert_int_equal(args_operand_count(args), 2);
    assert_string_equal(args_operand(args, 1), "b");
    assert_null(args_operand(args, 2));
    assert_null(args_value(args, "count"));
}

static void test_double_dash(void **state)
{
    (void)state;
    _cleanup_(args_freep) struct args *args = NULL;
    assert_int_equal(parse("pack -- -w --watch", &args, NULL), 0);
    assert_false(args_given(args, "watch"));
    assert_string_equal(args_operand(args, 0), "-w");
}

static void check_error(int r, const struct err *err, const char *text)
{
    assert_int_equal(r, -EINVAL);
    assert_string_equal(err_text(err), text);
}

static void test_errors(void **state)
{
    (void)state;
    struct args *args = NULL;
    struct err err = ERR_INIT;
    check_error(parse("pack --nothing", &args, &err), &err, "unknown option --nothing");
    check_error(parse("pack a -x", &args, &err), &err, "unknown option -x");
    check_error(parse("pack a -wx", &args, &err), &err, "unknown option -x");
    check_error(parse("pack a --output", &args, &err), &err, "option --output needs an argument");
    check_error(parse("pack a -o", &args, &err), &err, "option -o needs an argument");
    check_error(parse("pack a --watch=1", &args, &err), &err, "option --watch=1 takes no argument");
    check_error(parse("pack -w", &args, &err), &err, "too few operands: expected THING [OTHER]");
    check_error(parse("pack a b c", &args, &err), &err, "unexpected operand \"c\"");
    assert_null(args);
}

static void test_help_needs_no_operands(void **state)
{
    (void)state;
    _cleanup_(args_freep) struct args *args = NULL;
    assert_int_equal(parse("pack --help", &args, NULL), 0);
    assert_true(args_given(args, "help"));
}

static void test_number(void **state)
{
    (void)state;
    _cleanup_(args_freep) struct args *args = NULL;
    struct err err = ERR_INIT;
    long n = -1;
    assert_int_equal(parse("pack a --count 12", &args, &err), 0);
    assert_int_equal(args_number(args, "count", 0, 12, 5, &n, &err), 0);
    assert_int_equal(n, 12);
    assert_int_equal(args_number(args, "count", 0, 11, 5, &n, &err), -EINVAL);
    assert_string_equal(err_text(&err),
                        "option --count: expected a number from 0 to 11, found \"12\"");
}

static void test_resolve(void **state)
{
    (void)state;
    char path[64];
    size_t depth = 0;
    const char *const words[] = {"version", "x", NULL};
    assert_ptr_equal(command_resolve(words, 2, &depth, path), command_find(commands, "version"));
    assert_int_equal(depth, 1);
    assert_string_equal(path, "slipway version");
    assert_null(command_resolve(words + 1, 1, &depth, path));
    assert_int_equal(depth, 0);
}

/* What a command table promises: completion, help and the man pages rest on it. */
static void check_option(void *data, const struct command_option *option)
{
    bool *seen = data;
    assert_non_null(option->help);
    assert_true(*option->help != '\0');
    unsigned char c = (unsigned char)option->short_name;
    assert_false(c && seen[c]);
    seen[c] = true;
}

static void check_command(const struct command *c)
{
    bool seen[256] = {0};
    assert_non_null(c->summary);
    assert_true((c->run != NULL) != (c->subcommands != NULL));
    command_each_option(c, check_option, seen);
    for (size_t i = 0; c->subcommands && c->subcommands[i]; i++)
        check_command(c->subcommands[i]);
}

static void test_tables(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i]; i++) {
        check_command(commands[i]);
        if (i > 0)
            assert_true(strcmp(commands[i - 1]->name, commands[i]->name) < 0);
    }
}

UNIT_MAIN(cmocka_unit_test(test_mixed), cmocka_unit_test(test_double_dash),
          cmocka_unit_test(test_errors), cmocka_unit_test(test_help_needs_no_operands),
          cmocka_unit_test(test_number), cmocka_unit_test(test_resolve),
          cmocka_unit_test(test_tables))
