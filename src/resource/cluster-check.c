/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/cluster-check.h"

#include <string.h>

#include "base/str.h"
#include "resource/kube-version.h"

enum {
    SERVICE_PREFIX_MIN = 12, /* kube-apiserver: at most 20 bits for hosts */
    SERVICE_PREFIX_MAX = 28, /* kubeadm: at least ten addresses */
    NODE_PREFIX = 24,        /* kube-controller-manager's --node-cidr-mask-size */
    POD_PREFIX_MIN = 8,      /* and at most 16 bits between the two */
};

static bool cidr_overlap(struct cidr a, struct cidr b)
{
    return cidr_first(a) <= cidr_last(b) && cidr_first(b) <= cidr_last(a);
}

static void check_host_bits(struct cidr subnet, const char *path, struct problems *problems)
{
    char text[CIDR_TEXT_SIZE];
    struct cidr clean = {cidr_first(subnet), subnet.prefix};
    if (subnet.address != clean.address)
        problem_add(problems, PROBLEM_INVALID, path, "has bits behind its prefix; the subnet is %s",
                    cidr_text(clean, text));
}

static void check_prefix(struct cidr subnet, int min, int max, const char *path,
                         struct problems *problems)
{
    if (subnet.prefix < min)
        problem_add(problems, PROBLEM_INVALID, path,
                    "larger than Kubernetes allows: the prefix must be at least /%d", min);
    else if (subnet.prefix > max)
        problem_add(problems, PROBLEM_INVALID, path, "too small: the prefix must be at most /%d",
                    max);
}

static void check_networking(const struct cluster_networking *networking, struct problems *problems)
{
    char text[CIDR_TEXT_SIZE];
    check_host_bits(networking->pod_subnet, "spec.networking.podSubnet", problems);
    check_host_bits(networking->service_subnet, "spec.networking.serviceSubnet", problems);
    check_prefix(networking->pod_subnet, POD_PREFIX_MIN, NODE_PREFIX, "spec.networking.podSubnet",
                 problems);
    check_prefix(networking->service_subnet, SERVICE_PREFIX_MIN, SERVICE_PREFIX_MAX,
                 "spec.networking.serviceSubnet", problems);
    if (cidr_overlap(networking->pod_subnet, networking->service_subnet))
        problem_add(problems, PROBLEM_INVALID, "spec.networking.serviceSubnet",
                    "overlaps spec.networking.podSubnet %s",
                    cidr_text(networking->pod_subnet, text));
}

static const char *const subnet_paths[] = {"spec.networking.podSubnet",
                                           "spec.networking.serviceSubnet"};

/* An address of the endpoint is no Pod's and no Service's. */
static void check_outside(const struct cluster_networking *networking, ipv4 address,
                          const char *path, struct problems *problems)
{
    char text[CIDR_TEXT_SIZE];
    const struct cidr subnets[] = {networking->pod_subnet, networking->service_subnet};
    for (size_t i = 0; address && i < ARRAY_SIZE(subnets); i++) {
        if (cidr_contains(subnets[i], address))
            problem_add(problems, PROBLEM_INVALID, path, "inside %s %s", subnet_paths[i],
                        cidr_text(subnets[i], text));
    }
}

static void check_endpoint(const struct cluster_spec *spec, struct problems *problems)
{
    const struct cluster_endpoint *endpoint = &spec->endpoint;
    char text[IPV4_TEXT_SIZE];
    ipv4 host = 0;
    if (endpoint->host && ipv4_parse(endpoint->host, &host) < 0)
        host = 0; /* a name */
    check_outside(&spec->networking, host, "spec.controlPlaneEndpoint.host", problems);
    check_outside(&spec->networking, endpoint->virtual_ip.address,
                  "spec.controlPlaneEndpoint.virtualIP.address", problems);
    if (host && endpoint->virtual_ip.address && host != endpoint->virtual_ip.address)
        problem_add(problems, PROBLEM_INVALID, "spec.controlPlaneEndpoint.host",
                    "another address than spec.controlPlaneEndpoint.virtualIP.address %s",
                    ipv4_text(endpoint->virtual_ip.address, text));
}

