/* SPDX-License-Identifier: Apache-2.0 */
/* Pauses between tries: they double up to a limit, and half of each is drawn, so that many clients
 * of a server that comes back do not come at once. Pure. */
#pragma once

#include <stdint.h>

#include "base/random.h"

/*
 * Before the next try after `failures` in a row (from 1): between half of and the whole of
 * min_ms * 2^(failures-1), which max_ms bounds. 0 when failures is 0.
 */
uint32_t kube_backoff_ms(unsigned failures, uint32_t min_ms, uint32_t max_ms, struct rng *rng);
