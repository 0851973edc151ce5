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
                     ipv4 first, struct buf *list)
{
    const struct cluster_spec *spec = &cluster->spec;
    char text[CIDR_TEXT_SIZE], host[CLUSTER_HOST_SIZE];
    add_item(list, "localhost");
    add_item(list, "127.0.0.0/8");
    /* Link-local (RFC 3927 section 7): kubelet looks for a cloud's metadata service there, and
     * would be given that of the proxy's own machine. */
    add_item(list, "169.254.0.0/16");
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
    if (cluster_host(cluster, first, host) == 0)
        add_item(list, host);
    for (size_t i = 0; i < spec->proxy.n_no_proxy; i++)
        add_item(list, spec->proxy.no_proxy[i]);
}

/* systemd.exec(5): in quotes '"' and '\' are escaped; where units and systemd are configured, '%'
 * is a specifier unless doubled. */
static void add_for_systemd(enum kubeadm_proxy_form form, const char *value, struct buf *out)
{
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            buf_addc(out, '\\');
        if (*value == '%' && form != KUBEADM_PROXY_ENVIRONMENT)
            buf_addc(out, '%');
        buf_addc(out, *value);
    }
}

/* Between ' and ' everything is itself; a ' is written outside of them. */
static void add_for_shell(const char *value, struct buf *out)
{
    for (; *value; value++) {
        if (*value == '\'')
            buf_adds(out, "'\\'");
        buf_addc(out, *value);
    }
}

static void add_variable(enum kubeadm_proxy_form form, const char *name, const char *value,
                         struct buf *out)
{
    static const struct {
        const char *before, *between, *behind;
    } forms[] = {
        [KUBEADM_PROXY_ENVIRONMENT] = {"", "=\"", "\"\n"},
        [KUBEADM_PROXY_SERVICE] = {"Environment=\"", "=", "\"\n"},
        [KUBEADM_PROXY_MANAGER] = {"DefaultEnvironment=\"", "=", "\"\n"},
        [KUBEADM_PROXY_SHELL] = {"export ", "='", "'\n"},
    };
    buf_adds(out, forms[form].before);
    buf_adds(out, name);
    buf_adds(out, forms[form].between);
    if (form == KUBEADM_PROXY_SHELL)
        add_for_shell(value, out);
    else
        add_for_systemd(form, value, out);
    buf_adds(out, forms[form].behind);
}

/* Programs disagree about the case of these names. */
static void add_variables(const struct cluster *cluster, const struct kubeadm_machine *machine,
                          ipv4 first, enum kubeadm_proxy_form form, struct buf *out)
{
    const struct cluster_proxy *proxy = &cluster->spec.proxy;
    _autobuf_ struct buf inside = BUF_INIT;
    no_proxy(cluster, machine, first, &inside);
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

void kubeadm_proxy(const struct cluster *cluster, const struct kubeadm_machine *machine, ipv4 first,
                   enum kubeadm_proxy_form form, struct buf *out)
{
    static const char *const sections[] = {[KUBEADM_PROXY_SERVICE] = "[Service]\n",
                                           [KUBEADM_PROXY_MANAGER] = "[Manager]\n",
                                           [KUBEADM_PROXY_SHELL] = NULL};
    if (!cluster->spec.proxy.http && !cluster->spec.proxy.https)
        return;
    if (sections[form])
        buf_adds(out, sections[form]);
    add_variables(cluster, machine, first, form, out);
}
