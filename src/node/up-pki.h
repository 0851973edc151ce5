/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authorities that somebody put on the seeder before `slipway-node up`: kubeadm uses them. Its
 * reset deletes them, so that an attempt which failed would be followed by one with another
 * authority; therefore they are kept until the node is reset by hand.
 */
#pragma once

#include "node/node.h"
#include "protocol/task.h"

/*
 * Copies what is in folder into our own, unless there is a whole copy already; it is on the disk
 * when this returns. 0 or a negative errno.
 */
int up_pki_keep(const struct node *node, const char *folder, struct err *err) _must_check_;

/* Gives the task the files that were kept. 0 or a negative errno. */
int up_pki_add(const struct node *node, const char *folder, struct protocol_task *task,
               struct err *err) _must_check_;

/* Overwrites and removes the copy. 0 or a negative errno. */
int up_pki_forget(const struct node *node, struct err *err) _must_check_;
