/* SPDX-License-Identifier: Apache-2.0 */
/* The rules between a Cluster's fields, for its kind. Pure; thread safe. */
#pragma once

#include "resource/cluster.h"

/* struct kind's check: what contradicts itself in one Cluster. */
void cluster_check(const void *object, struct problems *problems);

/*
 * struct kind's check_change: where its authorities come from stays once they are there; once a
 * Machine was told to initialise the cluster, its networks, its endpoint and the folder of its
 * certificates stay, and its version goes up by one minor at most.
 */
void cluster_check_change(const void *before, const void *after, struct problems *problems);
