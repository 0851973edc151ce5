/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as every text of a request: path, query values, Accept, selectors, User-Agent. */
#include <stdlib.h>
#include <string.h>

#include "server/api-accept.h"
#include "server/api-path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The value for the parameter whose turn it is, nothing for the others. */
struct one {
    const char *name, *value;
};

static const char *get(const void *data, const char *name)
{
    const struct one *one = data;
    return strcmp(one->name, name) == 0 ? one->value : NULL;
}

static void try_parameter(const char *name, const char *text)
{
    const struct one one = {name, text};
    struct api_options options;
    json_t *object = json_pack("{s{ss,s{ss}},s{ss}}", "metadata", "name", "n", "labels", "a", "b",
                               "status", "phase", "Ready");
    if (api_options_parse(get, &one, &options, NULL) == 0) {
        (void)api_labels_match(options.labels, object);
        (void)api_fields_match(options.fields, object);
    }
    api_options_clear(&options);
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"labelSelector",   "fieldSelector", "continue",
                                        "resourceVersion", "fieldManager",  "limit"};
    char *text = strndup((const char *)data, size);
    if (!text)
        return 0;
    const struct api_path path = api_path_parse(text);
    if (path.type == API_PATH_RESOURCE && !path.kind)
        abort();
    (void)api_accept(text, API_FORM_JSON | API_FORM_TABLE);
    (void)api_media_type_is(text, "application/json");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        try_parameter(names[i], text);
    char manager[API_MANAGER_SIZE];
    api_manager_of_agent(text, manager);
    free(text);
    return 0;
}
