/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries a plan out: compares it with what the kernel and the disk have, and changes only what
 * differs. What is not ours (routes of another protocol number, other tables, other files) is left
 * alone. Blocks for milliseconds (rtnetlink, one small file, now and then nft).
 */
#pragma once

#include "base/buf.h"
#include "podnet/config.h"
#include "podnet/plan.h"

/* What was applied before. Zero-initialise; podnet_applied_clear() frees it. */
struct podnet_applied {
    char *rules; /* that nft took from us; NULL: none yet, so they are applied once */
};

void podnet_applied_clear(struct podnet_applied *applied);

/*
 * What happened, for people: one line for each change, and for each thing that failed, with '\n'.
 * Zero-initialise; podnet_outcome_clear() frees it.
 */
struct podnet_outcome {
    struct buf changes;
    struct buf troubles;
};

void podnet_outcome_clear(struct podnet_outcome *outcome);
#define _autooutcome_ _cleanup_(podnet_outcome_clear)

/*
 * Does as much as can be done; a failure of one thing is written to outcome->troubles and does not
 * keep back the others. The CNI configuration, which tells the container runtime that pods may
 * start, comes last, and not before the masquerading rules were applied once: without them pods
 * would start cut off. 0, or the first failure.
 */
int podnet_apply(int net, const struct podnet_config *config, const struct podnet_plan *plan,
                 struct podnet_applied *applied, struct podnet_outcome *outcome);

/* Removes all that podnet_apply() ever makes, and the pods' bridge: after `kubeadm reset`. */
int podnet_remove(int net, const struct podnet_config *config, struct podnet_outcome *outcome);
