/* SPDX-License-Identifier: Apache-2.0 */
/* The field table of Cluster; the rules between fields are in cluster-check.c. */
#include "resource/cluster.h"

#include "base/str.h"
#include "resource/cluster-check.h"
#include "resource/format.h"

const char *const virtual_ip_provider_values[] = {"keepalived", "kube-vip", NULL};
const char *const container_runtime_values[] = {"containerd", "crio", NULL};
const char *const cni_driver_values[] = {"bridge", "flannel", "calico", "cilium", "none", NULL};
const char *const cluster_phase_values[] = {"Pending",  "Initializing", "Ready",
                                            "Degraded", "Failed",       NULL};

#define S struct virtual_ip
static const struct field virtual_ip_fields[] = {
    F_IPV4(S, address, "address", .flags = FIELD_REQUIRED, .doc = "The address."),
    F_STRING(S, interface, "interface", .format = &format_link,
             .doc = "Interface of the control planes that carries it.",
             .late = "the one that the machine's own address is on"),
    F_ENUM(S, provider, "provider", virtual_ip_provider_values, .def = "\"keepalived\"",
           .doc = "What moves it: keepalived, by VRRP with multicast, which needs the packages "
                  "keepalived and curl in the Image of the control planes; or kube-vip, a static "
                  "Pod of them."),
    F_INT(S, router_id, "routerID", .min = 1, .max = 255,
          .doc = "keepalived's virtual router ID, which no other router of the link may have.",
          .late = "the last byte of the address"),
    F_STRING(S, image, "image", .max_length = 255, .def = "\"ghcr.io/kube-vip/kube-vip:v0.8.9\"",
             .doc = "Container image of kube-vip v0.8, which the Image should hold already."),
    {0}};
#undef S

#define S struct cluster_endpoint
static const struct field endpoint_fields[] = {
    F_STRING(S, host, "host", .format = &format_dns_host, .max_length = 253,
             .doc = "DNS name or address by which machines and people reach the API server: of a "
                    "load balancer, of virtualIP, or of the only control plane.",
             .late = "virtualIP.address, else the address of the Machine that initialises the "
                     "cluster"),
    F_INT(S, port, "port", .def = "6443", .min = 1, .max = 65535, .doc = "Port of the endpoint."),
    F_OBJECT(S, virtual_ip, "virtualIP", struct virtual_ip, virtual_ip_fields,
             .doc = "An address that Slipway provides and that moves to a control plane which "
                    "works. Where host is an address, it must be this one; where it is a name, "
                    "the name must lead here."),
    {0}};
#undef S

#define S struct cluster_networking
static const struct field networking_fields[] = {
    F_CIDR(S, pod_subnet, "podSubnet", .def = "\"10.244.0.0/16\"",
           .doc = "Addresses of Pods; every machine gets a /24 of it."),
    F_CIDR(S, service_subnet, "serviceSubnet", .def = "\"10.96.0.0/12\"",
           .doc = "Addresses of Services."),
    F_STRING(S, dns_domain, "dnsDomain", .format = &format_name, .max_length = 253,
             .def = "\"cluster.local\"", .doc = "DNS domain of Services."),
    {0}};
#undef S

#define S struct cluster_component
static const struct field component_fields[] = {
    F_MAP(S, extra_args, "extraArgs", .max_items = 128, .max_length = 4096,
          .doc = "Flags without their dashes, and their values. They win over Slipway's."),
    {0}};
#undef S

#define S struct cluster_api_server
static const struct field api_server_fields[] = {
    F_INT(S, bind_port, "bindPort", .min = 1, .max = 65535,
          .doc = "Port that every API server listens on, where a load balancer has another one.",
          .late = "controlPlaneEndpoint.port"),
    F_STRINGS(S, cert_sans, "certSANs", FIELD_UNIQUE, .max_items = 64, .format = &format_san,
              .max_length = 253,
              .doc = "Further names and addresses in the API server's certificate. The endpoint's "
                     "and the machine's own are always in it."),
    F_STRING(S, external_fqdn, "externalFQDN", .format = &format_dns_host, .max_length = 253,
             .doc = "Name by which the cluster is known outside. It is in the API server's "
                    "certificate and the default of oidc.issuer."),
    F_MAP(S, extra_args, "extraArgs", .max_items = 128, .max_length = 4096,
          .doc = "Flags without their dashes, and their values. They win over Slipway's."),
    {0}};
