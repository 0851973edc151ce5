/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for what kubelet and the API server do after kubeadm has ended. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "node/up-kubectl.h"

struct up_waiting {
    const struct up_kubectl *kubectl;
    const struct clock *clock;
    int64_t until; /* monotonic ms */
};

/* Until the API server answers. 0, -ETIMEDOUT (err: its last words), -EINTR or -ENOENT. */
int up_wait_for_api(const struct up_waiting *waiting, struct err *err) _must_check_;

/* Until the Node is there, and (ready) Ready. As up_wait_for_api(). */
int up_wait_for_node(const struct up_waiting *waiting, const char *name, bool ready,
                     struct err *err) _must_check_;
