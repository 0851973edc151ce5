/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kubeadm is told: its configuration, in the API version that the Kubernetes in the machine's
 * image reads, its arguments, and the files beside it. The PKI's files are not made here.
 *
 * `kubeadm init` runs without its phase bootstrap-token. So there is never a token that somebody
 * could read from its output, never a binding by which certificate requests are approved
 * automatically, and no ConfigMap cluster-info that anybody may read: who joins gets the authority
 * and the endpoint in a discovery file. Nodes that no server looks after (struct kubeadm_alone)
 * need what kubeadm has of its own: that phase, and kubelets that serve with certificates of their
 * own.
 *
 * Everything is pure and thread safe.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "resource/cluster.h"

/* Where the files of a task go. The folder is the machine's slipway-node's own, mode 0700. */
#define KUBEADM_FOLDER "/var/lib/slipway-node/cluster"
#define KUBEADM_CONFIG KUBEADM_FOLDER "/kubeadm.yaml"
#define KUBEADM_DISCOVERY KUBEADM_FOLDER "/discovery.conf"
#define KUBEADM_ENVIRONMENT KUBEADM_FOLDER "/environment" /* of kubeadm; systemd's form */
/* The proxy for everything on a machine: of systemd's services, and of who logs in. */
#define KUBEADM_PROXY_SERVICES "/etc/systemd/system.conf.d/20-slipway-proxy.conf"
#define KUBEADM_PROXY_LOGINS "/etc/profile.d/slipway-proxy.sh"

/* What the group of joining machines is called; only RBAC of our own mentions it. */
#define KUBEADM_GROUP "system:bootstrappers:slipway"

/* kubeadm.k8s.io/v1beta2 (Kubernetes 1.15 to 1.21), v1beta3 (to 1.30), v1beta4 (from 1.31). */
enum kubeadm_api { KUBEADM_V1BETA2, KUBEADM_V1BETA3, KUBEADM_V1BETA4 };

/*
 * The configuration API for a version such as "v1.20.2". 0, -EINVAL (no version) or -EOPNOTSUPP
 * (older than 1.15).
 */
int kubeadm_version_api(const char *version, enum kubeadm_api *ret, struct err *err) _must_check_;
/* "kubeadm.k8s.io/v1beta2" */
const char *kubeadm_api_text(enum kubeadm_api api);

struct kubeadm_taint {
    const char *key;
    const char *value;  /* NULL: empty */
    const char *effect; /* "NoSchedule", "PreferNoSchedule" or "NoExecute" */
};

/* The machine that kubeadm runs on. */
struct kubeadm_machine {
    const char *name;   /* of the Node */
    ipv4 address;       /* that it is known by in the cluster */
    struct cidr subnet; /* of the machines, reached without the proxy; all zero: not known */
    enum machine_role role;
    const struct kubeadm_taint *taints; /* beside the control plane's own */
    size_t n_taints;
    const struct pair *labels; /* that a kubelet may give to its own Node */
    size_t n_labels;
    const struct pair *kubelet_args; /* win over the Cluster's */
    size_t n_kubelet_args;
    bool has_crictl; /* the image has it; kubeadm before 1.31 looks at the runtime by it */
};

/* A cluster without Slipway's server. */
struct kubeadm_alone {
    /* join: "sha256:..." of the authority's public key, by which the ConfigMap cluster-info is
     * believed; NULL: the request's ca is the authority. */
    const char *ca_hash;
    bool skip_ca; /* join: believe whoever answers; neither ca_hash nor ca is needed */
};

enum kubeadm_task { KUBEADM_INIT, KUBEADM_JOIN };

struct kubeadm_request {
    const struct cluster *cluster;
    struct kubeadm_machine machine;
    const char *version; /* of the Kubernetes in the machine's image */
    enum kubeadm_task task;
    ipv4 first; /* address of the Machine that initialises: see cluster_host() */
    /* join: this machine's bootstrap token; secret. init, alone: one that kubeadm makes for two
     * minutes, because without one it would make one for a day. */
    const char *token;
    const char *ca;                    /* join: the cluster's authority in PEM */
    const struct kubeadm_alone *alone; /* NULL: Slipway's server looks after the cluster */
    bool restored; /* init: etcd's data is there already, and the add-ons are in it */
};

