/* SPDX-License-Identifier: Apache-2.0 */
/* The flag --machine, turned into the JSON that a configuration file would hold. */
#include <string.h>

#include "base/str.h"
#include "sandbox/config.h"

/* Splits `text` at the separator in place: text keeps the first part, the rest (or NULL) returns.
 */
static char *split(char *text, char separator)
{
    char *at = strchr(text, separator);
    if (!at)
        return NULL;
    *at = '\0';
    return at + 1;
}

/* Sets object[name] to the text unless that is empty (then the default stays). */
static int set_text(json_t *object, const char *name, const char *text)
{
    return str_empty(text) || json_object_set_new(object, name, json_string(text)) == 0 ? 0
                                                                                        : -ENOMEM;
}

/* SIZE[/MODEL[/SERIAL[/BLOCKSIZE[/WRITERATE]]]] */
static json_t *disk_json(char *text)
{
    static const char *const names[] = {"size", "model", "serial", "blockSize", "writeRate"};
    json_t *disk = json_object();
    char *part = text;
    for (size_t i = 0; disk && part && i < ARRAY_SIZE(names); i++) {
        char *rest = split(part, '/');
        if (set_text(disk, names[i], part) < 0) {
            json_decref(disk);
            return NULL;
        }
        part = rest;
    }
    return disk;
}

/* [MODEL][/MAC[/down]] */
static json_t *nic_json(char *text)
{
    char *mac = split(text, '/');
    char *link = mac ? split(mac, '/') : NULL;
    json_t *nic = json_object();
    if (nic && set_text(nic, "model", text) == 0 && set_text(nic, "mac", mac) == 0 &&
        (!link || json_object_set_new(nic, "link", json_boolean(!str_eq(link, "down"))) == 0))
        return nic;
    json_decref(nic);
    return NULL;
}

static int append_to(json_t *machine, const char *list, json_t *item)
{
    json_t *items = json_object_get(machine, list);
    if (!items) {
        items = json_array();
        if (json_object_set_new(machine, list, items) < 0) {
            json_decref(item);
            return -ENOMEM;
        }
    }
    return json_array_append_new(items, item) == 0 ? 0 : -ENOMEM;
}

static int add_field(json_t *machine, char *field, struct err *err)
{
    char *value = split(field, '=');
    if (!value)
        return err_set(err, -EINVAL, "%s: expected FIELD=VALUE", field);
    if (str_eq(field, "disk"))
        return append_to(machine, "disks", disk_json(value));
    if (str_eq(field, "nic"))
        return append_to(machine, "nics", nic_json(value));
    if (str_eq(field, "disks") && str_eq(value, "none"))
        return json_object_set_new(machine, "disks", json_array()) == 0 ? 0 : -ENOMEM;
    if (str_eq(field, "vnc") || str_eq(field, "rom"))
        return json_object_set_new(machine, field, json_boolean(str_eq(value, "true"))) == 0
                   ? 0
                   : -ENOMEM;
    return set_text(machine, field, value);
}

int sandbox_machine_flag(const char *text, json_t **ret, struct err *err)
{
    _autofree_ char *copy = str_format("%s", text);
    json_auto_t *machine = json_object();
    if (!copy || !machine)
        return err_set(err, -ENOMEM, "out of memory");
    char *rest = split(copy, ',');
    if (set_text(machine, "name", copy) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    while (rest) {
        char *field = rest;
        rest = split(field, ',');
        int r = add_field(machine, field, err);
        if (r < 0)
            return err && err->code ? r : err_set(err, r, "--machine %s", text);
    }
    *ret = TAKE_PTR(machine);
    return 0;
}
