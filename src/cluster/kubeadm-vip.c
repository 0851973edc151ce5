/* SPDX-License-Identifier: Apache-2.0 */
/* kube-vip as a static Pod: it moves the virtual address to a control plane that works. */
#include "base/str.h"
#include "cluster/kubeadm-private.h"
#include "resource/print.h"

static void add_variable(struct kubeadm_making *m, json_t *list, const char *name,
                         const char *value)
{
    kubeadm_append(m, list, json_pack("{s:s, s:s}", "name", name, "value", value));
}

/* The names are those of kube-vip v0.8. Its defaults for the rest are a lease of 5 s in
 * kube-system. */
static json_t *variables(struct kubeadm_making *m)
{
    const struct virtual_ip *vip = &m->request->cluster->spec.endpoint.virtual_ip;
    char address[IPV4_TEXT_SIZE], port[8];
    json_t *list = json_array();
    (void)snprintf(port, sizeof(port), "%d", (int)cluster_bind_port(m->request->cluster));
    add_variable(m, list, "address", ipv4_text(vip->address, address));
    add_variable(m, list, "port", port);
    if (vip->interface)
        add_variable(m, list, "vip_interface", vip->interface);
    add_variable(m, list, "vip_arp", "true");
    add_variable(m, list, "vip_cidr", "32");
    add_variable(m, list, "cp_enable", "true");
    add_variable(m, list, "cp_namespace", "kube-system");
    add_variable(m, list, "vip_leaderelection", "true");
    add_variable(m, list, "vip_leasename", "plndr-cp-lock");
    kubeadm_append(m, list,
                   json_pack("{s:s, s:{s:{s:s}}}", "name", "vip_nodename", "valueFrom", "fieldRef",
                             "fieldPath", "spec.nodeName"));
    return list;
}

static json_t *container(struct kubeadm_making *m)
{
    return json_pack("{s:s, s:s, s:s, s:[s], s:o, s:{s:{s:[s], s:[s, s]}}, s:[{s:s, s:s}]}", "name",
                     "kube-vip", "image", m->request->cluster->spec.endpoint.virtual_ip.image,
                     "imagePullPolicy", "IfNotPresent", "args", "manager", "env", variables(m),
                     "securityContext", "capabilities", "drop", "ALL", "add", "NET_ADMIN",
                     "NET_RAW", "volumeMounts", "name", "kubeconfig", "mountPath",
                     "/etc/kubernetes/admin.conf");
}

/*
 * Since 1.29 admin.conf may do nothing until the end of an init; super-admin.conf may. The kubelet
 * starts before either is there: type File makes it wait, where it would make a folder otherwise.
 * kube-vip asks the API server beside it, by the name "kubernetes", not through the address that it
 * is about to bring.
 */
static json_t *pod(struct kubeadm_making *m)
{
    bool restricted = m->request->task == KUBEADM_INIT && kube_version_at_least(m->version, 1, 29);
    const char *kubeconfig =
        restricted ? "/etc/kubernetes/super-admin.conf" : "/etc/kubernetes/admin.conf";
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s, s:s}}, s:{s:b, s:s, s:[{s:s, s:[s]}], "
                     "s:[o], s:[{s:s, s:{s:s, s:s}}]}}",
                     "apiVersion", "v1", "kind", "Pod", "metadata", "name", "kube-vip", "namespace",
                     "kube-system", "labels", "component", "kube-vip", "tier", "control-plane",
                     "spec", "hostNetwork", 1, "priorityClassName", "system-node-critical",
                     "hostAliases", "ip", "127.0.0.1", "hostnames", "kubernetes", "containers",
                     container(m), "volumes", "name", "kubeconfig", "hostPath", "path", kubeconfig,
                     "type", "File");
}

bool kubeadm_has_vip_pod(const struct kubeadm_request *request)
{
    const struct virtual_ip *vip = &request->cluster->spec.endpoint.virtual_ip;
    return request->machine.role == ROLE_CONTROL_PLANE && vip->address &&
           vip->provider == VIRTUAL_IP_KUBE_VIP;
}

int kubeadm_vip_pod(const struct kubeadm_request *request, char **ret, struct err *err)
{
    struct kubeadm_making m;
    _autobuf_ struct buf out = BUF_INIT;
    int r = kubeadm_begin(request, &m, err);
    if (r < 0)
        return r;
    json_t *json = pod(&m);
    r = json && !m.failed ? yaml_write(json, &out) : -ENOMEM;
    json_decref(json);
    char *text = r == 0 ? buf_steal(&out) : NULL;
    if (!text)
        return err_errno(err, r < 0 ? r : -ENOMEM, "the Pod of the virtual address");
    *ret = text;
    return 0;
}
