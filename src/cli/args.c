/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"

#include <getopt.h>

#include "base/log.h"
#include "base/str.h"

#define OPTIONS_MAX 48
/* Options without a short name get these values from getopt_long(). */
#define LONG_ONLY 256

const struct command_option common_options[] = {
    {'h', "help", NULL, "show this help", COMPLETE_NOTHING},
    {0},
};

const struct command_option api_options[] = {
    {0, "state", "FOLDER", "state folder of a server on this machine", COMPLETE_FOLDER},
    {0, "kubeconfig", "FILE", "reach the server as this kubeconfig says", COMPLETE_FILE},
    {0, "context", "NAME", "context of the kubeconfig to use", COMPLETE_NOTHING},
    {0, "server", "URL", "https:// address of the server instead of the kubeconfig's",
     COMPLETE_NOTHING},
    {0, "request-timeout", "SECONDS", "give up on a request after this long", COMPLETE_NOTHING},
    {0},
};

void command_each_option(const struct command *command,
                         void (*visit)(void *data, const struct command_option *option), void *data)
{
    const struct command_option *tables[] = {command->options, command->api ? api_options : NULL,
                                             common_options};
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
        for (const struct command_option *o = tables[t]; o && o->long_name; o++)
            visit(data, o);
}

/* The command's table in the form that getopt_long() wants. */
struct getopt_tables {
    const struct command_option *options[OPTIONS_MAX];
    struct option longs[OPTIONS_MAX + 1];
    char shorts[2 * OPTIONS_MAX + 3];
    size_t count;
    size_t shorts_len;
};

static void add_option(void *data, const struct command_option *option)
{
    struct getopt_tables *t = data;
    if (t->count == OPTIONS_MAX)
        abort(); /* a table of ours is too long */
    int value = option->short_name ? option->short_name : LONG_ONLY + (int)t->count;
    t->longs[t->count] = (struct option){
        option->long_name, option->argument ? required_argument : no_argument, NULL, value};
    t->options[t->count++] = option;
    if (!option->short_name)
        return;
    t->shorts[t->shorts_len++] = option->short_name;
    if (option->argument)
        t->shorts[t->shorts_len++] = ':';
}

static const struct command_option *option_of(const struct getopt_tables *t, int value)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->longs[i].val == value)
            return t->options[i];
    return NULL;
}

static int bad_option(struct err *err, int kind, const char *word)
{
    char shown[80];
    bool is_long = str_after(word, "--") != NULL;
    if (!is_long)
        (void)snprintf(shown, sizeof(shown), "-%c", optopt);
    else
        (void)log_quote(shown, sizeof(shown), word, strlen(word));
    if (kind == ':')
        return err_set(err, -EINVAL, "option %s needs an argument", shown);
    if (is_long && optopt)
        return err_set(err, -EINVAL, "option %s takes no argument", shown);
    return err_set(err, -EINVAL, "unknown option %s", shown);
}

static int read_options(struct args *args, const struct getopt_tables *t, int argc, char **argv,
                        struct err *err)
{
    optind = 0;
    opterr = 0;
    for (;;) {
        int word = optind ? optind : 1;
        int c = getopt_long(argc, argv, t->shorts, t->longs, NULL);
        if (c == -1)
            return 0;
        const struct command_option *option = option_of(t, c);
        if (!option)
            return bad_option(err, c, argv[optind > word ? optind - 1 : word]);
        args->values[args->value_count++] = (struct args_value){option, optarg ? optarg : ""};
    }
}

static int check_operands(const struct args *args, struct err *err)
{
    const struct command *c = args->command;
    if (args_given(args, "help"))
        return 0;
    if (args->operand_count < (size_t)c->min_operands)
        return err_set(err, -EINVAL, "too few operands: expected %s",
                       c->operands ? c->operands : "none");
    if (c->max_operands == OPERANDS_ANY || args->operand_count <= (size_t)c->max_operands)
        return 0;
    char shown[80];
    const char *extra = args->operands[c->max_operands];
    return err_set(err, -EINVAL, "unexpected operand \"%s\"",
                   log_quote(shown, sizeof(shown), extra, strlen(extra)));
}

int args_parse(const struct command *command, int argc, char **argv, struct args **ret,
               struct err *err)
{
    struct getopt_tables tables = {.shorts = ":", .shorts_len = 1};
    command_each_option(command, add_option, &tables);
    _cleanup_(args_freep) struct args *args = calloc(1, sizeof(*args));
    if (!args)
        return err_errno(err, -ENOMEM, "command line");
    args->command = command;
    /* each word of argv is at most strlen() switches ("-abc"), so count bytes, not words */
    size_t words = 1;
    for (int i = 0; i < argc; i++)
        words += strlen(argv[i]) + 1;
    args->values = calloc(words, sizeof(*args->values));
    args->operands = calloc((size_t)argc + 1, sizeof(*args->operands));
    if (!args->values || !args->operands)
        return err_errno(err, -ENOMEM, "command line");
    int r = read_options(args, &tables, argc, argv, err);
    if (r < 0)
        return r;
    for (int i = optind; i < argc; i++)
        args->operands[args->operand_count++] = argv[i];
    r = check_operands(args, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(args);
    return 0;
}

void args_free(struct args *args)
{
    if (!args)
        return;
    free(args->values);
    free(args->operands);
    free(args);
}

struct find {
    const char *name;
    const struct command_option *found;
};

static void match_option(void *data, const struct command_option *option)
{
    struct find *f = data;
    if (str_eq(option->long_name, f->name))
        f->found = option;
}

/* A name that is not in the command's table is a mistake in our code, never in the input. */
static const struct command_option *must_find(const struct args *args, const char *long_name)
{
    struct find f = {.name = long_name};
    command_each_option(args->command, match_option, &f);
    if (!f.found)
        abort();
    return f.found;
}

const char *args_value(const struct args *args, const char *long_name)
{
    const struct command_option *option = must_find(args, long_name);
    for (size_t i = args->value_count; i > 0; i--)
        if (args->values[i - 1].option == option)
            return args->values[i - 1].value;
    return NULL;
}

bool args_given(const struct args *args, const char *long_name)
{
    return args_value(args, long_name) != NULL;
}

const char *args_each(const struct args *args, const char *long_name, size_t *cursor)
{
    const struct command_option *option = must_find(args, long_name);
    while (*cursor < args->value_count) {
        const struct args_value *v = &args->values[(*cursor)++];
        if (v->option == option)
            return v->value;
    }
    return NULL;
}

int args_number(const struct args *args, const char *long_name, long min, long max, long fallback,
                long *ret, struct err *err)
{
    const char *text = args_value(args, long_name);
    if (!text) {
        *ret = fallback;
        return 0;
    }
    int64_t n = 0;
    if (str_parse_i64(text, min, max, &n) < 0)
        return err_set(err, -EINVAL, "option --%s: expected a number from %ld to %ld, found \"%s\"",
                       long_name, min, max, text);
    *ret = (long)n;
    return 0;
}

size_t args_operand_count(const struct args *args)
{
    return args->operand_count;
}

const char *args_operand(const struct args *args, size_t i)
{
    return i < args->operand_count ? args->operands[i] : NULL;
}

const char *const *args_operands(const struct args *args)
{
    return args->operands;
}
