/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a machine shall do to become, or stop being, a node of a cluster: files to write and
 * kubeadm's arguments, sealed to the machine's key (answer.sealed_task), and how far it has come
 * with that. The server decides everything; the machine knows no versions of Kubernetes. As JSON:
 *
 *     {"id": "...", "kind": "init|join|reset|save|resume", "deadlineSeconds": 900, "nodeName":
 * "node1", "criSocket": "unix:///run/containerd/containerd.sock", "certificatesDir":
 * "/etc/kubernetes/pki", "files": [{"path":
 * "/etc/kubernetes/pki/ca.crt", "mode": "0600", "data": "..."}], "kubeadm": "/opt/bin/kubeadm",
 * "arguments": ["join", "--config", "..."], "removeAfter": ["..."], "saved": "...", "savedKey":
 * "..."}
 *
 * Nothing here is thread safe on one value.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "trust/key.h"

#define PROTOCOL_TASK_DIR "/var/lib/slipway-node/cluster"
/* When a task has this file it is kubeadm's environment: lines NAME="VALUE". */
#define PROTOCOL_TASK_ENVIRONMENT PROTOCOL_TASK_DIR "/environment"

enum {
    PROTOCOL_TASK_TEXT_MAX = 1 << 20, /* of the JSON */
    PROTOCOL_TASK_FILES_MAX = 128,
    PROTOCOL_TASK_FILE_MAX = 256 << 10, /* bytes of one file */
    PROTOCOL_TASK_ARGUMENTS_MAX = 64,
    PROTOCOL_TASK_ARGUMENT_MAX = 1024, /* bytes of one argument */
    PROTOCOL_TASK_PATH_MAX = 512,
    PROTOCOL_TASK_ID_MAX = 64,
    PROTOCOL_TASK_DEADLINE_LEAST = 10, /* seconds */
    PROTOCOL_TASK_DEADLINE_MOST = 7200,
};

enum protocol_task_kind {
    PROTOCOL_TASK_INIT,
    PROTOCOL_TASK_JOIN,
    PROTOCOL_TASK_RESET,
    PROTOCOL_TASK_SAVE,   /* stop the control plane, and leave etcd's data with the server */
    PROTOCOL_TASK_RESUME, /* start it again: it is not installed anew after all */
};

struct protocol_task_file {
    char *path;
    mode_t mode; /* at most 0777 */
    char *data;  /* text; may be a secret */
};

struct protocol_task {
    char *id; /* letters, digits, '.', '_', '-'; another one for each attempt */
    enum protocol_task_kind kind;
    uint32_t deadline_seconds; /* for all of it, from its start on the machine */
    char *node_name;           /* a DNS name as Kubernetes takes it */
    char *cri_socket;          /* "unix:///..." */
    char *certificates_dir;    /* kubeadm's, below /etc/kubernetes; NULL: its default */
    struct protocol_task_file *files;
    size_t file_count;
    char *kubeadm;    /* where it is; NULL: in PATH */
    char **arguments; /* of kubeadm, the first is the kind; never a secret. Others: none */
    size_t argument_count;
    char *saved; /* save: the name that the data gets; init: of what etcd begins with, or NULL */
    char *saved_key;     /* with it: trust_chunk_seal()'s, in base64; secret */
    char **remove_after; /* files that nobody needs when it has ended, well or not */
    size_t remove_after_count;
};

/* Wipes and frees everything; the struct is zero afterwards. */
void protocol_task_free(struct protocol_task *task);
#define _autotask_ _cleanup_(protocol_task_free)

/* For making one. Each copies what it is given. 0 or -ENOMEM; what is invalid is refused by
 * protocol_task_build(). */
int protocol_task_add_file(struct protocol_task *task, const char *path, mode_t mode,
                           const char *data) _must_check_;
int protocol_task_add_argument(struct protocol_task *task, const char *argument) _must_check_;
int protocol_task_add_remove_after(struct protocol_task *task, const char *path) _must_check_;

/*
 * Whether a task may write (or remove) path: absolute, without empty, "." and ".." parts or control
 * characters, and below /etc/kubernetes, /etc/cni/net.d, PROTOCOL_TASK_DIR (but not that folder's
 * own lock, task.json, state.json, undo.json and saved.tar.gz) or the drop-ins of
 * kubelet.service, containerd.service and crio.service in /etc/systemd/system, or one of the files
 * /etc/default/kubelet, /etc/systemd/system.conf.d/20-slipway-proxy.conf and
 * /etc/profile.d/slipway-proxy.sh.
 */
bool protocol_task_path_is_allowed(const char *path);
/* Whether certificates may be in this folder, which undoing removes: below /etc/kubernetes. */
bool protocol_task_folder_is_allowed(const char *path);

/* As JSON text, malloc'd; free with protocol_task_text_free(). 0, -EINVAL (with the field in err;
 * never with a file's contents) or -ENOMEM. */
