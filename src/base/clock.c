/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t system_monotonic(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_BOOTTIME);
}

static int64_t system_wall(const struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

const struct clock clock_system = {.monotonic_ms = system_monotonic, .wall_ms = system_wall};

static int64_t fake_monotonic(const struct clock *clock)
{
    return ((const struct clock_fake *)(const void *)clock)->monotonic;
}

static int64_t fake_wall(const struct clock *clock)
{
    return ((const struct clock_fake *)(const void *)clock)->wall;
}

void clock_fake_init(struct clock_fake *fake, int64_t monotonic_ms, int64_t wall_ms)
{
    *fake = (struct clock_fake){
        .clock = {.monotonic_ms = fake_monotonic, .wall_ms = fake_wall},
        .monotonic = monotonic_ms,
        .wall = wall_ms,
    };
}

void clock_fake_advance(struct clock_fake *fake, int64_t ms)
{
    fake->monotonic += ms;
    fake->wall += ms;
}

void clock_sleep_ms(uint32_t ms)
{
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

const char *clock_text(int64_t wall_ms, char dst[static CLOCK_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900)
        (void)gmtime_r(&(time_t){0}, &tm);
    (void)strftime(dst, CLOCK_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return dst;
}

int clock_parse(const char *text, int64_t *ret_wall_ms)
{
    struct tm tm = {0};
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
    if (!end || *end)
        return -EINVAL;
    *ret_wall_ms = (int64_t)timegm(&tm) * 1000;
    return 0;
}

const char *clock_age_text(int64_t ms, char *dst, size_t size)
{
    int64_t s = ms < 0 ? 0 : ms / 1000;
    if (s < 120)
        (void)snprintf(dst, size, "%" PRId64 "s", s);
    else if (s < 600)
        (void)snprintf(dst, size, "%" PRId64 "m%" PRId64 "s", s / 60, s % 60);
    else if (s < 7200)
        (void)snprintf(dst, size, "%" PRId64 "m", s / 60);
    else if (s < 172800)
        (void)snprintf(dst, size, "%" PRId64 "h", s / 3600);
    else
        (void)snprintf(dst, size, "%" PRId64 "d", s / 86400);
    return dst;
}
