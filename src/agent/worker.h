/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The work of stage2, in a process that may die: find the devices, get on the network, register,
 * wait for approval, carry out the plan. Whatever fails is shown, reported and tried again.
 */
#pragma once

/* Returns only when nothing can be done any more (exit status). data is not used. */
int worker_run(void *data);
