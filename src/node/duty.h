/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What slipway-node does next, as a pure decision: the server shall hear from a good machine as
 * early as the network is there, and nothing local ever waits for the server.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum duty {
    DUTY_WAIT,     /* until *ret_until or until something changes */
    DUTY_ANNOUNCE, /* tell that commands begin; whether it arrives does not matter */
    DUTY_COMMANDS, /* run them */
    DUTY_HELLO,    /* report in: the Machine becomes Running */
    DUTY_FAILURE,  /* report what went wrong */
    DUTY_TASK,     /* report how far the task of the cluster has come */
};

struct duties {
    bool has_identity; /* without one nobody is told anything */
    bool has_address;
    bool grown;            /* or found impossible */
    bool commands_pending; /* and not failed in this run */
    bool announced;        /* tried to */
    bool failed;           /* first boot, or a command */
    bool said_hello;       /* since the addresses changed last, or within the heartbeat */
    bool said_failure;
    bool task_news;         /* of the task of the cluster, that the server does not know */
    int64_t started;        /* monotonic ms */
    int64_t next_try;       /* not before: back-off after the server did not answer */
    int64_t next_heartbeat; /* when said_hello is to be forgotten; 0: not yet */
};

enum { DUTY_NETWORK_ANYWAY_MS = 60000 /* commands run without a network after this time */ };

/* *ret_until: monotonic ms, INT64_MAX: only a change of addresses matters. */
enum duty duty_next(const struct duties *d, int64_t now, int64_t *ret_until);

/*
 * Seconds until the next hello. `waits`: the server has something to do for this machine, and says
 * when to ask again; otherwise a hello only shows that the machine is there.
 */
uint32_t duty_poll_seconds(bool waits, uint32_t asked, bool failed);

/* How long to wait after `tries` failures in a row: 100 ms doubling to 30 s, less up to a quarter.
 */
uint32_t duty_backoff_ms(uint32_t tries, uint32_t random);
