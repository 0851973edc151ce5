/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/system-clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtc.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* The first of January 2026: a server whose own clock is before that knows no better. */
#define PLAUSIBLE_MS INT64_C(1767225600000)
enum { APART_MS = 30000 };

bool system_clock_is_wrong(int64_t own, int64_t server)
{
    if (server < PLAUSIBLE_MS)
        return false;
    return own > server + APART_MS || own < server - APART_MS;
}

static int set_hardware(time_t seconds)
{
    struct clock_civil utc = clock_civil_of((int64_t)seconds * 1000);
    _autofd_ int fd = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    const struct rtc_time rtc = {
        .tm_sec = utc.second,
        .tm_min = utc.minute,
        .tm_hour = utc.hour,
        .tm_mday = utc.day,
        .tm_mon = utc.month - 1,
        .tm_year = (int)utc.year - 1900,
    };
    return ioctl(fd, RTC_SET_TIME, &rtc) < 0 ? -errno : 0;
}

int system_clock_set(int64_t wall_ms)
{
    const struct timespec now = {.tv_sec = wall_ms / 1000, .tv_nsec = (wall_ms % 1000) * 1000000};
    if (clock_settime(CLOCK_REALTIME, &now) < 0)
        return -errno;
    return set_hardware(now.tv_sec);
}