#undef S

#define S struct cluster_etcd
static const struct field etcd_fields[] = {
    F_STRINGS(S, server_cert_sans, "serverCertSANs", FIELD_UNIQUE, .max_items = 64,
              .format = &format_san, .max_length = 253,
              .doc = "Further names and addresses in the certificates that clients of etcd see."),
    F_STRINGS(S, peer_cert_sans, "peerCertSANs", FIELD_UNIQUE, .max_items = 64,
              .format = &format_san, .max_length = 253,
              .doc = "Further names and addresses in the certificates that etcd's members show "
                     "each other."),
    {0}};
#undef S

#define S struct cluster_proxy
static const struct field proxy_fields[] = {
    F_STRING(S, http, "http", .format = &format_url,
             .doc = "Proxy for http. Everybody who may read the Cluster sees it: no passwords."),
    F_STRING(S, https, "https", .format = &format_url, .doc = "Proxy for https."),
    F_STRINGS(S, no_proxy, "noProxy", FIELD_UNIQUE, .max_items = 128, .format = &format_no_proxy,
              .doc = "Names, addresses and subnets to reach without the proxy. Those of the "
                     "cluster itself, and link-local addresses, always are."),
    F_BOOL(S, system_wide, "systemWide",
           .doc = "Whether everything on the machines uses the proxy: services of systemd from "
                  "their next start on, and shells of those who log in. Without it only the "
                  "container runtime, kubelet, kubeadm and the control plane's Pods do."),
    {0}};
#undef S

#define S struct cluster_features
static const struct field features_fields[] = {
    F_BOOL(S, pod_security_policy, "podSecurityPolicy",
           .doc = "Whether the admission plugin PodSecurityPolicy is on. Then Pods start only "
                  "where a policy admits them, so add-ons must bring policies. Kubernetes 1.25 "
                  "removed it."),
    F_MAP(S, gates, "featureGates", .flags = FIELD_BOOLEANS, .max_items = 128,
          .doc = "Kubernetes' feature gates, for all its components."),
    {0}};
#undef S

#define S struct cluster_oidc
static const struct field oidc_fields[] = {
    F_STRING(S, issuer, "issuer", .format = &format_url,
             .doc = "URL of the issuer of identity tokens; https.",
             .late = "https://NAME:32000, NAME being apiServer.externalFQDN or else the "
                     "endpoint's host"),
    F_STRING(S, client_id, "clientID", .flags = FIELD_REQUIRED,
             .doc = "Client that the tokens are made for."),
    F_STRING(S, ca, "ca", .format = &format_certificates, .max_length = 65536,
             .doc = "Authority that signed the issuer's certificate, in PEM.",
             .late = "the cluster's own authority"),
    F_STRING(S, username_claim, "usernameClaim", .def = "\"email\"",
             .doc = "Claim that names the user."),
    F_STRING(S, groups_claim, "groupsClaim", .def = "\"groups\"",
             .doc = "Claim that names the user's groups."),
    {0}};
#undef S

#define S struct cluster_cni
static const struct field cni_fields[] = {
    F_ENUM(S, driver, "driver", cni_driver_values, .def = "\"bridge\"",
           .doc = "What connects Pods: bridge is built in (a bridge per machine and routes "
                  "between them), none leaves it to you, the others are their projects' "
                  "manifests."),
    F_STRING(S, manifest, "manifest", .format = &format_location,
             .doc = "The driver's manifest: a file or a folder on the server, or a URL. Drivers "
                    "other than bridge and none need one. It is applied like an add-on, before "
                    "all others."),
    F_STRING(S, image, "image", .doc = "Container image for the driver's manifest."),
    F_STRING(S, bin_dir, "binDir", .format = &format_path, .def = "\"/opt/cni/bin\"",
             .doc = "Folder of the plugins. The image's container runtime looks for them there."),
    F_STRING(S, conf_dir, "confDir", .format = &format_path, .def = "\"/etc/cni/net.d\"",
             .doc = "Folder of the network configuration, where the image's container runtime "
                    "looks for it."),
    F_INT(S, mtu, "mtu", .min = 576, .max = 9216, .doc = "Largest packet of Pods in bytes.",
          .late = "that of the machine's link"),
    {0}};
