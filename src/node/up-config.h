/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the configuration of `slipway-node up` comes from: a file, the environment over it, and the
 * command line over both. Pure; what is wrong is told all at once, never with a token in it.
 */
#pragma once

#include "resource/node-configuration.h"
#include "resource/read.h"

/* What the environment says; NULL or "": nothing. */
struct up_environment {
    const char *seeder, *token, *ca_cert_hash;
};

struct up_sources {
    const char *file; /* for messages; NULL: there is no file */
    const char *text; /* of the file */
    size_t len;
    struct up_environment environment;
    const char *const *variables; /* "Path=Value" */
    size_t n_variables;
    const char *cni; /* "none", "bridge", the path of a manifest, or NULL */
};

/* Read, not yet checked. */
struct up_document {
    json_t *json;
    struct where *where;
};
void up_document_free(struct up_document *document);
#define _autoupdocument_ _cleanup_(up_document_free)

/* 0, -EINVAL (there are problems) or -ENOMEM. */
int up_config_read(const struct up_sources *sources, struct up_document *ret,
                   struct problems *problems) _must_check_;

/* Where the host has kubeadm, borrowed from the document: its version is needed to go on. */
const char *up_config_kubeadm(const struct up_document *document);

/* version: of the host's kubeadm. 0, -EINVAL (there are problems) or -ENOMEM. */
int up_config_finish(const struct up_sources *sources, struct up_document *document,
                     const char *version, struct node_configuration **ret,
                     struct problems *problems) _must_check_;

/* Whether cni is the path of a manifest: neither "none" nor "bridge". */
bool up_cni_is_manifest(const char *cni);

enum up_role { UP_SEED, UP_JOIN };

/* The role rule: who names no seeder is it. */
enum up_role up_role(const struct node_configuration *configuration);
