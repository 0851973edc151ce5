/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up-task.h"

#include <string.h>

#include "base/str.h"
#include "cluster/kubeadm-task.h"

static const char *const role_names[] = {[UP_SEED] = "seed", [UP_JOIN] = "join"};

char *up_task_id(enum up_role role, struct rng *rng)
{
    uint8_t bytes[8];
    rng_fill(rng, bytes, sizeof(bytes));
    _autofree_ char *hex = str_hex(bytes, sizeof(bytes));
    return hex ? str_format(UP_TASK_PREFIX "%s-%s", role_names[role], hex) : NULL;
}

bool up_task_is(const char *id, enum up_role role)
{
    const char *rest = id ? str_after(id, UP_TASK_PREFIX) : NULL;
    return rest && str_after(rest, role_names[role]) != NULL;
}

/* The cluster, with the seeder as its endpoint where there is one. */
static int cluster_of(const struct node_configuration *c, char host[static NODE_SEEDER_SIZE],
                      struct cluster *ret)
{
    uint64_t port;
    *ret = (struct cluster){.spec = c->cluster};
    if (!c->seeder)
        return 0;
    int r = node_seeder_normalize(c->seeder, host);
    char *colon = r == 0 ? strrchr(host, ':') : NULL;
    if (!colon || str_parse_u64(colon + 1, 1, 65535, &port) < 0)
        return -EINVAL;
    *colon = '\0';
    ret->spec.endpoint = (struct cluster_endpoint){.host = host, .port = (int64_t)port};
    return 0;
}

static int fill_names(const struct cluster_spec *spec, const struct up_host *host, const char *id,
                      struct protocol_task *task)
{
    task->id = strdup(id);
    task->deadline_seconds = (uint32_t)spec->join_policy.join_timeout_seconds;
    if (task->deadline_seconds > PROTOCOL_TASK_DEADLINE_MOST)
        task->deadline_seconds = PROTOCOL_TASK_DEADLINE_MOST;
    task->node_name = strdup(host->name);
    task->cri_socket = strdup(kubeadm_cri_socket(spec->container_runtime));
    task->kubeadm = strdup(spec->kubeadm_path);
    return task->id && task->node_name && task->cri_socket && task->kubeadm ? 0 : -ENOMEM;
}

int up_task(const struct node_configuration *configuration, const struct up_host *host,
            const char *id, const char *init_token, struct protocol_task *ret, struct err *err)
{
    struct protocol_task task _autotask_ = {0};
    char endpoint[NODE_SEEDER_SIZE];
    struct cluster cluster;
    bool seed = up_role(configuration) == UP_SEED;
    int r = cluster_of(configuration, endpoint, &cluster);
    if (r < 0)
        return err_set(err, r, "not a seeder: \"%s\"", configuration->seeder);
    const struct kubeadm_alone alone = {.ca_hash = configuration->ca_cert_hash,
                                        .skip_ca = configuration->unsafe_skip_ca_verification};
    const struct kubeadm_request request = {
        .cluster = &cluster,
        .machine = {.name = host->name,
                    .address = host->address,
                    .subnet = host->subnet,
                    .role = seed ? ROLE_CONTROL_PLANE : ROLE_WORKER,
                    .labels = configuration->labels,
                    .n_labels = configuration->n_labels,
                    .has_crictl = host->has_crictl},
        .version = host->version,
        .task = seed ? KUBEADM_INIT : KUBEADM_JOIN,
        .token = seed ? init_token : configuration->token,
        .ca = seed ? NULL : configuration->ca_cert,
        .alone = &alone,
    };
    task.kind = seed ? PROTOCOL_TASK_INIT : PROTOCOL_TASK_JOIN;
    r = fill_names(&cluster.spec, host, id, &task);
    if (r == 0)
        r = kubeadm_task_add_files(&request, &task, err);
    if (r == 0)
        r = kubeadm_task_add_arguments(&request, &task, err);
    if (r < 0)
        return err && err->code ? r : err_errno(err, r, "cannot make the task");
    *ret = task;
    task = (struct protocol_task){0};
    return 0;
}
