/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy's variables, in the forms that systemd reads. */
#include "base/str.h"
#include "cluster/kubeadm.h"

static void add_item(struct buf *list, const char *item)
{
    buf_printf(list, "%s%s", list->len ? "," : "", item);
}

/* What is inside, and then what the Cluster adds. */
static void no_proxy(const struct cluster *cluster, const struct kubeadm_machine *machine,
                     struct buf *list)
{
    const struct cluster_spec *spec = &cluster->spec;
    char text[CIDR_TEXT_SIZE], host[CLUSTER_HOST_SIZE];
    add_item(list, "localhost");
    add_item(list, "127.0.0.0/8");
    add_item(list, cidr_text(spec->networking.pod_subnet, text));
    add_item(list, cidr_text(spec->networking.service_subnet, text));
    add_item(list, ".svc");
    buf_printf(list, ",.%s", spec->networking.dns_domain);
    if (machine->address)
        add_item(list, ipv4_text(machine->address, text));
    if (machine->subnet.prefix) {
        struct cidr subnet = {cidr_first(machine->subnet), machine->subnet.prefix};
        add_item(list, cidr_text(subnet, text));
    }
    if (cluster_host(cluster, 0, host) == 0)
        add_item(list, host);
    for (size_t i = 0; i < spec->proxy.n_no_proxy; i++)
        add_item(list, spec->proxy.no_proxy[i]);
}

enum form { FORM_ENVIRONMENT, FORM_SERVICE, FORM_MANAGER };

/* systemd.exec(5): in quotes '"' and '\' are escaped; in units '%' is a specifier unless doubled.
 */
static void add_quoted(enum form form, const char *value, struct buf *out)
{
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            buf_addc(out, '\\');
        if (*value == '%' && form != FORM_ENVIRONMENT)
            buf_addc(out, '%');
        buf_addc(out, *value);
    }
}

static void add_variable(enum form form, const char *name, const char *value, struct buf *out)
{
    static const char *const forms[] = {
        [FORM_ENVIRONMENT] = "%s=\"",
        [FORM_SERVICE] = "Environment=\"%s=",
        [FORM_MANAGER] = "DefaultEnvironment=\"%s=",
    };
    const char *start = forms[form], *mark = strstr(start, "%s");
    buf_add(out, start, (size_t)(mark - start));
    buf_adds(out, name);
    buf_adds(out, mark + 2);
    add_quoted(form, value, out);
    buf_adds(out, "\"\n");
}

/* Programs disagree about the case of these names. */
static void add_variables(const struct cluster *cluster, const struct kubeadm_machine *machine,
                          enum form form, struct buf *out)
{
    const struct cluster_proxy *proxy = &cluster->spec.proxy;
    _autobuf_ struct buf inside = BUF_INIT;
    no_proxy(cluster, machine, &inside);
    const struct {
        const char *upper, *lower, *value;
    } variables[] = {
        {"HTTP_PROXY", "http_proxy", proxy->http},
        {"HTTPS_PROXY", "https_proxy", proxy->https},
        {"NO_PROXY", "no_proxy", buf_str(&inside)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        if (!variables[i].value)
            continue;
        add_variable(form, variables[i].upper, variables[i].value, out);
        add_variable(form, variables[i].lower, variables[i].value, out);
    }
    if (buf_error(&inside) < 0)
        out->error = buf_error(&inside);
}

static bool has_proxy(const struct cluster *cluster)
{
    return cluster->spec.proxy.http || cluster->spec.proxy.https;
}

void kubeadm_proxy_environment(const struct cluster *cluster, const struct kubeadm_machine *machine,
                               struct buf *out)
{
    if (has_proxy(cluster))
        add_variables(cluster, machine, FORM_ENVIRONMENT, out);
}

void kubeadm_proxy_dropin(const struct cluster *cluster, const struct kubeadm_machine *machine,
                          bool manager, struct buf *out)
{
    if (!has_proxy(cluster))
        return;
    buf_adds(out, manager ? "[Manager]\n" : "[Service]\n");
    add_variables(cluster, machine, manager ? FORM_MANAGER : FORM_SERVICE, out);
}
