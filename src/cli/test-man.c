/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The man pages say what the command table says: every command has a page, every option an entry
 * with the same placeholder and help as --help shows, and no page has an option that is not there.
 */
#include "base/test.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "cli/args.h"
#include "cli/cli.h"

/* The page's text without scdoc's backslashes. */
static char *read_page(const char *name)
{
    _autofree_ char *path = str_format("%s/%s.1.scd", MAN_DIR, name);
    char *text = NULL;
    struct err err = ERR_INIT;
    if (file_read(path, 1 << 20, &text, NULL, &err) < 0)
        fail_msg("every command needs a man page: %s", err_text(&err));
    char *to = text;
    for (const char *from = text; *from; from++) {
        from += *from == '\\' && from[1];
        *to++ = *from;
    }
    *to = '\0';
    return text;
}

static void assert_has(const char *page, const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        fail_msg("%s.1.scd lacks:\n%s", page, wanted);
}

/* The part of a page below "## slipway image build\n", up to the next heading. malloc'd. */
static char *section_of(const char *page, const char *text, const char *path)
{
    _autofree_ char *heading = str_format("\n## %s\n", path);
    assert_has(page, text, heading);
    const char *start = strstr(text, heading) + strlen(heading);
    const char *end = strstr(start, "\n#");
    return end ? strndup(start, (size_t)(end - start)) : strdup(start);
}

/* "*-o*, *--output* _FILE_" */
static char *option_line(const struct command_option *option)
{
    struct buf line = BUF_INIT;
    if (option->short_name)
        buf_printf(&line, "*-%c*, ", option->short_name);
    buf_printf(&line, "*--%s*", option->long_name);
    if (option->argument)
        buf_printf(&line, " _%s_", option->argument);
    return buf_steal(&line);
}

struct checking {
    const char *page;
    const char *text;
    size_t known; /* options that must be there */
};

static void check_option(struct checking *c, const struct command_option *option)
{
    _autofree_ char *line = option_line(option);
    _autofree_ char *entry = str_format("\n%s\n\t%s\n", line, option->help);
    assert_has(c->page, c->text, entry);
    c->known++;
}

static void check_options(struct checking *c, const struct command_option *options)
{
    for (const struct command_option *o = options; o && o->long_name; o++)
        check_option(c, o);
}

/* As many entries as options: so none is left over. */
static void check_count(const struct checking *c, const char *path)
{
    size_t entries = 0;
    for (const char *p = c->text; (p = strstr(p, "\n*-")); p++)
        entries++;
    if (entries != c->known)
        fail_msg("%s.1.scd: %s has %zu options, the page %zu", c->page, path, c->known, entries);
}

static void check_summary(const char *page, const char *text, const struct command *command)
{
    _autofree_ char *same = str_format("\n%s - %s\n", page, command->summary);
    _autofree_ char *lower = strdup(same);
    char *first = lower + strlen(page) + 4;
    *first |= 0x20;
    if (!strstr(text, same))
        assert_has(page, text, lower);
}

static void check_subcommands(const char *page, const char *text, const struct command *command)
{
    for (size_t i = 0; command->subcommands[i]; i++) {
        const struct command *sub = command->subcommands[i];
        _autofree_ char *path = str_format("slipway %s %s", command->name, sub->name);
        _autofree_ char *section = section_of(page, text, path);
        struct checking c = {page, section, 0};
        check_options(&c, sub->options);
        check_count(&c, path);
    }
}

static void test_pages(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden)
            continue;
        _autofree_ char *page = str_format("slipway-%s", commands[i]->name);
        _autofree_ char *text = read_page(page);
        check_summary(page, text, commands[i]);
        if (commands[i]->subcommands) {
            check_subcommands(page, text, commands[i]);
            continue;
        }
        struct checking c = {page, text, 0};
        check_options(&c, commands[i]->options);
        check_count(&c, page);
    }
}

static void test_overview(void **state)
{
    (void)state;
    _autofree_ char *text = read_page("slipway");
    struct checking c = {"slipway", text, 0};
    check_options(&c, common_options);
    check_options(&c, api_options);
    check_count(&c, "slipway");
    for (size_t i = 0; commands[i]; i++) {
        _autofree_ char *entry =
            str_format("\n*slipway-%s*(1)\n\t%s.\n", commands[i]->name, commands[i]->summary);
        if (!commands[i]->hidden)
            assert_has("slipway", text, entry);
    }
}

UNIT_MAIN(cmocka_unit_test(test_pages), cmocka_unit_test(test_overview))
