/* SPDX-License-Identifier: Apache-2.0 */
#include "node/kubeadm-output.h"

#include <string.h>

#include "base/str.h"
#include "protocol/task.h"

#define TLS_BOOTSTRAP "tls-bootstrap"

/* ---- phases ---- */

/* Said in the middle of another phase. */
static bool is_remark(const char *name)
{
    return str_eq(name, "kubelet-check") || str_eq(name, "apiclient") ||
           str_eq(name, "control-plane-check") || str_eq(name, "endpoint");
}

bool kubeadm_phase(const char *line, char ret[static KUBEADM_PHASE_SIZE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    char name[KUBEADM_PHASE_SIZE];
    size_t n = line[0] == '[' ? strspn(line + 1, letters) : 0;
    if (n == 0 || n >= sizeof(name) || line[n + 1] != ']')
        return false;
    memcpy(name, line + 1, n);
    name[n] = '\0';
    if (is_remark(name))
        return false;
    bool waits = strstr(line, "TLS Bootstrap") && str_eq(name, "kubelet-start");
    return str_copy(ret, KUBEADM_PHASE_SIZE, waits ? TLS_BOOTSTRAP : name) == 0;
}

bool kubeadm_failed_phase(const char *line, char ret[static KUBEADM_PHASE_SIZE])
{
    static const char before[] = "error execution phase ";
    char name[KUBEADM_PHASE_SIZE];
    const char *start = strstr(line, before);
    size_t n = start ? strcspn(start + strlen(before), ": ") : 0;
    if (n == 0 || n >= sizeof(name))
        return false;
    memcpy(name, start + strlen(before), n);
    name[n] = '\0';
    return str_copy(ret, KUBEADM_PHASE_SIZE, name) == 0;
}

bool kubeadm_line_matters(const char *line)
{
    if (line[strspn(line, " \t\r")] == '\0')
        return false;
    return !strstr(line, "To see the stack trace of this error") &&
           !strstr(line, "[preflight] If you know what you are doing");
}

/* ---- judging ---- */

enum where { IN_KUBEADM, IN_KUBELET };

/* Holds when one line has all of these texts; case does not matter. */
struct rule {
    enum where where;
    const char *a, *b; /* b may be NULL */
    const struct kubeadm_verdict *verdict;
};

static const struct kubeadm_verdict image = {PROTOCOL_FAILURE_IMAGE,
                                             "a container image is missing on this machine"};
static const struct kubeadm_verdict unreachable = {PROTOCOL_FAILURE_API,
                                                   "the API server cannot be reached"};
static const struct kubeadm_verdict discovery = {
    PROTOCOL_FAILURE_DISCOVERY, "the API server's certificate is not of the cluster's authority"};
static const struct kubeadm_verdict bootstrap = {PROTOCOL_FAILURE_BOOTSTRAP,
                                                 "the API server does not accept the token"};
static const struct kubeadm_verdict certificate = {
    PROTOCOL_FAILURE_CERTIFICATE,
    "the kubelet got no certificate: its request was not approved, or "
    "kube-controller-manager did not sign it"};
static const struct kubeadm_verdict kubelet = {PROTOCOL_FAILURE_KUBELET,
                                               "the kubelet does not run"};
static const struct kubeadm_verdict preflight = {PROTOCOL_FAILURE_PREFLIGHT,
                                                 "this machine is not fit for Kubernetes"};
static const struct kubeadm_verdict network = {PROTOCOL_FAILURE_CNI,
                                               "the network plugin is not ready"};
static const struct kubeadm_verdict control_plane = {
    PROTOCOL_FAILURE_CONTROL_PLANE, "the control plane's containers do not become healthy"};
static const struct kubeadm_verdict deadline = {PROTOCOL_FAILURE_DEADLINE,
                                                "kubeadm did not end in time"};
static const struct kubeadm_verdict node = {PROTOCOL_FAILURE_NODE,
                                            "the kubelet's log does not tell what is missing"};
static const struct kubeadm_verdict other = {PROTOCOL_FAILURE_KUBEADM, "kubeadm failed"};

/* One line that holds both texts. */
static bool has_line(const char *text, const char *a, const char *b)
{
    while (*text) {
        char line[1024];
        size_t n = strcspn(text, "\n"), kept = n < sizeof(line) ? n : sizeof(line) - 1;
        memcpy(line, text, kept);
        line[kept] = '\0';
        if (strcasestr(line, a) && (!b || strcasestr(line, b)))
            return true;
        text += n + (text[n] == '\n');
    }
    return false;
}

static const struct kubeadm_verdict *first_rule(const struct kubeadm_evidence *e,
                                                const struct rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *text = rules[i].where == IN_KUBEADM ? e->kubeadm : e->kubelet;
        if (has_line(text, rules[i].a, rules[i].b))
            return rules[i].verdict;
    }
    return NULL;
}

/* What kubeadm itself says plainly. */
static const struct kubeadm_verdict *judge_words(const struct kubeadm_evidence *e)
{
    static const struct rule rules[] = {
        {IN_KUBEADM, "[ERROR ImagePull", NULL, &image},
        {IN_KUBEADM, "[ERROR ", NULL, &preflight},
        {IN_KUBEADM, "error execution phase", "x509:", &discovery},
        {IN_KUBEADM, "couldn't validate the identity", "public key", &discovery},
        {IN_KUBEADM, "error execution phase", "Unauthorized", &bootstrap},
        {IN_KUBEADM, "error execution phase", "forbidden", &bootstrap},
        {IN_KUBEADM, "couldn't validate the identity", NULL, &unreachable},
        {IN_KUBEADM, "error execution phase", "connection refused", &unreachable},
        {IN_KUBEADM, "error execution phase", "no route to host", &unreachable},
        {IN_KUBEADM, "error execution phase", "i/o timeout", &unreachable},
        {IN_KUBEADM, "error execution phase", "Client.Timeout", &unreachable},
    };
    return first_rule(e, rules, ARRAY_SIZE(rules));
}

