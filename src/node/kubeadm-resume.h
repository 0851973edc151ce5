/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going on with a `kubeadm init` that failed when the control plane ran already: what is behind
 * wait-control-plane talks to the API server only, and does nothing twice (kubeadm's documentation,
 * "kubeadm init phase"). Pure; thread safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether an init that failed in this phase can be gone on with there. */
bool kubeadm_can_resume(const char *phase);

/*
 * The init's arguments, so that it skips the phases up to wait-control-plane beside those that it
 * was to skip already. A vector of count + 1 malloc'd strings at most, with NULL behind them; NULL:
 * out of memory.
 */
char **kubeadm_resume_arguments(const char *const *arguments, size_t count);
void kubeadm_resume_arguments_free(char **arguments);
