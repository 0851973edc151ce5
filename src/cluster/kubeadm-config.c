/* SPDX-License-Identifier: Apache-2.0 */
/* kubeadm's configuration, as JSON values that are then written as YAML documents. */
#include <string.h>

#include "base/str.h"
#include "cluster/kubeadm-private.h"
#include "resource/print.h"

/* ---- flags ---- */

static void put_pairs(struct kubeadm_making *m, json_t *flags, const struct pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        kubeadm_put(m, flags, pairs[i].key, json_string(pairs[i].value));
}

/* Sets extraArgs (or what else holds flags) of a component; takes the flags over. */
static void put_flags(struct kubeadm_making *m, json_t *component, const char *name, json_t *flags)
{
    if (json_object_size(flags))
        kubeadm_put(m, component, name, m->dialect->flags(flags));
    else
        json_decref(flags);
}

/* "A=true,B=false" for those components that have no configuration file. */
static void put_gates(struct kubeadm_making *m, json_t *flags)
{
    const struct cluster_features *features = &m->request->cluster->spec.features;
    _autobuf_ struct buf text = BUF_INIT;
    for (size_t i = 0; i < features->n_gates; i++)
        buf_printf(&text, "%s%s=%s", i ? "," : "", features->gates[i].key,
                   features->gates[i].value);
    if (features->n_gates)
        kubeadm_put(m, flags, "feature-gates", json_string(buf_str(&text)));
    m->failed |= buf_error(&text) < 0;
}

/* For those that have one. */
static void put_gates_object(struct kubeadm_making *m, json_t *config)
{
    const struct cluster_features *features = &m->request->cluster->spec.features;
    if (!features->n_gates)
        return;
    json_t *gates = json_object();
    for (size_t i = 0; i < features->n_gates; i++)
        kubeadm_put(m, gates, features->gates[i].key,
                    json_boolean(str_eq(features->gates[i].value, "true")));
    kubeadm_put(m, config, "featureGates", gates);
}

static void put_oidc(struct kubeadm_making *m, json_t *flags)
{
    const struct cluster_oidc *oidc = &m->request->cluster->spec.oidc;
    char issuer[CLUSTER_ISSUER_SIZE];
    if (cluster_oidc_issuer(m->request->cluster, m->request->machine.address, issuer,
                            sizeof(issuer)) < 0)
        return;
    kubeadm_put(m, flags, "oidc-issuer-url", json_string(issuer));
    kubeadm_put(m, flags, "oidc-client-id", json_string(oidc->client_id));
    kubeadm_put(m, flags, "oidc-username-claim", json_string(oidc->username_claim));
    kubeadm_put(m, flags, "oidc-groups-claim", json_string(oidc->groups_claim));
    kubeadm_put(m, flags, "oidc-ca-file",
                kubeadm_pki_path(m, oidc->ca ? KUBEADM_OIDC_CA : "ca.crt"));
}

/* ---- ClusterConfiguration ---- */

static void add_san(struct kubeadm_making *m, json_t *sans, const char *name)
{
    size_t i;
    json_t *other;
    json_array_foreach (sans, i, other) {
        if (str_eq(json_string_value(other), name))
            return;
    }
    kubeadm_append(m, sans, json_string(name));
}

/* kubeadm adds the endpoint's host, the machine's name and its address by itself. */
static void put_cert_sans(struct kubeadm_making *m, json_t *api_server)
{
    const struct cluster_spec *spec = &m->request->cluster->spec;
    char text[IPV4_TEXT_SIZE];
    json_t *sans = json_array();
    if (spec->api_server.external_fqdn)
        add_san(m, sans, spec->api_server.external_fqdn);
    if (spec->endpoint.virtual_ip.address)
        add_san(m, sans, ipv4_text(spec->endpoint.virtual_ip.address, text));
    for (size_t i = 0; i < spec->api_server.n_cert_sans; i++)
        add_san(m, sans, spec->api_server.cert_sans[i]);
    if (json_array_size(sans))
        kubeadm_put(m, api_server, "certSANs", sans);
    else
        json_decref(sans);
}

static json_t *api_server(struct kubeadm_making *m)
{
    const struct cluster_spec *spec = &m->request->cluster->spec;
    json_t *component = json_object(), *flags = json_object();
    /* kubelets' serving certificates are the cluster's: the API server can check them. */
    if (!m->request->alone)
        kubeadm_put(m, flags, "kubelet-certificate-authority", kubeadm_pki_path(m, "ca.crt"));
    if (spec->features.pod_security_policy)
        kubeadm_put(m, flags, "enable-admission-plugins",
                    json_string("NodeRestriction,PodSecurityPolicy"));
    put_gates(m, flags);
    put_oidc(m, flags);
    put_pairs(m, flags, spec->api_server.extra_args, spec->api_server.n_extra_args);
    put_cert_sans(m, component);
    put_flags(m, component, "extraArgs", flags);
    return component;
}

