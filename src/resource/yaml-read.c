/* SPDX-License-Identifier: Apache-2.0 */
/* YAML events become JSON values and a tree of their lines. */
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#include "base/str.h"
#include "resource/path.h"
#include "resource/read.h"
#include "resource/yaml-scalar.h"

enum { ANCHORS_MAX = 256 };

struct anchor {
    char *name;
    struct document value;
};

struct reader {
    yaml_parser_t parser;
    const char *file;
    struct problems *problems;
    size_t values; /* so far */
    bool stop;     /* nothing more can be read from this file */
    bool no_memory;
    struct anchor anchors[ANCHORS_MAX];
    size_t n_anchors;
};

static const struct path root;

static void document_clear(struct document *document)
{
    json_decref(document->json);
    where_free(document->where);
    *document = (struct document){0};
}

void documents_free(struct documents *documents)
{
    for (size_t i = 0; i < documents->n; i++)
        document_clear(&documents->items[i]);
    free(documents->items);
    *documents = (struct documents){0};
}

static void forget_anchors(struct reader *r)
{
    for (size_t i = 0; i < r->n_anchors; i++) {
        free(r->anchors[i].name);
        document_clear(&r->anchors[i].value);
    }
    r->n_anchors = 0;
}

static void problem(struct reader *r, size_t line, const struct path *path, const char *format, ...)
    _printf_(4, 5);
static void problem(struct reader *r, size_t line, const struct path *path, const char *format, ...)
{
    _autobuf_ struct buf at = BUF_INIT_MAX(1024), text = BUF_INIT_MAX(1024);
    path_write(path, &at);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    problem_add_at(r->problems, PROBLEM_SYNTAX, r->file, (int)line + 1, buf_str(&at), "%s",
                   buf_str(&text));
}

static bool out_of_memory(struct reader *r)
{
    r->no_memory = r->stop = true;
    return false;
}

/* The next event, to be deleted by the caller; false when the file ends here. */
static bool next(struct reader *r, yaml_event_t *event)
{
    if (r->stop)
        return false;
    if (yaml_parser_parse(&r->parser, event))
        return true;
    r->stop = true;
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return out_of_memory(r);
    const char *what = p->problem ? p->problem : "not YAML";
    size_t line = p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line;
    if (p->context)
        problem(r, line, &root, "%s %s", what, p->context);
    else
        problem(r, line, &root, "%s", what);
    return false;
}

/* Counts a value that was made at a line; false when there are too many. */
static bool count(struct reader *r, size_t line)
{
    if (r->values++ < YAML_VALUES_MAX)
        return true;
    if (!r->stop)
        problem(r, line, &root, "more than %d values in one file (aliases count each time)",
                (int)YAML_VALUES_MAX);
    r->stop = true;
    return false;
}

static struct where *where_new(struct reader *r, size_t line)
{
    struct where *where = calloc(1, sizeof(*where));
    if (where)
        where->line = (int)line + 1;
    else
        (void)out_of_memory(r);
    return where;
}

/* Hands out a made value; takes both. */
static bool give(struct reader *r, struct document *ret, json_t *json, struct where *where)
{
    *ret = (struct document){.json = json, .where = where};
    if (json && where)
        return true;
    document_clear(ret);
    return out_of_memory(r);
}

static struct where *copy_where(struct reader *r, const struct where *from)
{
    struct where *first = NULL, **end = &first;
    for (; from; from = from->next) {
        if (!count(r, (size_t)from->line - 1))
            break;
        *end = where_new(r, (size_t)from->line - 1);
        if (!*end)
            break;
        (*end)->child = copy_where(r, from->child);
        end = &(*end)->next;
    }
    return first;
}

/* A copy of a whole value, counted. */
static bool copy_value(struct reader *r, const struct document *from, struct document *ret)
{
    struct where *where = copy_where(r, from->where);
    if (r->stop) {
        where_free(where);
        return false;
    }
    return give(r, ret, json_deep_copy(from->json), where);
}

static struct anchor *find_anchor(struct reader *r, const char *name)
{
    for (size_t i = 0; i < r->n_anchors; i++) {
        if (str_eq(r->anchors[i].name, name))
            return &r->anchors[i];
    }
    return NULL;
}

