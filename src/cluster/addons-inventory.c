/* SPDX-License-Identifier: Apache-2.0 */
/* What add-ons have brought into a cluster, and what becomes of it; when to look again. */
#include <string.h>

#include "base/map.h"
#include "base/str.h"
#include "cluster/addons.h"
#include "resource/kind.h"

void addon_inventory_free(struct addon_inventory *inventory)
{
    for (size_t i = 0; i < inventory->n; i++)
        free(inventory->items[i].line);
    free(inventory->items);
    map_free(inventory->ids);
    *inventory = (struct addon_inventory){NULL, 0, NULL};
}

/* What was applied and what is to be, until the former is gone. */
enum { ITEMS_MAX = 2 * ADDON_OBJECTS_MAX };

static const char *item_id(const struct addon_item *item, char dst[static ADDON_ID_SIZE])
{
    return addon_object_id(item->api_version, item->kind, item->namespace, item->name, dst);
}

static int cut(char *line, struct addon_item *ret)
{
    char *rest = NULL;
    *ret = (struct addon_item){.line = line};
    ret->api_version = strtok_r(line, " ", &rest);
    ret->kind = ret->api_version ? strtok_r(NULL, " ", &rest) : NULL;
    ret->namespace = ret->kind ? strtok_r(NULL, " ", &rest) : NULL;
    ret->name = ret->namespace ? strtok_r(NULL, " ", &rest) : NULL;
    if (str_eq(ret->namespace, "-"))
        ret->namespace = "";
    return ret->name && !strtok_r(NULL, " ", &rest) ? 0 : -EINVAL;
}

static int append(struct addon_inventory *inventory, const struct addon_item *item, const char *id)
{
    if (inventory->n >= ITEMS_MAX)
        return -E2BIG;
    struct addon_item *items =
        realloc(inventory->items, (inventory->n + 1) * sizeof(inventory->items[0]));
    if (!items)
        return -ENOMEM;
    inventory->items = items;
    if (!inventory->ids)
        inventory->ids = map_new();
    /* its line begins with its apiVersion */
    int r = inventory->ids ? map_puts(inventory->ids, id, item->line, NULL) : -ENOMEM;
    if (r == 0)
        items[inventory->n++] = *item;
    return r;
}

/* Owns the line, "APIVERSION KIND NAMESPACE NAME". -EINVAL: it is none; -EEXIST: known already. */
static int add_line(struct addon_inventory *inventory, char *line)
{
    struct addon_item item;
    char id[ADDON_ID_SIZE];
    int r = cut(line, &item);
    if (r == 0 && inventory->ids && map_gets(inventory->ids, item_id(&item, id)))
        r = -EEXIST;
    if (r == 0)
        r = append(inventory, &item, item_id(&item, id));
    if (r < 0)
        free(line);
    return r;
}

int addon_inventory_read(struct addon_inventory *inventory, const char *text)
{
    int r = 0;
    while (r == 0 && *text) {
        size_t len = strcspn(text, "\n");
        char *line = strndup(text, len);
        r = line ? add_line(inventory, line) : -ENOMEM;
        if (r == -EINVAL || r == -EEXIST)
            r = 0;
        text += len + (text[len] == '\n');
    }
    return r;
}

static void remove_id(struct addon_inventory *inventory, const char *id)
{
    const char *line = map_gets(inventory->ids, id);
    for (size_t i = 0; i < inventory->n; i++) {
        if (inventory->items[i].line == line) {
            addon_inventory_remove(inventory, i);
            return;
        }
    }
}

int addon_inventory_add(struct addon_inventory *inventory, const char *api_version,
                        const char *kind, const char *namespace, const char *name)
{
    char id[ADDON_ID_SIZE];
    (void)addon_object_id(api_version, kind, namespace, name, id);
    const char *known = inventory->ids ? map_gets(inventory->ids, id) : NULL;
    if (known && str_eq(known, api_version))
        return 0;
    if (known)
        remove_id(inventory, id);
    char *line =
        str_format("%s %s %s %s", api_version, kind, str_empty(namespace) ? "-" : namespace, name);
    int r = line ? add_line(inventory, line) : -ENOMEM;
    return r < 0 ? r : 1;
}

