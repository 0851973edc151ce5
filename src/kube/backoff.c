/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/backoff.h"

enum { DOUBLINGS_MAX = 20 };

uint32_t kube_backoff_ms(unsigned failures, uint32_t min_ms, uint32_t max_ms, struct rng *rng)
{
    if (failures == 0)
        return 0;
    unsigned doublings = failures - 1 < DOUBLINGS_MAX ? failures - 1 : DOUBLINGS_MAX;
    uint64_t whole = (uint64_t)min_ms << doublings;
    if (whole > max_ms)
        whole = max_ms;
    uint32_t half = (uint32_t)(whole / 2);
    return (uint32_t)whole - half + rng_below(rng, half + 1);
}
