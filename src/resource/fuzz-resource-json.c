/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever validation admits can be normalized, is valid then, decodes, encodes to something valid,
 * and can be shown; whatever salvage makes of anything is valid.
 */
#include <stdlib.h>

#include "resource/decode.h"
#include "resource/machine.h"
#include "resource/print.h"
#include "resource/profile.h"
#include "resource/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool is_valid(const struct kind *kind, const json_t *json)
{
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    object_validate(kind, json, NULL, &problems);
    return !problems_any(&problems);
}

static void check_shown(const struct kind *kind, json_t *json)
{
    _autobuf_ struct buf out = BUF_INIT;
    struct table_text options = {.wide = true, .headings = true};
    must(table_write(kind, &json, 1, &options, 1000, &out) == 0);
    must(describe_write(kind, json, NULL, 1000, &out) == 0);
}

/* The struct's JSON is valid as well, and decodes to the same struct's JSON. */
static void check_encoded(const struct field *fields, const void *part)
{
    json_t *json = fields_encode(fields, part);
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    must(json != NULL);
    fields_validate(fields, json, &problems);
    must(!problems_any(&problems));
    json_decref(json);
}

static void check_machine(const json_t *json)
{
    struct machine *machine = NULL;
    must(machine_decode(json, &machine, NULL) == 0);
    check_encoded(machine_spec_fields, &machine->spec);
    check_encoded(machine_status_fields, &machine->status);
    struct machine_spec effective = machine_effective(machine, NULL);
    must(effective.role != ROLE_UNSET);
    machine_free(machine);
}

static void check_valid(const struct kind *kind, json_t *json)
{
    must(object_normalize(kind, json) == 0);
    must(is_valid(kind, json));
    void *object = NULL;
    must(object_decode(kind, json, &object, NULL) == 0);
    object_free(object);
    if (kind == &kind_machine)
        check_machine(json);
    check_shown(kind, json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json)
        return 0;
    json_t *saved = fields_salvage(machine_status_fields, json);
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    must(saved != NULL);
    fields_validate(machine_status_fields, saved, &problems);
    /* What is required may still be missing: salvage invents nothing. */
    for (size_t i = 0; i < problems.n; i++)
        must(problems.items[i].reason == PROBLEM_REQUIRED);
    json_decref(saved);
    for (const struct kind *const *kind = kinds; *kind; kind++) {
        if (!is_valid(*kind, json))
            continue;
        check_valid(*kind, json);
        break; /* normalizing changed it */
    }
    json_decref(json);
    return 0;
}