/* It moves an address, and forwards nothing. */
static void check_ports(const struct cluster_spec *spec, struct problems *problems)
{
    int64_t port = spec->api_server.bind_port;
    if (spec->endpoint.virtual_ip.address && port && port != spec->endpoint.port)
        problem_add(problems, PROBLEM_INVALID, "spec.apiServer.bindPort",
                    "with a virtualIP it must be spec.controlPlaneEndpoint.port, %lld",
                    (long long)spec->endpoint.port);
}

static void check_version(const struct cluster_spec *spec, struct problems *problems)
{
    struct kube_version version;
    if (kube_version_parse(spec->kubernetes_version, &version) < 0)
        return; /* its field says so */
    if (!kube_version_at_least(version, 1, 15))
        problem_add(problems, PROBLEM_INVALID, "spec.kubernetesVersion",
                    "older than v1.15, the first that Slipway can set up");
    if (spec->features.pod_security_policy && kube_version_at_least(version, 1, 25))
        problem_add(problems, PROBLEM_INVALID, "spec.features.podSecurityPolicy",
                    "Kubernetes has it no more since v1.25");
}

static bool is_variable_name(const char *name)
{
    return name[0] && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
                                   ".") == strlen(name);
}

static void check_addon(const struct cluster_spec *spec, size_t i, struct problems *problems)
{
    const struct cluster_addon *addon = &spec->addons[i];
    char path[96];
    (void)snprintf(path, sizeof(path), "spec.addons[%zu].name", i);
    if (str_eq(addon->name, CLUSTER_ADDON_CNI))
        problem_add(problems, PROBLEM_INVALID, path, "is kept for spec.cni.manifest");
    for (size_t k = 0; k < i; k++) {
        if (!str_eq(addon->name, spec->addons[k].name))
            continue;
        problem_add(problems, PROBLEM_DUPLICATE, path, "the same as spec.addons[%zu].name", k);
        break;
    }
    (void)snprintf(path, sizeof(path), "spec.addons[%zu].variables", i);
    for (size_t k = 0; k < addon->n_variables; k++) {
        if (!is_variable_name(addon->variables[k].key))
            problem_add(problems, PROBLEM_INVALID, path,
                        "a variable's name is letters, digits, '_' and '.', not \"%s\"",
                        addon->variables[k].key);
    }
}

static void check_cni(const struct cluster_cni *cni, struct problems *problems)
{
    bool own = cni->driver == CNI_BRIDGE || cni->driver == CNI_NONE;
    const char *driver = field_enum_text(cni_driver_values, (int)cni->driver);
    if (own && (cni->manifest || cni->image))
        problem_add(problems, PROBLEM_INVALID,
                    cni->manifest ? "spec.cni.manifest" : "spec.cni.image",
                    cni->driver == CNI_NONE ? "spec.cni.driver is none"
                                            : "spec.cni.driver is bridge, which is built in");
    if (!own && !cni->manifest)
        problem_add(problems, PROBLEM_REQUIRED, "spec.cni.manifest",
                    "spec.cni.driver %s is its project's manifest: a file or its URL", driver);
}

void cluster_check(const void *object, struct problems *problems)
{
    const struct cluster_spec *spec = &((const struct cluster *)object)->spec;
    check_networking(&spec->networking, problems);
    check_endpoint(spec, problems);
    check_ports(spec, problems);
    check_version(spec, problems);
    for (size_t i = 0; i < spec->n_addons; i++)
        check_addon(spec, i, problems);
    check_cni(&spec->cni, problems);
    if (spec->oidc.issuer && !str_after(spec->oidc.issuer, "https://"))
        problem_add(problems, PROBLEM_INVALID, "spec.oidc.issuer", "must begin with https://");
    if (!str_after(spec->certificates_dir, "/etc/kubernetes/"))
        problem_add(problems, PROBLEM_INVALID, "spec.certificatesDir",
                    "must be below /etc/kubernetes");
    if (spec->proxy.system_wide && !spec->proxy.http && !spec->proxy.https)
        problem_add(problems, PROBLEM_INVALID, "spec.proxy.systemWide",
                    "needs spec.proxy.http or spec.proxy.https");
}

