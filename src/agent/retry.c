/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/retry.h"

bool retry_failed(struct retry *retry, uint32_t random, uint32_t *ret_wait_ms)
{
    uint32_t exponent = retry->tries < 20 ? retry->tries : 20;
    if (retry->tries < UINT32_MAX)
        retry->tries++;
    if (retry->budget && retry->tries >= retry->budget)
        return false;
    uint64_t wait = (uint64_t)retry->first_ms << exponent;
    if (wait > retry->max_ms)
        wait = retry->max_ms;
    uint64_t jitter = wait / 4;
    *ret_wait_ms = (uint32_t)(wait - (jitter ? random % (jitter + 1) : 0));
    return true;
}
