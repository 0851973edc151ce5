/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-openapi.h"

#include "base/buf.h"
#include "base/str.h"
#include "resource/schema.h"
#include "server/api-discovery.h"

#define NAME_SIZE 160

/* The two versions write the same paths in slightly different words. */
enum dialect { V2, V3 };

/* A query parameter of requests. */
struct parameter {
    const char *name, *type, *doc;
};

static const struct parameter write_parameters[] = {
    {"dryRun", "string", "All: decide and answer, but store nothing."},
    {"fieldManager", "string", "Who makes the change, for managedFields."},
    {"fieldValidation", "string", "Strict, Warn or Ignore unknown fields."},
    {0},
};
static const struct parameter patch_parameters[] = {
    {"force", "boolean", "Server-side apply: take fields that others set."},
    {0},
};
static const struct parameter list_parameters[] = {
    {"allowWatchBookmarks", "boolean", "Send bookmarks in a watch."},
    {"continue", "string", "Token of an earlier piece of the list."},
    {"fieldSelector", "string", "Only objects with these fields."},
    {"labelSelector", "string", "Only objects with these labels."},
    {"limit", "integer", "At most this many objects."},
    {"resourceVersion", "string", "Changes behind this version."},
    {"resourceVersionMatch", "string", "Exact or NotOlderThan."},
    {"sendInitialEvents", "boolean", "Start a watch with what is there."},
    {"timeoutSeconds", "integer", "End a watch after this long."},
    {"watch", "boolean", "Stream changes instead of a list."},
    {0},
};

static json_t *parameter_object(const struct parameter *p, const char *in, enum dialect dialect)
{
    json_t *o = json_pack("{ss,ss,ss}", "name", p->name, "in", in, "description", p->doc);
    if (dialect == V3)
        (void)json_object_set_new(o, "schema", json_pack("{ss}", "type", p->type));
    else
        (void)json_object_set_new(o, "type", json_string(p->type));
    if (str_eq(in, "path"))
        (void)json_object_set_new(o, "required", json_true());
    return o;
}

static void add_parameters(json_t *list, const struct parameter *parameters, enum dialect dialect)
{
    for (const struct parameter *p = parameters; p->name; p++)
        (void)json_array_append_new(list, parameter_object(p, "query", dialect));
}

static json_t *reference(const char *name, enum dialect dialect)
{
    return json_pack(
        "{so}", "$ref",
        json_sprintf(dialect == V3 ? "#/components/schemas/%s" : "#/definitions/%s", name));
}

/* What one operation of a kind is. */
struct operation {
    const char *method; /* "get" */
    const char *action; /* "list": x-kubernetes-action */
    const struct parameter *parameters[2];
    const char *consumes[4]; /* media types of the body; none: no body */
    bool list;               /* answers with a List */
};

static const char media_json[] = "application/json";
static const struct operation collection_operations[] = {
    {"get", "list", {list_parameters}, {0}, true},
    {"post", "post", {write_parameters}, {media_json}, false},
    {"delete", "deletecollection", {list_parameters}, {0}, true},
};
static const struct operation object_operations[] = {
    {"get", "get", {0}, {0}, false},
    {"put", "put", {write_parameters}, {media_json}, false},
    {"patch",
     "patch",
     {write_parameters, patch_parameters},
     {"application/json-patch+json", "application/merge-patch+json",
      "application/apply-patch+yaml"},
     false},
    {"delete", "delete", {write_parameters}, {0}, false},
};

static json_t *gvk(const struct kind *kind)
{
    return json_pack("{ss,ss,ss}", "group", kind->group, "version", kind->version, "kind",
                     kind->kind);
}

static json_t *response(const char *schema, enum dialect dialect)
{
    if (dialect == V2)
        return json_pack("{s{ss,so}}", "200", "description", "OK", "schema", reference(schema, V2));
    return json_pack("{s{ss,s{s{so}}}}", "200", "description", "OK", "content", media_json,
                     "schema", reference(schema, V3));
}

