/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "protocol/json.h"
#include "protocol/message.h"
#include "protocol/program.h"

enum { ADDRESSES_MAX = 256 };

void protocol_hello_free(struct protocol_hello *hello)
{
    free(hello->name);
    free(hello->uuid);
    free(hello->serial);
    json_decref(hello->inventory);
    json_decref(hello->addresses);
    json_decref(hello->system);
    *hello = (struct protocol_hello){0};
}

static json_t *macs_to_json(const struct protocol_hello *hello)
{
    json_t *list = json_array();
    char text[MAC_TEXT_SIZE];
    for (size_t i = 0; i < hello->mac_count; i++)
        (void)json_array_append_new(list, json_string(mac_text(hello->macs[i], text)));
    return list;
}

json_t *protocol_hello_to_json(const struct protocol_hello *hello)
{
    json_t *machine = json_object();
    (void)json_object_set_new(machine, "macAddresses", macs_to_json(hello));
    set_string(machine, "uuid", hello->uuid);
    set_string(machine, "serial", hello->serial);
    json_t *body = json_object();
    set_string(body, "program", program_names[hello->program]);
    set_string(body, "name", hello->name);
    (void)json_object_set_new(body, "machine", machine);
    if (hello->inventory)
        (void)json_object_set(body, "inventory", hello->inventory);
    if (hello->addresses)
        (void)json_object_set(body, "addresses", hello->addresses);
    if (hello->system)
        (void)json_object_set(body, "system", hello->system);
    set_u64(body, "installGeneration", hello->install_generation);
    return body;
}

static int parse_macs(json_t *machine, struct protocol_hello *hello, struct err *err)
{
    json_auto_t *list = NULL;
    int r = field_array(machine, "macAddresses", PROTOCOL_MACS_MAX, &list, err);
    for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
        if (mac_parse(json_string_value(json_array_get(list, i)), &hello->macs[i]) < 0)
            return err_set(err, -EBADMSG, "machine.macAddresses[%zu]: not a MAC address", i);
        hello->mac_count++;
    }
    return r;
}

static int parse_machine(json_t *body, struct protocol_hello *hello, struct err *err)
{
    json_auto_t *machine = NULL;
    int r = field_object(body, "machine", &machine, err);
    if (r < 0)
        return r;
    if (!machine)
        return err_set(err, -EBADMSG, "machine: missing");
    r = parse_macs(machine, hello, err);
    if (r == 0)
        r = field_string(machine, "uuid", &hello->uuid, err);
    if (r == 0)
        r = field_string(machine, "serial", &hello->serial, err);
    return r;
}

static int parse_addresses(json_t *body, struct protocol_hello *hello, struct err *err)
{
    int r = field_array(body, "addresses", ADDRESSES_MAX, &hello->addresses, err);
    for (size_t i = 0; r == 0 && i < json_array_size(hello->addresses); i++) {
        struct cidr c;
        if (cidr_parse(json_string_value(json_array_get(hello->addresses, i)), &c) < 0)
            r = err_set(err, -EBADMSG, "addresses[%zu]: not an address with prefix length", i);
    }
    return r;
}

int protocol_hello_parse(json_t *body, struct protocol_hello *ret, struct err *err)
{
    struct protocol_hello hello = {0};
    int r = field_enum(body, "program", program_names, PROGRAM_COUNT, err);
    if (r >= 0) {
        hello.program = (enum protocol_program)r;
        r = field_string(body, "name", &hello.name, err);
    }
    if (r == 0)
        r = parse_machine(body, &hello, err);
    if (r == 0)
        r = field_object(body, "inventory", &hello.inventory, err);
    if (r == 0)
        r = parse_addresses(body, &hello, err);
    if (r == 0)
        r = field_object(body, "system", &hello.system, err);
    if (r == 0)
        r = field_u64(body, "installGeneration", &hello.install_generation, err);
    if (r < 0) {
        protocol_hello_free(&hello);
        return r;
    }
    *ret = hello;
    return 0;
}
