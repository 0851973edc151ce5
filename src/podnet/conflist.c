/* SPDX-License-Identifier: Apache-2.0 */
/* The CNI network configuration list (CNI specification 0.4.0): pods on a bridge, with addresses
 * of this Node's range. */
#include <jansson.h>

#include "base/str.h"
#include "podnet/plan.h"

/* The gateway is named because host-local's default is what the bridge then gets. */
static json_t *addresses(struct cidr range)
{
    char subnet[CIDR_TEXT_SIZE], gateway[IPV4_TEXT_SIZE];
    return json_pack("{s:s, s:[[{s:s, s:s}]], s:[{s:s}], s:s}", "type", "host-local", "ranges",
                     "subnet", cidr_text(range, subnet), "gateway",
                     ipv4_text(cidr_first(range) + 1, gateway), "routes", "dst", "0.0.0.0/0",
                     /* not kept over a restart, which no pod survives */
                     "dataDir", "/run/cni/networks");
}

/* forceAddress: a Node that was deleted and joined again has another range. */
static json_t *bridge(struct cidr range, uint32_t mtu)
{
    json_t *plugin = json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:o}", "type", "bridge", "bridge",
                               PODNET_BRIDGE, "isGateway", 1, "forceAddress", 1, "hairpinMode", 1,
                               "ipMasq", 0, "ipam", addresses(range));
    if (plugin && mtu)
        (void)json_object_set_new(plugin, "mtu", json_integer((json_int_t)mtu));
    return plugin;
}

static void append_with(json_t *plugins, const char *type, const char *capability)
{
    (void)json_array_append_new(
        plugins, json_pack("{s:s, s:{s:b}}", "type", type, "capabilities", capability, 1));
}

char *podnet_conflist(struct cidr range, uint32_t mtu, bool has_portmap, bool has_bandwidth)
{
    json_auto_t *list = json_pack("{s:s, s:s, s:[o]}", "cniVersion", "0.4.0", "name", "slipway",
                                  "plugins", bridge(range, mtu));
    json_t *plugins = json_object_get(list, "plugins");
    if (has_portmap)
        append_with(plugins, "portmap", "portMappings");
    if (has_bandwidth)
        append_with(plugins, "bandwidth", "bandwidth");
    if (!list || json_array_size(plugins) != 1u + has_portmap + has_bandwidth)
        return NULL;
    _autofree_ char *text = json_dumps(list, JSON_INDENT(2));
    return text ? str_format("%s\n", text) : NULL;
}
