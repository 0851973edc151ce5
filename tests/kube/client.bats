#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Our client of the Kubernetes API against a real API server, which is killed, started and stopped
# meanwhile. Skipped where tools/kubernetes has not made a Kubernetes.

setup() {
    bats_require_minimum_version 1.5.0
    : "${KUBERNETES_FOLDER:=$BATS_TEST_DIRNAME/../../build/kubernetes/v1.20.2}"
    : "${SLIPWAY:=$BATS_TEST_DIRNAME/../../build/san/src/cli/slipway}"
    : "${CLIENT_TEST:=$(dirname "$SLIPWAY")/../../tests/kube/client-test}"
    [ -x "$KUBERNETES_FOLDER/bin/kube-apiserver" ] || skip "no Kubernetes: tools/kubernetes makes it"
    [ -x "$CLIENT_TEST" ] || skip "no client-test: ninja builds it"
    export APISERVER=$BATS_TEST_DIRNAME/apiserver
    export TMPDIR=$BATS_TEST_TMPDIR HOME=$BATS_TEST_TMPDIR
}

# beside PATTERN COUNT: those tests of client-test pass beside an API server, and are that many.
beside() {
    run timeout 300 "$APISERVER" -- "$CLIENT_TEST" "$1"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"PASSED  ] $2 test(s)."* ]]
}

@test "requests: identities, verbs, field managers, lists in chunks, bootstrap tokens" {
    beside 'test_requests_*' 7
}

@test "watches: streams that end, an API server that is killed, hangs, or has lost the version" {
    beside 'test_watch_*' 5
}

@test "draining: evictions wait for the disruption budget, or name it when the time is over" {
    beside 'test_drain_*' 2
}
