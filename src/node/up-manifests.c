/* SPDX-License-Identifier: Apache-2.0 */
/* Files and addresses of manifests into objects. */
#include "base/proc.h"
#include "cluster/addons-manifests.h"
#include "node/cluster-kubeadm.h"
#include "node/up-addons.h"
#include "resource/kind.h"

enum { FETCH_MS = 40000 };

void up_manifests_free(struct up_manifests *manifests)
{
    addon_objects_free(&manifests->objects);
    buf_free(&manifests->problems);
}

static void free_environment(char ***environment)
{
    cluster_environment_free(*environment);
}

/* TLS is what this program has not: curl is on nearly every host. */
static int fetch(void *data, const char *url, struct buf *out, struct err *err)
{
    const struct up_addons *addons = data;
    _cleanup_(free_environment) char **environment = cluster_environment(addons->kubectl->proxies);
    const char *const command[] = {addons->curl, "--fail",     "--silent",    "--show-error",
                                   "--location", "--proto",    "=https,http", "--proto-redir",
                                   "=https",     "--max-time", "30",          "--",
                                   url,          NULL};
    struct proc_options options = {.output = out,
                                   .env = (const char *const *)environment,
                                   .timeout_ms = FETCH_MS,
                                   .cancel = addons->kubectl->cancel};
    int r = environment ? proc_run(command, &options, NULL, err) : -ENOMEM;
    if (r == -ENOENT)
        return err_set(err, r, "%s: there is no curl on this host to fetch it", url);
    return r < 0 ? err_wrap(err, "%s", url) : 0;
}

void up_manifests_load(const struct up_addons *addons, const json_t *addon, const json_t *values,
                       struct up_manifests *ret)
{
    const char *path = object_text(addon, "path");
    const struct addon_source source = {
        .name = object_text(addon, "name"),
        .template = json_is_true(json_object_get(addon, "template")),
        .own = json_object_get(addon, "variables"),
        .values = values,
        .data = (void *)(uintptr_t)addons,
        .fetch = fetch,
    };
    addon_manifests_read(&source, path, &ret->objects, &ret->problems);
    if (json_array_size(json_object_get(addon, "certificates")))
        buf_printf(&ret->problems,
                   "%s: certificates of add-ons are made by Slipway's server alone\n", path);
    if (json_object_get(addon, "variablesFrom"))
        buf_printf(&ret->problems, "%s: variablesFrom is read by Slipway's server alone\n", path);
    addon_objects_sort(&ret->objects, &ret->problems);
}
