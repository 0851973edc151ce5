/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include "base/str.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "resource/kind.h"

static void offer(struct completion *c, const char *word, const char *description)
{
    if (str_after(word, c->prefix))
        buf_printf(&c->candidates, "%s\t%s\n", word, description);
}

static void offer_option(void *data, const struct command_option *option)
{
    struct completion *c = data;
    char word[64];
    (void)snprintf(word, sizeof(word), "--%s", option->long_name);
    offer(c, word, option->help);
}

static void offer_commands(struct completion *c, const struct command *const *list)
{
    for (size_t i = 0; list[i]; i++)
        if (!list[i]->hidden)
            offer(c, list[i]->name, list[i]->summary);
}

static void offer_kinds(struct completion *c)
{
    for (const struct kind *const *k = kinds; *k; k++)
        offer(c, (*k)->plural, (*k)->doc);
}

static void offer_formats(struct completion *c)
{
    static const char *const forms[] = {"json", "yaml", "wide", "name", "jsonpath="};
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
        offer(c, forms[i], "output form");
}

static void offer_values(struct completion *c, enum complete complete)
{
    if (complete == COMPLETE_KIND)
        offer_kinds(c);
    else if (complete == COMPLETE_FORMAT)
        offer_formats(c);
    else
        c->dynamic = complete;
}

/* ---- which option or operand the last word is ---- */

struct search {
    const char *word; /* "--output", "-o", "-wo" */
    const struct command_option *found;
};

static void match(void *data, const struct command_option *option)
{
    struct search *s = data;
    const char *name = str_after(s->word, "--");
    size_t n = strlen(s->word);
    bool is_short = !name && n > 1 && s->word[0] == '-' && option->short_name &&
                    s->word[n - 1] == option->short_name;
    if (is_short || (name && str_eq(name, option->long_name)))
        s->found = option;
}

/* The option of the word, when its argument is the word behind it. */
static const struct command_option *option_before(const struct command *command, const char *word)
{
    struct search s = {.word = word};
    if (word[0] == '-')
        command_each_option(command, match, &s);
    return s.found && s.found->argument ? s.found : NULL;
}

/* "--output=js": completes the part behind '='. */
static bool complete_joined(struct completion *c, const struct command *command, const char *word)
{
    const char *equals = str_after(word, "--") ? strchr(word, '=') : NULL;
    if (!equals)
        return false;
    _autofree_ char *name = strndup(word, (size_t)(equals - word));
    const struct command_option *option = name ? option_before(command, name) : NULL;
    c->prefix = equals + 1;
    if (option)
        offer_values(c, option->complete);
    return true;
}

static void complete_operand(struct completion *c, const struct command *command,
                             const char *const *words, size_t count)
{
    size_t operand = 0;
    for (size_t i = 0; i + 1 < count; i++) {
        if (words[i][0] == '-') {
            i += option_before(command, words[i]) != NULL;
            continue;
        }
        if (operand++ == 0)
            c->kind = words[i];
    }
    size_t last = ARRAY_SIZE(command->complete) - 1;
    offer_values(c, command->complete[operand < last ? operand : last]);
}

void completion_find(const char *const *words, size_t count, struct completion *ret)
{
    char path[64];
    size_t depth = 0;
    *ret = (struct completion){.prefix = words[count - 1]};
    const struct command *command = command_resolve(words, count - 1, &depth, path);
    const struct command *at = command ? command : &root_command;
    if (at->subcommands) {
        if (depth == count - 1)
            offer_commands(ret, at->subcommands);
        return;
    }
    words += depth;
    count -= depth;
    const struct command_option *before = count > 1 ? option_before(at, words[count - 2]) : NULL;
    if (before)
        offer_values(ret, before->complete);
    else if (complete_joined(ret, at, ret->prefix))
        return;
    else if (ret->prefix[0] == '-')
        command_each_option(at, offer_option, ret);
    else
        complete_operand(ret, at, words, count);
}