int protocol_task_build(const struct protocol_task *task, char **ret_text, struct err *err)
    _must_check_;
/* The reverse. *ret is untouched on failure. 0, -EBADMSG with the field in err, or -ENOMEM. Fields
 * that it does not know are ignored. */
int protocol_task_parse(const char *text, size_t len, struct protocol_task *ret, struct err *err)
    _must_check_;
/* Wipes and frees. NULL is allowed. */
void protocol_task_text_free(char *text);

/* protocol_task_build() and trust_seal(): base64 for answer.sealed_task, malloc'd. */
int protocol_task_seal(const struct protocol_task *task, const struct trust_public *to,
                       char **ret_sealed, struct err *err) _must_check_;
/* trust_unseal() and protocol_task_parse(). -EBADMSG also when it was sealed to another key. */
int protocol_task_unseal(const struct trust_key *key, const char *sealed, struct protocol_task *ret,
                         struct err *err) _must_check_;

/* ---- how far it has come ---- */

enum protocol_task_outcome { PROTOCOL_TASK_RUNNING, PROTOCOL_TASK_DONE, PROTOCOL_TASK_FAILED };

/*
 * Reasons why a task failed: CamelCase, in the state's and the report's failure. Those of kubeadm
 * are judged from what it and the kubelet said last.
 */
#define PROTOCOL_FAILURE_TASK_INVALID "TaskInvalid" /* not a task, or not for this machine */
#define PROTOCOL_FAILURE_MEMBER "AlreadyMember"     /* an init or join has ended well before */
#define PROTOCOL_FAILURE_FILES "FilesNotWritten"    /* the disk refuses */
#define PROTOCOL_FAILURE_RUNTIME "ContainerRuntimeNotReady" /* its socket does not answer */
#define PROTOCOL_FAILURE_KUBEADM_MISSING "KubeadmMissing"   /* the image has no Kubernetes */
#define PROTOCOL_FAILURE_UNDO "ResetFailed"                 /* kubeadm reset */
#define PROTOCOL_FAILURE_KUBEADM "KubeadmFailed"            /* for none of the reasons below */
#define PROTOCOL_FAILURE_PREFLIGHT "PreflightFailed"        /* the machine lacks something */
#define PROTOCOL_FAILURE_IMAGE "ImageMissing"               /* a container image */
#define PROTOCOL_FAILURE_KUBELET "KubeletFailed"            /* it does not run */
#define PROTOCOL_FAILURE_CONTROL_PLANE "ControlPlaneNotReady"
#define PROTOCOL_FAILURE_API "APIServerUnreachable"
#define PROTOCOL_FAILURE_DISCOVERY "DiscoveryFailed"        /* the API server's CA is another */
#define PROTOCOL_FAILURE_BOOTSTRAP "TLSBootstrapFailed"     /* the token is not accepted */
#define PROTOCOL_FAILURE_CERTIFICATE "CertificateNotIssued" /* the request is not approved */
#define PROTOCOL_FAILURE_CNI "NetworkPluginNotReady"
#define PROTOCOL_FAILURE_DEADLINE "DeadlineExceeded" /* and nothing tells which step */
#define PROTOCOL_FAILURE_SAVE "EtcdNotSaved"
#define PROTOCOL_FAILURE_RESTORE "EtcdNotRestored"
#define PROTOCOL_FAILURE_INTERRUPTED "Interrupted" /* power cut, kill, restart */
#define PROTOCOL_FAILURE_RESET "ResetByHand"       /* somebody ran slipway-node reset */
/* After a join that ended well, when it is none of those above. */
#define PROTOCOL_FAILURE_NODE "NodeNotReady"

/* The phase of a save that is done: the control plane stays stopped. */
#define PROTOCOL_PHASE_SAVED "etcd-saved"

/* hello.system.cluster, and the machine's own durable record of it. */
struct protocol_task_state {
    char *task; /* its id */
    enum protocol_task_outcome outcome;
    char *phase;     /* "runtime", or what kubeadm calls it ("wait-control-plane"); or NULL. When it
                        is done: PROTOCOL_PHASE_SAVED or NULL */
    char *failure;   /* one of the above when it failed, else NULL */
    char *message;   /* for people: what failed and the last lines that tell why; or NULL */
    char *node_name; /* of the Node, once kubeadm may have made something; NULL after a reset */
};
void protocol_task_state_free(struct protocol_task_state *state);
#define _autotaskstate_ _cleanup_(protocol_task_state_free)

/* {"task", "state": "running|done|failed", "phase", "failure", "message", "nodeName"}: a new
 * reference, NULL when out of memory. */
json_t *protocol_task_state_to_json(const struct protocol_task_state *state);
/* *ret is untouched on failure. 0, -EBADMSG or -ENOMEM. */
int protocol_task_state_parse(json_t *object, struct protocol_task_state *ret, struct err *err)
    _must_check_;
