#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Users by OpenID Connect, against a real API server and a real provider. Skipped where
# tools/kubernetes has not made a Kubernetes, or npm cannot get the provider.

setup() {
    bats_require_minimum_version 1.5.0
    : "${KUBERNETES_FOLDER:=$BATS_TEST_DIRNAME/../../build/kubernetes/v1.20.2}"
    : "${SLIPWAY:=$BATS_TEST_DIRNAME/../../build/san/src/cli/slipway}"
    [ -x "$KUBERNETES_FOLDER/bin/kube-apiserver" ] || skip "no Kubernetes: tools/kubernetes makes it"
    export KUBERNETES_FOLDER TMPDIR=$BATS_TEST_TMPDIR
}

@test "an OpenID provider's users are known by email and groups, and other tokens are refused" {
    run timeout 600 "$BATS_TEST_DIRNAME/oidc.sh" "$SLIPWAY"
    echo "$output"
    [ "$status" -ne 77 ] || skip "${lines[0]#*SKIP }"
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == 1..[0-9]* ]]
}