static bool remember(struct reader *r, const char *name, size_t line, const struct document *value)
{
    struct anchor *anchor = find_anchor(r, name);
    if (anchor)
        document_clear(&anchor->value); /* the later definition counts from here on */
    if (!anchor && r->n_anchors == ANCHORS_MAX) {
        problem(r, line, &root, "more than %d anchors", (int)ANCHORS_MAX);
        r->stop = true;
        return false;
    }
    if (!anchor) {
        anchor = &r->anchors[r->n_anchors];
        *anchor = (struct anchor){.name = strdup(name)};
        if (!anchor->name)
            return out_of_memory(r);
        r->n_anchors++;
    }
    return copy_value(r, value, &anchor->value);
}

static json_t *word_json(struct reader *r, const yaml_event_t *event, const struct path *path)
{
    const char *text = (const char *)event->data.scalar.value;
    struct yaml_value value = yaml_word_value(text);
    switch (value.type) {
    case YAML_NULL:
        return json_null();
    case YAML_BOOL:
        return json_boolean(value.boolean);
    case YAML_INT:
        return json_integer(value.integer);
    case YAML_REAL:
        return json_real(value.real);
    case YAML_BAD:
        problem(r, event->start_mark.line, path, "%s: %s", value.problem, text);
        return json_null();
    default:
        return json_string(text);
    }
}

/* What a tag such as !!str makes of a scalar. */
enum tagging { TAG_NONE, TAG_STRING, TAG_WORD, TAG_UNKNOWN };

static enum tagging tagging_of(const char *tag, bool plain)
{
    static const char *const word_tags[] = {"int", "float", "bool", "null"};
    if (str_empty(tag))
        return plain ? TAG_WORD : TAG_STRING;
    const char *name = str_after(tag, "tag:yaml.org,2002:");
    if (str_eq(tag, "!") || str_eq(name, "str"))
        return TAG_STRING;
    for (size_t i = 0; name && i < ARRAY_SIZE(word_tags); i++) {
        if (str_eq(name, word_tags[i]))
            return TAG_WORD;
    }
    return TAG_UNKNOWN;
}

static json_t *scalar_json(struct reader *r, const yaml_event_t *event, const struct path *path)
{
    const char *text = (const char *)event->data.scalar.value;
    const char *tag = (const char *)event->data.scalar.tag;
    size_t line = event->start_mark.line;
    enum tagging tagging = tagging_of(tag, event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
    if (tagging == TAG_UNKNOWN) {
        problem(r, line, path, "the tag %s is not supported", tag);
        return json_null();
    }
    if (strlen(text) != event->data.scalar.length) {
        problem(r, line, path, "has a NUL character in it");
        return json_null();
    }
    return tagging == TAG_WORD ? word_json(r, event, path) : json_string(text);
}

static bool value(struct reader *r, yaml_event_t *event, const struct path *path, int depth,
                  struct document *ret);

/* Reads the next event's value; *ret_end when it ends the collection instead. */
static bool member_value(struct reader *r, const struct path *path, int depth,
                         yaml_event_type_t end, struct document *ret, bool *ret_end)
{
    yaml_event_t event;
    *ret_end = false;
    if (!next(r, &event))
        return false;
    bool ok = true;
    if (event.type == end)
        *ret_end = true;
    else
        ok = value(r, &event, path, depth, ret);
    yaml_event_delete(&event);
    return ok;
}

static bool sequence(struct reader *r, const struct path *path, int depth, struct document *self)
{
    struct where **end = &self->where->child;
    for (size_t i = 0;; i++) {
        struct path at = {.parent = path, .index = i};
        struct document item = {0};
        bool done;
        if (!member_value(r, &at, depth + 1, YAML_SEQUENCE_END_EVENT, &item, &done)) {
            document_clear(&item);
            return false;
        }
        if (done)
            return true;
        *end = item.where;
        end = &item.where->next;
        if (json_array_append_new(self->json, item.json) < 0)
            return out_of_memory(r);
    }
}

/* The key's text, or NULL with a problem noted when it is none that JSON has. */
static char *key_text(struct reader *r, const yaml_event_t *event, const struct path *path)
{
    size_t line = event->start_mark.line;
    if (event->type != YAML_SCALAR_EVENT) {
        problem(r, line, path, "a key must be a plain word or a string");
        return NULL;
    }
    const char *text = (const char *)event->data.scalar.value;
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && str_eq(text, "<<")) {
        problem(r, line, path, "merge keys (<<) are not supported; repeat the fields");
        return NULL;
    }
    if (strlen(text) != event->data.scalar.length) {
        problem(r, line, path, "a key has a NUL character in it");
        return NULL;
    }
    char *copy = strdup(text);
    if (!copy)
        (void)out_of_memory(r);
    return copy;
}

