/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the store's commits in libuv's thread pool. */
#pragma once

#include <uv.h>

#include "store/store.h"

struct store_uv {
    struct store_executor executor; /* pass &uv.executor in store_options */
    uv_loop_t *loop;
    uv_work_t work;
    struct store_task *task; /* the one that is under way */
};

/* The struct and the loop must outlive the store. The loop's thread is the store's thread. */
void store_uv_init(struct store_uv *uv, uv_loop_t *loop);
