/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a decision about a Machine of a Cluster to the task that carries it out: kubeadm's
 * configuration and arguments, the files of its role, and nothing more of the PKI than that role
 * needs. The key of data that is saved comes out of etcd's authority: whoever has that may read
 * etcd. Pure but for memory.
 */
#pragma once

#include "cluster/pki.h"
#include "protocol/task.h"
#include "resource/cluster.h"

struct cluster_task_input {
    const struct cluster *cluster;
    const struct pki *pki;
    enum protocol_task_kind kind;
    enum machine_role role; /* init, join: in the cluster */
    const char *id;
    const char *saved;   /* etcd's data: save: its name; init: what it begins with, or NULL */
    const char *machine; /* name of the Machine, and of its Node */
    ipv4 address;        /* that the Node is known by */
    struct cidr subnet;  /* of the machines; all zero: not known */
    ipv4 first;          /* of the Machine that initialises the cluster */
    const char *version; /* of the Kubernetes in its image */
    const char *token;   /* joins: "id.secret" */
};

/* Fills *ret (protocol_task_free()). 0 or a negative errno with text. */
int cluster_task_fill(const struct cluster_task_input *input, struct protocol_task *ret,
                      struct err *err) _must_check_;

/* The same, sealed to the machine's key: *ret is malloc'd. */
int cluster_task_seal(const struct cluster_task_input *input, const struct trust_public *key,
                      char **ret, struct err *err) _must_check_;