/* A kubelet that has no certificate yet. */
static const struct kubeadm_verdict *judge_bootstrap(const struct kubeadm_evidence *e)
{
    static const struct rule rules[] = {
        {IN_KUBELET, "certificate signing request", "Unauthorized", &bootstrap},
        {IN_KUBELET, "certificate signing request", "forbidden", &bootstrap},
        {IN_KUBELET, "certificate signing request", "not approved", &certificate},
        {IN_KUBELET, "certificate signing request is denied", NULL, &certificate},
        {IN_KUBELET, "certificate request was not signed", NULL, &certificate},
        {IN_KUBELET, "x509: certificate signed by unknown authority", NULL, &discovery},
        {IN_KUBELET, "certificate signing request", "connection refused", &unreachable},
        {IN_KUBELET, "certificate signing request", "no route to host", &unreachable},
        {IN_KUBELET, "certificate signing request", "timeout", &unreachable},
    };
    return first_rule(e, rules, ARRAY_SIZE(rules));
}

/* A kubelet that ends again and again. */
static const struct kubeadm_verdict *judge_kubelet(const struct kubeadm_evidence *e)
{
    static const struct rule rules[] = {
        {IN_KUBELET, "failed to run Kubelet", NULL, &kubelet},
        {IN_KUBELET, "failed to load Kubelet config", NULL, &kubelet},
        {IN_KUBELET, "misconfiguration", NULL, &kubelet},
        {IN_KUBELET, "Main process exited", NULL, &kubelet},
        {IN_KUBELET, "Failed with result", NULL, &kubelet},
        {IN_KUBELET, "Failed to start", "kubelet", &kubelet},
    };
    return first_rule(e, rules, ARRAY_SIZE(rules));
}

/* Pods that do not start. */
static const struct kubeadm_verdict *judge_pods(const struct kubeadm_evidence *e)
{
    static const struct rule rules[] = {
        {IN_KUBELET, "ErrImage", NULL, &image},
        {IN_KUBELET, "ImagePullBackOff", NULL, &image},
        {IN_KUBELET, "failed to pull image", NULL, &image},
        {IN_KUBELET, "failed to get sandbox image", NULL, &image},
        {IN_KUBELET, "Failed to start ContainerManager", NULL, &kubelet},
    };
    return first_rule(e, rules, ARRAY_SIZE(rules));
}

/* Every kubelet says so until there is a network: it counts only when nothing else does. */
static const struct kubeadm_verdict *judge_network(const struct kubeadm_evidence *e)
{
    static const struct rule rules[] = {
        {IN_KUBELET, "network plugin", "not ready", &network},
        {IN_KUBELET, "cni plugin not initialized", NULL, &network},
        {IN_KUBELET, "cni config uninitialized", NULL, &network},
        {IN_KUBELET, "NetworkPluginNotReady", NULL, &network},
    };
    return first_rule(e, rules, ARRAY_SIZE(rules));
}

static bool starts_kubelet(const char *phase)
{
    return str_eq(phase, TLS_BOOTSTRAP) || str_eq(phase, "kubelet-start");
}

static bool starts_control_plane(const char *phase)
{
    return str_eq(phase, "wait-control-plane") || str_eq(phase, "etcd") ||
           str_eq(phase, "check-etcd") || str_eq(phase, "control-plane");
}

static const struct kubeadm_verdict *judge(const struct kubeadm_evidence *e)
{
    const struct kubeadm_verdict *v = judge_words(e);
    if (!v && starts_kubelet(e->phase))
        v = judge_bootstrap(e);
    if (!v && starts_control_plane(e->phase))
        v = judge_pods(e);
    if (!v && (starts_kubelet(e->phase) || starts_control_plane(e->phase)))
        v = judge_kubelet(e);
    /* It runs and complains of nothing: so it waits, and that is what it waits for. */
    if (!v && str_eq(e->phase, TLS_BOOTSTRAP))
        v = &certificate;
    if (!v && starts_control_plane(e->phase))
        v = &control_plane;
    if (!v && e->timed_out)
        v = judge_network(e);
    if (!v)
        v = e->timed_out ? &deadline : &other;
    return v;
}

struct kubeadm_verdict kubeadm_judge(const struct kubeadm_evidence *evidence)
{
    return *judge(evidence);
}

/* A kubelet that was let in once, and cannot tell how it is. */
static const struct kubeadm_verdict *judge_report(const struct kubeadm_evidence *e)
{
    static const struct rule rules[] = {
        {IN_KUBELET, "Unable to register node", NULL, &unreachable},
        {IN_KUBELET, "Error updating node status", NULL, &unreachable},
        {IN_KUBELET, "Unable to update node status", NULL, &unreachable},
    };
    return first_rule(e, rules, ARRAY_SIZE(rules));
}

struct kubeadm_verdict kubelet_judge(const char *journal)
{
    const struct kubeadm_evidence evidence = {.phase = "", .kubeadm = "", .kubelet = journal};
    const struct kubeadm_verdict *v = judge_kubelet(&evidence);
    if (!v)
        v = judge_report(&evidence);
    if (!v)
        v = judge_pods(&evidence);
    if (!v)
        v = judge_bootstrap(&evidence);
    if (!v)
        v = judge_network(&evidence);
    return v ? *v : node;
}
