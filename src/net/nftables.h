/* SPDX-License-Identifier: Apache-2.0 */
/* Asking nftables; rules are made by nft(8). */
#pragma once

#include "base/cleanup.h"

/*
 * Whether there is a table of family ip with that name: 1, 0, or a negative errno (-EPERM without
 * CAP_NET_ADMIN, -EPROTONOSUPPORT or -EOPNOTSUPP where the kernel has no nftables).
 */
int nftables_has_table(const char *name) _must_check_;