static void put_component(struct kubeadm_making *m, json_t *cluster, const char *name,
                          const struct cluster_component *settings)
{
    json_t *component = json_object(), *flags = json_object();
    put_gates(m, flags);
    put_pairs(m, flags, settings->extra_args, settings->n_extra_args);
    put_flags(m, component, "extraArgs", flags);
    if (json_object_size(component))
        kubeadm_put(m, cluster, name, component);
    else
        json_decref(component);
}

static void put_texts(struct kubeadm_making *m, json_t *object, const char *name,
                      const char *const *texts, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        kubeadm_append(m, list, json_string(texts[i]));
    if (n)
        kubeadm_put(m, object, name, list);
    else
        json_decref(list);
}

static void put_etcd(struct kubeadm_making *m, json_t *cluster)
{
    const struct cluster_etcd *etcd = &m->request->cluster->spec.etcd;
    if (!etcd->n_server_cert_sans && !etcd->n_peer_cert_sans)
        return;
    json_t *local = json_pack("{s:s}", "dataDir", "/var/lib/etcd");
    put_texts(m, local, "serverCertSANs", etcd->server_cert_sans, etcd->n_server_cert_sans);
    put_texts(m, local, "peerCertSANs", etcd->peer_cert_sans, etcd->n_peer_cert_sans);
    kubeadm_put(m, cluster, "etcd", json_pack("{s:o}", "local", local));
}

static json_t *networking(const struct cluster_networking *n)
{
    char pods[CIDR_TEXT_SIZE], services[CIDR_TEXT_SIZE];
    return json_pack("{s:s, s:s, s:s}", "podSubnet", cidr_text(n->pod_subnet, pods),
                     "serviceSubnet", cidr_text(n->service_subnet, services), "dnsDomain",
                     n->dns_domain);
}

static json_t *cluster_configuration(struct kubeadm_making *m)
{
    const struct cluster_spec *spec = &m->request->cluster->spec;
    json_t *cluster =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "apiVersion", kubeadm_api_text(m->dialect->api),
                  "kind", "ClusterConfiguration", "kubernetesVersion", m->request->version,
                  "controlPlaneEndpoint", m->endpoint, "certificatesDir", spec->certificates_dir);
    if (m->request->cluster->meta.name)
        kubeadm_put(m, cluster, "clusterName", json_string(m->request->cluster->meta.name));
    if (spec->image_repository)
        kubeadm_put(m, cluster, "imageRepository", json_string(spec->image_repository));
    /* Where kubeadm makes the service accounts' key, too, it would not read that one again. */
    if (!m->request->alone)
        m->dialect->ecdsa_keys(m, cluster);
    kubeadm_put(m, cluster, "networking", networking(&spec->networking));
    kubeadm_put(m, cluster, "apiServer", api_server(m));
    put_component(m, cluster, "controllerManager", &spec->controller_manager);
    put_component(m, cluster, "scheduler", &spec->scheduler);
    put_etcd(m, cluster);
    if (spec->dns.enabled == TRI_FALSE && m->dialect->no_dns)
        m->dialect->no_dns(m, cluster);
    return cluster;
}

/* ---- the machine ---- */

static void put_labels(struct kubeadm_making *m, json_t *flags)
{
    const struct kubeadm_machine *machine = &m->request->machine;
    _autobuf_ struct buf text = BUF_INIT;
    for (size_t i = 0; i < machine->n_labels; i++)
        buf_printf(&text, "%s%s=%s", i ? "," : "", machine->labels[i].key,
                   machine->labels[i].value);
    if (machine->n_labels)
        kubeadm_put(m, flags, "node-labels", json_string(buf_str(&text)));
    m->failed |= buf_error(&text) < 0;
}

static json_t *kubelet_flags(struct kubeadm_making *m)
{
    const struct kubeadm_machine *machine = &m->request->machine;
    const struct cluster_component *kubelet = &m->request->cluster->spec.kubelet;
    char address[IPV4_TEXT_SIZE];
    json_t *flags = json_pack("{s:s}", "node-ip", ipv4_text(machine->address, address));
    put_labels(m, flags);
    put_pairs(m, flags, kubelet->extra_args, kubelet->n_extra_args);
    put_pairs(m, flags, machine->kubelet_args, machine->n_kubelet_args);
    return flags;
}

