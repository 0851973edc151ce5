/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks a cluster's etcd for its members and how they are, lets the caller choose one that shall go,
 * and removes it through another one. With a short-lived certificate of the cluster's own etcd
 * authority. Loop thread only.
 */
#pragma once

#include "cluster/etcd.h"
#include "server/cluster-entry.h"

struct etcd_change;

struct etcd_change_options {
    void *user;
    /* The member to remove, out of members; NULL: none (any more). Asked again after each. */
    const struct etcd_member *(*choose)(void *user, const struct etcd_members *members);
    /*
     * The end, then it is freed. 0: nothing is left to remove; -EBUSY: a quorum forbids it, -EDOM:
     * it is the only member, and others: etcd could not be used. text is a sentence for people;
     * removed counts what went.
     */
    void (*done)(void *user, int error, const char *text, size_t removed);
};

/* 0, -ENOTCONN (no control plane is known to ask), -EINVAL or -ENOMEM: then done is not called. */
int etcd_change_start(struct cluster_entry *entry, const struct etcd_change_options *options,
                      struct etcd_change **ret) _must_check_;
/* Gives up without done(). NULL allowed. */
void etcd_change_cancel(struct etcd_change *etcd);
