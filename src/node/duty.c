/* SPDX-License-Identifier: Apache-2.0 */
#include "node/duty.h"

enum {
    BACKOFF_FIRST_MS = 100,
    BACKOFF_LAST_MS = 30000,
    HEARTBEAT_LEAST_S = 10,
    HEARTBEAT_DEFAULT_S = 60,
    FAILURE_HEARTBEATS = 10, /* a failure is repeated this much more rarely */
};

static void wait_until(int64_t when, int64_t now, int64_t *until)
{
    if (when > now && when < *until)
        *until = when;
}

/* What must happen before the server is told that all is well. */
static enum duty local_duty(const struct duties *d, int64_t now, int64_t *until)
{
    bool network = d->has_address || now >= d->started + DUTY_NETWORK_ANYWAY_MS;
    if (!d->commands_pending)
        return DUTY_WAIT;
    if (!network) {
        wait_until(d->started + DUTY_NETWORK_ANYWAY_MS, now, until);
        return DUTY_WAIT;
    }
    return d->has_identity && d->has_address && !d->announced ? DUTY_ANNOUNCE : DUTY_COMMANDS;
}

static enum duty server_duty(const struct duties *d, int64_t now, int64_t *until)
{
    bool hello = !d->said_hello, failure = d->failed && !d->said_failure;
    if (!d->has_identity || !d->has_address || d->commands_pending ||
        (!hello && !failure && !d->task_news))
        return DUTY_WAIT;
    if (now < d->next_try) {
        wait_until(d->next_try, now, until);
        return DUTY_WAIT;
    }
    /* Why a task failed comes before the hello that asks for another one. */
    if (d->task_news)
        return DUTY_TASK;
    return hello ? DUTY_HELLO : DUTY_FAILURE;
}

enum duty duty_next(const struct duties *d, int64_t now, int64_t *ret_until)
{
    *ret_until = INT64_MAX;
    enum duty duty = local_duty(d, now, ret_until);
    if (duty == DUTY_WAIT)
        duty = server_duty(d, now, ret_until);
    if (duty != DUTY_WAIT)
        return duty;
    if (d->next_heartbeat)
        wait_until(d->next_heartbeat, now, ret_until);
    return DUTY_WAIT;
}

uint32_t duty_poll_seconds(bool waits, uint32_t asked, bool failed)
{
    if (waits && asked > 0)
        return asked;
    if (asked == 0)
        asked = HEARTBEAT_DEFAULT_S;
    if (asked < HEARTBEAT_LEAST_S)
        asked = HEARTBEAT_LEAST_S;
    return failed ? asked * FAILURE_HEARTBEATS : asked;
}

uint32_t duty_backoff_ms(uint32_t tries, uint32_t random)
{
    uint32_t wait = BACKOFF_LAST_MS;
    if (tries < 9 && BACKOFF_FIRST_MS << tries < BACKOFF_LAST_MS)
        wait = (uint32_t)BACKOFF_FIRST_MS << tries;
    return wait - random % (wait / 4 + 1);
}
