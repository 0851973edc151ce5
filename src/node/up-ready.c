/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up-ready.h"

#include "base/str.h"

enum { POLL_MS = 1000, CALL_MS = 120000, CALL_LEAST_MS = 5000 };

static int left_ms(const struct up_waiting *waiting)
{
    int64_t left = waiting->until - clock_now(waiting->clock);
    if (left < CALL_LEAST_MS)
        return CALL_LEAST_MS;
    return left < CALL_MS ? (int)left : CALL_MS;
}

/* Again and again: the API server may restart, the Node may not be there yet. */
static int repeat(const struct up_waiting *waiting, const char *const *arguments, struct err *err)
{
    for (;;) {
        int r = up_kubectl(waiting->kubectl, arguments, NULL, left_ms(waiting) + 2000, NULL, err);
        if (r == 0 || r == -ENOENT || r == -EINTR || r == -ENOMEM)
            return r;
        if (waiting->kubectl->cancel && *waiting->kubectl->cancel)
            return err_set(err, -EINTR, "stopped while waiting");
        if (clock_now(waiting->clock) >= waiting->until)
            return err ? (err->code = -ETIMEDOUT) : -ETIMEDOUT;
        clock_sleep_ms(POLL_MS);
    }
}

int up_wait_for_api(const struct up_waiting *waiting, struct err *err)
{
    static const char *const arguments[] = {"get", "--raw=/readyz", "--request-timeout=10s", NULL};
    return repeat(waiting, arguments, err);
}

int up_wait_for_node(const struct up_waiting *waiting, const char *name, bool ready,
                     struct err *err)
{
    char timeout[48];
    (void)snprintf(timeout, sizeof(timeout), "--timeout=%dms", left_ms(waiting));
    const char *const get[] = {"get", "node", name, "--output=name", "--request-timeout=10s", NULL};
    _autofree_ char *node = str_format("node/%s", name);
    const char *const wait[] = {"wait", "--for=condition=Ready", node, timeout, NULL};
    return node ? repeat(waiting, ready ? wait : get, err) : -ENOMEM;
}
