/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table per message of OpenAPIv2.proto gives the number of each field and the shape of its
 * value; put_message() walks a JSON object by such a table.
 */
#include "server/api-openapi-pb.h"

#include "base/str.h"

enum shape {
    SHAPE_TEXT,
    SHAPE_TEXTS,   /* repeated string */
    SHAPE_BOOL,    /* varint */
    SHAPE_INT,     /* varint */
    SHAPE_TYPE,    /* a text inside TypeItem */
    SHAPE_ANY,     /* any JSON value as Any.yaml */
    SHAPE_ANYS,    /* repeated Any */
    SHAPE_MESSAGE, /* an object inside a message */
    SHAPE_WRAPPED, /* a message inside a message of one field, number 1 */
    SHAPE_MAP,     /* free keys: repeated {1: key, 2: message} inside a message of one field */
    SHAPE_PATHS,   /* the same, but as field 2 */
    SHAPE_CODES,   /* the same, with each message inside a message of one field */
    SHAPE_PARAMETERS,
};

struct member {
    const char *name;
    unsigned number;
    enum shape shape;
    const struct message *message;
};

struct message {
    const struct member *members; /* ends with a NULL name */
    unsigned extensions;          /* number of vendor_extension; 0: none */
};

static const struct message schema;

static const struct member schema_members[] = {
    {"$ref", 1, SHAPE_TEXT, NULL},          {"format", 2, SHAPE_TEXT, NULL},
    {"title", 3, SHAPE_TEXT, NULL},         {"description", 4, SHAPE_TEXT, NULL},
    {"default", 5, SHAPE_ANY, NULL},        {"maxLength", 11, SHAPE_INT, NULL},
    {"minLength", 12, SHAPE_INT, NULL},     {"pattern", 13, SHAPE_TEXT, NULL},
    {"maxItems", 14, SHAPE_INT, NULL},      {"minItems", 15, SHAPE_INT, NULL},
    {"uniqueItems", 16, SHAPE_BOOL, NULL},  {"required", 19, SHAPE_TEXTS, NULL},
    {"enum", 20, SHAPE_ANYS, NULL},         {"additionalProperties", 21, SHAPE_WRAPPED, &schema},
    {"type", 22, SHAPE_TYPE, NULL},         {"items", 23, SHAPE_WRAPPED, &schema},
    {"properties", 25, SHAPE_MAP, &schema}, {0},
};
static const struct message schema = {schema_members, 31};

static const struct member response_members[] = {
    {"description", 1, SHAPE_TEXT, NULL},
    {"schema", 2, SHAPE_WRAPPED, &schema},
    {0},
};
static const struct message response = {response_members, 5};

static const struct member operation_members[] = {
    {"tags", 1, SHAPE_TEXTS, NULL},           {"description", 3, SHAPE_TEXT, NULL},
    {"operationId", 5, SHAPE_TEXT, NULL},     {"produces", 6, SHAPE_TEXTS, NULL},
    {"consumes", 7, SHAPE_TEXTS, NULL},       {"parameters", 8, SHAPE_PARAMETERS, NULL},
    {"responses", 9, SHAPE_CODES, &response}, {0},
};
static const struct message operation = {operation_members, 13};

static const struct member path_members[] = {
    {"get", 2, SHAPE_MESSAGE, &operation},
    {"put", 3, SHAPE_MESSAGE, &operation},
    {"post", 4, SHAPE_MESSAGE, &operation},
    {"delete", 5, SHAPE_MESSAGE, &operation},
    {"patch", 8, SHAPE_MESSAGE, &operation},
    {"parameters", 9, SHAPE_PARAMETERS, NULL},
    {0},
};
static const struct message path = {path_members, 10};

static const struct member info_members[] = {
    {"title", 1, SHAPE_TEXT, NULL},
    {"version", 2, SHAPE_TEXT, NULL},
    {0},
};
static const struct message info = {info_members, 7};

static const struct member document_members[] = {
    {"swagger", 1, SHAPE_TEXT, NULL},
    {"info", 2, SHAPE_MESSAGE, &info},
    {"paths", 8, SHAPE_PATHS, &path},
    {"definitions", 9, SHAPE_MAP, &schema},
    {0},
};
static const struct message document_message = {document_members, 16};

/* Query and path parameters share their first numbers but not the number of `type`. */
static const struct member body_members[] = {
    {"description", 1, SHAPE_TEXT, NULL},  {"name", 2, SHAPE_TEXT, NULL},
    {"in", 3, SHAPE_TEXT, NULL},           {"required", 4, SHAPE_BOOL, NULL},
    {"schema", 5, SHAPE_MESSAGE, &schema}, {0},
};
static const struct message body_parameter = {body_members, 6};

static const struct member query_members[] = {
    {"required", 1, SHAPE_BOOL, NULL},    {"in", 2, SHAPE_TEXT, NULL},
    {"description", 3, SHAPE_TEXT, NULL}, {"name", 4, SHAPE_TEXT, NULL},
    {"type", 6, SHAPE_TEXT, NULL},        {0},
};
static const struct message query_parameter = {query_members, 23};

static const struct member in_path_members[] = {
    {"required", 1, SHAPE_BOOL, NULL},    {"in", 2, SHAPE_TEXT, NULL},
    {"description", 3, SHAPE_TEXT, NULL}, {"name", 4, SHAPE_TEXT, NULL},
    {"type", 5, SHAPE_TEXT, NULL},        {0},
};
static const struct message path_parameter = {in_path_members, 22};

/* ---- the wire ---- */

