/* SPDX-License-Identifier: Apache-2.0 */
#include "node/kubeadm-output.h"

#include <string.h>

#include "base/str.h"
#include "base/test.h"
#include "protocol/task.h"

static void assert_phase(const char *line, const char *expected)
{
    char phase[KUBEADM_PHASE_SIZE] = "before";
    assert_int_equal(kubeadm_phase(line, phase), expected != NULL);
    assert_string_equal(phase, expected ? expected : "before");
}

static void test_phases(void **state)
{
    (void)state;
    assert_phase("[certs] Generating \"ca\" certificate and key", "certs");
    assert_phase("[wait-control-plane] Waiting for the kubelet to boot up the control plane",
                 "wait-control-plane");
    assert_phase("[kubelet-start] Starting the kubelet", "kubelet-start");
    assert_phase("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap...",
                 "tls-bootstrap");
    assert_phase("[kubelet-check] Initial timeout of 40s passed.", NULL);
    assert_phase("[apiclient] All control plane components are healthy after 64 seconds", NULL);
    assert_phase("\t[WARNING Swap]: running with swap on is not supported", NULL);
    assert_phase("[ERROR Swap]", NULL);
    assert_phase("error execution phase preflight", NULL);
    assert_phase("[", NULL);
    assert_phase("[]", NULL);
    assert_phase("[certs", NULL);
    assert_phase("[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]",
                 NULL);
}

static void assert_failed_phase(const char *line, const char *expected)
{
    char phase[KUBEADM_PHASE_SIZE] = "before";
    assert_int_equal(kubeadm_failed_phase(line, phase), expected != NULL);
    assert_string_equal(phase, expected ? expected : "before");
}

static void test_phases_that_fail(void **state)
{
    (void)state;
    assert_failed_phase("error execution phase addon/kube-proxy: error when creating kube-proxy "
                        "service account: Client.Timeout exceeded",
                        "addon/kube-proxy");
    assert_failed_phase("error execution phase preflight", "preflight");
    assert_failed_phase("error execution phase : nothing", NULL);
    assert_failed_phase("error execution phase ", NULL);
    assert_failed_phase(
        "error execution phase "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:",
        NULL);
    assert_failed_phase("[addons] Applied essential addon: kube-proxy", NULL);
}

static void test_lines_that_matter(void **state)
{
    (void)state;
    assert_true(kubeadm_line_matters("\t- The kubelet is not running"));
    assert_false(kubeadm_line_matters(" \t"));
    assert_false(kubeadm_line_matters(""));
    assert_false(
        kubeadm_line_matters("To see the stack trace of this error execute with --v=5 or higher"));
}

static void assert_judged(const struct kubeadm_evidence *e, const char *failure)
{
    struct kubeadm_evidence full = *e;
    full.phase = e->phase ? e->phase : "";
    full.kubeadm = e->kubeadm ? e->kubeadm : "";
    full.kubelet = e->kubelet ? e->kubelet : "";
    struct kubeadm_verdict v = kubeadm_judge(&full);
    assert_string_equal(v.failure, failure);
    assert_true(v.sentence[0]);
}

#define CHECK                                                                                      \
    "[kubelet-check] It seems like the kubelet isn't running or healthy.\n"                        \
    "[kubelet-check] The HTTP call equal to 'curl -sSL http://localhost:10248/healthz' failed "    \
    "with error: Get \"http://localhost:10248/healthz\": dial tcp 127.0.0.1:10248: connect: "      \
    "connection refused.\n"
#define NO_CNI                                                                                     \
    "E0701 kubelet.go:2243] Container runtime network not ready: NetworkReady=false "              \
    "reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not "           \
    "initialized\n"

/* Lines as kubeadm and kubelet 1.20 print them. */
static void test_a_worker_that_hangs(void **state)
{
    (void)state;
    assert_judged(
        &(struct kubeadm_evidence){
            "preflight",
            .kubeadm = "error execution phase preflight: couldn't validate the identity of the API "
                       "Server: Get \"https://10.0.0.1:6443/api?timeout=10s\": dial tcp "
                       "10.0.0.1:6443: connect: connection refused"},
        PROTOCOL_FAILURE_API);
    assert_judged(&(struct kubeadm_evidence){"preflight",
                                             .kubeadm = "error execution phase preflight: couldn't "
                                                        "validate the identity of the API Server: "
                                                        "x509: certificate signed by unknown"},
                  PROTOCOL_FAILURE_DISCOVERY);
    assert_judged(&(struct kubeadm_evidence){"preflight",
                                             .kubeadm = "error execution phase preflight: unable "
                                                        "to fetch the kubeadm-config ConfigMap: "
                                                        "failed to get config map: Unauthorized"},
                  PROTOCOL_FAILURE_BOOTSTRAP);
    assert_judged(&(struct kubeadm_evidence){"tls-bootstrap", .timed_out = true, .kubeadm = CHECK,
                                             .kubelet = "F0701 server.go:233] failed to run "
                                                        "Kubelet: cannot create certificate "
                                                        "signing request: Unauthorized\n"
                                                        "kubelet.service: Main process exited, "
                                                        "code=exited, status=255/EXCEPTION"},
                  PROTOCOL_FAILURE_BOOTSTRAP);
    assert_judged(&(struct kubeadm_evidence){"tls-bootstrap", .timed_out = true, .kubeadm = CHECK,
                                             .kubelet = "F0701 server.go:269] failed to run "
                                                        "Kubelet: misconfiguration: kubelet cgroup "
                                                        "driver: \"cgroupfs\" is different"},
                  PROTOCOL_FAILURE_KUBELET);
    assert_judged(&(struct kubeadm_evidence){"kubelet-start", .timed_out = true, .kubeadm = CHECK,
                                             .kubelet = "F0701 failed to run Kubelet: certificate "
                                                        "signing request is denied, reason: "
                                                        "WrongKey, message: another key"},
                  PROTOCOL_FAILURE_CERTIFICATE);
    assert_judged(&(struct kubeadm_evidence){"tls-bootstrap", .timed_out = true, .kubeadm = CHECK,
                                             .kubelet = "I0701 bootstrap.go: Using bootstrap "
                                                        "kubeconfig to generate TLS client cert"},
                  PROTOCOL_FAILURE_CERTIFICATE);
    assert_judged(&(struct kubeadm_evidence){"tls-bootstrap",
                                             .kubeadm = "error execution phase kubelet-start: "
                                                        "timed out waiting for the condition",
                                             .kubelet = NO_CNI},
                  PROTOCOL_FAILURE_CERTIFICATE);
}

