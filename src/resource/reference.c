/* SPDX-License-Identifier: Apache-2.0 */
/* The reference page of a kind. */
#include "base/str.h"
#include "resource/format.h"
#include "resource/schema.h"

static void write_range(const struct field *field, struct buf *out)
{
    if (field->min != field->max && field->max == INT32_MAX)
        buf_printf(out, ", at least %lld", (long long)field->min);
    else if (field->min != field->max)
        buf_printf(out, ", %lld to %lld", (long long)field->min, (long long)field->max);
}

static void write_values(const struct field *field, struct buf *out)
{
    buf_adds(out, "one of ");
    for (const char *const *value = field->values; *value; value++)
        buf_printf(out, "%s`%s`", value == field->values ? "" : ", ", *value);
}

static void write_type(const struct field *field, struct buf *out)
{
    switch (field->type) {
    case FIELD_ENUM:
        write_values(field, out);
        break;
    case FIELD_INT:
        buf_adds(out, "number");
        write_range(field, out);
        break;
    case FIELD_BOOL:
    case FIELD_TRI:
        buf_adds(out, "`true` or `false`");
        break;
    case FIELD_MAP:
        buf_adds(out, field->flags & FIELD_BOOLEANS ? "`true` or `false` under free keys"
                                                    : "strings under free keys");
        break;
    case FIELD_OBJECT:
        buf_adds(out, "object");
        break;
    case FIELD_ANY:
        buf_adds(out, "anything");
        break;
    default:
        buf_adds(out, field_format(field)->what);
        break;
    }
    if (field->flags & FIELD_REQUIRED)
        buf_adds(out, "; required");
}

/* Documentation may hold characters that mean something in a table. */
static void write_cell(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text == '|')
            buf_addc(out, '\\');
        buf_addc(out, *text);
    }
}

static void write_field(const struct field *field, const char *path, struct buf *out)
{
    buf_printf(out, "| `%s` | ", path);
    write_type(field, out);
    buf_adds(out, " | ");
    write_cell(field->doc ? field->doc : "", out);
    if (field->def)
        buf_printf(out, " Default: `%s`.", field->def);
    if (field->late) {
        buf_adds(out, " Without it: ");
        write_cell(field->late, out);
        buf_addc(out, '.');
    }
    buf_adds(out, " |\n");
}

static void write_fields(const struct field *fields, const char *prefix, struct buf *out)
{
    for (const struct field *f = fields; f->name; f++) {
        _autofree_ char *path =
            str_format("%s.%s%s", prefix, f->name, field_is_list(f) ? "[]" : "");
        if (!path)
            return;
        write_field(f, path, out);
        if (f->type == FIELD_OBJECT)
            write_fields(f->fields, path, out);
    }
}

static void write_section(const char *name, const char *doc, const struct field *fields,
                          struct buf *out)
{
    buf_printf(out, "\n## %s\n\n%s\n\n| field | form | meaning |\n|---|---|---|\n", name, doc);
    write_fields(fields, name, out);
}

/* The kind whose spec these fields are, when it has a page of its own to look at. */
static const struct kind *kind_of_spec(const struct kind *page, const struct field *fields)
{
    for (const struct kind *const *k = kinds; *k; k++) {
        const struct field *spec = field_find((*k)->fields, "spec");
        if (*k != page && spec && spec->fields == fields)
            return *k;
    }
    return NULL;
}

static void write_object(const struct kind *kind, const struct field *field, struct buf *out)
{
    const struct kind *other = kind_of_spec(kind, field->fields);
    if (!other) {
        write_section(field->name, field->doc, field->fields, out);
        return;
    }
    buf_printf(out, "\n## %s\n\n%s\n\nThe fields of the [spec of %s](%s.md#spec).\n", field->name,
               field->doc, other->kind, other->singular);
}

static void write_columns(const struct kind *kind, struct buf *out)
{
    buf_printf(out,
               "\n## Columns\n\nWhat `slipway get %s` and `kubectl get %s` show.\n\n"
               "| column | shown | from | meaning |\n|---|---|---|---|\n",
               kind->plural, kind->plural);
    for (const struct column *c = kind->columns; c->name; c++)
        buf_printf(out, "| %s | %s | `%s` | %s |\n", c->name,
                   c->priority ? "with `-o wide`" : "always", c->path, c->doc);
}

static void write_names(const struct kind *kind, struct buf *out)
{
    buf_printf(out, "`apiVersion: %s`, `kind: %s`", kind_api_version(kind), kind->kind);
    if (kind->plural)
        buf_printf(out, ", on the command line `%s`, `%s`", kind->plural, kind->singular);
    for (const char *const *name = kind->short_names; name && *name; name++)
        buf_printf(out, ", `%s`", *name);
    buf_adds(out, ".\n");
}

/* Of kinds that have fields beside spec and status. */
static void write_top(const struct kind *kind, struct buf *out)
{
    bool begun = false;
    for (const struct field *f = kind->fields; f->name; f++) {
        if (f->type == FIELD_OBJECT)
            continue;
        if (!begun)
            buf_adds(out, "\n| field | form | meaning |\n|---|---|---|\n");
        begun = true;
        write_field(f, f->name, out);
    }
}

int kind_reference(const struct kind *kind, struct buf *out)
{
    buf_printf(out,
               "<!-- SPDX-License-Identifier: Apache-2.0 -->\n"
               "<!-- Made from the field table in src/resource: do not edit. -->\n"
               "# %s\n\n%s\n\n",
               kind->kind, kind->doc);
    write_names(kind, out);
    write_top(kind, out);
    for (const struct field *f = kind->fields; f->name; f++) {
        if (f->type == FIELD_OBJECT)
            write_object(kind, f, out);
    }
    if (kind->columns)
        write_columns(kind, out);
    return buf_error(out);
}
