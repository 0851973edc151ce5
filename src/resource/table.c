/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of objects, as kubectl shows them. */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "resource/grid.h"
#include "resource/print.h"

/* The value at ".status.addresses[0].address"; borrowed, NULL when absent. */
static json_t *value_at(const json_t *json, const char *path)
{
    while (*path && json) {
        json_t *next = NULL;
        if (*path == '[') {
            next = json_array_get(json, strtoul(path + 1, NULL, 10));
            path += strcspn(path, "]") + 1;
        } else {
            char name[64];
            size_t len = strcspn(++path, ".[");
            if (len >= sizeof(name))
                return NULL;
            memcpy(name, path, len);
            name[len] = '\0';
            next = json_object_get(json, name);
            path += len;
        }
        if (!*path)
            return next;
        json = next;
    }
    return NULL;
}

json_t *column_value(const struct column *column, const json_t *object, int64_t now_ms)
{
    json_t *value = value_at(object, column->path);
    if (!value)
        return json_null();
    if (!str_eq(column->type, "date"))
        return json_incref(value);
    int64_t then;
    char text[32];
    if (!json_is_string(value) || clock_parse(json_string_value(value), &then) < 0)
        return json_string("<invalid>");
    return json_string(clock_age_text(now_ms > then ? now_ms - then : 0, text, sizeof(text)));
}

static json_t *column_definition(const char *name, const char *type, const char *format,
                                 const char *doc, int priority)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i}", "name", name, "type", type, "format", format,
                     "description", doc, "priority", priority);
}

json_t *table_columns(const struct kind *kind)
{
    json_t *columns = json_array();
    (void)json_array_append_new(
        columns, column_definition("Name", "string", "name", "Name, unique within the kind", 0));
    for (const struct column *c = kind->columns; c->name; c++) {
        /* Ages are texts already when they arrive. */
        const char *type = str_eq(c->type, "date") ? "string" : c->type;
        (void)json_array_append_new(columns,
                                    column_definition(c->name, type, "", c->doc, c->priority));
    }
    return columns;
}

json_t *table_cells(const struct kind *kind, const json_t *object, int64_t now_ms)
{
    json_t *cells = json_array();
    const char *name = object_name(object);
    (void)json_array_append_new(cells, json_string(name ? name : ""));
    for (const struct column *c = kind->columns; c->name; c++)
        (void)json_array_append_new(cells, column_value(c, object, now_ms));
    return cells;
}

static void add_cell(struct grid *grid, const json_t *value)
{
    char number[24];
    if (json_is_string(value) && json_string_value(value)[0]) {
        grid_add(grid, json_string_value(value));
    } else if (json_is_integer(value)) {
        (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        grid_add(grid, number);
    } else if (json_is_boolean(value)) {
        grid_add(grid, json_is_true(value) ? "true" : "false");
    } else {
        grid_add(grid, "-");
    }
}

static void add_headings(struct grid *grid, const struct kind *kind, bool wide)
{
    grid_add(grid, "NAME");
    for (const struct column *c = kind->columns; c->name; c++) {
        char heading[32];
        size_t n = 0;
        for (const char *p = c->name; *p && n < sizeof(heading) - 1; p++)
            heading[n++] = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        heading[n] = '\0';
        if (wide || !c->priority)
            grid_add(grid, heading);
    }
}

static void add_row(struct grid *grid, const struct kind *kind, const json_t *object,
                    const struct table_text *options, int64_t now_ms)
{
    const char *name = object_name(object);
    _autofree_ char *full = options->kind_prefix
                                ? str_format("%s%s%s/%s", kind->singular, kind->group[0] ? "." : "",
                                             kind->group, name ? name : "")
                                : NULL;
    grid_add(grid, full ? full : name ? name : "");
    for (const struct column *c = kind->columns; c->name; c++) {
        if (!options->wide && c->priority)
            continue;
        json_t *value = column_value(c, object, now_ms);
        add_cell(grid, value);
        json_decref(value);
    }
}

int table_write(const struct kind *kind, json_t *const *objects, size_t n,
                const struct table_text *options, int64_t now_ms, struct buf *out)
{
    size_t columns = 1;
    for (const struct column *c = kind->columns; c->name; c++)
        columns += options->wide || !c->priority;
    _autogrid_ struct grid grid = GRID_INIT(columns);
    if (options->headings)
        add_headings(&grid, kind, options->wide);
    for (size_t i = 0; i < n; i++)
        add_row(&grid, kind, objects[i], options, now_ms);
    return grid_write(&grid, 0, 3, out);
}
