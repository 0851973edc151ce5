/* SPDX-License-Identifier: Apache-2.0 */
#include "server/cluster-task.h"

#include <sodium.h>

#include "base/str.h"
#include "cluster/kubeadm-task.h"
#include "trust/chunk.h"

#define PODNET_PATH "/etc/kubernetes/slipway-podnet.json"

static struct kubeadm_request request_of(const struct cluster_task_input *in)
{
    return (struct kubeadm_request){
        .cluster = in->cluster,
        .machine = {.name = in->machine,
                    .address = in->address,
                    .subnet = in->subnet,
                    .role = in->role},
        .version = in->version,
        .task = in->kind == PROTOCOL_TASK_INIT ? KUBEADM_INIT : KUBEADM_JOIN,
        .restored = in->saved != NULL,
        .first = in->first,
        .token = in->token,
        .ca = in->pki->ca.certificate,
    };
}

/* A worker gets the authority's certificate by its discovery file and needs nothing else. */
static int add_pki(const struct cluster_task_input *in, struct protocol_task *task)
{
    struct pki_file files[PKI_FILE_COUNT];
    if (in->role == ROLE_WORKER)
        return 0;
    pki_files(in->pki, files);
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
        _autofree_ char *path =
            str_format("%s/%s", in->cluster->spec.certificates_dir, files[i].path);
        r = path ? protocol_task_add_file(task, path, files[i].mode, files[i].data) : -ENOMEM;
    }
    return r;
}

/* For the network between pods that slipway-podnet makes. */
static int add_podnet(const struct cluster_task_input *in, struct protocol_task *task)
{
    const struct cluster_spec *spec = &in->cluster->spec;
    char subnet[CIDR_TEXT_SIZE];
    if (spec->cni.driver != CNI_BRIDGE)
        return 0;
    json_auto_t *json =
        json_pack("{s:s, s:s, s:I, s:s, s:s}", "nodeName", in->machine, "podSubnet",
                  cidr_text(spec->networking.pod_subnet, subnet), "mtu", (json_int_t)spec->cni.mtu,
                  "binDir", spec->cni.bin_dir, "confDir", spec->cni.conf_dir);
    _autofree_ char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    return text ? protocol_task_add_file(task, PODNET_PATH, 0644, text) : -ENOMEM;
}

static int fill_names(const struct cluster_task_input *in, struct protocol_task *task)
{
    const struct cluster_spec *spec = &in->cluster->spec;
    task->kind = in->kind;
    task->deadline_seconds = (uint32_t)spec->join_policy.join_timeout_seconds;
    task->id = strdup(in->id);
    task->node_name = strdup(in->machine);
    task->cri_socket = strdup(kubeadm_cri_socket(spec->container_runtime));
    task->certificates_dir = strdup(spec->certificates_dir);
    task->kubeadm = spec->kubeadm_path ? strdup(spec->kubeadm_path) : NULL;
    bool all = task->id && task->node_name && task->cri_socket && task->certificates_dir &&
               (task->kubeadm || !spec->kubeadm_path);
    return all ? 0 : -ENOMEM;
}

static int add_saved(const struct cluster_task_input *in, struct protocol_task *task)
{
    uint8_t key[TRUST_CHUNK_KEY_SIZE];
    if (!in->saved)
        return 0;
    trust_chunk_key(in->pki->etcd_ca.key, "etcd", in->saved, key);
    task->saved = strdup(in->saved);
    task->saved_key = str_base64(key, sizeof(key));
    sodium_memzero(key, sizeof(key));
    return task->saved && task->saved_key ? 0 : -ENOMEM;
}

/* What a machine needs that becomes a node. */
static int add_all(const struct cluster_task_input *in, struct protocol_task *task, struct err *err)
{
    const struct kubeadm_request request = request_of(in);
    int r = kubeadm_task_add_files(&request, task, err);
    if (r == 0)
        r = add_pki(in, task);
    if (r == 0)
        r = add_podnet(in, task);
    return r < 0 ? r : kubeadm_task_add_arguments(&request, task, err);
}

int cluster_task_fill(const struct cluster_task_input *in, struct protocol_task *ret,
                      struct err *err)
{
    struct protocol_task task _autotask_ = {0};
    bool becomes_node = in->kind == PROTOCOL_TASK_INIT || in->kind == PROTOCOL_TASK_JOIN;
    int r = fill_names(in, &task);
    if (r == 0)
        r = add_saved(in, &task);
    if (r == 0 && becomes_node)
        r = add_all(in, &task, err);
    if (r < 0)
        return err && err->code ? r : err_errno(err, r, "cannot make the task");
    *ret = task;
    task = (struct protocol_task){0};
    return 0;
}

int cluster_task_seal(const struct cluster_task_input *in, const struct trust_public *key,
                      char **ret, struct err *err)
{
    struct protocol_task task _autotask_ = {0};
    int r = cluster_task_fill(in, &task, err);
    return r < 0 ? r : protocol_task_seal(&task, key, ret, err);
}
