/* SPDX-License-Identifier: Apache-2.0 */
/* Two lines of JSON, a document and a patch: patched in every way, bounded, and nothing leaks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/api-managed.h"
#include "server/api-patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *parse(const uint8_t *data, size_t size)
{
    json_t *value = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (value && api_json_bounded(value, API_JSON_DEPTH_MAX, API_JSON_VALUES_MAX))
        return value;
    json_decref(value);
    return NULL;
}

/* RFC 7386: applying a merge patch twice is applying it once. */
static void check_merge(const json_t *document, const json_t *patch)
{
    json_t *once = NULL, *twice = NULL;
    if (api_merge_patch(document, patch, &once) < 0 || api_merge_patch(once, patch, &twice) < 0 ||
        !json_equal(once, twice))
        abort();
    json_decref(once);
    json_decref(twice);
}

/* What was applied is in the result, and applying it again changes nothing. */
static void check_apply(const json_t *document, const json_t *patch)
{
    static const struct api_manager manager = {"fuzz", "", "v1", "now"};
    json_t *once = NULL, *twice = NULL, *conflicts = NULL;
    if (!json_is_object(document) || !json_is_object(patch) ||
        !json_is_object(json_object_get(document, "metadata")))
        return;
    if (api_managed_apply(document, patch, &manager, true, &once, &conflicts) == 0 &&
        (api_managed_apply(once, patch, &manager, false, &twice, &conflicts) < 0 ||
         !json_equal(once, twice)))
        abort();
    json_decref(once);
    json_decref(twice);
    json_decref(conflicts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    if (!newline)
        return 0;
    size_t first = (size_t)(newline - data);
    json_t *document = parse(data, first);
    json_t *patch = parse(newline + 1, size - first - 1);
    json_t *result = NULL;
    if (document && patch) {
        check_merge(document, patch);
        check_apply(document, patch);
        if (api_json_patch(document, patch, &result, NULL) == 0 &&
            !api_json_bounded(result, 2 * API_JSON_DEPTH_MAX, 2 * API_JSON_VALUES_MAX))
            abort();
    }
    json_decref(result);
    json_decref(document);
    json_decref(patch);
    return 0;
}