static void test_a_control_plane_that_hangs(void **state)
{
    (void)state;
    assert_judged(&(struct kubeadm_evidence){"wait-control-plane", .kubeadm = CHECK,
                                             .kubelet = NO_CNI
                                             "E0701 Failed to create sandbox for pod: failed to "
                                             "get sandbox image \"k8s.gcr.io/pause:3.2\""},
                  PROTOCOL_FAILURE_IMAGE);
    assert_judged(&(struct kubeadm_evidence){"wait-control-plane", .kubeadm = CHECK,
                                             .kubelet = "F0701 server.go:198] failed to load "
                                                        "Kubelet config file "
                                                        "/var/lib/kubelet/config.yaml"},
                  PROTOCOL_FAILURE_KUBELET);
    assert_judged(&(struct kubeadm_evidence){"wait-control-plane",
                                             .kubeadm = "error execution phase wait-control-plane: "
                                                        "couldn't initialize a Kubernetes cluster",
                                             .kubelet = NO_CNI},
                  PROTOCOL_FAILURE_CONTROL_PLANE);
    assert_judged(
        &(struct kubeadm_evidence){
            "preflight",
            .kubeadm = "error execution phase preflight: [preflight] Some fatal errors occurred:\n"
                       "\t[ERROR ImagePull]: failed to pull image k8s.gcr.io/etcd:3.4.13-0"},
        PROTOCOL_FAILURE_IMAGE);
    assert_judged(
        &(struct kubeadm_evidence){
            "preflight",
            .kubeadm = "error execution phase preflight: [preflight] Some fatal errors occurred:\n"
                       "\t[ERROR NumCPU]: the number of available CPUs 1 is less than the "
                       "required 2"},
        PROTOCOL_FAILURE_PREFLIGHT);
}

static void test_the_rest(void **state)
{
    (void)state;
    assert_judged(&(struct kubeadm_evidence){"addon", .timed_out = true, .kubelet = NO_CNI},
                  PROTOCOL_FAILURE_CNI);
    assert_judged(&(struct kubeadm_evidence){"certs", .timed_out = true},
                  PROTOCOL_FAILURE_DEADLINE);
    assert_judged(&(struct kubeadm_evidence){"certs", .kubeadm = "error execution phase certs: x",
                                             .kubelet = NO_CNI},
                  PROTOCOL_FAILURE_KUBEADM);
    assert_judged(&(struct kubeadm_evidence){0}, PROTOCOL_FAILURE_KUBEADM);
}

static void assert_kubelet(const char *journal, const char *failure)
{
    struct kubeadm_verdict v = kubelet_judge(journal);
    assert_string_equal(v.failure, failure);
    assert_true(v.sentence[0]);
}

/* The join has ended well: what keeps the Node from being Ready. */
static void test_a_kubelet_of_a_member(void **state)
{
    (void)state;
    assert_kubelet("", PROTOCOL_FAILURE_NODE);
    assert_kubelet("I0701 a healthy kubelet\n", PROTOCOL_FAILURE_NODE);
    assert_kubelet(NO_CNI, PROTOCOL_FAILURE_CNI);
    assert_kubelet("docker: network plugin is not ready: cni config uninitialized\n",
                   PROTOCOL_FAILURE_CNI);
    assert_kubelet(NO_CNI "E0701 Error syncing pod, skipping: failed to \"StartContainer\" with "
                          "ImagePullBackOff\n",
                   PROTOCOL_FAILURE_IMAGE);
    assert_kubelet(NO_CNI "E0701 kubelet_node_status.go:93] Unable to register node \"node1\" with "
                          "API server: Post \"https://10.0.0.1:6443/api/v1/nodes\": dial tcp "
                          "10.0.0.1:6443: connect: connection refused\n",
                   PROTOCOL_FAILURE_API);
    assert_kubelet("E0701 Error updating node status, will retry: error getting node\n",
                   PROTOCOL_FAILURE_API);
    assert_kubelet(NO_CNI "F0701 server.go:269] failed to run Kubelet: misconfiguration\n",
                   PROTOCOL_FAILURE_KUBELET);
    assert_kubelet("E0701 certificate request was not signed: certificate signing request is "
                   "denied, reason: WrongKey, message: another key\n",
                   PROTOCOL_FAILURE_CERTIFICATE);
}

UNIT_MAIN(cmocka_unit_test(test_phases), cmocka_unit_test(test_phases_that_fail),
          cmocka_unit_test(test_lines_that_matter), cmocka_unit_test(test_a_worker_that_hangs),
          cmocka_unit_test(test_a_control_plane_that_hangs), cmocka_unit_test(test_the_rest),
          cmocka_unit_test(test_a_kubelet_of_a_member))
