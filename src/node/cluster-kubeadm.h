/* SPDX-License-Identifier: Apache-2.0 */
/* Running kubeadm: what it prints goes to the journal, redacted, and tells the phases. */
#pragma once

#include <signal.h>

#include "base/buf.h"
#include "base/err.h"

/* The last lines of something, redacted, printable. */
struct cluster_tail {
    char *lines[20];
    size_t count; /* of all that came; the ring holds the last of them */
};
void cluster_tail_free(struct cluster_tail *tail);
/* Appends them, oldest first, one per line; at most max bytes of the youngest. */
void cluster_tail_text(const struct cluster_tail *tail, size_t max, struct buf *out);

struct cluster_call {
    const char *program;          /* a path, or a name that is looked up in PATH */
    const char *const *arguments; /* behind the program's name; never a secret */
    size_t count;
    const char *environment; /* lines NAME="VALUE": of these the proxy settings; may be NULL */
    int timeout_ms;          /* above 0 */
    const volatile sig_atomic_t *cancel;             /* may be NULL */
    void (*on_phase)(void *data, const char *phase); /* another one began; may be NULL */
    void *data;
    struct cluster_tail *tail; /* gets the lines that matter */
    char *failed;              /* gets the phase that failed, where kubeadm says so: of
                                * KUBEADM_PHASE_SIZE; may be NULL */
};

/*
 * 0 when it ended with 0; -ENOENT: there is no such program; -ETIMEDOUT, -EINTR (cancelled): killed
 * with all that it started; -EIO: it failed, with *ret_status its exit status. Waits.
 */
int cluster_kubeadm(const struct cluster_call *call, int *ret_status) _must_check_;

/*
 * kubeadm's environment: PATH, HOME and the proxy settings of text (as systemd reads it:
 * NAME="VALUE", NAME=VALUE; others are left out). A vector for execve(2), malloc'd with its
 * strings; NULL when out of memory.
 */
char **cluster_environment(const char *text);
void cluster_environment_free(char **environment);

/* The end of kubelet's journal, redacted; nothing when it cannot be had within seconds. journalctl
 * is the program's name; NULL: do not ask. */
void cluster_kubelet_log(const char *journalctl, struct cluster_tail *ret_tail);
