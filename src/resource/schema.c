/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/schema.h"

#include "base/str.h"
#include "resource/format.h"

enum dialect { V2, V3 };

static json_t *schema_of_fields(const struct field *fields, enum dialect dialect);

/* Sets a member; a failure shows as a missing schema at the end. */
static void set(json_t *schema, const char *name, json_t *value)
{
    if (json_object_set_new(schema, name, value) < 0)
        (void)json_object_set_new(schema, "failed", json_true());
}

static void set_text(json_t *schema, const char *name, const char *text)
{
    if (text)
        set(schema, name, json_string(text));
}

static void add_string(json_t *schema, const struct field *field)
{
    set_text(schema, "type", "string");
    set_text(schema, "pattern", field_format(field)->pattern);
    if (field->type == FIELD_STRING)
        set(schema, "maxLength",
            json_integer(field->max_length ? (json_int_t)field->max_length
                                           : (json_int_t)FIELD_LENGTH_DEFAULT));
}

static void add_enum(json_t *schema, const struct field *field)
{
    json_t *values = json_array();
    for (const char *const *value = field->values; *value; value++)
        (void)json_array_append_new(values, json_string(*value));
    set_text(schema, "type", "string");
    set(schema, "enum", values);
}

static void add_int(json_t *schema, const struct field *field)
{
    set_text(schema, "type", "integer");
    set_text(schema, "format", "int64");
    if (field->min == field->max)
        return;
    set(schema, "minimum", json_integer(field->min));
    set(schema, "maximum", json_integer(field->max));
}

/* The whole text alone is no type of OpenAPI: Kubernetes has a word of its own for it. */
static void add_size(json_t *schema, enum dialect dialect)
{
    set(schema, "x-kubernetes-int-or-string", json_true());
    if (dialect == V3)
        set(schema, "anyOf", json_pack("[{s:s}, {s:s}]", "type", "integer", "type", "string"));
}

static json_t *schema_of_value(const struct field *field, enum dialect dialect)
{
    if (field->type == FIELD_OBJECT)
        return schema_of_fields(field->fields, dialect);
    json_t *schema = json_object();
    switch (field->type) {
    case FIELD_ENUM:
        add_enum(schema, field);
        break;
    case FIELD_INT:
        add_int(schema, field);
        break;
    case FIELD_BOOL:
    case FIELD_TRI:
        set_text(schema, "type", "boolean");
        break;
    case FIELD_SIZE:
        add_size(schema, dialect);
        break;
    case FIELD_TIME:
        set_text(schema, "type", "string");
        set_text(schema, "format", "date-time");
        break;
    case FIELD_MAP:
        set_text(schema, "type", "object");
        set(schema, "additionalProperties",
            json_pack("{s:s}", "type", field->flags & FIELD_BOOLEANS ? "boolean" : "string"));
        break;
    case FIELD_ANY:
        set(schema, "x-kubernetes-preserve-unknown-fields", json_true());
        break;
    default:
        add_string(schema, field);
        break;
    }
    return schema;
}

static json_t *description(const struct field *field)
{
    if (!field->late)
        return field->doc ? json_string(field->doc) : NULL;
    return json_sprintf("%s Without it: %s.", field->doc, field->late);
}

static json_t *schema_of(const struct field *field, enum dialect dialect)
{
    json_t *schema = schema_of_value(field, dialect);
    if (field_is_list(field)) {
        json_t *list = json_object();
        set_text(list, "type", "array");
        set(list, "items", schema);
        if (dialect == V3)
            set(list, "maxItems",
                json_integer(field->max_items ? (json_int_t)field->max_items
                                              : (json_int_t)FIELD_ITEMS_DEFAULT));
        schema = list;
    }
    json_t *text = description(field);
    if (text)
        set(schema, "description", text);
    if (field->def && dialect == V3)
        set(schema, "default", json_loads(field->def, JSON_DECODE_ANY, NULL));
    return schema;
}