/*
 * kubeadm's configuration as YAML documents: for an init InitConfiguration, ClusterConfiguration,
 * KubeletConfiguration and KubeProxyConfiguration, for a join JoinConfiguration. *ret is malloc'd
 * and, for a join, secret. 0, -EINVAL (the request contradicts itself; err says how), -EOPNOTSUPP
 * (as kubeadm_version_api()) or -ENOMEM.
 */
int kubeadm_config(const struct kubeadm_request *request, char **ret, struct err *err) _must_check_;

/*
 * init: the document ClusterConfiguration alone, as the ConfigMap kubeadm-config holds it for those
 * that join. Errors as kubeadm_config().
 */
int kubeadm_cluster_configuration(const struct kubeadm_request *request, char **ret,
                                  struct err *err) _must_check_;

/* join: the discovery file, a kubeconfig of the endpoint and the authority without a user. Needs
 * the request's ca. */
int kubeadm_discovery(const struct kubeadm_request *request, char **ret, struct err *err)
    _must_check_;

/* A file that a task brings. */
struct kubeadm_file {
    char *path;
    const char *mode; /* "0600" */
    char *data;
    bool remove_after; /* secret, and needed by nobody once kubeadm ended */
};

enum { KUBEADM_FILES_MAX = 10 };

struct kubeadm_files {
    struct kubeadm_file items[KUBEADM_FILES_MAX];
    size_t n;
};

/* Overwrites and frees. */
void kubeadm_files_free(struct kubeadm_files *files);
#define _autokubeadmfiles_ _cleanup_(kubeadm_files_free)

/*
 * All files that the task needs except the PKI's: the configuration, the discovery file, kubeadm's
 * environment and drop-ins of kubelet's and the container runtime's services for the proxy (with
 * spec.proxy.systemWide also those of systemd itself and of logins), the OIDC issuer's authority,
 * the static Pod of kube-vip. A worker gets no file of the PKI at all: kubeadm writes the
 * authority's certificate from the discovery file, and refuses to start where it is already. Errors
 * as kubeadm_config().
 */
int kubeadm_files(const struct kubeadm_request *request, struct kubeadm_files *ret, struct err *err)
    _must_check_;

/*
 * kubeadm's arguments (without the program) as a list of strings: never a secret. A new reference.
 * Which phases are skipped and which of kubeadm's checks are ignored depends on the version, the
 * Cluster and what the image has. 0, -EINVAL, -EOPNOTSUPP or -ENOMEM.
 */
int kubeadm_arguments(const struct kubeadm_request *request, json_t **ret, struct err *err)
    _must_check_;

/* "unix:///run/containerd/containerd.sock" */
const char *kubeadm_cri_socket(enum container_runtime runtime);

/*
 * Names of the ConfigMaps in kube-system that a joining machine reads with its bootstrap token, for
 * the RBAC of KUBEADM_GROUP; ends with NULL. The texts belong to *ret.
 */
struct kubeadm_config_maps {
    char kubelet[32];
    const char *names[4];
};
int kubeadm_config_maps(const char *version, struct kubeadm_config_maps *ret) _must_check_;

/* Who reads the proxy's variables, which decides how they are written. */
enum kubeadm_proxy_form {
    KUBEADM_PROXY_ENVIRONMENT, /* EnvironmentFile= of systemd: NAME="VALUE" */
    KUBEADM_PROXY_SERVICE,     /* a drop-in of one service */
    KUBEADM_PROXY_MANAGER,     /* a drop-in of systemd itself, whose services inherit it */
    KUBEADM_PROXY_SHELL,       /* a shell, as in /etc/profile.d */
};

/*
 * Appends the proxy's variables of a machine of the cluster, one per line; nothing when the Cluster
 * has no proxy. no_proxy always holds what is inside: the machine itself, link-local addresses, the
 * pods', the services' and the machines' addresses, the cluster's domain, and its endpoint (first
 * as in struct kubeadm_request; 0: not known).
 */
void kubeadm_proxy(const struct cluster *cluster, const struct kubeadm_machine *machine, ipv4 first,
                   enum kubeadm_proxy_form form, struct buf *out);
