/* SPDX-License-Identifier: Apache-2.0 */
/* What kubeadm needs, as a part of the task that a machine carries out. */
#pragma once

#include "cluster/kubeadm.h"
#include "protocol/task.h"

/* Adds the files of kubeadm_files(). 0, or a negative errno with its text. */
int kubeadm_task_add_files(const struct kubeadm_request *request, struct protocol_task *task,
                           struct err *err) _must_check_;

/* Adds kubeadm_arguments(). The same. */
int kubeadm_task_add_arguments(const struct kubeadm_request *request, struct protocol_task *task,
                               struct err *err) _must_check_;
