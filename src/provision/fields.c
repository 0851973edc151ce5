/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/fields.h"

#include <sodium.h>
#include <sys/types.h>

#include "base/str.h"
#include "provision/value.h"

/* Where in the document something is: "files[2].path". */
struct where {
    char text[160];
};

static void *at(const struct field *f, void *value)
{
    return (char *)value + f->offset;
}

static const void *at_const(const struct field *f, const void *value)
{
    return (const char *)value + f->offset;
}

static int refuse(struct err *err, const struct where *where, const char *expected)
{
    return err_set(err, -EINVAL, "%s: not %s", where->text, expected);
}

static int no_memory(struct err *err)
{
    return err_set(err, -ENOMEM, "out of memory");
}

static struct where where_field(const struct where *parent, const char *name)
{
    struct where w;
    (void)snprintf(w.text, sizeof(w.text), "%s%s%s", parent->text, parent->text[0] ? "." : "",
                   name);
    return w;
}

static struct where where_index(const struct where *parent, size_t i)
{
    struct where w;
    (void)snprintf(w.text, sizeof(w.text), "%s[%zu]", parent->text, i);
    return w;
}

static int check_text(const struct field *f, const char *text, const struct where *where,
                      struct err *err)
{
    size_t max = f->max && f->kind == FIELD_TEXT ? f->max : 16384;
    if (strlen(text) > max)
        return err_set(err, -EINVAL, "%s: longer than %zu bytes", where->text, max);
    bool good = f->check ? f->check(text) : value_is_line(text);
    if (good)
        return 0;
    return err_set(err, -EINVAL, "%s: not %s: \"%.60s\"", where->text,
                   f->what ? f->what : "one line", text);
}

int texts_add(struct texts *list, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    char **items = reallocarray(list->items, list->count + 1, sizeof(*items));
    if (!items) {
        free(copy);
        return -ENOMEM;
    }
    list->items = items;
    items[list->count++] = copy;
    return 0;
}

int texts_add_all(struct texts *list, const char *const *texts, size_t n)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i++)
        r = texts_add(list, texts[i]);
    return r;
}

int text_set(char **to, const char *from)
{
    return str_empty(from) ? 0 : str_replace(to, from);
}

static void text_wipe(char *text)
{
    if (text)
        sodium_memzero(text, strlen(text));
    free(text);
}

void texts_free(struct texts *list)
{
    for (size_t i = 0; i < list->count; i++)
        text_wipe(list->items[i]);
    free(list->items);
    *list = (struct texts){0};
}

void *items_add(void *items, size_t size)
{
    struct items *list = items;
    char *bigger = reallocarray(list->items, list->count + 1, size);
    if (!bigger)
        return NULL;
    list->items = bigger;
    void *added = bigger + list->count++ * size;
    memset(added, 0, size);
    return added;
}

/* The text of a JSON string that holds no NUL, or NULL. */
static const char *plain_text(json_t *json)
{
    const char *text = json_string_value(json);
    return text && strlen(text) == json_string_length(json) ? text : NULL;
}

static int read_text(const struct field *f, json_t *json, char **ret, const struct where *where,
                     struct err *err)
{
    const char *text = plain_text(json);
    if (!text)
        return refuse(err, where, "a text");
    int r = check_text(f, text, where, err);
    if (r < 0)
        return r;
    *ret = strdup(text);
    return *ret ? 0 : no_memory(err);
}

static int read_array(const struct field *f, json_t *json, const struct where *where,
                      struct err *err)
{
    if (!json_is_array(json))
        return refuse(err, where, "a list");
    if (json_array_size(json) > f->max)
        return err_set(err, -EINVAL, "%s: more than %zu items", where->text, f->max);
    return 0;
}

static int read_texts(const struct field *f, json_t *json, struct texts *list,
                      const struct where *where, struct err *err)
{
    int r = read_array(f, json, where, err);
    json_t *item;
    size_t i;
    json_array_foreach (json, i, item) {
        struct where here = where_index(where, i);
        _autofree_ char *text = NULL;
        if (r == 0)
            r = read_text(f, item, &text, &here, err);
        if (r == 0 && texts_add(list, text) < 0)
            r = no_memory(err);
        if (r < 0)
            return r;
    }
    return r;
}

