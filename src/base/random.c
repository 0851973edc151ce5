/* SPDX-License-Identifier: Apache-2.0 */
#include "base/random.h"

#include <sodium.h>
#include <string.h>

static void system_fill(struct rng *rng, void *data, size_t len)
{
    (void)rng;
    randombytes_buf(data, len);
}

struct rng rng_system = {.fill = system_fill};

static void seeded_fill(struct rng *rng, void *data, size_t len)
{
    struct rng_seeded *seeded = (struct rng_seeded *)(void *)rng;
    uint8_t nonce[crypto_stream_NONCEBYTES] = {0};
    memcpy(nonce, &seeded->counter, sizeof(seeded->counter));
    seeded->counter++;
    crypto_stream(data, len, nonce, seeded->seed);
}

void rng_seeded_init(struct rng_seeded *seeded, uint64_t seed)
{
    *seeded = (struct rng_seeded){.rng = {.fill = seeded_fill}};
    memcpy(seeded->seed, &seed, sizeof(seed));
}

uint32_t rng_below(struct rng *rng, uint32_t bound)
{
    if (bound < 2)
        return 0;
    /* Values below `skip` would make small results likelier; draw again. */
    uint32_t skip = (uint32_t)(-bound) % bound;
    uint32_t v;
    do {
        rng_fill(rng, &v, sizeof(v));
    } while (v < skip);
    return v % bound;
}
