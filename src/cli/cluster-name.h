/* SPDX-License-Identifier: Apache-2.0 */
/* Which Cluster a command is about. */
#pragma once

#include "base/err.h"

struct client;

/*
 * The Cluster that was named ("demo" or "cluster/demo"), or the only one there is when `named` is
 * NULL; into *ret, free() it. -ENOENT: there is none; -EINVAL: there are several, one has to be
 * named.
 */
int cluster_name(struct client *client, const char *named, char **ret, struct err *err)
    _must_check_;
