/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster, through kubectl: a client of its own would need TLS, which this static program has
 * not. Secrets go through its standard input, never through arguments or its environment.
 */
#pragma once

#include <jansson.h>
#include <signal.h>

#include "base/buf.h"
#include "base/err.h"

struct up_kubectl {
    const char *program;
    char *kubeconfig;                    /* owned */
    char *proxies;                       /* owned; lines NAME="VALUE" or NULL */
    const volatile sig_atomic_t *cancel; /* may be NULL */
};
void up_kubectl_free(struct up_kubectl *kubectl);
#define _autokubectl_ _cleanup_(up_kubectl_free)

/*
 * kubectl with arguments (ends with NULL, 15 at most), input on its standard input (NULL: none) and
 * its output (NULL: thrown away). 0, -ENOENT (no kubectl), -ETIMEDOUT, -EINTR or -EIO with its
 * words in err, redacted.
 */
int up_kubectl(const struct up_kubectl *kubectl, const char *const *arguments, const char *input,
               int timeout_ms, struct buf *output, struct err *err) _must_check_;

/* Server-side apply of an object or a List; steals it. Its output has one line for each object that
 * was applied. */
int up_apply(const struct up_kubectl *kubectl, json_t *object, int timeout_ms, struct buf *output,
             struct err *err) _must_check_;