static int read_bytes(const struct field *f, json_t *json, struct bytes *bytes,
                      const struct where *where, struct err *err)
{
    const char *text = plain_text(json);
    int r = text ? str_unbase64(text, f->max, &bytes->data, &bytes->len) : -EINVAL;
    if (r == -ENOMEM)
        return no_memory(err);
    if (r == -EMSGSIZE)
        return err_set(err, -EINVAL, "%s: longer than %zu bytes", where->text, f->max);
    return r < 0 ? refuse(err, where, "base64") : 0;
}

static int read_uint(const struct field *f, json_t *json, unsigned *ret, const struct where *where,
                     struct err *err)
{
    json_int_t number = json_integer_value(json);
    if (!json_is_integer(json) || number < 0)
        return refuse(err, where, "a positive number");
    if ((unsigned long long)number > f->max)
        return err_set(err, -EINVAL, "%s: more than %zu", where->text, f->max);
    *ret = (unsigned)number;
    return 0;
}

static int read_mode(json_t *json, mode_t *ret, const struct where *where, struct err *err)
{
    const char *text = plain_text(json);
    char *end = NULL;
    unsigned long mode = text ? strtoul(text, &end, 8) : 0;
    if (!text || !*text || *end || strspn(text, "01234567") != strlen(text) || mode > 07777)
        return refuse(err, where, "an octal mode such as \"0644\"");
    *ret = (mode_t)mode;
    return 0;
}

static int read_mac(json_t *json, struct mac *ret, const struct where *where, struct err *err)
{
    const char *text = plain_text(json);
    if (!text || mac_parse(text, ret) < 0)
        return refuse(err, where, "a MAC address");
    return 0;
}

static int read_enum(const struct field *f, json_t *json, int *ret, const struct where *where,
                     struct err *err)
{
    const char *text = plain_text(json);
    for (int i = 0; text && f->names[i]; i++) {
        if (strcmp(text, f->names[i]) == 0) {
            *ret = i;
            return 0;
        }
    }
    return refuse(err, where, "one of the known words");
}

static int read_object(const struct field_table *table, json_t *object, void *value,
                       const struct where *where, struct err *err);

static int read_items(const struct field *f, json_t *json, struct items *list,
                      const struct where *where, struct err *err)
{
    int r = read_array(f, json, where, err);
    json_t *item;
    size_t i;
    size_t size = f->kind == FIELD_MACS ? sizeof(struct mac) : f->table->size;
    json_array_foreach (json, i, item) {
        struct where here = where_index(where, i);
        if (r < 0)
            return r;
        void *added = items_add(list, size);
        if (!added)
            return no_memory(err);
        r = f->kind == FIELD_MACS ? read_mac(item, added, &here, err)
                                  : read_object(f->table, item, added, &here, err);
    }
    return r;
}

static int read_field(const struct field *f, json_t *json, void *value, const struct where *where,
                      struct err *err)
{
    switch (f->kind) {
    case FIELD_TEXT:
        return read_text(f, json, at(f, value), where, err);
    case FIELD_TEXTS:
        return read_texts(f, json, at(f, value), where, err);
    case FIELD_BYTES:
        return read_bytes(f, json, at(f, value), where, err);
    case FIELD_UINT:
        return read_uint(f, json, at(f, value), where, err);
    case FIELD_BOOL:
        if (!json_is_boolean(json))
            return refuse(err, where, "true or false");
        *(bool *)at(f, value) = json_is_true(json);
        return 0;
    case FIELD_MODE:
        return read_mode(json, at(f, value), where, err);
    case FIELD_MAC:
        return read_mac(json, at(f, value), where, err);
    case FIELD_ENUM:
        return read_enum(f, json, at(f, value), where, err);
    case FIELD_MACS:
    case FIELD_ITEMS:
        return read_items(f, json, at(f, value), where, err);
    }
    return -EINVAL;
}