static void add_taint(struct kubeadm_making *m, json_t *taints, const struct kubeadm_taint *taint)
{
    json_t *json = json_pack("{s:s, s:s}", "key", taint->key, "effect", taint->effect);
    if (!str_empty(taint->value))
        kubeadm_put(m, json, "value", json_string(taint->value));
    kubeadm_append(m, taints, json);
}

/* What kubeadm itself would give to a control plane, which it does only where nothing is said. */
static void add_control_plane_taints(struct kubeadm_making *m, json_t *taints)
{
    static const struct kubeadm_taint master = {"node-role.kubernetes.io/master", NULL,
                                                "NoSchedule"};
    static const struct kubeadm_taint control_plane = {"node-role.kubernetes.io/control-plane",
                                                       NULL, "NoSchedule"};
    if (!kube_version_at_least(m->version, 1, 25))
        add_taint(m, taints, &master);
    if (kube_version_at_least(m->version, 1, 24))
        add_taint(m, taints, &control_plane);
}

static void put_taints(struct kubeadm_making *m, json_t *registration)
{
    const struct kubeadm_machine *machine = &m->request->machine;
    bool control_plane = machine->role == ROLE_CONTROL_PLANE;
    bool open = m->request->cluster->spec.allow_scheduling_on_control_planes;
    if (!machine->n_taints && !(control_plane && open))
        return;
    json_t *taints = json_array();
    if (control_plane && !open)
        add_control_plane_taints(m, taints);
    for (size_t i = 0; i < machine->n_taints; i++)
        add_taint(m, taints, &machine->taints[i]);
    kubeadm_put(m, registration, "taints", taints);
}

static json_t *node_registration(struct kubeadm_making *m)
{
    const struct kubeadm_request *request = m->request;
    json_t *registration = json_pack("{s:s, s:s}", "name", request->machine.name, "criSocket",
                                     kubeadm_cri_socket(request->cluster->spec.container_runtime));
    put_flags(m, registration, "kubeletExtraArgs", kubelet_flags(m));
    put_taints(m, registration);
    return registration;
}

static json_t *local_endpoint(const struct kubeadm_making *m)
{
    char address[IPV4_TEXT_SIZE];
    return json_pack("{s:s, s:I}", "advertiseAddress",
                     ipv4_text(m->request->machine.address, address), "bindPort",
                     (json_int_t)cluster_bind_port(m->request->cluster));
}

static json_t *init_configuration(struct kubeadm_making *m)
{
    json_t *init =
        json_pack("{s:s, s:s, s:o, s:o}", "apiVersion", kubeadm_api_text(m->dialect->api), "kind",
                  "InitConfiguration", "localAPIEndpoint", local_endpoint(m), "nodeRegistration",
                  node_registration(m));
    if (m->request->alone)
        kubeadm_put(m, init, "bootstrapTokens",
                    json_pack("[{s:s, s:s}]", "token", m->request->token, "ttl", "2m0s"));
    return init;
}

/* What cluster-info says is signed with the token, which others may know; the hash is not for them
 * to choose. */
static json_t *token_discovery(struct kubeadm_making *m)
{
    const struct kubeadm_request *request = m->request;
    json_t *token =
        json_pack("{s:s, s:s}", "token", request->token, "apiServerEndpoint", m->endpoint);
    if (request->alone->ca_hash)
        kubeadm_put(m, token, "caCertHashes", json_pack("[s]", request->alone->ca_hash));
    else
        kubeadm_put(m, token, "unsafeSkipCAVerification", json_true());
    return json_pack("{s:o}", "bootstrapToken", token);
}

static json_t *discovery(struct kubeadm_making *m)
{
    if (kubeadm_asks_for_authority(m->request))
        return token_discovery(m);
    return json_pack("{s:{s:s}}", "file", "kubeConfigPath", KUBEADM_DISCOVERY);
}

static json_t *join_configuration(struct kubeadm_making *m)
{
    json_t *join =
        json_pack("{s:s, s:s, s:o, s:o, s:o}", "apiVersion", kubeadm_api_text(m->dialect->api),
                  "kind", "JoinConfiguration", "caCertPath", kubeadm_pki_path(m, "ca.crt"),
                  "discovery", discovery(m), "nodeRegistration", node_registration(m));
    kubeadm_put(m, json_object_get(join, "discovery"), "tlsBootstrapToken",
                json_string(m->request->token));
    if (m->request->machine.role == ROLE_CONTROL_PLANE)
        kubeadm_put(m, join, "controlPlane",
                    json_pack("{s:o}", "localAPIEndpoint", local_endpoint(m)));
    m->dialect->join_timeouts(m, join);
    return join;
}

/* ---- the components' own configuration ---- */

/*
 * Serving certificates are requested from the cluster, where Slipway's controller decides about
 * them; what serves and asks with certificates of its own would be believed by nobody. Without a
 * server nobody would decide.
 */