static void add_body(json_t *o, json_t *parameters, const struct operation *op, const char *schema,
                     enum dialect dialect)
{
    json_t *content = json_object(), *consumes = json_array();
    for (size_t i = 0; i < ARRAY_SIZE(op->consumes) && op->consumes[i]; i++) {
        (void)json_array_append_new(consumes, json_string(op->consumes[i]));
        (void)json_object_set_new(content, op->consumes[i],
                                  json_pack("{so}", "schema", reference(schema, V3)));
    }
    if (dialect == V3) {
        (void)json_object_set_new(o, "requestBody",
                                  json_pack("{sO,sb}", "content", content, "required", true));
    } else {
        (void)json_object_set(o, "consumes", consumes);
        (void)json_array_append_new(parameters,
                                    json_pack("{ss,ss,sb,so}", "name", "body", "in", "body",
                                              "required", true, "schema", reference(schema, V2)));
    }
    json_decref(content);
    json_decref(consumes);
}

static json_t *operation_object(const struct kind *kind, const struct operation *op,
                                const char *schema, enum dialect dialect)
{
    char list_schema[NAME_SIZE + 4];
    (void)snprintf(list_schema, sizeof(list_schema), "%s%s", schema, op->list ? "List" : "");
    json_t *parameters = json_array();
    for (size_t i = 0; i < ARRAY_SIZE(op->parameters) && op->parameters[i]; i++)
        add_parameters(parameters, op->parameters[i], dialect);
    json_t *o =
        json_pack("{so,ss,so,so}", "operationId", json_sprintf("%s%s", op->action, kind->kind),
                  "x-kubernetes-action", op->action, "x-kubernetes-group-version-kind", gvk(kind),
                  "responses", response(list_schema, dialect));
    if (op->consumes[0])
        add_body(o, parameters, op, schema, dialect);
    if (dialect == V2)
        (void)json_object_set_new(o, "produces", json_pack("[s]", media_json));
    (void)json_object_set_new(o, "parameters", parameters);
    return o;
}

static json_t *path_object(const struct kind *kind, const struct operation *operations,
                           size_t count, const char *schema, enum dialect dialect)
{
    json_t *path = json_object();
    for (size_t i = 0; i < count; i++)
        if (api_kind_writable(kind) || str_eq(operations[i].method, "get"))
            (void)json_object_set_new(path, operations[i].method,
                                      operation_object(kind, &operations[i], schema, dialect));
    return path;
}

static json_t *path_parameters(const struct kind *kind, enum dialect dialect)
{
    static const struct parameter name = {"name", "string", "Name of the object."};
    static const struct parameter namespace = {"namespace", "string", "Namespace of the object."};
    json_t *list = json_array();
    (void)json_array_append_new(list, parameter_object(&name, "path", dialect));
    if (kind->namespaced)
        (void)json_array_append_new(list, parameter_object(&namespace, "path", dialect));
    return list;
}

/* The paths of one kind: the collection, one object, its status. */
static void add_paths(json_t *paths, const struct kind *kind, enum dialect dialect)
{
    char schema[NAME_SIZE], base[NAME_SIZE];
    if (schema_v2_name(kind, schema, sizeof(schema)) < 0)
        return;
    (void)snprintf(base, sizeof(base), "%s%s/%s/%s%s", *kind->group ? "/apis/" : "/api",
                   kind->group, kind->version, kind->namespaced ? "namespaces/{namespace}/" : "",
                   kind->plural);
    _autofree_ char *named = str_format("%s/{name}", base);
    _autofree_ char *status = str_format("%s/{name}/status", base);
    if (!named || !status)
        return;
    (void)json_object_set_new(paths, base,
                              path_object(kind, collection_operations,
                                          ARRAY_SIZE(collection_operations), schema, dialect));
    json_t *object =
        path_object(kind, object_operations, ARRAY_SIZE(object_operations), schema, dialect);
    (void)json_object_set_new(object, "parameters", path_parameters(kind, dialect));
    (void)json_object_set_new(paths, named, object);
    if (!kind->has_status)
        return;
    /* all but the delete */
    object =
        path_object(kind, object_operations, ARRAY_SIZE(object_operations) - 1, schema, dialect);
    (void)json_object_set_new(object, "parameters", path_parameters(kind, dialect));
    (void)json_object_set_new(paths, status, object);
}

