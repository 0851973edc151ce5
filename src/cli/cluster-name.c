/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cluster-name.h"

#include "base/str.h"
#include "cli/client.h"
#include "cli/target.h"
#include "resource/kind.h"

static int only_cluster(struct client *client, char **ret, struct err *err)
{
    const struct target all = {&kind_cluster, NULL};
    _autofree_ char *path = target_path(&all, NULL);
    json_auto_t *list = NULL;
    if (!path)
        return err_errno(err, -ENOMEM, "request");
    const struct client_request request = {.path = path};
    int r = client_call(client, &request, &list, NULL, err);
    const json_t *items = json_object_get(list, "items");
    if (r < 0)
        return r;
    if (json_array_size(items) == 0)
        return err_set(err, -ENOENT,
                       "there is no Cluster; for Slipway's own API: slipway kubeconfig --api");
    if (json_array_size(items) > 1)
        return err_set(err, -EINVAL, "there are several Clusters: name one of them");
    *ret = strdup(object_name(json_array_get(items, 0)));
    return *ret ? 0 : err_errno(err, -ENOMEM, "request");
}

int cluster_name(struct client *client, const char *named, char **ret, struct err *err)
{
    if (!named)
        return only_cluster(client, ret, err);
    const char *plain = str_after(named, "cluster/");
    *ret = strdup(plain ? plain : named);
    return *ret ? 0 : err_errno(err, -ENOMEM, "request");
}
