/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox's own world: a network, a process and a mount namespace, and a user namespace when
 * the caller is not root. Its first process is the supervisor; when that ends, however it ends,
 * the kernel kills every other process in there and takes the network apart.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "sandbox/config.h"

/*
 * Forks like fork(2), the child being the first process of the new namespaces. In the child 0 is
 * returned, in the parent the child's PID, or a negative errno with what to do about it in err.
 * The child must call namespace_enter_child() before anything else.
 */
pid_t namespace_fork(bool user_namespace, struct err *err);

/* In the parent, when a user namespace was made: maps the caller to root inside. */
int namespace_map_user(pid_t child, struct err *err) _must_check_;

/* In the child, once mapped: dies with its parent, mounts /proc and /sys for the new namespaces. */
int namespace_enter_child(struct err *err) _must_check_;

/* Makes the bridge "sandbox0" with its address, and loopback. Runs inside. */
int namespace_make_bridge(struct cidr address, struct err *err) _must_check_;

/* Makes a persistent tap interface that is a port of the bridge, or removes it. Runs inside. */
int namespace_add_tap(const char *name, struct err *err) _must_check_;
int namespace_remove_tap(const char *name, struct err *err) _must_check_;

/*
 * Joins the namespaces of process `pid`, keeping the working folder where that is possible. Child
 * processes that are made afterwards are in its process namespace too.
 */
int namespace_join(pid_t pid, struct err *err) _must_check_;

#define SANDBOX_BRIDGE "sandbox0"
#define SANDBOX_UPLINK "uplink0"
