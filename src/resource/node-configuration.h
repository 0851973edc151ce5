/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NodeConfiguration: what `slipway-node up` makes of a host when there is no server. It is read
 * from a file and never stored, so it is none of kinds[].
 */
#pragma once

#include "resource/cluster.h"

struct node_bind {
    ipv4 address;          /* 0: see interface */
    const char *interface; /* NULL: the one with the default route, or the way to the seeder */
};

struct node_configuration {
    struct meta meta;
    const char *seeder; /* host or host:port; NULL: this node is the seeder */
    const char *token;  /* secret; NULL: none */
    const char *ca_cert_hash;
    const char *ca_cert; /* PEM */
    bool unsafe_skip_ca_verification;
    const char *node_name; /* NULL: the host's name */
    struct node_bind bind;
    const struct pair *labels;
    size_t n_labels;
    struct cluster_spec cluster;
};

extern const struct kind kind_node_configuration;

/* object_decode() and object_free() for this kind. */
int node_configuration_decode(const json_t *json, struct node_configuration **ret, struct err *err)
    _must_check_;
void node_configuration_free(struct node_configuration *configuration);
DEFINE_CLEANUP(struct node_configuration *, node_configuration_free)

/*
 * Fills in what a Cluster without a server has otherwise than one with it, where the configuration
 * does not say it: the version of Kubernetes is the host's (NULL: not known), whoever has a token
 * is approved, and tokens live for a day. 0 or -ENOMEM.
 */
int node_configuration_complete(json_t *json, const char *version) _must_check_;

enum { NODE_SEEDER_SIZE = 262 }; /* "host:port" and NUL */

/*
 * "host:port" of what a seeder may be called: a name or an address, with or without a port (6443),
 * also with https:// in front. Pure. 0 or -EINVAL.
 */
int node_seeder_normalize(const char *text, char dst[static NODE_SEEDER_SIZE]) _must_check_;
