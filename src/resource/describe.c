/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions of objects, in the order of the field tables. */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "resource/grid.h"
#include "resource/print.h"

struct describing {
    struct buf *out;
    int64_t now_ms;
    int error;
};

static void describe_fields(struct describing *d, const struct field *fields, const json_t *object,
                            size_t indent);

/* "macAddresses" as "Mac Addresses". */
static void write_label(const char *name, struct buf *out)
{
    for (const char *p = name; *p; p++) {
        bool upper = *p >= 'A' && *p <= 'Z';
        bool after_lower = p > name && p[-1] >= 'a' && p[-1] <= 'z';
        if (upper && after_lower)
            buf_addc(out, ' ');
        buf_addc(out, p == name && *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
    }
}

static void write_time(const char *text, int64_t now_ms, struct buf *out)
{
    int64_t then;
    char age[32];
    buf_adds(out, text);
    if (clock_parse(text, &then) == 0 && now_ms >= then)
        buf_printf(out, " (%s ago)", clock_age_text(now_ms - then, age, sizeof(age)));
}

static void write_int(const char *name, json_int_t value, struct buf *out)
{
    char size[32];
    buf_printf(out, "%lld", (long long)value);
    if (value >= 1024 && (str_ends_with(name, "Bytes") || str_after(name, "bytes")))
        buf_printf(out, " (%s)", str_human_size(size, sizeof(size), (uint64_t)value));
}

static void write_scalar(const struct describing *d, const struct field *field, const json_t *value,
                         struct buf *out)
{
    if (json_is_string(value) && field->type == FIELD_TIME)
        write_time(json_string_value(value), d->now_ms, out);
    else if (json_is_string(value))
        buf_adds(out, json_string_value(value));
    else if (json_is_integer(value))
        write_int(field->name, json_integer_value(value), out);
    else
        buf_adds(out, json_is_true(value) ? "true" : "false");
}

static bool is_scalar(const struct field *field)
{
    return !field_is_list(field) && field->type != FIELD_OBJECT && field->type != FIELD_MAP &&
           field->type != FIELD_ANY;
}

static bool has_lines(const json_t *value)
{
    const char *end = json_is_string(value) ? strchr(json_string_value(value), '\n') : NULL;
    return end && end[1];
}

/* The level's plain values, aligned with each other; but not those of several lines. */
static void describe_scalars(struct describing *d, const struct field *fields, const json_t *object,
                             size_t indent)
{
    _autogrid_ struct grid grid = GRID_INIT(2);
    for (const struct field *f = fields; f->name; f++) {
        const json_t *value = json_object_get(object, f->name);
        if (!value || !is_scalar(f) || has_lines(value))
            continue;
        _autobuf_ struct buf label = BUF_INIT, text = BUF_INIT;
        write_label(f->name, &label);
        buf_addc(&label, ':');
        write_scalar(d, f, value, &text);
        grid_add(&grid, buf_str(&label));
        grid_add(&grid, buf_str(&text));
    }
    if (grid_write(&grid, indent, 2, d->out) < 0)
        d->error = -ENOMEM;
}

static void heading(struct describing *d, const char *name, size_t indent)
{
    buf_printf(d->out, "%*s", (int)indent, "");
    write_label(name, d->out);
    buf_adds(d->out, ":\n");
}

static void describe_lines(struct describing *d, const char *text, size_t indent)
{
    _autogrid_ struct grid grid = GRID_INIT(1);
    while (*text) {
        size_t n = strcspn(text, "\n");
        _autofree_ char *line = strndup(text, n);
        grid_add(&grid, line ? line : "");
        text += n + (text[n] == '\n');
    }
    if (grid_write(&grid, indent, 0, d->out) < 0)
        d->error = -ENOMEM;
}

/* The level's texts of several lines, such as the end of a log. */
static void describe_texts(struct describing *d, const struct field *fields, const json_t *object,
                           size_t indent)
{
    for (const struct field *f = fields; f->name; f++) {
        const json_t *value = json_object_get(object, f->name);
        if (!is_scalar(f) || !has_lines(value))
            continue;
        heading(d, f->name, indent);
        describe_lines(d, json_string_value(value), indent + 2);
    }
}

static bool is_flat(const struct field *fields)
{
    for (const struct field *f = fields; f->name; f++) {
        if (!is_scalar(f))
            return false;
    }
    return true;
}

/* Objects without anything inside them are rows; columns that none of them fills are left out. */
static void describe_rows(struct describing *d, const struct field *fields, const json_t *list,
                          size_t indent)
{
    const struct field *shown[32];
    size_t n = 0, i;
    json_t *item;
    for (const struct field *f = fields; f->name && n < ARRAY_SIZE(shown); f++) {
        bool used = false;
        json_array_foreach (list, i, item)
            used |= json_object_get(item, f->name) != NULL;
        if (used)
            shown[n++] = f;
    }
    _autogrid_ struct grid grid = GRID_INIT(n);
    for (size_t c = 0; c < n; c++) {
        _autobuf_ struct buf label = BUF_INIT;
        write_label(shown[c]->name, &label);
        grid_add(&grid, buf_str(&label));
    }
    json_array_foreach (list, i, item) {
        for (size_t c = 0; c < n; c++) {
            const json_t *value = json_object_get(item, shown[c]->name);
            _autobuf_ struct buf text = BUF_INIT;
            if (value)
                write_scalar(d, shown[c], value, &text);
            grid_add(&grid, buf_str(&text));
        }
    }
    if (n && grid_write(&grid, indent, 2, d->out) < 0)
        d->error = -ENOMEM;
}

static void describe_list(struct describing *d, const struct field *field, const json_t *list,
                          size_t indent)
{
    if (field->type == FIELD_OBJECT && is_flat(field->fields)) {
        describe_rows(d, field->fields, list, indent);
        return;
    }
    size_t i;
    json_t *item;
    _autogrid_ struct grid grid = GRID_INIT(1);
    json_array_foreach (list, i, item) {
        _autobuf_ struct buf text = BUF_INIT;
        if (field->type == FIELD_OBJECT) {
            describe_fields(d, field->fields, item, indent);
            continue;
        }
        write_scalar(d, field, item, &text);
        grid_add(&grid, buf_str(&text));
    }
    if (grid_write(&grid, indent, 0, d->out) < 0)
        d->error = -ENOMEM;
}

static void describe_map(struct describing *d, const json_t *map, size_t indent)
{
    _autogrid_ struct grid grid = GRID_INIT(2);
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)map, key, value) {
        _autofree_ char *label = str_format("%s:", key);
        grid_add(&grid, label ? label : key);
        grid_add(&grid, json_is_string(value) ? json_string_value(value) : "");
    }
    if (grid_write(&grid, indent, 2, d->out) < 0)
        d->error = -ENOMEM;
}

