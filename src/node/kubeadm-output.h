/* SPDX-License-Identifier: Apache-2.0 */
/* What kubeadm prints while it works, and what that says about why it failed. Pure; thread safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { KUBEADM_PHASE_SIZE = 64 };

/*
 * "[certs] Generating ..." begins (or goes on with) the phase "certs"; the wait for the kubelet's
 * certificate is called "tls-bootstrap", because that is where joins hang. False: the line says
 * nothing about the phase and ret is as it was.
 */
bool kubeadm_phase(const char *line, char ret[static KUBEADM_PHASE_SIZE]);

/* "error execution phase addon/kube-proxy: ..." says which phase failed. False: it is another line,
 * and ret is as it was. */
bool kubeadm_failed_phase(const char *line, char ret[static KUBEADM_PHASE_SIZE]);

/* Whether the line helps somebody who reads why kubeadm failed: not blank, no advice. */
bool kubeadm_line_matters(const char *line);

/* What is known when kubeadm has failed. Texts are lines; "" when there are none. */
struct kubeadm_evidence {
    const char *phase;
    bool timed_out;      /* it was killed at the deadline */
    const char *kubeadm; /* the end of what it printed */
    const char *kubelet; /* the end of kubelet's journal */
};

struct kubeadm_verdict {
    const char *failure;  /* a reason of protocol/task.h */
    const char *sentence; /* what was hanging or failing, for people */
};

/* Which step it was: image, kubelet, discovery, TLS bootstrap, certificate request, CNI, ... */
struct kubeadm_verdict kubeadm_judge(const struct kubeadm_evidence *evidence);

/* The same of a kubelet whose join ended well and whose Node is not Ready: of the end of its
 * journal. */
struct kubeadm_verdict kubelet_judge(const char *journal);
