#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The Cluster controller of a server that is killed after each step, against a real API server; the
# machines are played by node-peer. Skipped where tools/kubernetes has not made a Kubernetes.

setup() {
    bats_require_minimum_version 1.5.0
    : "${KUBERNETES_FOLDER:=$BATS_TEST_DIRNAME/../../build/kubernetes/v1.20.2}"
    : "${SLIPWAY:=$BATS_TEST_DIRNAME/../../build/san/src/cli/slipway}"
    [ -x "$KUBERNETES_FOLDER/bin/kube-apiserver" ] || skip "no Kubernetes: tools/kubernetes makes it"
    export KUBERNETES_FOLDER TMPDIR=$BATS_TEST_TMPDIR
}

@test "a cluster forms, and members are approved, denied and rejected, while the server is killed" {
    run timeout 900 "$BATS_TEST_DIRNAME/controller.sh" "$SLIPWAY"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == 1..[0-9]* ]]
}
