/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task of a node that no server looks after, in the form in which a server would send it, so
 * that it is carried out, and undone, by the same code. Pure.
 */
#pragma once

#include "base/random.h"
#include "node/up-config.h"
#include "protocol/task.h"

/* What is known of the host. */
struct up_host {
    char name[254];     /* of the Node */
    ipv4 address;       /* that the cluster knows it by */
    struct cidr subnet; /* that the address is in */
    char version[64];   /* of its kubeadm: "v1.20.2" */
    bool has_crictl;
};

#define UP_TASK_PREFIX "up-"

/* "up-seed-0123456789abcdef": another one for each attempt; malloc'd or NULL. */
char *up_task_id(enum up_role role, struct rng *rng);
/* Whether an id is of that role's. */
bool up_task_is(const char *id, enum up_role role);

/*
 * init_token: of the seeder, a token that kubeadm makes and that ends at once (see
 * cluster/kubeadm.h). 0, -EINVAL (err says what is wrong), -EOPNOTSUPP or -ENOMEM.
 */
int up_task(const struct node_configuration *configuration, const struct up_host *host,
            const char *id, const char *init_token, struct protocol_task *ret, struct err *err)
    _must_check_;
