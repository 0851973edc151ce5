#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A cluster of three control planes is brought to the next Kubernetes by a rollout, beside a real API
# server and etcd, while the server is killed; machines are played by node-peer. Skipped where
# tools/kubernetes has not made a Kubernetes.

setup() {
    bats_require_minimum_version 1.5.0
    : "${KUBERNETES_FOLDER:=$BATS_TEST_DIRNAME/../../build/kubernetes/v1.20.2}"
    : "${SLIPWAY:=$BATS_TEST_DIRNAME/../../build/san/src/cli/slipway}"
    [ -x "$KUBERNETES_FOLDER/bin/kube-apiserver" ] || skip "no Kubernetes: tools/kubernetes makes it"
    export KUBERNETES_FOLDER TMPDIR=$BATS_TEST_TMPDIR
}

@test "Kubernetes is upgraded by a rollout, control planes first" {
    run timeout 600 "$BATS_TEST_DIRNAME/upgrade.sh" "$SLIPWAY"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == 1..[0-9]* ]]
}
