/* SPDX-License-Identifier: Apache-2.0 */
/* Randomness as an injected value, so that tests and simulations are repeatable. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rng {
    void (*fill)(struct rng *rng, void *data, size_t len);
};

/* The kernel's cryptographic source, through libsodium. */
extern struct rng rng_system;

/* A repeatable stream for tests: never for keys. */
struct rng_seeded {
    struct rng rng; /* pass &seeded.rng */
    uint8_t seed[32];
    uint64_t counter;
};
void rng_seeded_init(struct rng_seeded *seeded, uint64_t seed);

static inline void rng_fill(struct rng *rng, void *data, size_t len)
{
    rng->fill(rng, data, len);
}

/* Uniform in [0, bound); 0 when bound is 0. */
uint32_t rng_below(struct rng *rng, uint32_t bound);
