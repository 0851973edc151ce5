/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out the wipe plan of a machine that is released. */
#pragma once

#include "agent/install.h"

/*
 * Wipes and verifies the disks, all at once but the one that keeps the machine's key, which is the
 * last; a disk that fails does not hold up the others. Then the firmware's boot entries of the
 * installed system go, and the server is told, for as long as it takes. 0, or a negative errno with
 * *ret_failure and err set, which names the disks that failed.
 */
int wipe_run(const struct install *install, const struct protocol_wipe *plan,
             struct install_failure *ret_failure, struct err *err) _must_check_;

/*
 * What is left of a machine's identity on a disk of ours is made zero, and nothing else: the whole
 * seed partition, or the key's place where there is no GPT. 0 or a negative errno.
 */
int wipe_identity(int fd, const struct disk *disk, struct err *err) _must_check_;
