/* SPDX-License-Identifier: Apache-2.0 */
#include "store/keys.h"

#include "base/str.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int key_make(enum store_index index, const char *text, struct key *ret)
{
    ret->bytes[0] = (char)index;
    if (index == STORE_MACHINE_BY_MAC) {
        struct mac mac;
        if (!text || mac_parse(text, &mac) < 0)
            return -EINVAL;
        memcpy(ret->bytes + 1, mac.b, sizeof(mac.b));
        ret->len = 1 + sizeof(mac.b);
        return 0;
    }
    size_t len = text ? strlen(text) : 0;
    if (!len || len > sizeof(ret->bytes) - 1)
        return -EINVAL;
    for (size_t i = 0; i < len; i++)
        ret->bytes[1 + i] = lower(text[i]);
    ret->len = 1 + len;
    return 0;
}

static bool has(const struct keys *keys, const struct key *key)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (keys->items[i].len == key->len &&
            memcmp(keys->items[i].bytes, key->bytes, key->len) == 0)
            return true;
    }
    return false;
}

static void add(struct keys *keys, enum store_index index, const char *text)
{
    struct key *key = &keys->items[keys->n];
    if (key_make(index, text, key) == 0 && !has(keys, key))
        keys->n++;
}

int keys_of(const struct kind *kind, const json_t *object, struct keys *ret)
{
    *ret = (struct keys){0};
    if (kind != &kind_machine)
        return 0;
    const json_t *macs = object_get(object, "spec.macAddresses");
    size_t n = json_array_size(macs);
    ret->items = calloc(n + 3, sizeof(*ret->items));
    if (!ret->items)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        add(ret, STORE_MACHINE_BY_MAC, json_string_value(json_array_get(macs, i)));
    add(ret, STORE_MACHINE_BY_UUID, object_text(object, "spec.uuid"));
    add(ret, STORE_MACHINE_BY_SERIAL, object_text(object, "spec.serial"));
    add(ret, STORE_MACHINE_BY_FINGERPRINT, object_text(object, "status.identity.fingerprint"));
    return 0;
}

void keys_free(struct keys *keys)
{
    free(keys->items);
    *keys = (struct keys){0};
}
