/* SPDX-License-Identifier: Apache-2.0 */
/* From spec.firstBoot to what slipway-node or cloud-init is given. Pure. */
#pragma once

#include "provision/provision.h"
#include "resource/machine.h"

/* Adds host name, accounts, files and commands. 0, -EINVAL (not base64) or -ENOMEM. */
int seed_first_boot(const struct first_boot *from, struct provision *p) _must_check_;
