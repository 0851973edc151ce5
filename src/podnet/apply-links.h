/* SPDX-License-Identifier: Apache-2.0 */
/* The part of apply that speaks rtnetlink: tunnel device, routes, neighbours. */
#pragma once

#include "podnet/apply.h"

/* plan NULL: nothing of ours shall be there. 0, or the first failure; see podnet_apply(). */
int apply_links(int net, const struct podnet_plan *plan, struct podnet_outcome *outcome);
