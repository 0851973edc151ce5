/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-table.h"

#include "resource/print.h"

const char *api_table_version(bool beta)
{
    return beta ? "meta.k8s.io/v1beta1" : "meta.k8s.io/v1";
}

json_t *api_partial_metadata(const json_t *object)
{
    return json_pack("{ss,ss,sO}", "kind", "PartialObjectMetadata", "apiVersion", "meta.k8s.io/v1",
                     "metadata", json_object_get(object, "metadata"));
}

static json_t *row_object(json_t *object, const struct api_options *options, bool beta)
{
    if (options->include_object == API_INCLUDE_NONE)
        return NULL;
    if (options->include_object == API_INCLUDE_OBJECT)
        return json_incref(object);
    json_t *partial = api_partial_metadata(object);
    if (partial && beta)
        (void)json_object_set_new(partial, "apiVersion", json_string(api_table_version(true)));
    return partial;
}

json_t *api_table_row(const struct kind *kind, json_t *object, const struct api_options *options,
                      bool beta, int64_t now_ms)
{
    return json_pack("{so,so*}", "cells", table_cells(kind, object, now_ms), "object",
                     row_object(object, options, beta));
}

json_t *api_table_single(const struct kind *kind, json_t *object, const struct api_options *options,
                         bool beta, int64_t now_ms)
{
    const char *version = object_meta_text(object, "resourceVersion");
    return json_pack("{ss,ss,s{ss*},so,s[o]}", "kind", "Table", "apiVersion",
                     api_table_version(beta), "metadata", "resourceVersion", version,
                     "columnDefinitions", table_columns(kind), "rows",
                     api_table_row(kind, object, options, beta, now_ms));
}