#undef S

#define S struct cluster_addon_certificate
static const struct field addon_certificate_fields[] = {
    F_STRING(S, secret, "secret", .format = &format_name, .max_length = 253,
             .flags = FIELD_REQUIRED,
             .doc = "Name of the Secret, of type kubernetes.io/tls: tls.crt, tls.key and ca.crt."),
    F_STRING(S, namespace, "namespace", .format = &format_name, .max_length = 63,
             .def = "\"kube-system\"", .doc = "Namespace of the Secret."),
    F_STRINGS(S, names, "names", FIELD_REQUIRED | FIELD_UNIQUE, .max_items = 64,
              .format = &format_text, .max_length = 253,
              .doc =
                  "DNS names and addresses in the certificate. They may use the variables, as in "
                  "\"{{ .host }}\"."),
    {0}};
#undef S

#define S struct cluster_addon
static const struct field addon_fields[] = {
    F_STRING(S, name, "name", .format = &format_name, .max_length = 63, .flags = FIELD_REQUIRED,
             .doc = "Name of the add-on, by which what was removed from it is found again."),
    F_STRING(S, path, "path", .format = &format_location, .flags = FIELD_REQUIRED,
             .doc = "A manifest, or a folder of manifests (*.yaml, *.yml, *.json) and of addresses "
                    "of manifests (*.url: one URL a line, sha256:DIGEST behind it where it is to "
                    "be checked), on the server; or a URL."),
    F_TRI(S, template, "template", .def = "true",
          .doc = "Whether {{ .variables }} in its manifests are replaced. Switch it off for "
                 "manifests whose braces mean something else."),
    F_MAP(S, variables, "variables", .max_items = 128, .format = &format_text, .max_length = 65536,
          .doc = "Values that its manifests use, beside the Cluster's own, over which they win."),
    F_STRING(S, variables_from, "variablesFrom", .format = &format_path,
             .doc = "File on the server with further values, a YAML mapping of names to texts: for "
                    "passwords, which do not belong into the Cluster. It wins over variables."),
    F_OBJECTS(S, certificates, "certificates", struct cluster_addon_certificate,
              addon_certificate_fields, 0, .max_items = 16,
              .doc = "Serving certificates that the cluster's authority signs for it. They are "
                     "renewed when a third of their life is left."),
    {0}};
#undef S

static const struct field dns_fields[] = {F_TRI(struct cluster_dns, enabled, "enabled",
                                                .def = "true",
                                                .doc = "Whether kubeadm installs CoreDNS."),
                                          {0}};

#define S struct cluster_join_policy
static const struct field join_policy_fields[] = {
    F_BOOL(S, auto_approve, "autoApprove",
           .doc = "Whether Machines that name this Cluster are approved without being asked "
                  "about."),
    F_INT(S, token_ttl_seconds, "tokenTTLSeconds", .def = "900", .min = 60, .max = 86400,
          .doc = "How long a bootstrap token lives. Each serves one Machine and goes when that "
                 "has joined."),
    F_INT(S, join_timeout_seconds, "joinTimeoutSeconds", .def = "900", .min = 60, .max = 7200,
          .doc = "How long one attempt to initialise or join may take."),
    {0}};
#undef S

#define S struct cluster_rollout
static const struct field rollout_fields[] = {
    F_STRING(S, image, "image", .format = &format_name,
             .doc = "Image that all Machines of the Cluster are to have. Each leaves the cluster "
                    "in order, is installed anew and joins again; control planes first, one at a "
                    "time."),
    F_INT(S, max_unavailable, "maxUnavailable", .def = "1", .min = 1, .max = 1000,
          .doc = "How many Machines may be away at once, those counted that are not Ready for "
                 "another reason."),
    F_INT(S, min_ready_seconds, "minReadySeconds", .def = "10", .min = 0, .max = 86400,
          .doc = "How long a Machine has to be Ready before the next one is begun."),
    F_BOOL(S, paused, "paused", .doc = "Whether no further Machine is begun."),
    {0}};
#undef S

