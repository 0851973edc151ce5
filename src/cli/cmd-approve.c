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

static const char *part(const json_t *key, const char *name)
{
    return json_string_value(json_object_get(key, name));
}

static bool has_fingerprint(const json_t *key, const char *wanted)
{
    const char *words = part(key, "words"), *hex = part(key, "fingerprint");
    return (words && same_words(wanted, words)) || (hex && same_words(wanted, hex));
}

/* The key with that fingerprint, among those that the machine was heard with. */
static int find_key(const json_t *machine, const char *wanted, const json_t **ret, struct err *err)
{
    const json_t *keys[] = {object_get(machine, "status.candidate"),
                            object_get(machine, "status.identity")};
    const char *words = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        if (!part(keys[i], "publicKey"))
            continue;
        words = words ? words : part(keys[i], "words");
        *ret = keys[i];
        if (has_fingerprint(keys[i], wanted))
            return 0;
    }
    if (!words)
        return err_set(err, -ENOENT, "%s has not reported a key yet: nothing to compare with",
                       object_name(machine));
    return err_set(err, -EACCES,
                   "%s was not approved: the fingerprint of the key that asks is \"%s\"",
                   object_name(machine), words);
}

/*
 * The key that asks now; NULL when none does. One that was approved before and has not been heard
 * since is not given up for the one that was heard before it.
 */
static const json_t *asking_key(const json_t *machine)
{
    const json_t *candidate = object_get(machine, "status.candidate");
    if (part(candidate, "publicKey"))
        return candidate;
    return object_text(machine, "spec.approvedKey") ? NULL : object_get(machine, "status.identity");
}

static bool is_released(const json_t *machine)
{
    return str_eq(object_text(machine, "status.phase"), "Released");
}

/*
 * A released machine is used again, with the key that asks now. Where none has asked yet, the one
 * from before is let go all the same: it is worth nothing any more.
 */
static json_t *patch_released(const json_t *machine, const char *public)
{
    json_int_t installed = json_integer_value(object_get(machine, "status.installedGeneration"));
    return json_pack("{s{sb, ss?, sI}}", "spec", "approved", true, "approvedKey", public,
                     "installGeneration", installed + 1);
}

/* What is told: that another key took the place of an approved one must not be overlooked. */
static void say(const json_t *machine, const json_t *key, bool bind,
                char ret_said[static MACHINE_SAID_SIZE])
{
    const char *words = part(key, "words");
    if (is_released(machine))
        machine_say(ret_said, "approved to be used again%s%s", key ? ", with another key: " : "",
                    words ? words : "");
    else if (!json_is_true(object_get(machine, "spec.approved")))
        machine_say(ret_said, "approved");
    else if (!bind)
        machine_say(ret_said, "already approved");
    else if (object_text(machine, "spec.approvedKey"))
        machine_say(ret_said, "approved again, with another key: %s", words ? words : "");
    else
        machine_say(ret_said, "already approved, now for one key only: %s", words ? words : "");
}

/* The patch goes out on the condition that the Machine is still the one that was read, so the key
 * that is bound is the one that was compared. */
static int decide(const struct args *args, const json_t *machine, json_t **ret_patch,
                  char ret_said[static MACHINE_SAID_SIZE], struct err *err)
{
    const char *wanted = args_value(args, "fingerprint");
    const json_t *key = asking_key(machine);
    int r = wanted ? find_key(machine, wanted, &key, err) : 0;
    if (r < 0)
        return r;
    const char *public = part(key, "publicKey");
    bool bind = public && !str_eq(public, object_text(machine, "spec.approvedKey"));
    say(machine, key, bind, ret_said);
    if (is_released(machine)) {
        *ret_patch = patch_released(machine, public);
        return *ret_patch ? 0 : err_errno(err, -ENOMEM, "request");
    }
    if (!bind && json_is_true(object_get(machine, "spec.approved")))
        return 0;
    *ret_patch =
        json_pack("{s{sb, s:s*}}", "spec", "approved", true, "approvedKey", bind ? public : NULL);
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
               "with `slipway describe machine NAME`, or let --fingerprint compare them. The\n"
               "approval is for that key only. When the machine has lost it and asks with another\n"
               "one (status.candidate), compare again and approve again. A released machine is\n"
               "used again.",
    .options = options,
    .complete = {COMPLETE_MACHINE, COMPLETE_MACHINE, COMPLETE_MACHINE},
    .api = true,
    .run = run,
};