/* A key that is a collection is read to its end, so that what follows makes sense. */
static bool skip_key(struct reader *r, yaml_event_t *event, const struct path *path, int depth)
{
    struct document ignored = {0};
    bool ok = event->type == YAML_SCALAR_EVENT || value(r, event, path, depth, &ignored);
    document_clear(&ignored);
    return ok;
}

static bool add_member(struct reader *r, struct document *self, struct where ***end,
                       const char *key, size_t line, const struct path *path,
                       struct document *member)
{
    if (!key) {
        document_clear(member);
        return true;
    }
    if (json_object_get(self->json, key)) {
        problem(r, line, path, "the key \"%s\" appears twice", key);
        document_clear(member);
        return true;
    }
    json_t *json = TAKE_PTR(member->json);
    **end = member->where;
    *end = &member->where->next;
    return json_object_set_new(self->json, key, json) == 0 || out_of_memory(r);
}

/* One key and its value. */
static bool entry(struct reader *r, yaml_event_t *key_event, const struct path *path, int depth,
                  struct document *self, struct where ***end)
{
    _autofree_ char *key = key_text(r, key_event, path);
    if (!key && !skip_key(r, key_event, path, depth + 1))
        return false;
    struct path at = {.parent = path, .name = key ? key : "?"};
    struct document member = {0};
    bool done;
    if (!member_value(r, &at, depth + 1, YAML_NO_EVENT, &member, &done)) {
        document_clear(&member);
        return false;
    }
    if (member.where)
        member.where->line = (int)key_event->start_mark.line + 1;
    return add_member(r, self, end, key, key_event->start_mark.line, path, &member);
}

static bool mapping(struct reader *r, const struct path *path, int depth, struct document *self)
{
    struct where **end = &self->where->child;
    for (;;) {
        yaml_event_t event;
        if (!next(r, &event))
            return false;
        bool done = event.type == YAML_MAPPING_END_EVENT;
        bool ok = done || entry(r, &event, path, depth, self, &end);
        yaml_event_delete(&event);
        if (done || !ok)
            return ok;
    }
}

static bool collection(struct reader *r, const yaml_event_t *event, const struct path *path,
                       int depth, struct document *ret)
{
    bool list = event->type == YAML_SEQUENCE_START_EVENT;
    size_t line = event->start_mark.line;
    if (depth >= YAML_DEPTH_MAX) {
        problem(r, line, &root, "more than %d levels deep", (int)YAML_DEPTH_MAX);
        r->stop = true;
        return false;
    }
    if (!give(r, ret, list ? json_array() : json_object(), where_new(r, line)))
        return false;
    return list ? sequence(r, path, depth, ret) : mapping(r, path, depth, ret);
}

static bool alias(struct reader *r, const yaml_event_t *event, const struct path *path,
                  struct document *ret)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = find_anchor(r, name);
    if (anchor)
        return copy_value(r, &anchor->value, ret);
    problem(r, event->start_mark.line, path, "unknown alias *%s", name);
    return give(r, ret, json_null(), where_new(r, event->start_mark.line));
}

static const char *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return (const char *)event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return (const char *)event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return (const char *)event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