static void describe_fields(struct describing *d, const struct field *fields, const json_t *object,
                            size_t indent)
{
    describe_scalars(d, fields, object, indent);
    describe_texts(d, fields, object, indent);
    for (const struct field *f = fields; f->name; f++) {
        const json_t *value = json_object_get(object, f->name);
        if (is_scalar(f) || f->type == FIELD_ANY || !value)
            continue;
        if (!json_object_size(value) && !json_array_size(value))
            continue;
        heading(d, f->name, indent);
        if (field_is_list(f))
            describe_list(d, f, value, indent + 2);
        else if (f->type == FIELD_MAP)
            describe_map(d, value, indent + 2);
        else
            describe_fields(d, f->fields, value, indent + 2);
    }
}

/* Labels or annotations: one per line, the first beside the word. */
static void describe_pairs(struct describing *d, const char *word, const json_t *map)
{
    const char *key;
    json_t *value;
    const char *label = word;
    if (!json_object_size(map))
        buf_printf(d->out, "%-14s<none>\n", word);
    json_object_foreach ((json_t *)(uintptr_t)map, key, value) {
        if (str_eq(key, "kubectl.kubernetes.io/last-applied-configuration"))
            continue; /* the object once more */
        _autogrid_ struct grid grid = GRID_INIT(1);
        _autofree_ char *line = str_format("%-14s%s=%s", label, key,
                                           json_is_string(value) ? json_string_value(value) : "");
        grid_add(&grid, line ? line : key);
        if (grid_write(&grid, 0, 0, d->out) < 0)
            d->error = -ENOMEM;
        label = "";
    }
}

static void describe_metadata(struct describing *d, const struct kind *kind, const json_t *object)
{
    const json_t *meta = json_object_get(object, "metadata");
    const char *name = object_name(object);
    buf_printf(d->out, "%-14s%s\n", "Name:", name ? name : "");
    describe_pairs(d, "Labels:", json_object_get(meta, "labels"));
    describe_pairs(d, "Annotations:", json_object_get(meta, "annotations"));
    buf_printf(d->out, "%-14s%s\n", "API Version:", kind_api_version(kind));
    buf_printf(d->out, "%-14s%s\n", "Kind:", kind->kind);
    const char *created = object_meta_text(object, "creationTimestamp");
    if (!created)
        return;
    buf_printf(d->out, "%-14s", "Created:");
    write_time(created, d->now_ms, d->out);
    buf_addc(d->out, '\n');
}

static void event_age(const struct describing *d, const json_t *event, struct buf *out)
{
    int64_t last;
    char age[32];
    const char *text = json_string_value(json_object_get(event, "lastTimestamp"));
    json_int_t count = json_integer_value(json_object_get(event, "count"));
    if (!text || clock_parse(text, &last) < 0)
        return;
    int64_t past = d->now_ms > last ? d->now_ms - last : 0;
    buf_adds(out, clock_age_text(past, age, sizeof(age)));
    if (count > 1)
        buf_printf(out, " (x%lld)", (long long)count);
}

static void describe_events(struct describing *d, const json_t *events)
{
    static const char *const headings[] = {"Type", "Reason", "Age", "From", "Message"};
    if (!json_array_size(events)) {
        buf_adds(d->out, "Events:       <none>\n");
        return;
    }
    _autogrid_ struct grid grid = GRID_INIT(ARRAY_SIZE(headings));
    for (size_t i = 0; i < ARRAY_SIZE(headings); i++)
        grid_add(&grid, headings[i]);
    size_t i;
    json_t *event;
    json_array_foreach (events, i, event) {
        _autobuf_ struct buf age = BUF_INIT;
        event_age(d, event, &age);
        const char *texts[] = {object_text(event, "type"), object_text(event, "reason"),
                               buf_str(&age), object_text(event, "source.component"),
                               object_text(event, "message")};
        for (size_t c = 0; c < ARRAY_SIZE(texts); c++)
            grid_add(&grid, texts[c] ? texts[c] : "");
    }
    buf_adds(d->out, "Events:\n");
    if (grid_write(&grid, 2, 2, d->out) < 0)
        d->error = -ENOMEM;
}

int describe_write(const struct kind *kind, const json_t *object, const json_t *events,
                   int64_t now_ms, struct buf *out)
{
    struct describing d = {.out = out, .now_ms = now_ms};
    describe_metadata(&d, kind, object);
    describe_fields(&d, kind->fields, object, 0);
    if (events)
        describe_events(&d, events);
    return d.error ? d.error : buf_error(out);
}