bool addon_inventory_has(const struct addon_inventory *inventory, const char *id)
{
    return inventory->ids && map_gets(inventory->ids, id);
}

void addon_inventory_write(const struct addon_inventory *inventory, struct buf *out)
{
    for (size_t i = 0; i < inventory->n; i++) {
        const struct addon_item *item = &inventory->items[i];
        buf_printf(out, "%s %s %s %s\n", item->api_version, item->kind,
                   str_empty(item->namespace) ? "-" : item->namespace, item->name);
    }
}

void addon_inventory_remove(struct addon_inventory *inventory, size_t i)
{
    char id[ADDON_ID_SIZE];
    (void)map_removes(inventory->ids, item_id(&inventory->items[i], id));
    free(inventory->items[i].line);
    inventory->n--;
    memmove(&inventory->items[i], &inventory->items[i + 1],
            (inventory->n - i) * sizeof(inventory->items[0]));
}

/* ---- what becomes of it ---- */

static bool holds_others(const json_t *object)
{
    static const char *const kinds_kept[] = {"Namespace", "CustomResourceDefinition",
                                             "PersistentVolume", "PersistentVolumeClaim"};
    for (size_t i = 0; i < ARRAY_SIZE(kinds_kept); i++) {
        if (str_eq(object_text(object, "kind"), kinds_kept[i]))
            return true;
    }
    return false;
}

enum addon_fate addon_prune(const json_t *object, const char *addon)
{
    /* their keys have dots, which object_text() would take for members */
    const json_t *labels = object_get(object, "metadata.labels");
    const json_t *annotations = object_get(object, "metadata.annotations");
    const char *owner = json_string_value(json_object_get(labels, ADDON_LABEL));
    const char *asked = json_string_value(json_object_get(annotations, ADDON_PRUNE));
    if (!str_eq(owner, addon))
        return ADDON_FOREIGN;
    if (str_eq(asked, "true"))
        return ADDON_DELETE;
    return str_eq(asked, "false") || holds_others(object) ? ADDON_KEEP : ADDON_DELETE;
}

/* ---- certificates ---- */

char *addon_certificate_names(const json_t *names)
{
    struct buf text = BUF_INIT;
    size_t i;
    json_t *name;
    json_array_foreach ((json_t *)(uintptr_t)names, i, name)
        buf_printf(&text, "%s%s", i ? "," : "", json_string_value(name));
    buf_adds(&text, "");
    char *ret = buf_steal(&text);
    buf_free(&text);
    return ret;
}

static bool is_of(const json_t *secret, const char *authority)
{
    const json_t *data = json_object_get(secret, "data");
    _autofree_ char *want = str_base64(authority, strlen(authority));
    return want && str_eq(json_string_value(json_object_get(data, "ca.crt")), want) &&
           !str_empty(json_string_value(json_object_get(data, "tls.crt"))) &&
           !str_empty(json_string_value(json_object_get(data, "tls.key")));
}

bool addon_certificate_is_due(const json_t *secret, const json_t *names, const char *authority,
                              int64_t not_after, int64_t life_seconds, int64_t now)
{
    const json_t *annotations = secret ? object_get(secret, "metadata.annotations") : NULL;
    _autofree_ char *want = addon_certificate_names(names);
    if (!want || !str_eq(json_string_value(json_object_get(annotations, ADDON_NAMES)), want))
        return true;
    return !is_of(secret, authority) || not_after - now < life_seconds * 1000 / 3;
}

/* ---- when ---- */

int64_t addons_due_in(const struct addons_when *when, int64_t now)
{
    int64_t pause = ADDONS_DRIFT_MS;
    if (when->changed)
        return 0;
    if (when->failed) {
        unsigned shift = when->failures > 1 ? when->failures - 1 : 0;
        pause = shift < 16 ? (int64_t)ADDONS_RETRY_MIN_MS << shift : ADDONS_RETRY_MAX_MS;
        if (pause > ADDONS_RETRY_MAX_MS)
            pause = ADDONS_RETRY_MAX_MS;
    }
    int64_t left = when->last_ms + pause - now;
    return left > 0 ? left : 0;
}