#define S struct cluster_spec
const struct field cluster_spec_fields[] = {
    F_STRING(S, kubernetes_version, "kubernetesVersion", .format = &format_kube_version,
             .max_length = 64, .flags = FIELD_REQUIRED,
             .doc = "Version of Kubernetes, such as v1.20.2, which the Machines' Image holds. A "
                    "later one upgrades the cluster, one minor version at a time."),
    F_OBJECT(S, endpoint, "controlPlaneEndpoint", struct cluster_endpoint, endpoint_fields,
             .doc = "Where the API server is found. It cannot change once the cluster is being "
                    "initialised, and with several control planes it must outlive each of them."),
    F_OBJECT(S, networking, "networking", struct cluster_networking, networking_fields,
             .doc = "The cluster's own networks. They cannot change once the cluster is being "
                    "initialised."),
    F_OBJECT(S, api_server, "apiServer", struct cluster_api_server, api_server_fields,
             .doc = "Settings of kube-apiserver."),
    F_OBJECT(S, controller_manager, "controllerManager", struct cluster_component, component_fields,
             .doc = "Settings of kube-controller-manager."),
    F_OBJECT(S, scheduler, "scheduler", struct cluster_component, component_fields,
             .doc = "Settings of kube-scheduler."),
    F_OBJECT(S, kubelet, "kubelet", struct cluster_component, component_fields,
             .doc = "Settings of every machine's kubelet."),
    F_OBJECT(S, etcd, "etcd", struct cluster_etcd, etcd_fields, .doc = "Settings of etcd."),
    F_OBJECT(S, proxy, "proxy", struct cluster_proxy, proxy_fields,
             .doc = "Proxy between the machines and the world."),
    F_ENUM(S, container_runtime, "containerRuntime", container_runtime_values,
           .def = "\"containerd\"",
           .doc = "Container runtime of the Image. `slipway image build` puts containerd into it; "
                  "crio is for an Image that brings it along."),
    F_STRING(S, kubeadm_path, "kubeadmPath", .format = &format_path, .def = "\"/usr/bin/kubeadm\"",
             .doc = "Where the Image has kubeadm."),
    F_STRING(S, certificates_dir, "certificatesDir", .format = &format_path,
             .def = "\"/etc/kubernetes/pki\"",
             .doc = "Folder of the control planes' certificates and keys, below /etc/kubernetes. "
                    "It cannot change once the cluster is being initialised."),
    F_STRING(S, certificates_from, "certificatesFrom", .format = &format_path,
             .doc = "Folder on the server with authorities that the cluster is to have, named as "
                    "kubeadm names them: ca.crt and ca.key, front-proxy-ca.crt and .key, "
                    "etcd/ca.crt and .key, sa.key and sa.pub. What is not there is made. The keys "
                    "must be readable by the server and by nobody else (chmod 600). The server "
                    "keeps a copy and needs the folder no more once status.caHash is there; from "
                    "then on this cannot change.",
             .late = "all authorities are made"),
    F_STRING(S, image_repository, "imageRepository", .max_length = 255,
             .doc = "Registry and path of the control plane's container images.",
             .late = "kubeadm's, under whose names the Image holds them"),
    F_OBJECT(S, features, "features", struct cluster_features, features_fields,
             .doc = "What is switched on and off."),
    F_OBJECT(S, oidc, "oidc", struct cluster_oidc, oidc_fields,
             .doc = "Users by OpenID Connect, for example of Dex. Without it there are none."),
    F_OBJECT(S, cni, "cni", struct cluster_cni, cni_fields, .doc = "The network of Pods."),
    F_OBJECTS(S, addons, "addons", struct cluster_addon, addon_fields, 0, .max_items = 64,
              .doc = "What is installed into the cluster, in this order."),
    F_OBJECT(S, dns, "dns", struct cluster_dns, dns_fields, .doc = "The cluster's DNS server."),
    F_OBJECT(S, join_policy, "joinPolicy", struct cluster_join_policy, join_policy_fields,
             .doc = "How Machines become members."),
    F_OBJECT(S, rollout, "rollout", struct cluster_rollout, rollout_fields,
             .doc = "Bringing all Machines to another Image, one after the other."),
    F_BOOL(S, allow_scheduling_on_control_planes, "allowSchedulingOnControlPlanes",
           .doc = "Whether control planes run ordinary Pods too: they get no taint."),
    {0}};
#undef S

