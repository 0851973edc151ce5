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

/* Rounds down, also below zero. */
static int64_t divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/*
 * Counts years from the first of March, so that the leap day is a year's last day, and in eras of
 * 400 years, which all have the same number of days.
 */
struct clock_civil clock_civil_of(int64_t wall_ms)
{
    enum { ERA_DAYS = 146097, EPOCH_DAYS = 719468 /* 1970-01-01 from 0000-03-01 */ };
    int64_t seconds = divide(wall_ms, 1000), days = divide(seconds, 86400);
    int64_t era = divide(days + EPOCH_DAYS, ERA_DAYS);
    int64_t day = days + EPOCH_DAYS - era * ERA_DAYS;
    int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    int64_t of_year = day - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153; /* from March; five of them have 153 days */
    int clock = (int)(seconds - days * 86400);
    return (struct clock_civil){
        .year = year + era * 400 + (month >= 10 ? 1 : 0),
        .month = (int)(month >= 10 ? month - 9 : month + 3),
        .day = (int)(of_year - (153 * month + 2) / 5 + 1),
        .hour = clock / 3600,
        .minute = clock / 60 % 60,
        .second = clock % 60,
    };
}

const char *clock_text(int64_t wall_ms, char dst[static CLOCK_TEXT_SIZE])
{
    struct clock_civil c = clock_civil_of(wall_ms);
    if (c.year < 0 || c.year > 9999)
        c = clock_civil_of(0);
    (void)snprintf(dst, CLOCK_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)c.year, c.month,
                   c.day, c.hour, c.minute, c.second);
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
