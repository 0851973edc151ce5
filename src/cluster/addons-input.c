/* SPDX-License-Identifier: Apache-2.0 */
/* What add-ons are made from: a Cluster's values, variables in texts, and files of addresses. */
#include <string.h>

#include "base/str.h"
#include "cluster/addons.h"
#include "provision/template.h"

static void set(json_t *values, const char *name, const char *value)
{
    if (!str_empty(value))
        (void)json_object_set_new(values, name, json_string(value));
}

static void set_endpoint(json_t *values, const struct cluster *cluster)
{
    char host[CLUSTER_HOST_SIZE], endpoint[CLUSTER_ENDPOINT_SIZE], issuer[CLUSTER_ISSUER_SIZE];
    if (cluster_host(cluster, 0, host) == 0)
        set(values, "host", host);
    if (cluster_endpoint_text(cluster, 0, endpoint) == 0) {
        _autofree_ char *url = str_format("https://%s", endpoint);
        set(values, "endpoint", endpoint);
        set(values, "apiServer", url);
    }
    if (cluster_oidc_issuer(cluster, 0, issuer, sizeof(issuer)) == 0) {
        set(values, "oidcIssuer", issuer);
        set(values, "oidcClientID", cluster->spec.oidc.client_id);
    }
}

static void set_cni(json_t *values, const struct cluster_cni *cni)
{
    char mtu[24];
    (void)snprintf(mtu, sizeof(mtu), "%lld", (long long)cni->mtu);
    set(values, "cniMTU", cni->mtu ? mtu : NULL);
    set(values, "cniImage", cni->image);
    set(values, "cniBinDir", cni->bin_dir);
    set(values, "cniConfDir", cni->conf_dir);
}

static json_t *values_of(const struct cluster *cluster, const char *authority)
{
    const struct cluster_spec *spec = &cluster->spec;
    char subnet[CIDR_TEXT_SIZE];
    json_t *values = json_object();
    _autofree_ char *data = authority ? str_base64(authority, strlen(authority)) : NULL;
    set(values, "clusterName", cluster->meta.name);
    set(values, "kubernetesVersion", spec->kubernetes_version);
    set(values, "podSubnet", cidr_text(spec->networking.pod_subnet, subnet));
    set(values, "serviceSubnet", cidr_text(spec->networking.service_subnet, subnet));
    set(values, "dnsDomain", spec->networking.dns_domain);
    set(values, "externalFQDN", spec->api_server.external_fqdn);
    set(values, "ca", authority);
    set(values, "caData", data);
    set_endpoint(values, cluster);
    set_cni(values, &spec->cni);
    return values;
}

static json_t *certificates_of(const struct cluster_addon *addon)
{
    json_t *list = json_array();
    for (size_t i = 0; i < addon->n_certificates; i++) {
        const struct cluster_addon_certificate *c = &addon->certificates[i];
        json_t *names = json_array();
        for (size_t k = 0; k < c->n_names; k++)
            (void)json_array_append_new(names, json_string(c->names[k]));
        (void)json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "secret", c->secret,
                                                    "namespace", c->namespace, "names", names));
    }
    return list;
}

static json_t *addon_of(const struct cluster_addon *addon)
{
    json_t *variables = json_object();
    for (size_t i = 0; i < addon->n_variables; i++)
        (void)json_object_set_new(variables, addon->variables[i].key,
                                  json_string(addon->variables[i].value));
    return json_pack("{s:s, s:s, s:b, s:o, s:s*, s:o}", "name", addon->name, "path", addon->path,
                     "template", addon->template != TRI_FALSE, "variables", variables,
                     "variablesFrom", addon->variables_from, "certificates",
                     certificates_of(addon));
}

int addons_input(const struct cluster *cluster, const char *authority, json_t **ret)
{
    const struct cluster_spec *spec = &cluster->spec;
    const struct cluster_addon cni = {.name = CLUSTER_ADDON_CNI, .path = spec->cni.manifest};
    json_t *addons = json_array();
    if (cni.path)
        (void)json_array_append_new(addons, addon_of(&cni));
    for (size_t i = 0; i < spec->n_addons; i++)
        (void)json_array_append_new(addons, addon_of(&spec->addons[i]));
    bool whole = json_array_size(addons) == spec->n_addons + (cni.path ? 1 : 0);
    json_t *input =
        json_pack("{s:o, s:o}", "values", values_of(cluster, authority), "addons", addons);
    if (!input || !whole) {
        json_decref(input);
        return -ENOMEM;
    }
    *ret = input;
    return 0;
}

/* ---- variables ---- */

static size_t add_variables(struct template_variable *variables, size_t n, const json_t *from)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)from, name, value) {
        if (json_is_string(value))
            variables[n++] = (struct template_variable){name, json_string_value(value)};
    }
    return n;
}

int addons_render(const char *text, size_t len, const json_t *own, const json_t *values,
                  struct buf *out, struct err *err)
{
    size_t most = json_object_size(own) + json_object_size(values) + 1;
    _autofree_ struct template_variable *items = calloc(most, sizeof(*items));
    if (!items)
        return err_set(err, -ENOMEM, "out of memory");
    size_t n = add_variables(items, 0, own);
    n = add_variables(items, n, values);
    return template_render(text, len, &(struct template_variables){items, n}, out, err);
}

/* ---- addresses ---- */

void addon_urls_free(struct addon_urls *urls)
{
    for (size_t i = 0; i < urls->n; i++)
        free(urls->items[i].url);
    urls->n = 0;
}

/* One line, cut into words. */
static int add_url(char *line, struct addon_urls *ret)
{
    struct addon_url *url = &ret->items[ret->n];
    char *rest = NULL;
    const char *address = strtok_r(line, " \t\r", &rest);
    const char *digest = address ? strtok_r(NULL, " \t\r", &rest) : NULL;
    if (!address || address[0] == '#')
        return 0;
    if (!str_after(address, "https://") && !str_after(address, "http://"))
        return -EINVAL;
    const char *hex = digest ? str_after(digest, "sha256:") : NULL;
    if (digest && (!hex || str_unhex(hex, url->sha256, sizeof(url->sha256)) < 0))
        return -EINVAL;
    if (strtok_r(NULL, " \t\r", &rest))
        return -EINVAL;
    url->pinned = digest != NULL;
    url->url = strdup(address);
    if (!url->url)
        return -ENOMEM;
    ret->n++;
    return 0;
}

int addon_urls_parse(const char *text, size_t len, struct addon_urls *ret, struct err *err)
{
    _autofree_ char *copy = strndup(text, len);
    char *rest = copy;
    unsigned number = 0;
    *ret = (struct addon_urls){.n = 0};
    int r = copy ? 0 : -ENOMEM;
    for (char *line; r == 0 && (line = strsep(&rest, "\n"));) {
        number++;
        r = ret->n < ADDON_URLS_MAX ? add_url(line, ret) : -E2BIG;
    }
    if (r == 0)
        return 0;
    addon_urls_free(ret);
    if (r == -EINVAL)
        return err_set(
            err, r, "line %u: expected a http or https URL, then sha256:DIGEST or nothing", number);
    return err_errno(err, r, "line %u", number);
}
