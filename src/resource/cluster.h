/* SPDX-License-Identifier: Apache-2.0 */
/* Cluster: a Kubernetes cluster that Machines form. A Machine belongs to it by spec.cluster. */
#pragma once

#include "resource/machine.h"
#include "resource/problem.h"

enum virtual_ip_provider { VIRTUAL_IP_UNSET, VIRTUAL_IP_KEEPALIVED, VIRTUAL_IP_KUBE_VIP };
extern const char *const virtual_ip_provider_values[];

enum container_runtime { RUNTIME_UNSET, RUNTIME_CONTAINERD, RUNTIME_CRIO };
extern const char *const container_runtime_values[];

enum cni_driver { CNI_UNSET, CNI_BRIDGE, CNI_FLANNEL, CNI_CALICO, CNI_CILIUM, CNI_NONE };
extern const char *const cni_driver_values[];

/* An address that moves between the control planes. */
struct virtual_ip {
    ipv4 address;                      /* 0: there is none */
    const char *interface;             /* NULL: the one that the machine's own address is on */
    enum virtual_ip_provider provider; /* default keepalived */
    int64_t router_id;                 /* keepalived's; 0: the address' last byte */
    const char *image;                 /* kube-vip's; default ghcr.io/kube-vip/kube-vip:v0.8.9 */
};

/* Where clients find the API server. */
struct cluster_endpoint {
    const char *host; /* lower-case DNS name or IPv4 address; NULL: see cluster_host() */
    int64_t port;     /* default 6443 */
    struct virtual_ip virtual_ip;
};

struct cluster_networking {
    struct cidr pod_subnet;     /* default 10.244.0.0/16 */
    struct cidr service_subnet; /* default 10.96.0.0/12 */
    const char *dns_domain;     /* default cluster.local */
};

/* Flags without their dashes. */
struct cluster_component {
    const struct pair *extra_args;
    size_t n_extra_args;
};

struct cluster_api_server {
    int64_t bind_port; /* 0: the endpoint's port; see cluster_bind_port() */
    const char *const *cert_sans;
    size_t n_cert_sans;
    const char *external_fqdn; /* one more name in the certificate, and the OIDC issuer's default */
    const struct pair *extra_args;
    size_t n_extra_args;
};

struct cluster_etcd {
    const char *const *server_cert_sans;
    size_t n_server_cert_sans;
    const char *const *peer_cert_sans;
    size_t n_peer_cert_sans;
};

struct cluster_proxy {
    const char *http; /* URLs */
    const char *https;
    const char *const *no_proxy;
    size_t n_no_proxy;
    bool system_wide; /* for everything on the machines, not only for what Kubernetes needs */
};

struct cluster_features {
    bool pod_security_policy; /* the admission plugin; Kubernetes before 1.25 */
    const struct pair *gates; /* "true" or "false" by name */
    size_t n_gates;
};

/* In use when client_id is given. */
struct cluster_oidc {
    const char *issuer; /* https URL; NULL: see cluster_oidc_issuer() */
    const char *client_id;
    const char *ca;             /* PEM; NULL: the cluster's own CA */
    const char *username_claim; /* default email */
    const char *groups_claim;   /* default groups */
};

struct cluster_cni {
    enum cni_driver driver; /* default bridge */
    const char *manifest;   /* absolute path on the server or URL; NULL: the driver's own */
    const char *image;      /* that the driver's manifest is to use */
    const char *bin_dir;    /* default /opt/cni/bin */
    const char *conf_dir;   /* default /etc/cni/net.d */
    int64_t mtu;            /* 0: the link's */
};

/* A serving certificate of the cluster's authority in a Secret of type kubernetes.io/tls. */
struct cluster_addon_certificate {
    const char *secret;
    const char *namespace;    /* default kube-system */
    const char *const *names; /* DNS names and addresses; may use variables */
    size_t n_names;
};

struct cluster_addon {
    const char *name;
    const char *path;       /* absolute path of a folder or file on the server, or a URL */
    enum tristate template; /* default true */
    const struct pair *variables;
    size_t n_variables;
    const char *variables_from; /* file on the server; NULL: none */
    const struct cluster_addon_certificate *certificates;
    size_t n_certificates;
};

#define CLUSTER_ADDON_CNI "cni" /* the add-on that spec.cni.manifest makes */

struct cluster_dns {
    enum tristate enabled; /* CoreDNS; default true */
};

struct cluster_join_policy {
    bool auto_approve;            /* Machines of the Cluster are approved unasked */
    int64_t token_ttl_seconds;    /* default 900 */
    int64_t join_timeout_seconds; /* of one attempt to init or join; default 900 */
};

/* Bringing all Machines to another Image. */
struct cluster_rollout {
    const char *image;         /* NULL: none is wanted */
    int64_t max_unavailable;   /* default 1 */
    int64_t min_ready_seconds; /* default 10 */
    bool paused;
};

struct cluster_spec {
    const char *kubernetes_version; /* "v1.20.2" */
    struct cluster_endpoint endpoint;
    struct cluster_networking networking;
    struct cluster_api_server api_server;
    struct cluster_component controller_manager;
    struct cluster_component scheduler;
    struct cluster_component kubelet;
    struct cluster_etcd etcd;
    struct cluster_proxy proxy;
    enum container_runtime container_runtime; /* default containerd */
    const char *kubeadm_path;                 /* default /usr/bin/kubeadm */
    const char *certificates_dir;             /* default /etc/kubernetes/pki */
    const char *certificates_from; /* folder on the server; NULL: all authorities are made */
    const char *image_repository;  /* NULL: kubeadm's */
    struct cluster_features features;
    struct cluster_oidc oidc;
    struct cluster_cni cni;
    const struct cluster_addon *addons; /* applied in this order */
    size_t n_addons;
    struct cluster_dns dns;
    struct cluster_join_policy join_policy;
    struct cluster_rollout rollout;
    bool allow_scheduling_on_control_planes;
};

