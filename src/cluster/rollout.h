/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which Machines of a Cluster are to be installed with another Image next: one pure decision of
 * plain values, taken anew after every change. Nothing is remembered but what Machines hold, so a
 * server may stop anywhere and go on.
 *
 * What holds, whatever happens:
 * - Control planes go before workers, one at a time, and only while all control planes are Ready.
 * - No more Machines are away at once than maxUnavailable allows, those counted that are not Ready
 *   for another reason.
 * - After a Machine has failed, or while the API server does not answer, none is begun. But one
 *   that failed with another Image, or may not join with it, is the first to get this one, even
 *   where there is no API server because it is the only control plane: so an undo mends what the
 *   rollout broke, and no upgrade waits for somebody who waits for it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resource/machine.h"

struct rollout_machine {
    const char *name;
    enum machine_role role;
    bool member;         /* approved, and neither rejected nor being released */
    bool wants;          /* its specification names the Image already */
    bool installed;      /* what it wants is on its disk, and no installation is due */
    bool ready;          /* phase Ready */
    bool failed;         /* phase Failed */
    bool barred;         /* it holds another version than the Cluster's, and may not join */
    int64_t ready_since; /* with ready: when it became so, on the clock of `now` */
};

struct rollout_cluster {
    const char *image; /* the one that all are to have */
    int64_t max_unavailable;
    int64_t min_ready_ms; /* how long a Machine has to be Ready before it counts */
    bool paused;
    bool api_reachable;
};

enum rollout_state {
    ROLLOUT_COMPLETE,
    ROLLOUT_PROGRESSING,
    ROLLOUT_PAUSED,
    ROLLOUT_WAITING, /* something else than the rollout is not as it should be */
    ROLLOUT_FAILED,  /* a Machine that was begun has failed */
};

enum { ROLLOUT_MESSAGE_SIZE = 384 };

struct rollout {
    enum rollout_state state;
    size_t updated, total; /* members that have it; all members */
    bool control_planes_updated;
    int64_t wake_at; /* when time alone changes this; 0: never */
    char message[ROLLOUT_MESSAGE_SIZE];
};

/*
 * begin[i]: machines[i] is to get the Image now. The order of the machines does not matter; names
 * are unique. Pure; thread safe; never fails.
 */
struct rollout rollout_plan(const struct rollout_cluster *cluster,
                            const struct rollout_machine *machines, size_t n, int64_t now,
                            bool *begin);

/* "Progressing", as Cluster.status.rollout.state has it. */
const char *rollout_state_text(enum rollout_state state);
