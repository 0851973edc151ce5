/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is read as YAML can be written and read again to the same value. */
#include <stdlib.h>

#include "resource/print.h"
#include "resource/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_real(const json_t *json)
{
    const char *key;
    json_t *value;
    size_t i;
    bool found = json_is_real(json);
    json_object_foreach ((json_t *)(uintptr_t)json, key, value)
        found |= has_real(value);
    json_array_foreach (json, i, value)
        found |= has_real(value);
    return found;
}

static void check_round_trip(const json_t *json)
{
    _autobuf_ struct buf out = BUF_INIT_MAX(YAML_SIZE_MAX);
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    _autodocuments_ struct documents again = {0};
    if (json_is_null(json) || has_real(json) || yaml_write(json, &out) < 0)
        return;
    int r = yaml_parse(NULL, out.data, out.len, &again, &problems);
    if (r < 0 || again.n != 1 || !json_equal(json, again.items[0].json))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    _autodocuments_ struct documents documents = {0};
    int r = yaml_parse("input", (const char *)data, size, &documents, &problems);
    if ((r == 0) == problems_any(&problems))
        abort();
    for (size_t i = 0; r == 0 && i < documents.n; i++)
        check_round_trip(documents.items[i].json);
    _autoproblems_ struct problems more = PROBLEMS_INIT;
    _autoresources_ struct resources resources = {0};
    (void)!resources_parse("input", (const char *)data, size, &resources, &more);
    return 0;
}