enum cluster_phase {
    CLUSTER_PHASE_UNSET,
    CLUSTER_PENDING,      /* no Machine was told to initialise it */
    CLUSTER_INITIALIZING, /* status.initializedBy runs `kubeadm init` */
    CLUSTER_READY,        /* the API server answers and all Machines' Nodes are Ready */
    CLUSTER_DEGRADED,     /* it was initialised, and something is not as it should be */
    CLUSTER_FAILED,       /* it could not be initialised */
};
extern const char *const cluster_phase_values[];

struct cluster_rollout_status {
    const char *image;          /* of the rollout that this is about */
    const char *previous_image; /* that most Machines had before it */
    const char *state;          /* rollout_state_text() */
    const char *message;
    int64_t updated;
    int64_t total;
    int64_t started_at;
};

/* What the only control plane left with the server before it was installed anew. */
struct cluster_saved {
    const char *machine; /* that goes on with it; NULL: nothing is saved */
    const char *id;      /* of the task that saved it */
    int64_t install_generation;
    int64_t chunks, bytes; /* as they are kept: sealed */
    int64_t saved_at;
};

struct cluster_count {
    int64_t ready;
    int64_t total;
};

struct cluster_status {
    enum cluster_phase phase;
    int64_t observed_generation;
    const struct condition *conditions; /* as the field's text lists them */
    size_t n_conditions;
    const char *initialized_by; /* Machine; recorded before it is told, and never changed */
    int64_t initialized_at;     /* when `kubeadm init` had succeeded; 0: not yet */
    const char *endpoint;       /* "10.0.0.10:6443" */
    const char *ca_hash;        /* "sha256:..." of the CA's public key, as kubeadm writes it */
    const char *kubernetes_version;
    struct cluster_count control_planes;
    struct cluster_count workers;
    struct cluster_rollout_status rollout;
    struct cluster_saved saved;
};

struct cluster {
    struct meta meta;
    struct cluster_spec spec;
    struct cluster_status status;
};

extern const struct field cluster_spec_fields[];
extern const struct field cluster_status_fields[];

/* object_decode() and object_free() for this kind. */
int cluster_decode(const json_t *json, struct cluster **ret, struct err *err) _must_check_;
void cluster_free(struct cluster *cluster);
DEFINE_CLEANUP(struct cluster *, cluster_free)

/* "Ready"; "" for CLUSTER_PHASE_UNSET. */
const char *cluster_phase_text(enum cluster_phase phase);

enum { CLUSTER_HOST_SIZE = 254, CLUSTER_ENDPOINT_SIZE = 262 };

/*
 * The host of the API server's endpoint: what the Cluster says, else its virtual address, else the
 * host that status.endpoint recorded, else `first`, the address of the Machine that initialises the
 * cluster (0: not known). Into dst of CLUSTER_HOST_SIZE. 0, or -ENODATA when nothing says it.
 */
int cluster_host(const struct cluster *cluster, ipv4 first, char dst[static CLUSTER_HOST_SIZE])
    _must_check_;

/* The same with the port: "api.example.com:6443", into dst of CLUSTER_ENDPOINT_SIZE. */
int cluster_endpoint_text(const struct cluster *cluster, ipv4 first,
                          char dst[static CLUSTER_ENDPOINT_SIZE]) _must_check_;

/* The port that every API server listens on. */
static inline int64_t cluster_bind_port(const struct cluster *cluster)
{
    int64_t port = cluster->spec.api_server.bind_port;
    return port ? port : cluster->spec.endpoint.port;
}

enum { CLUSTER_ISSUER_SIZE = 1025 }; /* with NUL */

/*
 * The OIDC issuer's URL: what the Cluster says, else https://NAME:32000, NAME being
 * apiServer.externalFQDN or else the endpoint's host. 0, or -ENODATA when nothing says it or the
 * Cluster has no OIDC.
 */
int cluster_oidc_issuer(const struct cluster *cluster, ipv4 first, char *dst, size_t size)
    _must_check_;

/* A Machine of the cluster, for checks of all of them together. */
struct cluster_member {
    const char *name;
    enum machine_role role;
    ipv4 address; /* 0: not known */
};

/*
 * Whether the cluster's endpoint outlives each of its control planes: a name, a virtual address, or
 * an address that is none of theirs. Pure.
 */
bool cluster_endpoint_lasts(const struct cluster *cluster, const struct cluster_member *members,
                            size_t n);

/*
 * The field whose flag leader-elect lets every kube-controller-manager, or kube-scheduler, act:
 * good for one control plane, and not for more. NULL: they elect a leader. Pure.
 */
const char *cluster_without_election(const struct cluster *cluster);

/*
 * What is wrong with the addresses of a cluster's Machines: inside the pods' or services' subnet,
 * or the same as another one's or as the virtual address. Pure.
 */
void cluster_check_addresses(const struct cluster *cluster, const struct cluster_member *members,
                             size_t n, struct problems *problems);

/*
 * Whether clients of the cluster expect its control plane, a Service or a Pod at this address, so
 * that no worker is called by it. Pure.
 */
bool cluster_address_is_reserved(const struct cluster *cluster, ipv4 address);

/*
 * The same, and what is wrong with the Machines as they are together: no control plane, an even
 * number of them (an etcd of two or four members survives no more than one of one or three),
 * several without an endpoint that lasts or a leader. A cluster without members has no problem yet.
 * Pure.
 */
void cluster_check_members(const struct cluster *cluster, const struct cluster_member *members,
                           size_t n, struct problems *problems);