static json_t *kubelet_configuration(struct kubeadm_making *m)
{
    json_t *config =
        json_pack("{s:s, s:s, s:s, s:b, s:b, s:b}", "apiVersion", "kubelet.config.k8s.io/v1beta1",
                  "kind", "KubeletConfiguration", "cgroupDriver", "systemd", "serverTLSBootstrap",
                  !m->request->alone, "rotateCertificates", 1, "failSwapOn", 1);
    put_gates_object(m, config);
    return config;
}

static json_t *kube_proxy_configuration(struct kubeadm_making *m)
{
    char pods[CIDR_TEXT_SIZE];
    json_t *config =
        json_pack("{s:s, s:s, s:s, s:s}", "apiVersion", "kubeproxy.config.k8s.io/v1alpha1", "kind",
                  "KubeProxyConfiguration", "mode", "iptables", "clusterCIDR",
                  cidr_text(m->request->cluster->spec.networking.pod_subnet, pods));
    put_gates_object(m, config);
    return config;
}

/* ---- all of it ---- */

/* Takes the document over. */
static int write_plain(const struct kubeadm_making *m, json_t *document, struct buf *out)
{
    int r = document && !m->failed ? yaml_write(document, out) : -ENOMEM;
    json_decref(document);
    return r;
}

static int write_document(const struct kubeadm_making *m, json_t *document, struct buf *out)
{
    buf_adds(out, "---\n");
    return write_plain(m, document, out);
}

static int write_init(struct kubeadm_making *m, struct buf *out)
{
    json_t *cluster = cluster_configuration(m), *init = init_configuration(m);
    m->dialect->init_timeouts(m, init, cluster);
    int r = write_document(m, init, out);
    int rc = write_document(m, cluster, out);
    r = r < 0 ? r : rc;
    if (r == 0)
        r = write_document(m, kubelet_configuration(m), out);
    return r < 0 ? r : write_document(m, kube_proxy_configuration(m), out);
}

int kubeadm_config(const struct kubeadm_request *request, char **ret, struct err *err)
{
    struct kubeadm_making m;
    struct buf out = BUF_INIT;
    int r = kubeadm_begin(request, &m, err);
    if (r < 0)
        return r;
    r = request->task == KUBEADM_INIT ? write_init(&m, &out)
                                      : write_document(&m, join_configuration(&m), &out);
    if (r == 0) {
        *ret = buf_steal(&out);
        r = *ret ? 0 : -ENOMEM;
    }
    if (out.data)
        explicit_bzero(out.data, out.len);
    buf_free(&out);
    return r < 0 ? err_errno(err, r, "kubeadm's configuration for %s", request->machine.name) : 0;
}

int kubeadm_cluster_configuration(const struct kubeadm_request *request, char **ret,
                                  struct err *err)
{
    struct kubeadm_making m;
    _autobuf_ struct buf out = BUF_INIT;
    int r = kubeadm_begin(request, &m, err);
    if (r < 0)
        return r;
    json_t *cluster = cluster_configuration(&m), *init = init_configuration(&m);
    m.dialect->init_timeouts(&m, init, cluster); /* some are in either document */
    json_decref(init);
    r = write_plain(&m, cluster, &out);
    *ret = r == 0 ? buf_steal(&out) : NULL;
    return *ret ? 0 : err_errno(err, r < 0 ? r : -ENOMEM, "kubeadm's ClusterConfiguration");
}

int kubeadm_discovery(const struct kubeadm_request *request, char **ret, struct err *err)
{
    struct kubeadm_making m;
    struct buf out = BUF_INIT;
    int r = request->task == KUBEADM_JOIN && request->ca
                ? kubeadm_begin(request, &m, err)
                : err_set(err, -EINVAL, "only a join with an authority has a discovery file");
    if (r < 0)
        return r;
    _autofree_ char *ca = str_base64(request->ca, strlen(request->ca));
    _autofree_ char *server = str_format("https://%s", m.endpoint);
    /* The form of the ConfigMap cluster-info: one cluster without a name, no user, no context. */
    json_t *config = ca && server
                         ? json_pack("{s:s, s:s, s:[{s:s, s:{s:s, s:s}}]}", "apiVersion", "v1",
                                     "kind", "Config", "clusters", "name", "", "cluster", "server",
                                     server, "certificate-authority-data", ca)
                         : NULL;
    r = config ? yaml_write(config, &out) : -ENOMEM;
    json_decref(config);
    if (r == 0) {
        *ret = buf_steal(&out);
        r = *ret ? 0 : -ENOMEM;
    }
    buf_free(&out);
    return r < 0 ? err_errno(err, r, "the discovery file for %s", request->machine.name) : 0;
}