#define S struct cluster_count
static const struct field count_fields[] = {
    F_INT(S, ready, "ready", .absent = 0, .doc = "How many have a Node that is Ready."),
    F_INT(S, total, "total", .absent = 0, .doc = "How many Machines there are."),
    {0}};
#undef S

#define S struct cluster_rollout_status
static const struct field rollout_status_fields[] = {
    F_STRING(S, image, "image", .doc = "Image of the rollout that this is about."),
    F_STRING(S, previous_image, "previousImage",
             .doc = "Image that most Machines had before, for `slipway rollout undo`."),
    F_STRING(S, state, "state",
             .doc = "Progressing, Paused, Waiting (for something else), Failed or Complete."),
    F_STRING(S, message, "message", .doc = "What it does, or waits for."),
    F_INT(S, updated, "updated", .absent = 0, .doc = "How many have the Image and are Ready."),
    F_INT(S, total, "total", .absent = 0, .doc = "How many are to have it."),
    F_TIME(S, started_at, "startedAt", .doc = "When it began."),
    {0}};
#undef S

#define S struct cluster_saved
static const struct field saved_fields[] = {
    F_STRING(S, machine, "machine", .format = &format_name,
             .doc = "Control plane that saved it, and goes on with it when it is installed."),
    F_STRING(S, id, "id", .doc = "Name of what is saved."),
    F_INT(S, install_generation, "installGeneration", .absent = 0,
          .doc = "Installation before which it was saved."),
    F_INT(S, chunks, "chunks", .absent = 0, .doc = "Pieces that it consists of."),
    F_INT(S, bytes, "bytes", .absent = 0, .doc = "Size of what the server keeps."),
    F_TIME(S, saved_at, "savedAt", .doc = "When the last piece had come."),
    {0}};
#undef S

#define S struct cluster_status
const struct field cluster_status_fields[] = {
    F_ENUM(S, phase, "phase", cluster_phase_values, .flags = FIELD_SELECTABLE,
           .doc = "Where the Cluster stands: Pending until a Machine is told to initialise it, "
                  "Initializing while it does, Failed when it gave up; then Ready, or Degraded "
                  "when the API server or a Machine's Node is not as it should be."),
    F_INT(S, observed_generation, "observedGeneration",
          .doc = "metadata.generation that this status is about."),
    F_OBJECTS(S, conditions, "conditions", struct condition, condition_fields, 0, .max_items = 32,
              .doc = "Conditions of the Cluster: PKIReady, MembersValid, Initialized, "
                     "Available, AddonsApplied."),
    F_STRING(S, initialized_by, "initializedBy", .format = &format_name,
             .doc = "Machine that initialises the cluster. It is chosen once."),
    F_TIME(S, initialized_at, "initializedAt", .doc = "When the cluster was initialised."),
    F_STRING(S, endpoint, "endpoint", .doc = "Host and port of the API server."),
    F_STRING(S, ca_hash, "caHash",
             .doc = "Hash of the authority's public key, in the form of kubeadm's "
                    "--discovery-token-ca-cert-hash."),
    F_STRING(S, kubernetes_version, "kubernetesVersion",
             .doc = "Version that the API server reported."),
    F_OBJECT(S, control_planes, "controlPlanes", struct cluster_count, count_fields,
             .doc = "The Machines of role controlPlane."),
    F_OBJECT(S, workers, "workers", struct cluster_count, count_fields,
             .doc = "The Machines of role worker."),
    F_OBJECT(S, rollout, "rollout", struct cluster_rollout_status, rollout_status_fields,
             .doc = "How far bringing the Machines to another Image is."),
    F_OBJECT(S, saved, "saved", struct cluster_saved, saved_fields,
             .doc = "What etcd held before the only control plane was installed anew; sealed, and "
                    "with the server until it is back."),
    {0}};
#undef S

static const struct field cluster_fields[] = {
    F_OBJECT(struct cluster, spec, "spec", struct cluster_spec, cluster_spec_fields,
             .flags = FIELD_REQUIRED, .doc = "What the Cluster should be."),
    F_OBJECT(struct cluster, status, "status", struct cluster_status, cluster_status_fields,
             .doc = "What the server knows about the Cluster."),
    {0}};