/* ---- changes ---- */

static bool cidr_eq(struct cidr a, struct cidr b)
{
    return a.address == b.address && a.prefix == b.prefix;
}

static void check_kept(bool same, const char *path, struct problems *problems)
{
    if (!same)
        problem_add(problems, PROBLEM_FORBIDDEN, path,
                    "may not be changed once the cluster is being initialised");
}

/*
 * From one minor version to the next, never back: counted from the one that all Machines run, which
 * is not yet the one that was asked for last.
 */
static void check_upgrade(const struct cluster *before, const char *to, struct problems *problems)
{
    const char *from = before->spec.kubernetes_version;
    const char *running = before->status.kubernetes_version;
    struct kube_version old, new, base;
    if (kube_version_parse(from, &old) < 0 || kube_version_parse(to, &new) < 0)
        return;
    if (!running || kube_version_parse(running, &base) < 0) {
        running = from;
        base = old;
    }
    if (new.major < old.major || (new.major == old.major &&new.minor < old.minor))
        problem_add(problems, PROBLEM_FORBIDDEN, "spec.kubernetesVersion",
                    "a cluster cannot go back from %s", from);
    else if (new.major > base.major || new.minor > base.minor + 1)
        problem_add(problems, PROBLEM_FORBIDDEN, "spec.kubernetesVersion",
                    "more than one minor version above %s", running);
}

/* Where the authorities came from is of no account any more once they are there. */
static void check_authorities(const struct cluster *before, const char *from,
                              struct problems *problems)
{
    if (before->status.ca_hash && !str_eq(before->spec.certificates_from, from))
        problem_add(problems, PROBLEM_FORBIDDEN, "spec.certificatesFrom",
                    "may not be changed: the cluster has its authorities");
}

void cluster_check_change(const void *before, const void *after, struct problems *problems)
{
    const struct cluster *old = before, *new = after;
    const struct cluster_spec *a = &old->spec, *b = &new->spec;
    check_authorities(old, b->certificates_from, problems);
    if (!old->status.initialized_by)
        return;
    check_kept(cidr_eq(a->networking.pod_subnet, b->networking.pod_subnet),
               "spec.networking.podSubnet", problems);
    check_kept(cidr_eq(a->networking.service_subnet, b->networking.service_subnet),
               "spec.networking.serviceSubnet", problems);
    check_kept(str_eq(a->networking.dns_domain, b->networking.dns_domain),
               "spec.networking.dnsDomain", problems);
    check_kept(str_eq(a->endpoint.host, b->endpoint.host), "spec.controlPlaneEndpoint.host",
               problems);
    check_kept(a->endpoint.port == b->endpoint.port, "spec.controlPlaneEndpoint.port", problems);
    check_kept(a->endpoint.virtual_ip.address == b->endpoint.virtual_ip.address,
               "spec.controlPlaneEndpoint.virtualIP.address", problems);
    check_kept(str_eq(a->certificates_dir, b->certificates_dir), "spec.certificatesDir", problems);
    check_upgrade(old, b->kubernetes_version, problems);
}

/* ---- members ---- */

static void check_member(const struct cluster *cluster, const struct cluster_member *members,
                         size_t i, struct problems *problems)
{
    const struct cluster_member *m = &members[i];
    const struct cidr subnets[] = {cluster->spec.networking.pod_subnet,
                                   cluster->spec.networking.service_subnet};
    char text[IPV4_TEXT_SIZE];
    if (!m->address)
        return;
    for (size_t k = 0; k < ARRAY_SIZE(subnets); k++) {
        if (cidr_contains(subnets[k], m->address))
            problem_add(problems, PROBLEM_INVALID, subnet_paths[k],
                        "holds %s, the address of Machine %s", ipv4_text(m->address, text),
                        m->name);
    }
    if (m->address == cluster->spec.endpoint.virtual_ip.address)
        problem_add(problems, PROBLEM_INVALID, "spec.controlPlaneEndpoint.virtualIP.address",
                    "is Machine %s's own address", m->name);
    for (size_t k = 0; k < i; k++) {
        if (members[k].address == m->address)
            problem_add(problems, PROBLEM_DUPLICATE, NULL,
                        "Machines %s and %s have the same address", members[k].name, m->name);
    }
}

