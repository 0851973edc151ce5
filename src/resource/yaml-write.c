/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <yaml.h>

#include "base/str.h"
#include "resource/print.h"
#include "resource/yaml-scalar.h"

struct writer {
    yaml_emitter_t emitter;
    struct buf *out;
};

static int write_bytes(void *data, unsigned char *bytes, size_t len)
{
    struct buf *out = data;
    buf_add(out, bytes, len);
    return buf_error(out) == 0;
}

static int emit(struct writer *w, yaml_event_t *event, int made)
{
    if (!made)
        return -ENOMEM;
    if (yaml_emitter_emit(&w->emitter, event))
        return 0;
    return w->emitter.error == YAML_MEMORY_ERROR || buf_error(w->out) ? -ENOMEM : -EINVAL;
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 && *text != '\n')
            return true;
    }
    return false;
}

/* Texts that other readers of YAML 1.1 take for a date or a number of base 60. */
static bool looks_like_a_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return (digits == 4 && text[4] == '-') ||
           (digits && !text[strspn(text, "0123456789:._")] && strchr(text, ':'));
}

static bool fits_literal(const char *text)
{
    const char *newline = strchr(text, '\n');
    size_t len = strlen(text);
    if (!newline || has_control(text) || strchr(" \n", text[0]))
        return false;
    /* Blanks at line ends and several newlines at the end are easily lost by whoever edits them. */
    return !strstr(text, " \n") && text[len - 1] != ' ' &&
           (len < 2 || text[len - 1] != '\n' || text[len - 2] != '\n');
}

static yaml_scalar_style_t style_of(const char *text)
{
    if (fits_literal(text))
        return YAML_LITERAL_SCALAR_STYLE;
    if (yaml_word_value(text).type != YAML_STRING || looks_like_a_number(text) ||
        strpbrk(text, "\n\t") || str_eq(text, "<<") || str_eq(text, "="))
        return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    return YAML_ANY_SCALAR_STYLE;
}

static int write_scalar(struct writer *w, const char *text, yaml_scalar_style_t style)
{
    yaml_event_t event;
    int made = yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
                                            (int)strlen(text), 1, 1, style);
    return emit(w, &event, made);
}

static int write_value(struct writer *w, const json_t *json);

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int write_members(struct writer *w, const json_t *object)
{
    size_t n = json_object_size(object), i = 0;
    _autofree_ const char **keys = calloc(n + 1, sizeof(*keys));
    if (!keys)
        return -ENOMEM;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value)
        keys[i++] = key;
    qsort(keys, n, sizeof(*keys), compare_keys);
    for (i = 0; i < n; i++) {
        yaml_scalar_style_t style = style_of(keys[i]);
        if (style == YAML_LITERAL_SCALAR_STYLE)
            style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
        int r = write_scalar(w, keys[i], style);
        if (r == 0)
            r = write_value(w, json_object_get(object, keys[i]));
        if (r < 0)
            return r;
    }
    return 0;
}

static int write_object(struct writer *w, const json_t *object)
{
    yaml_event_t event;
    int r =
        emit(w, &event,
             yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
    if (r == 0)
        r = write_members(w, object);
    return r < 0 ? r : emit(w, &event, yaml_mapping_end_event_initialize(&event));
}

static int write_list(struct writer *w, const json_t *list)
{
    yaml_event_t event;
    int r = emit(
        w, &event,
        yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        if (r == 0)
            r = write_value(w, item);
    }
    return r < 0 ? r : emit(w, &event, yaml_sequence_end_event_initialize(&event));
}

static int write_number(struct writer *w, const json_t *json)
{
    char text[64];
    if (json_is_integer(json)) {
        (void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(json));
    } else {
        (void)snprintf(text, sizeof(text), "%.17g", json_real_value(json));
        if (!strpbrk(text, ".e"))
            (void)snprintf(text, sizeof(text), "%.1f", json_real_value(json));
    }
    return write_scalar(w, text, YAML_PLAIN_SCALAR_STYLE);
}

static int write_value(struct writer *w, const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return write_object(w, json);
    case JSON_ARRAY:
        return write_list(w, json);
    case JSON_STRING:
        if (strlen(json_string_value(json)) != json_string_length(json))
            return -EINVAL;
        return write_scalar(w, json_string_value(json), style_of(json_string_value(json)));
    case JSON_INTEGER:
    case JSON_REAL:
        return write_number(w, json);
    case JSON_NULL:
        return write_scalar(w, "null", YAML_PLAIN_SCALAR_STYLE);
    default:
        return write_scalar(w, json_is_true(json) ? "true" : "false", YAML_PLAIN_SCALAR_STYLE);
    }
}

static int write_document(struct writer *w, const json_t *json)
{
    yaml_event_t event;
    int r = emit(w, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    if (r == 0)
        r = emit(w, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    if (r == 0)
        r = write_value(w, json);
    if (r == 0)
        r = emit(w, &event, yaml_document_end_event_initialize(&event, 1));
    return r < 0 ? r : emit(w, &event, yaml_stream_end_event_initialize(&event));
}

int yaml_write(const json_t *json, struct buf *out)
{
    struct writer w = {.out = out};
    if (!yaml_emitter_initialize(&w.emitter))
        return -ENOMEM;
    yaml_emitter_set_output(&w.emitter, write_bytes, out);
    yaml_emitter_set_unicode(&w.emitter, 1);
    yaml_emitter_set_width(&w.emitter, -1);
    int r = write_document(&w, json);
    yaml_emitter_delete(&w.emitter);
    return r < 0 ? r : buf_error(out);
}