/* On failure *ret may hold a part, which the caller releases as ever. */
static bool value(struct reader *r, yaml_event_t *event, const struct path *path, int depth,
                  struct document *ret)
{
    size_t line = event->start_mark.line;
    if (!count(r, line))
        return false;
    if (event->type == YAML_ALIAS_EVENT)
        return alias(r, event, path, ret);
    bool ok = event->type == YAML_SCALAR_EVENT
                  ? give(r, ret, scalar_json(r, event, path), where_new(r, line))
                  : collection(r, event, path, depth, ret);
    const char *anchor = anchor_of(event);
    return ok && (!anchor || remember(r, anchor, line, ret));
}

static bool add_document(struct reader *r, struct documents *ret, struct document *document)
{
    if (json_is_null(document->json)) {
        document_clear(document);
        return true;
    }
    struct document *items = realloc(ret->items, (ret->n + 1) * sizeof(*items));
    if (!items) {
        document_clear(document);
        return out_of_memory(r);
    }
    ret->items = items;
    items[ret->n++] = *document;
    return true;
}

static void read_all(struct reader *r, struct documents *ret)
{
    bool more = true;
    while (more) {
        yaml_event_t event;
        if (!next(r, &event))
            return;
        struct document document = {0};
        switch (event.type) {
        case YAML_STREAM_END_EVENT:
            more = false;
            break;
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            forget_anchors(r);
            break;
        default:
            if (value(r, &event, &root, 0, &document))
                more = add_document(r, ret, &document);
            else
                document_clear(&document);
            break;
        }
        yaml_event_delete(&event);
    }
}

static bool within_depth(const json_t *json, int depth)
{
    const char *key;
    json_t *value_in;
    size_t i;
    if ((json_is_object(json) || json_is_array(json)) && depth >= YAML_DEPTH_MAX)
        return false;
    json_object_foreach ((json_t *)(uintptr_t)json, key, value_in) {
        if (!within_depth(value_in, depth + 1))
            return false;
    }
    json_array_foreach (json, i, value_in) {
        if (!within_depth(value_in, depth + 1))
            return false;
    }
    return true;
}

/* JSON that YAML 1.1 does not admit (surrogate pairs in escapes); its lines stay unknown. */
static bool read_json(const char *text, size_t len, struct documents *ret)
{
    size_t start = 0;
    while (start < len && strchr(" \t\r\n", text[start]) && text[start])
        start++;
    if (start == len || text[start] != '{')
        return false;
    struct document document = {.json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL)};
    if (!document.json || !within_depth(document.json, 0)) {
        json_decref(document.json);
        return false;
    }
    ret->items = calloc(1, sizeof(document));
    if (!ret->items) {
        json_decref(document.json);
        return false;
    }
    ret->items[0] = document;
    ret->n = 1;
    return true;
}

/* Moves the problems of this reading to the caller's, unless they turned out not to matter. */
static void keep_problems(struct problems *found, struct problems *to)
{
    for (size_t i = 0; i < found->n; i++) {
        const struct problem *p = &found->items[i];
        problem_add_at(to, p->reason, p->file, p->line, p->path, "%s", p->text);
    }
    to->dropped += found->dropped;
    to->failed |= found->failed;
}

static int finish(struct reader *r, const char *text, size_t len, struct documents *ret,
                  struct problems *problems)
{
    if (r->no_memory) {
        problems->failed = true;
        return -ENOMEM;
    }
    if (!problems_any(r->problems))
        return 0;
    struct documents json = {0};
    if (r->stop && read_json(text, len, &json)) {
        documents_free(ret);
        *ret = json;
        return 0;
    }
    keep_problems(r->problems, problems);
    return -EINVAL;
}

int yaml_parse(const char *file, const char *text, size_t len, struct documents *ret,
               struct problems *problems)
{
    *ret = (struct documents){0};
    if (len > YAML_SIZE_MAX) {
        problem_add_at(problems, PROBLEM_SYNTAX, file, 0, NULL, "larger than %d bytes",
                       (int)YAML_SIZE_MAX);
        return -EINVAL;
    }
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    _autofree_ struct reader *r = calloc(1, sizeof(*r));
    if (!r || !yaml_parser_initialize(&r->parser)) {
        problems->failed = true;
        return -ENOMEM;
    }
    r->file = file;
    r->problems = &found;
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
    read_all(r, ret);
    forget_anchors(r);
    yaml_parser_delete(&r->parser);
    return finish(r, text, len, ret, problems);
}