static json_t *list_schema(const struct kind *kind, const char *name, enum dialect dialect)
{
    return json_pack("{ss,ss,s[s],s{s{ss},s{ss},s{ss},s{ss,so}},s[{so,so,so}]}", "description",
                     "A list of objects.", "type", "object", "required", "items", "properties",
                     "apiVersion", "type", "string", "kind", "type", "string", "metadata", "type",
                     "object", "items", "type", "array", "items", reference(name, dialect),
                     "x-kubernetes-group-version-kind", "group", json_string(kind->group),
                     "version", json_string(kind->version), "kind",
                     json_sprintf("%sList", kind->kind));
}

static json_t *v3_schema_of(const struct kind *kind)
{
    json_t *schema = schema_v3(kind);
    if (schema)
        (void)json_object_set_new(schema, "x-kubernetes-group-version-kind",
                                  json_pack("[o]", gvk(kind)));
    return schema;
}

static void add_schemas(json_t *schemas, const struct kind *kind, enum dialect dialect)
{
    char name[NAME_SIZE], list[NAME_SIZE + 4];
    if (schema_v2_name(kind, name, sizeof(name)) < 0)
        return;
    (void)snprintf(list, sizeof(list), "%sList", name);
    (void)json_object_set_new(schemas, name, dialect == V3 ? v3_schema_of(kind) : schema_v2(kind));
    (void)json_object_set_new(schemas, list, list_schema(kind, name, dialect));
}

static json_t *info(const char *version)
{
    return json_pack("{ss,ss}", "title", "Slipway", "version", version);
}

/* metadata as kubectl finds it in objects: what is missing here old ones refuse as unknown. */
static const struct {
    const char *name, *type, *items; /* items: of an array, or of an object's free members */
} meta_members[] = {
    {"annotations", "object", "string"},   {"creationTimestamp", "string", NULL},
    {"deletionTimestamp", "string", NULL}, {"deletionGracePeriodSeconds", "integer", NULL},
    {"finalizers", "array", "string"},     {"generateName", "string", NULL},
    {"generation", "integer", NULL},       {"labels", "object", "string"},
    {"managedFields", "array", "object"},  {"name", "string", NULL},
    {"namespace", "string", NULL},         {"ownerReferences", "array", "object"},
    {"resourceVersion", "string", NULL},   {"uid", "string", NULL},
};

/* What schema_v2() refers to. */
static json_t *object_meta_schema(void)
{
    json_t *properties = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(meta_members); i++) {
        const char *type = meta_members[i].type, *items = meta_members[i].items;
        json_t *schema = json_pack("{ss}", "type", type);
        if (items)
            (void)json_object_set_new(schema,
                                      str_eq(type, "array") ? "items" : "additionalProperties",
                                      json_pack("{ss}", "type", items));
        (void)json_object_set_new(properties, meta_members[i].name, schema);
    }
    return json_pack("{ss,ss,so}", "description", "Standard object's metadata.", "type", "object",
                     "properties", properties);
}

json_t *api_openapi_v2(const char *program_version)
{
    json_t *paths = json_object(), *definitions = json_object();
    for (const struct kind *const *k = kinds; *k; k++) {
        add_paths(paths, *k, V2);
        add_schemas(definitions, *k, V2);
    }
    (void)json_object_set_new(definitions, "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
                              object_meta_schema());
    return json_pack("{ss,so,so,so}", "swagger", "2.0", "info", info(program_version), "paths",
                     paths, "definitions", definitions);
}

json_t *api_openapi_v3(const char *group, const char *program_version)
{
    json_t *paths = json_object(), *schemas = json_object();
    for (const struct kind *const *k = kinds; *k; k++) {
        if (!str_eq((*k)->group, group))
            continue;
        add_paths(paths, *k, V3);
        add_schemas(schemas, *k, V3);
    }
    return json_pack("{ss,so,so,s{so}}", "openapi", "3.0.0", "info", info(program_version), "paths",
                     paths, "components", "schemas", schemas);
}

json_t *api_openapi_v3_index(void)
{
    return json_pack("{s{s{ss},s{ss}}}", "paths", "api/v1", "serverRelativeURL",
                     "/openapi/v3/api/v1", "apis/" GROUP_NAME "/" GROUP_VERSION,
                     "serverRelativeURL", "/openapi/v3/apis/" GROUP_NAME "/" GROUP_VERSION);
}
