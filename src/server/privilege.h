/* SPDX-License-Identifier: Apache-2.0 */
/* Least privilege for the running server. */
#pragma once

#include "base/err.h"

/*
 * Keeps only what serving needs: CAP_NET_BIND_SERVICE, CAP_NET_RAW and CAP_NET_ADMIN (sockets of
 * Networks that come later), no new privileges, and a system call filter that refuses running
 * programs, mounting, tracing, loading modules and the like. Also works without root, where there
 * is less to drop. 0 or a negative errno.
 */
int privilege_drop(struct err *err) _must_check_;
