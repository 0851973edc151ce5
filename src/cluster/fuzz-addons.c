/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever a manifest, a file of addresses or an inventory says: objects that are taken have an
 * identity, are sorted, and their inventory reads back as it was written.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cluster/addons.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_objects(const char *text, size_t len)
{
    _autoaddonobjects_ struct addon_objects objects = {NULL, 0};
    _autobuf_ struct buf problems = BUF_INIT;
    (void)!addon_objects_add(&objects, "fuzz", "input", text, len, &problems);
    addon_objects_sort(&objects, &problems);
    must(objects.n <= ADDON_OBJECTS_MAX);
    for (size_t i = 0; i < objects.n; i++) {
        const struct addon_object *o = &objects.items[i];
        must(!str_empty(o->kind) && !str_empty(o->name) && o->namespace);
        must(i == 0 || objects.items[i - 1].order <= o->order);
        must(addon_prune(o->json, "other") == ADDON_FOREIGN);
        must(addon_prune(o->json, "fuzz") != ADDON_FOREIGN);
    }
}

static void check_inventory(const char *text)
{
    struct addon_inventory first = {0}, second = {0};
    _autobuf_ struct buf a = BUF_INIT, b = BUF_INIT;
    (void)!addon_inventory_read(&first, text);
    addon_inventory_write(&first, &a);
    must(addon_inventory_read(&second, buf_str(&a)) == 0);
    addon_inventory_write(&second, &b);
    must(str_eq(buf_str(&a), buf_str(&b)));
    while (first.n)
        addon_inventory_remove(&first, first.n / 2);
    addon_inventory_free(&first);
    addon_inventory_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct addon_urls urls;
    char *text = calloc(1, size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    check_objects(text, size);
    check_inventory(text);
    if (addon_urls_parse(text, size, &urls, NULL) == 0)
        addon_urls_free(&urls);
    free(text);
    return 0;
}
