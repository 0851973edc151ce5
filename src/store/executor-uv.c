/* SPDX-License-Identifier: Apache-2.0 */
#include "store/executor-uv.h"

static void work(uv_work_t *work_item)
{
    struct store_uv *uv = work_item->data;
    uv->task->work(uv->task);
}

static void after(uv_work_t *work_item, int status)
{
    (void)status; /* nobody cancels */
    struct store_uv *uv = work_item->data;
    uv->task->after(uv->task);
}

/* The store runs one task at a time. Without a thread for it, the work is done here. */
static void run(struct store_executor *executor, struct store_task *task)
{
    struct store_uv *uv = container_of(executor, struct store_uv, executor);
    uv->task = task;
    uv->work.data = uv;
    if (uv_queue_work(uv->loop, &uv->work, work, after) != 0)
        store_executor_sync.run(&store_executor_sync, task);
}

void store_uv_init(struct store_uv *uv, uv_loop_t *loop)
{
    *uv = (struct store_uv){.executor = {run}, .loop = loop};
}
