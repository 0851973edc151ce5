/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any body as any kind of write to a Machine: what api_decide() lets through is valid, and lets
 * itself through again. The first byte says how: c, r, m, j or a.
 */
#include <stdlib.h>
#include <string.h>

#include "resource/validate.h"
#include "server/api-decide.h"
#include "server/api-patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char live_text[] =
    "{\"apiVersion\":\"slipway.dev/v1alpha1\",\"kind\":\"Machine\",\"metadata\":{\"name\":\"n\","
    "\"uid\":\"u\",\"resourceVersion\":\"7\"},\"spec\":{\"macAddresses\":[\"52:54:00:00:00:01\"],"
    "\"image\":\"debian\",\"network\":{\"mtu\":1500}},\"status\":{\"phase\":\"Available\"}}";

static bool type_of(uint8_t byte, enum api_change_type *ret)
{
    static const char letters[] = "crmja";
    const char *at = byte ? strchr(letters, byte) : NULL;
    *ret = at ? (enum api_change_type)(at - letters) : API_CHANGE_CREATE;
    return at != NULL;
}

static void check_result(const json_t *result)
{
    const struct validate_options options = {.allow_unknown = true};
    struct problems problems = PROBLEMS_INIT;
    json_t *copy = json_deep_copy(result);
    (void)json_object_del(json_object_get(copy, "metadata"), "managedFields");
    (void)json_object_del(json_object_get(copy, "metadata"), "ownerReferences");
    object_validate(&kind_machine, copy, &options, &problems);
    if (problems_any(&problems))
        abort();
    problems_free(&problems);
    json_decref(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum api_change_type type;
    if (size < 2 || !type_of(data[0], &type))
        return 0;
    json_t *body = json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES, NULL);
    json_t *live = json_loads(live_text, 0, NULL);
    if (!live)
        abort();
    if (body && api_json_bounded(body, API_JSON_DEPTH_MAX, API_JSON_VALUES_MAX)) {
        bool create = type == API_CHANGE_CREATE;
        const struct api_path path = {
            .type = API_PATH_RESOURCE, .kind = &kind_machine, .name = "n"};
        const struct api_options options = {.manager = "fuzz", .force = true};
        const struct api_change change = {
            .type = type, .path = &path, .options = &options, .body = body};
        json_t *failure = NULL, *warnings = json_array();
        json_t *result = api_decide(&change, create ? NULL : live, warnings, &failure);
        if (!result == !failure)
            abort();
        if (result)
            check_result(result);
        json_decref(result);
        json_decref(failure);
        json_decref(warnings);
    }
    json_decref(body);
    json_decref(live);
    return 0;
}
