/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/upgrade.h"

#include <string.h>

#include "base/str.h"
#include "resource/kind.h"

/* Of a DaemonSet that has to be given its strategy back. */
#define STRATEGY_ANNOTATION "slipway.dev/update-strategy"
#define ON_DELETE "OnDelete"

/* ---- names of container images ---- */

static const char *last_part(const char *image)
{
    const char *slash = strrchr(image, '/');
    return slash ? slash + 1 : image;
}

/* The name as it is now, with another tag. */
static int retag(const char *current, const char *version, char **ret)
{
    const char *part = current ? last_part(current) : NULL;
    const char *colon = part ? strrchr(part, ':') : NULL;
    if (!version)
        return -ENOENT;
    if (!colon || strchr(part, '@'))
        return -EBADMSG;
    *ret = str_format("%.*s:%s", (int)(colon - current), current, version);
    return *ret ? 0 : -ENOMEM;
}

int upgrade_addon_image(const char *known, const char *repository, const char *current,
                        const char *version, char **ret)
{
    if (str_empty(known))
        return retag(current, version, ret);
    *ret = repository ? str_format("%s/%s", repository, last_part(known)) : strdup(known);
    return *ret ? 0 : -ENOMEM;
}

const char *upgrade_container_image(const json_t *workload, const char *container)
{
    const json_t *containers = object_get(workload, "spec.template.spec.containers");
    size_t i;
    json_t *item;
    json_array_foreach (containers, i, item) {
        if (str_eq(json_string_value(json_object_get(item, "name")), container))
            return json_string_value(json_object_get(item, "image"));
    }
    return NULL;
}

/* ---- ConfigMaps ---- */

static int made(json_t *patch, json_t **ret)
{
    *ret = patch;
    return patch ? 0 : -ENOMEM;
}

int upgrade_kubelet_config(const json_t *config_map, const char *name, json_t **ret)
{
    json_t *data = json_object_get(config_map, "data");
    if (!json_is_object(data))
        return -EBADMSG;
    return made(json_pack("{s:s, s:s, s:{s:s}, s:O}", "apiVersion", "v1", "kind", "ConfigMap",
                          "metadata", "name", name, "data", data),
                ret);
}

int upgrade_kubeadm_config(const json_t *config_map, const char *configuration, json_t **ret)
{
    if (str_eq(object_text(config_map, "data.ClusterConfiguration"), configuration))
        return -ENOENT;
    return made(json_pack("{s:{s:s}}", "data", "ClusterConfiguration", configuration), ret);
}

/* ---- add-ons ---- */

static json_t *with_image(const char *container, const char *image)
{
    return json_pack("{s:{s:{s:[{s:s, s:s}]}}}", "template", "spec", "containers", "name",
                     container, "image", image);
}

int upgrade_proxy_begin(const json_t *daemon_set, const char *image, json_t **ret)
{
    const char *current = upgrade_container_image(daemon_set, "kube-proxy");
    const char *strategy = object_text(daemon_set, "spec.updateStrategy.type");
    if (!current || str_eq(current, image))
        return -ENOENT;
    json_auto_t *spec = with_image("kube-proxy", image);
    if (!spec ||
        json_object_set_new(spec, "updateStrategy",
                            json_pack("{s:s, s:n}", "type", ON_DELETE, "rollingUpdate")) < 0)
        return -ENOMEM;
    if (str_eq(strategy, ON_DELETE)) /* so it is already: by us, or because somebody wants it so */
        return made(json_pack("{s:O}", "spec", spec), ret);
    return made(json_pack("{s:{s:{s:s}}, s:O}", "metadata", "annotations", STRATEGY_ANNOTATION,
                          strategy ? strategy : "RollingUpdate", "spec", spec),
                ret);
}

int upgrade_proxy_end(const json_t *daemon_set, json_t **ret)
{
    const json_t *annotations = object_get(daemon_set, "metadata.annotations");
    const char *strategy = json_string_value(json_object_get(annotations, STRATEGY_ANNOTATION));
    if (!strategy)
        return -ENOENT;
    return made(json_pack("{s:{s:{s:n}}, s:{s:{s:s}}}", "metadata", "annotations",
                          STRATEGY_ANNOTATION, "spec", "updateStrategy", "type", strategy),
                ret);
}

int upgrade_dns(const json_t *deployment, const char *image, json_t **ret)
{
    const char *current = upgrade_container_image(deployment, "coredns");
    if (!current || str_eq(current, image))
        return -ENOENT;
    json_auto_t *spec = with_image("coredns", image);
    return made(spec ? json_pack("{s:O}", "spec", spec) : NULL, ret);
}
