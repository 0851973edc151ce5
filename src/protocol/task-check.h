/* SPDX-License-Identifier: Apache-2.0 */
/* What a task may say, as pure decisions; used on both sides. */
#pragma once

#include "protocol/task.h"

/* Whether it may be the id of a task. NULL: no. */
bool task_id_is_valid(const char *id);

/* 0, or `code` with the field in err. No text of a file ever gets into err. */
int task_check(const struct protocol_task *task, int code, struct err *err) _must_check_;