/* An endpoint that goes with one control plane serves a cluster that has no other. */
bool cluster_endpoint_lasts(const struct cluster *cluster, const struct cluster_member *members,
                            size_t n)
{
    const struct cluster_endpoint *endpoint = &cluster->spec.endpoint;
    ipv4 host;
    if (endpoint->virtual_ip.address)
        return true;
    if (!endpoint->host)
        return false;
    if (ipv4_parse(endpoint->host, &host) < 0)
        return true;
    for (size_t i = 0; i < n; i++) {
        if (members[i].address == host)
            return false;
    }
    return true;
}

/* As Go's strconv.ParseBool reads it. */
static bool is_false(const char *value)
{
    static const char *const words[] = {"0", "f", "F", "false", "False", "FALSE"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (str_eq(value, words[i]))
            return true;
    }
    return false;
}

static bool elects(const struct cluster_component *component)
{
    for (size_t i = 0; i < component->n_extra_args; i++) {
        const struct pair *flag = &component->extra_args[i];
        if (str_eq(flag->key, "leader-elect"))
            return !is_false(flag->value);
    }
    return true;
}

const char *cluster_without_election(const struct cluster *cluster)
{
    if (!elects(&cluster->spec.controller_manager))
        return "spec.controllerManager.extraArgs";
    return elects(&cluster->spec.scheduler) ? NULL : "spec.scheduler.extraArgs";
}

static bool names_address(const char *const *names, size_t n, ipv4 address)
{
    ipv4 named;
    for (size_t i = 0; i < n; i++) {
        if (names[i] && ipv4_parse(names[i], &named) == 0 && named == address)
            return true;
    }
    return false;
}

bool cluster_address_is_reserved(const struct cluster *cluster, ipv4 address)
{
    const struct cluster_spec *s = &cluster->spec;
    bool special = address >> 24 == 127 || address >> 16 == 0xa9fe || address >> 28 >= 0xe ||
                   address >> 24 == 0;
    return special || address == s->endpoint.virtual_ip.address ||
           cidr_contains(s->networking.pod_subnet, address) ||
           cidr_contains(s->networking.service_subnet, address) ||
           names_address(&s->endpoint.host, 1, address) ||
           names_address(s->api_server.cert_sans, s->api_server.n_cert_sans, address) ||
           names_address(s->etcd.server_cert_sans, s->etcd.n_server_cert_sans, address) ||
           names_address(s->etcd.peer_cert_sans, s->etcd.n_peer_cert_sans, address);
}

void cluster_check_addresses(const struct cluster *cluster, const struct cluster_member *members,
                             size_t n, struct problems *problems)
{
    for (size_t i = 0; i < n; i++)
        check_member(cluster, members, i, problems);
}

void cluster_check_members(const struct cluster *cluster, const struct cluster_member *members,
                           size_t n, struct problems *problems)
{
    size_t control_planes = 0;
    cluster_check_addresses(cluster, members, n, problems);
    for (size_t i = 0; i < n; i++)
        control_planes += members[i].role == ROLE_CONTROL_PLANE;
    if (n && !control_planes)
        problem_add(problems, PROBLEM_REQUIRED, NULL, "no Machine has the role controlPlane");
    if (control_planes && control_planes % 2 == 0)
        problem_add(problems, PROBLEM_INVALID, NULL,
                    "%zu control planes survive no more failures than %zu: etcd needs a majority",
                    control_planes, control_planes - 1);
    if (control_planes > 1 && !cluster_endpoint_lasts(cluster, members, n))
        problem_add(problems, PROBLEM_REQUIRED, "spec.controlPlaneEndpoint",
                    "%zu control planes need an endpoint that outlives each of them: a name, a "
                    "load balancer or a virtualIP",
                    control_planes);
    const char *without_election = cluster_without_election(cluster);
    if (control_planes > 1 && without_election)
        problem_add(problems, PROBLEM_INVALID, without_election,
                    "leader-elect is off, and %zu control planes have to elect a leader",
                    control_planes);
}
