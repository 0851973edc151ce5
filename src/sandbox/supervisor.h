/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first process of a sandbox: owns machines and services, answers the control socket, reaps
 * whatever ends. It keeps nothing on disk that a restart would need: when it ends, all that it
 * started ends with it.
 */
#pragma once

#include "base/err.h"
#include "sandbox/config.h"

struct supervisor_options {
    const char *state; /* absolute path of the state folder */
    struct sandbox_network network;
    bool kvm;
    const char *reason; /* why KVM is used or not */
};

struct supervisor;

/* Opens the control socket; from then on clients may connect. The caller owns *ret. */
int supervisor_new(const struct supervisor_options *options, struct supervisor **ret,
                   struct err *err) _must_check_;
void supervisor_free(struct supervisor *s);
DEFINE_CLEANUP(struct supervisor *, supervisor_free)

/* Serves until told to go down (control socket, SIGTERM, SIGINT). */
int supervisor_run(struct supervisor *s, struct err *err) _must_check_;
