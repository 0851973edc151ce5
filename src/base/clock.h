/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time as an injected value: code that decides takes `now`, code that schedules takes a clock, and
 * tests advance a fake one. Monotonic time never jumps and is for timeouts and leases in memory;
 * wall time may jump and is only for showing and for what must survive a restart.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct clock {
    int64_t (*monotonic_ms)(const struct clock *clock);
    int64_t (*wall_ms)(const struct clock *clock); /* since 1970-01-01 UTC */
};

/* The system's clocks (CLOCK_BOOTTIME, CLOCK_REALTIME). */
extern const struct clock clock_system;

struct clock_fake {
    struct clock clock; /* pass &fake.clock */
    int64_t monotonic;
    int64_t wall;
};

void clock_fake_init(struct clock_fake *fake, int64_t monotonic_ms, int64_t wall_ms);
void clock_fake_advance(struct clock_fake *fake, int64_t ms);

static inline int64_t clock_now(const struct clock *c)
{
    return c->monotonic_ms(c);
}

static inline int64_t clock_wall(const struct clock *c)
{
    return c->wall_ms(c);
}

/* Puts the calling thread to sleep; a signal may end it early. */
void clock_sleep_ms(uint32_t ms);

/* A time in UTC, in the proleptic Gregorian calendar. */
struct clock_civil {
    int64_t year;
    int month, day; /* from 1 */
    int hour, minute, second;
};

/* Without the C library's time zones, which would be a tenth of a small static program. */
struct clock_civil clock_civil_of(int64_t wall_ms);

#define CLOCK_TEXT_SIZE 21 /* "2026-01-31T12:00:00Z" and NUL */

/* RFC 3339 in UTC with whole seconds, as Kubernetes writes times. Returns dst. */
const char *clock_text(int64_t wall_ms, char dst[static CLOCK_TEXT_SIZE]);

/* The reverse (UTC "Z" form only). 0 or -EINVAL. */
int clock_parse(const char *text, int64_t *ret_wall_ms);

/* A duration for people as kubectl shows ages: "45s", "3m12s", "5h", "12d". Returns dst. */
const char *clock_age_text(int64_t ms, char *dst, size_t size);