static int read_object(const struct field_table *table, json_t *object, void *value,
                       const struct where *where, struct err *err)
{
    if (!json_is_object(object))
        return refuse(err, where, "an object");
    for (size_t i = 0; i < table->count; i++) {
        const struct field *f = &table->fields[i];
        struct where here = where_field(where, f->name);
        json_t *json = json_object_get(object, f->name);
        if (!json && f->required)
            return err_set(err, -EINVAL, "%s: missing", here.text);
        if (!json && f->kind == FIELD_MODE)
            *(mode_t *)at(f, value) = (mode_t)f->max;
        int r = json ? read_field(f, json, value, &here, err) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int fields_read(const struct field_table *table, json_t *object, void *value, struct err *err)
{
    struct where top = {""};
    memset(value, 0, table->size);
    int r = read_object(table, object, value, &top, err);
    if (r < 0)
        fields_free(table, value);
    return r;
}

static json_t *write_texts(const struct texts *list)
{
    if (!list->count)
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        (void)json_array_append_new(array, json_string(list->items[i]));
    return array;
}

static json_t *write_bytes(const struct bytes *bytes)
{
    char *text = bytes->len ? str_base64(bytes->data, bytes->len) : NULL;
    json_t *json = text ? json_string(text) : NULL;
    text_wipe(text);
    return json;
}

static json_t *write_mode(mode_t mode)
{
    char text[8];
    (void)snprintf(text, sizeof(text), "%04o", (unsigned)mode);
    return json_string(text);
}

static json_t *write_mac(struct mac mac)
{
    static const struct mac none;
    char text[MAC_TEXT_SIZE];
    return mac_eq(mac, none) ? NULL : json_string(mac_text(mac, text));
}

static json_t *write_items(const struct field *f, const struct items *list)
{
    if (!list->count)
        return NULL;
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        json_t *item = f->kind == FIELD_MACS
                           ? write_mac(((const struct mac *)list->items)[i])
                           : fields_write(f->table, (const char *)list->items + i * f->table->size);
        (void)json_array_append_new(array, item);
    }
    return array;
}

/* NULL also when the field is absent. */
static json_t *write_field(const struct field *f, const void *value)
{
    const void *p = at_const(f, value);
    switch (f->kind) {
    case FIELD_TEXT:
        return *(char *const *)p ? json_string(*(char *const *)p) : NULL;
    case FIELD_TEXTS:
        return write_texts(p);
    case FIELD_BYTES:
        return write_bytes(p);
    case FIELD_UINT:
        return *(const unsigned *)p ? json_integer(*(const unsigned *)p) : NULL;
    case FIELD_BOOL:
        return *(const bool *)p ? json_true() : NULL;
    case FIELD_MODE:
        return write_mode(*(const mode_t *)p);
    case FIELD_MAC:
        return write_mac(*(const struct mac *)p);
    case FIELD_ENUM:
        return *(const int *)p ? json_string(f->names[*(const int *)p]) : NULL;
    case FIELD_MACS:
    case FIELD_ITEMS:
        return write_items(f, p);
    }
    return NULL;
}

json_t *fields_write(const struct field_table *table, const void *value)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < table->count; i++) {
        json_t *json = write_field(&table->fields[i], value);
        if (json && json_object_set_new(object, table->fields[i].name, json) < 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

int fields_check(const struct field_table *table, const void *value, struct err *err)
{
    json_t *object = fields_write(table, value);
    if (!object)
        return no_memory(err);
    void *copy = calloc(1, table->size);
    int r = copy ? fields_read(table, object, copy, err) : no_memory(err);
    if (r == 0)
        fields_free(table, copy);
    free(copy);
    json_decref(object);
    return r;
}

static void free_items(const struct field *f, struct items *list)
{
    for (size_t i = 0; f->kind == FIELD_ITEMS && i < list->count; i++)
        fields_free(f->table, (char *)list->items + i * f->table->size);
    free(list->items);
}

static void free_field(const struct field *f, void *value)
{
    void *p = at(f, value);
    if (f->kind == FIELD_TEXT)
        text_wipe(*(char **)p);
    else if (f->kind == FIELD_TEXTS)
        texts_free(p);
    else if (f->kind == FIELD_MACS || f->kind == FIELD_ITEMS)
        free_items(f, p);
    else if (f->kind == FIELD_BYTES && ((struct bytes *)p)->data) {
        sodium_memzero(((struct bytes *)p)->data, ((struct bytes *)p)->len);
        free(((struct bytes *)p)->data);
    }
}

void fields_free(const struct field_table *table, void *value)
{
    for (size_t i = 0; i < table->count; i++)
        free_field(&table->fields[i], value);
    memset(value, 0, table->size);
}