static void put_varint(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_addc(out, (char)(value | 0x80));
    buf_addc(out, (char)value);
}

static void put_number(struct buf *out, unsigned number, uint64_t value)
{
    put_varint(out, (uint64_t)number << 3);
    put_varint(out, value);
}

static void put_bytes(struct buf *out, unsigned number, const char *data, size_t len)
{
    put_varint(out, (uint64_t)number << 3 | 2);
    put_varint(out, len);
    buf_add(out, data, len);
}

static void put_text(struct buf *out, unsigned number, const char *text)
{
    if (text)
        put_bytes(out, number, text, strlen(text));
}

/* A message that was built apart; its failure becomes out's. */
static void put_built(struct buf *out, unsigned number, const struct buf *built)
{
    put_bytes(out, number, buf_str(built), built->len);
    if (!out->error)
        out->error = buf_error(built);
}

/* ---- shapes ---- */

static void put_message(struct buf *out, const struct message *message, const json_t *object);

static void put_nested(struct buf *out, unsigned number, const struct message *message,
                       const json_t *object)
{
    _autobuf_ struct buf inner = BUF_INIT;
    put_message(&inner, message, object);
    put_built(out, number, &inner);
}

static void put_wrapped(struct buf *out, unsigned number, const struct message *message,
                        const json_t *object)
{
    _autobuf_ struct buf inner = BUF_INIT;
    put_nested(&inner, 1, message, object);
    put_built(out, number, &inner);
}

static void put_any(struct buf *out, unsigned number, const json_t *value)
{
    /* every JSON text is YAML */
    _autofree_ char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    _autobuf_ struct buf inner = BUF_INIT;
    put_text(&inner, 2, text);
    put_built(out, number, &inner);
}

static void put_map(struct buf *out, unsigned number, const struct member *member,
                    const json_t *object)
{
    _autobuf_ struct buf map = BUF_INIT;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        _autobuf_ struct buf item = BUF_INIT;
        put_text(&item, 1, key);
        if (member->shape == SHAPE_CODES)
            put_wrapped(&item, 2, member->message, value);
        else
            put_nested(&item, 2, member->message, value);
        put_built(&map, member->shape == SHAPE_PATHS ? 2 : 1, &item);
    }
    put_built(out, number, &map);
}

/* ParametersItem { Parameter { BodyParameter | NonBodyParameter { query | path } } } */
static void put_parameter(struct buf *out, unsigned number, const json_t *object)
{
    const char *in = json_string_value(json_object_get(object, "in"));
    _autobuf_ struct buf parameter = BUF_INIT;
    if (str_eq(in, "body")) {
        put_nested(&parameter, 1, &body_parameter, object);
    } else {
        _autobuf_ struct buf non_body = BUF_INIT;
        bool query = str_eq(in, "query");
        put_nested(&non_body, query ? 3 : 4, query ? &query_parameter : &path_parameter, object);
        put_built(&parameter, 2, &non_body);
    }
    _autobuf_ struct buf item = BUF_INIT;
    put_built(&item, 1, &parameter);
    put_built(out, number, &item);
}

static void put_list(struct buf *out, const struct member *member, const json_t *list)
{
    size_t i;
    json_t *value;
    json_array_foreach (list, i, value) {
        if (member->shape == SHAPE_TEXTS)
            put_text(out, member->number, json_string_value(value));
        else if (member->shape == SHAPE_ANYS)
            put_any(out, member->number, value);
        else
            put_parameter(out, member->number, value);
    }
}

static void put_type(struct buf *out, unsigned number, const char *type)
{
    _autobuf_ struct buf inner = BUF_INIT;
    put_text(&inner, 1, type);
    put_built(out, number, &inner);
}

static void put_member(struct buf *out, const struct member *member, const json_t *value)
{
    switch (member->shape) {
    case SHAPE_TEXT:
        put_text(out, member->number, json_string_value(value));
        break;
    case SHAPE_BOOL:
        put_number(out, member->number, json_is_true(value));
        break;
    case SHAPE_INT:
        put_number(out, member->number, (uint64_t)json_integer_value(value));
        break;
    case SHAPE_TYPE:
        put_type(out, member->number, json_string_value(value));
        break;
    case SHAPE_ANY:
        put_any(out, member->number, value);
        break;
    case SHAPE_MESSAGE:
        put_nested(out, member->number, member->message, value);
        break;
    case SHAPE_WRAPPED:
        put_wrapped(out, member->number, member->message, value);
        break;
    case SHAPE_MAP:
    case SHAPE_PATHS:
    case SHAPE_CODES:
        put_map(out, member->number, member, value);
        break;
    case SHAPE_TEXTS:
    case SHAPE_ANYS:
    case SHAPE_PARAMETERS:
        put_list(out, member, value);
        break;
    }
}

static void put_extension(struct buf *out, unsigned number, const char *name, const json_t *value)
{
    _autobuf_ struct buf named = BUF_INIT;
    put_text(&named, 1, name);
    put_any(&named, 2, value);
    put_built(out, number, &named);
}

static const struct member *member_find(const struct message *message, const char *name)
{
    for (const struct member *m = message->members; m->name; m++)
        if (str_eq(m->name, name))
            return m;
    return NULL;
}

static void put_message(struct buf *out, const struct message *message, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        const struct member *member = member_find(message, key);
        if (member)
            put_member(out, member, value);
        else if (message->extensions && str_after(key, "x-"))
            put_extension(out, message->extensions, key, value);
    }
}

void api_openapi_v2_protobuf(const json_t *document, struct buf *out)
{
    put_message(out, &document_message, document);
}
