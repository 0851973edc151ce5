/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests that the seeder applies: the network's, the Cluster's add-ons, and those of a folder,
 * in the form and the order in which Slipway's server applies them (cluster/addons.h). Nothing is
 * pruned, and no certificates are made: that is for somebody who stays.
 */
#pragma once

#include "base/clock.h"
#include "cluster/addons.h"
#include "node/up-kubectl.h"

struct up_addons {
    const struct up_kubectl *kubectl;
    const char *cni;       /* manifest of the network between pods; NULL: the Cluster's */
    const char *folder;    /* or file, or URL; NULL: none */
    const char *curl;      /* program that fetches addresses */
    const char *authority; /* of the cluster, in PEM */
    const struct cluster_spec *spec;
    ipv4 address; /* of this node, for the endpoint */
};

bool up_addons_any(const struct up_addons *addons);

/*
 * Applies all there is: namespaces, rights, definitions (and waits until these are Established),
 * the rest. What fails is told, counted in *ret_failures, and does not keep the rest from being
 * applied. 0 or -ENOMEM.
 */
int up_addons_apply(const struct up_addons *addons, size_t *ret_failures, struct err *err)
    _must_check_;

/* One add-on, read: its objects in their order; problems are lines. */
struct up_manifests {
    struct addon_objects objects;
    struct buf problems;
};
void up_manifests_free(struct up_manifests *manifests);
#define _automanifests_ _cleanup_(up_manifests_free)

/* Reads an add-on as addons_input() describes it, with its values. */
void up_manifests_load(const struct up_addons *addons, const json_t *addon, const json_t *values,
                       struct up_manifests *ret);
