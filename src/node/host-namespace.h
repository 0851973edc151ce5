/* SPDX-License-Identifier: Apache-2.0 */
/* The host, from a container that runs with its process ids. */
#pragma once

#include "base/err.h"

/*
 * Moves this process, which must have one thread, into the mount namespace of process 1: kubeadm,
 * kubelet's folders and what kubeadm unmounts are the host's. A container that merely has the
 * host's files would unmount in its own namespace alone. 0 or a negative errno; -EPERM without
 * CAP_SYS_ADMIN (setns(2)).
 */
int host_namespace_enter(struct err *err) _must_check_;