static json_t *schema_of_fields(const struct field *fields, enum dialect dialect)
{
    json_t *schema = json_object(), *properties = json_object(), *required = json_array();
    set_text(schema, "type", "object");
    for (const struct field *f = fields; f->name; f++) {
        set(properties, f->name, schema_of(f, dialect));
        if (f->flags & FIELD_REQUIRED)
            (void)json_array_append_new(required, json_string(f->name));
    }
    set(schema, "properties", properties);
    if (json_array_size(required))
        (void)json_object_set(schema, "required", required);
    json_decref(required);
    return schema;
}

static json_t *head(const char *text)
{
    return json_pack("{s:s, s:s}", "type", "string", "description", text);
}

static json_t *schema_of_kind(const struct kind *kind, enum dialect dialect, json_t *metadata)
{
    json_t *schema = schema_of_fields(kind->fields, dialect);
    json_t *all =
        json_pack("{s:o, s:o, s:o}", "apiVersion", head("Version of the schema of this object."),
                  "kind", head("Kind of this object."), "metadata", metadata);
    if (!schema || !all || json_object_update(all, json_object_get(schema, "properties")) < 0) {
        json_decref(schema);
        json_decref(all);
        return NULL;
    }
    set(schema, "properties", all);
    set_text(schema, "description", kind->doc);
    return schema;
}

json_t *schema_v3(const struct kind *kind)
{
    return schema_of_kind(kind, V3, json_pack("{s:s}", "type", "object"));
}

json_t *schema_v2(const struct kind *kind)
{
    json_t *schema =
        schema_of_kind(kind, V2,
                       json_pack("{s:s}", "$ref",
                                 "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"));
    if (!schema)
        return NULL;
    set(schema, "x-kubernetes-group-version-kind",
        json_pack("[{s:s, s:s, s:s}]", "group", kind->group, "kind", kind->kind, "version",
                  kind->version));
    return schema;
}

int schema_v2_name(const struct kind *kind, char *dst, size_t size)
{
    const char *prefix = kind->group[0] ? "dev.slipway" : "io.k8s.api.core";
    int n = snprintf(dst, size, "%s.%s.%s", prefix, kind->version, kind->kind);
    return n < 0 || (size_t)n >= size ? -ENOSPC : 0;
}

static json_t *texts(const char *const *list)
{
    json_t *array = json_array();
    for (; *list; list++)
        (void)json_array_append_new(array, json_string(*list));
    return array;
}

static json_t *printer_columns(const struct kind *kind)
{
    json_t *columns = json_array();
    for (const struct column *c = kind->columns; c->name; c++) {
        json_t *column = json_pack("{s:s, s:s, s:s, s:s}", "name", c->name, "type", c->type,
                                   "jsonPath", c->path, "description", c->doc);
        if (column && c->priority)
            set(column, "priority", json_integer(c->priority));
        (void)json_array_append_new(columns, column);
    }
    return columns;
}

static json_t *crd_version(const struct kind *kind)
{
    json_t *version = json_pack("{s:s, s:b, s:b, s:{s:o}, s:o}", "name", kind->version, "served", 1,
                                "storage", 1, "schema", "openAPIV3Schema", schema_v3(kind),
                                "additionalPrinterColumns", printer_columns(kind));
    if (version && kind->has_status)
        set(version, "subresources", json_pack("{s:{}}", "status"));
    return version;
}

json_t *kind_crd(const struct kind *kind)
{
    if (!kind->group[0])
        return NULL;
    json_t *list_kind = json_sprintf("%sList", kind->kind);
    json_t *name = json_sprintf("%s.%s", kind->plural, kind->group);
    return json_pack("{s:s, s:s, s:{s:o}, s:{s:s, s:s, s:{s:s, s:o, s:s, s:s, s:o, s:o}, s:[o]}}",
                     "apiVersion", "apiextensions.k8s.io/v1", "kind", "CustomResourceDefinition",
                     "metadata", "name", name, "spec", "group", kind->group, "scope",
                     kind->namespaced ? "Namespaced" : "Cluster", "names", "kind", kind->kind,
                     "listKind", list_kind, "plural", kind->plural, "singular", kind->singular,
                     "shortNames", texts(kind->short_names), "categories", texts(kind->categories),
                     "versions", crd_version(kind));
}
