/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/network-list.h"

#include <errno.h>

#include "base/str.h"

/* Replaces a borrowed string by a copy. */
static int own(const char **s)
{
    if (!*s)
        return 0;
    *s = strdup(*s);
    return *s ? 0 : -ENOMEM;
}

static void disown(const char **s)
{
    free((char *)(uintptr_t)*s);
    *s = NULL;
}

static void free_network(struct dhcp_network *n)
{
    disown(&n->name);
    disown(&n->interface);
    disown(&n->domain);
    for (size_t i = 0; i < n->search_count; i++)
        disown(&n->search[i]);
}

static int copy_network(const struct dhcp_network *from, struct dhcp_network *to)
{
    *to = *from;
    int r = own(&to->name) | own(&to->interface) | own(&to->domain);
    for (size_t i = 0; i < to->search_count; i++)
        r |= own(&to->search[i]);
    if (r == 0)
        return 0;
    free_network(to);
    return -ENOMEM;
}

void dhcp_networks_free(struct dhcp_networks *networks)
{
    for (size_t i = 0; i < networks->count; i++)
        free_network(&networks->list[i]);
    free(networks->list);
    *networks = (struct dhcp_networks){0};
}

int dhcp_networks_copy(const struct dhcp_network *list, size_t count, struct dhcp_networks *ret)
{
    struct dhcp_networks copy = {.list = calloc(count ? count : 1, sizeof(*list))};
    if (!copy.list)
        return -ENOMEM;
    for (; copy.count < count; copy.count++) {
        if (copy_network(&list[copy.count], &copy.list[copy.count]) < 0) {
            dhcp_networks_free(&copy);
            return -ENOMEM;
        }
    }
    *ret = copy;
    return 0;
}

static int check_ranges(const struct dhcp_network *n, struct err *err)
{
    char first[IPV4_TEXT_SIZE], last[IPV4_TEXT_SIZE], subnet[CIDR_TEXT_SIZE];
    for (size_t i = 0; i < n->range_count; i++) {
        const struct dhcp_range *r = &n->ranges[i];
        (void)ipv4_text(r->first, first);
        (void)ipv4_text(r->last, last);
        if (r->first > r->last)
            return err_set(err, -EINVAL, "range %s-%s is reversed", first, last);
        if (!cidr_contains(n->subnet, r->first) || !cidr_contains(n->subnet, r->last))
            return err_set(err, -EINVAL, "range %s-%s is outside of %s", first, last,
                           cidr_text(n->subnet, subnet));
        if (r->last - r->first >= DHCP_POOL_MAX)
            return err_set(err, -EINVAL, "range %s-%s has more than %d addresses", first, last,
                           DHCP_POOL_MAX);
    }
    return 0;
}

static int check_counts(const struct dhcp_network *n, struct err *err)
{
    if (n->range_count > DHCP_RANGES_MAX || n->dns_count > DHCP_SERVERS_MAX ||
        n->ntp_count > DHCP_SERVERS_MAX || n->route_count > DHCP_ROUTES_MAX ||
        n->search_count > DHCP_SEARCH_MAX)
        return err_set(err, -EINVAL, "too many ranges, servers, routes or search domains");
    return 0;
}

/* Two Networks that overlap, or that share an interface, cannot be told apart. */
static int check_pair(const struct dhcp_network *a, const struct dhcp_network *b, struct err *err)
{
    if (cidr_contains(a->subnet, cidr_first(b->subnet)) ||
        cidr_contains(b->subnet, cidr_first(a->subnet)))
        return err_set(err, -EINVAL, "its subnet overlaps Network %s", b->name);
    if (a->interface && str_eq(a->interface, b->interface))
        return err_set(err, -EINVAL, "Network %s is on interface %s too", b->name, a->interface);
    return 0;
}

int dhcp_networks_check(const struct dhcp_network *list, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        const struct dhcp_network *n = &list[i];
        if (n->mode == DHCP_MODE_OFF)
            continue;
        int r = check_counts(n, err);
        if (r == 0)
            r = check_ranges(n, err);
        for (size_t j = 0; r == 0 && j < i; j++) {
            if (list[j].mode != DHCP_MODE_OFF)
                r = check_pair(n, &list[j], err);
        }
        if (r < 0) {
            (void)err_wrap(err, "Network %s", n->name);
            return r;
        }
    }
    return 0;
}

/* What must never be given away: ourselves, routers, servers, and the subnet's two ends. */
static void exclude(const struct dhcp_network *n, ipv4 *dst, size_t *count)
{
    const ipv4 fixed[] = {n->server, n->router, cidr_first(n->subnet), cidr_last(n->subnet)};
    size_t ends = n->subnet.prefix < 31 ? ARRAY_SIZE(fixed) : 2;
    for (size_t i = 0; i < ends; i++)
        dst[(*count)++] = fixed[i];
    for (size_t i = 0; i < n->dns_count; i++)
        dst[(*count)++] = n->dns[i];
    for (size_t i = 0; i < n->ntp_count; i++)
        dst[(*count)++] = n->ntp[i];
}

int dhcp_networks_set_pools(const struct dhcp_networks *networks, struct dhcp_leases *leases,
                            struct err *err)
{
    size_t max = networks->count + 1;
    _autofree_ struct dhcp_range *ranges = calloc(max * DHCP_RANGES_MAX, sizeof(*ranges));
    _autofree_ ipv4 *excluded = calloc(max * (4 + 2 * DHCP_SERVERS_MAX), sizeof(*excluded));
    if (!ranges || !excluded)
        return err_errno(err, -ENOMEM, "set address ranges");
    size_t count = 0, excluded_count = 0;
    for (size_t i = 0; i < networks->count; i++) {
        const struct dhcp_network *n = &networks->list[i];
        if (n->mode != DHCP_MODE_AUTHORITATIVE)
            continue;
        for (size_t k = 0; k < n->range_count; k++)
            ranges[count++] = n->ranges[k];
        exclude(n, excluded, &excluded_count);
    }
    int r = dhcp_leases_set_pools(leases, ranges, count, excluded, excluded_count);
    return r < 0 ? err_errno(err, r, "set address ranges") : 0;
}
