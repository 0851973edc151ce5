/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/machine-change.h"
#include "resource/kind.h"

static const struct command_option options[] = {
    {0, "fingerprint", "WORDS",
     "approve only if this is the fingerprint that the machine shows: its words, or hex",
     COMPLETE_NOTHING},
    {0},
};

/* The next letter or digit in lower case, so that "Able-Baker" and "able baker" are the same. */
static char next_letter(const char **text)
{
    while (**text && !isalnum((unsigned char)**text))
        (*text)++;
    return **text ? (char)tolower((unsigned char)*(*text)++) : '\0';
}

static bool same_words(const char *a, const char *b)
{
    for (;;) {
        char x = next_letter(&a), y = next_letter(&b);
        if (x != y)
            return false;
        if (!x)
            return true;
    }
}

static int check_fingerprint(const struct args *args, const json_t *machine, struct err *err)
{
    const char *wanted = args_value(args, "fingerprint");
    const char *words = object_text(machine, "status.identity.words");
    const char *hex = object_text(machine, "status.identity.fingerprint");
    if (!wanted)
        return 0;
    if (!words && !hex)
        return err_set(err, -ENOENT, "%s has not reported a key yet: nothing to compare with",
                       object_name(machine));
    if ((words && same_words(wanted, words)) || (hex && same_words(wanted, hex)))
        return 0;
    return err_set(err, -EACCES, "%s was not approved: its fingerprint is \"%s\"",
                   object_name(machine), words ? words : hex);
}

static int decide(const struct args *args, const json_t *machine, json_t **ret_patch,
                  const char **ret_said, struct err *err)
{
    int r = check_fingerprint(args, machine, err);
    if (r < 0)
        return r;
    *ret_said = "already approved";
    if (json_is_true(object_get(machine, "spec.approved")))
        return 0;
    *ret_said = "approved";
    *ret_patch = json_pack("{s{sb}}", "spec", "approved", true);
    return *ret_patch ? 0 : err_errno(err, -ENOMEM, "request");
}

static int run(struct cli *cli, const struct args *args)
{
    if (args_given(args, "fingerprint") && args_operand_count(args) > 1)
        return cli_usage_error(cli, "--fingerprint is for one machine");
    return machines_change(cli, args, decide);
}

const struct command cmd_approve = {
    .name = "approve",
    .summary = "Let Machines be installed, and trust their keys",
    .operands = "NAME...",
    .min_operands = 1,
    .max_operands = OPERANDS_ANY,
    .details = "A machine shows the fingerprint of its key as words on its console; compare them\n"
               "with `slipway describe machine NAME`, or let --fingerprint compare them.",
    .options = options,
    .complete = {COMPLETE_MACHINE, COMPLETE_MACHINE, COMPLETE_MACHINE},
    .api = true,
    .run = run,
};
