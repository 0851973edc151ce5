/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a request makes sense, before anything is rendered from it. */
#include <string.h>

#include "base/str.h"
#include "cluster/kubeadm-private.h"
#include "resource/format.h"

bool kubeadm_asks_for_authority(const struct kubeadm_request *request)
{
    return request->task == KUBEADM_JOIN && request->alone && !request->ca;
}

static bool domain_is(const char *domain, size_t len, const char *want)
{
    size_t n = strlen(want);
    return len >= n && strncmp(domain + len - n, want, n) == 0 &&
           (len == n || domain[len - n - 1] == '.');
}

/*
 * A kubelet refuses to start with labels of Kubernetes' own domains that its Node may not give to
 * itself, beside these.
 */
static bool label_is_allowed(const char *key)
{
    static const char *const known[] = {
        "kubernetes.io/hostname",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "node.kubernetes.io/instance-type",
    };
    const char *slash = strchr(key, '/');
    size_t len = slash ? (size_t)(slash - key) : 0;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (str_eq(key, known[i]))
            return true;
    }
    if (domain_is(key, len, "kubelet.kubernetes.io") || domain_is(key, len, "node.kubernetes.io"))
        return true;
    return !domain_is(key, len, "kubernetes.io") && !domain_is(key, len, "k8s.io");
}

static int check_labels(const struct kubeadm_machine *machine, struct err *err)
{
    for (size_t i = 0; i < machine->n_labels; i++) {
        const struct pair *label = &machine->labels[i];
        if (!format_label_key.check(label->key) || !format_label_value.check(label->value))
            return err_set(err, -EINVAL, "not a label: \"%s=%s\"", label->key, label->value);
        if (!label_is_allowed(label->key))
            return err_set(err, -EINVAL, "a Node may not give itself the label \"%s\"", label->key);
    }
    return 0;
}

static int check_machine(const struct kubeadm_machine *machine, struct err *err)
{
    if (!machine->name || !format_name.check(machine->name))
        return err_set(err, -EINVAL, "not the name of a Node: \"%s\"",
                       machine->name ? machine->name : "");
    if (!machine->address)
        return err_set(err, -EINVAL, "%s: its address is not known", machine->name);
    if (!machine_role_joins(machine->role))
        return err_set(err, -EINVAL, "%s: neither controlPlane nor worker", machine->name);
    return check_labels(machine, err);
}

static int check_init(const struct kubeadm_request *request, struct err *err)
{
    const char *name = request->machine.name;
    if (request->machine.role != ROLE_CONTROL_PLANE)
        return err_set(err, -EINVAL, "%s: only a control plane initialises a cluster", name);
    if (!str_eq(request->version, request->cluster->spec.kubernetes_version))
        return err_set(err, -EINVAL, "%s: the image holds Kubernetes %s, not %s", name,
                       request->version, request->cluster->spec.kubernetes_version);
    return 0;
}

/* Without a server the hash of its key is enough, which kubeadm compares; or somebody said that
 * anybody is to be believed. */
static int check_authority(const struct kubeadm_request *request, struct err *err)
{
    const struct kubeadm_alone *alone = request->alone;
    if (alone && alone->ca_hash && !format_key_hash.check(alone->ca_hash))
        return err_set(err, -EINVAL, "not the hash of an authority's key: \"%s\"", alone->ca_hash);
    if (!request->ca && alone && (alone->ca_hash || alone->skip_ca))
        return 0;
    if (!request->ca || !format_certificates.check(request->ca))
        return err_set(err, -EINVAL, "%s: no certificate of the cluster's authority",
                       request->machine.name);
    return 0;
}

static int check_task(const struct kubeadm_request *request, struct err *err)
{
    bool needs_token = request->task == KUBEADM_JOIN || request->alone;
    if (needs_token &&
        (!request->token ||
         !format_bootstrap_token.check(request->token))) /* which was meant to be a secret */
        return err_set(err, -EINVAL, "%s: no valid bootstrap token", request->machine.name);
    return request->task == KUBEADM_INIT ? check_init(request, err) : check_authority(request, err);
}

/* kubeadm waits for several things one after the other within one attempt's time. */
static void set_timeout(struct kubeadm_making *m)
{
    int64_t seconds = m->request->cluster->spec.join_policy.join_timeout_seconds / 2;
    (void)snprintf(m->timeout, sizeof(m->timeout), "%llds", (long long)seconds);
}

int kubeadm_begin(const struct kubeadm_request *request, struct kubeadm_making *m, struct err *err)
{
    static const struct kubeadm_dialect *const dialects[] = {
        [KUBEADM_V1BETA2] = &kubeadm_v1beta2,
        [KUBEADM_V1BETA3] = &kubeadm_v1beta3,
        [KUBEADM_V1BETA4] = &kubeadm_v1beta4,
    };
    enum kubeadm_api api;
    *m = (struct kubeadm_making){.request = request};
    int r = kubeadm_version_api(request->version, &api, err);
    if (r == 0)
        r = kube_version_parse(request->version, &m->version);
    if (r == 0)
        r = check_machine(&request->machine, err);
    if (r == 0)
        r = check_task(request, err);
    if (r < 0)
        return r;
    ipv4 first = request->task == KUBEADM_INIT ? request->machine.address : request->first;
    if (cluster_host(request->cluster, first, m->host) < 0 ||
        cluster_endpoint_text(request->cluster, first, m->endpoint) < 0)
        return err_set(err, -EINVAL, "the cluster's endpoint is not known");
    m->dialect = dialects[api];
    set_timeout(m);
    return 0;
}

json_t *kubeadm_pki_path(const struct kubeadm_making *m, const char *name)
{
    return json_sprintf("%s/%s", m->request->cluster->spec.certificates_dir, name);
}
