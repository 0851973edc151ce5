/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/node.h"

#include <errno.h>

#include "base/clock.h"
#include "base/str.h"

static const char *text_at(const json_t *object, const char *field)
{
    return json_string_value(json_object_get(object, field));
}

static void read_address(const json_t *status, struct podnet_node *node)
{
    size_t i;
    json_t *entry;
    json_array_foreach (json_object_get(status, "addresses"), i, entry) {
        const char *address = text_at(entry, "address");
        if (address && str_eq(text_at(entry, "type"), "InternalIP") &&
            ipv4_parse(address, &node->address) == 0)
            return;
    }
}

static bool take_range(const char *text, struct podnet_node *node)
{
    struct cidr range;
    node->foreign = true;
    if (cidr_parse(text, &range) < 0 || range.prefix == 0 || cidr_first(range) != range.address)
        return false;
    node->range = range;
    node->foreign = false;
    return true;
}

/* podCIDRs holds podCIDR as its first; API servers before 1.16 know only the latter. */
static void read_range(const json_t *spec, struct podnet_node *node)
{
    size_t i;
    json_t *entry;
    json_array_foreach (json_object_get(spec, "podCIDRs"), i, entry) {
        if (json_is_string(entry) && take_range(json_string_value(entry), node))
            return;
    }
    const char *only = text_at(spec, "podCIDR");
    if (!str_empty(only))
        (void)take_range(only, node);
}

int podnet_node_read(const json_t *object, struct podnet_node *ret)
{
    const json_t *metadata = json_object_get(object, "metadata");
    const char *name = text_at(metadata, "name"), *created = text_at(metadata, "creationTimestamp");
    struct podnet_node node = {0};
    if (str_empty(name) || str_copy(node.name, sizeof(node.name), name) < 0)
        return -EINVAL;
    if (!created || clock_parse(created, &node.created) < 0)
        node.created = 0;
    read_address(json_object_get(object, "status"), &node);
    read_range(json_object_get(object, "spec"), &node);
    *ret = node;
    return 0;
}

bool podnet_node_eq(const struct podnet_node *a, const struct podnet_node *b)
{
    return str_eq(a->name, b->name) && a->address == b->address &&
           a->range.address == b->range.address && a->range.prefix == b->range.prefix &&
           a->foreign == b->foreign && a->created == b->created;
}