static const struct column cluster_columns[] = {
    {"Phase", "string", ".status.phase", "Where the Cluster stands", 0},
    {"Version", "string", ".spec.kubernetesVersion", "Version of Kubernetes", 0},
    {"Endpoint", "string", ".status.endpoint", "Host and port of the API server", 0},
    {"ControlPlanes", "integer", ".status.controlPlanes.ready", "Control planes that are Ready", 0},
    {"Workers", "integer", ".status.workers.ready", "Workers that are Ready", 0},
    {"Age", "date", ".metadata.creationTimestamp", "Time since the Cluster was created", 0},
    {"Pods", "string", ".spec.networking.podSubnet", "Addresses of Pods", 1},
    {"Services", "string", ".spec.networking.serviceSubnet", "Addresses of Services", 1},
    {"CNI", "string", ".spec.cni.driver", "What connects Pods", 1},
    {"InitializedBy", "string", ".status.initializedBy", "Machine that initialises it", 1},
    {0}};

const struct kind kind_cluster = {
    .group = GROUP_NAME,
    .version = GROUP_VERSION,
    .kind = "Cluster",
    .singular = "cluster",
    .plural = "clusters",
    .short_names = (const char *const[]){NULL},
    .categories = (const char *const[]){"slipway", NULL},
    .doc = "A Kubernetes cluster that Machines form.",
    .has_status = true,
    .fields = cluster_fields,
    .columns = cluster_columns,
    .size = sizeof(struct cluster),
    .check = cluster_check,
    .check_change = cluster_check_change,
};

int cluster_decode(const json_t *json, struct cluster **ret, struct err *err)
{
    void *object;
    int r = object_decode(&kind_cluster, json, &object, err);
    if (r >= 0)
        *ret = object;
    return r;
}

void cluster_free(struct cluster *cluster)
{
    object_free(cluster);
}

const char *cluster_phase_text(enum cluster_phase phase)
{
    return field_enum_text(cluster_phase_values, (int)phase);
}

/* The host that status.endpoint recorded, without its port. */
static int recorded_host(const struct cluster *cluster, char dst[static CLUSTER_HOST_SIZE])
{
    const char *endpoint = cluster->status.endpoint;
    const char *colon = endpoint ? strrchr(endpoint, ':') : NULL;
    size_t len = colon ? (size_t)(colon - endpoint) : 0;
    if (len == 0 || len >= CLUSTER_HOST_SIZE)
        return -ENODATA;
    memcpy(dst, endpoint, len);
    dst[len] = '\0';
    return 0;
}

int cluster_host(const struct cluster *cluster, ipv4 first, char dst[static CLUSTER_HOST_SIZE])
{
    const struct cluster_endpoint *endpoint = &cluster->spec.endpoint;
    if (endpoint->host)
        return str_copy(dst, CLUSTER_HOST_SIZE, endpoint->host) < 0 ? -ENODATA : 0;
    if (endpoint->virtual_ip.address) {
        (void)ipv4_text(endpoint->virtual_ip.address, dst);
        return 0;
    }
    if (recorded_host(cluster, dst) == 0)
        return 0;
    if (!first)
        return -ENODATA;
    (void)ipv4_text(first, dst);
    return 0;
}

int cluster_endpoint_text(const struct cluster *cluster, ipv4 first,
                          char dst[static CLUSTER_ENDPOINT_SIZE])
{
    char host[CLUSTER_HOST_SIZE];
    int r = cluster_host(cluster, first, host);
    if (r < 0)
        return r;
    (void)snprintf(dst, CLUSTER_ENDPOINT_SIZE, "%s:%lld", host,
                   (long long)cluster->spec.endpoint.port);
    return 0;
}

int cluster_oidc_issuer(const struct cluster *cluster, ipv4 first, char *dst, size_t size)
{
    const struct cluster_spec *spec = &cluster->spec;
    char host[CLUSTER_HOST_SIZE];
    const char *name = spec->api_server.external_fqdn;
    if (!spec->oidc.client_id)
        return -ENODATA;
    if (spec->oidc.issuer)
        return str_copy(dst, size, spec->oidc.issuer) < 0 ? -ENODATA : 0;
    if (!name && cluster_host(cluster, first, host) < 0)
        return -ENODATA;
    int n = snprintf(dst, size, "https://%s:32000", name ? name : host);
    return n < 0 || (size_t)n >= size ? -ENODATA : 0;
}
