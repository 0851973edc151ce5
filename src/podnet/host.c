/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void podnet_snapshot_clear(struct podnet_snapshot *snapshot)
{
    free(snapshot->links);
    free(snapshot->addresses);
    *snapshot = (struct podnet_snapshot){0};
}

static bool has_plugin(const char *bin_dir, const char *name)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof(path), "%s/%s", bin_dir, name);
    return n > 0 && (size_t)n < sizeof(path) && access(path, X_OK) == 0;
}

int podnet_snapshot_take(int net, const char *bin_dir, struct podnet_snapshot *ret, struct err *err)
{
    struct podnet_snapshot s = {0};
    int r = net_links(net, &s.links, &s.host.n_links);
    if (r == 0)
        r = net_addresses(net, &s.addresses, &s.host.n_addresses);
    if (r < 0) {
        podnet_snapshot_clear(&s);
        return err_errno(err, r, "cannot read this machine's links and addresses");
    }
    s.host.links = s.links;
    s.host.addresses = s.addresses;
    s.host.has_portmap = has_plugin(bin_dir, "portmap");
    s.host.has_bandwidth = has_plugin(bin_dir, "bandwidth");
    *ret = s;
    return 0;
}
