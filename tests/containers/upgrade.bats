#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Upgrades by a rollout, on machines that are containers (see machine.bash).

load ../kube/script

# The Image with the next Kubernetes, made once for the tests of this file: with a slipway-node that needs no
# sanitizer's library.
make_next_image() {
    export NEXT_IMAGES=$BATS_FILE_TMPDIR/next
    [ ! -s "$NEXT_IMAGES/kubernetes-next.json" ] || return 0
    run tests/acceptance/next-image "$BATS_TEST_DIRNAME/../../build/release/src/cli/slipway" "$NEXT_IMAGES"
    echo "$output"
    [ "$status" -ne 77 ] || skip "$output"
    [ "$status" -eq 0 ]
}

@test "a worker and the only control plane are upgraded, and the cluster keeps what it held" {
    make_next_image
    run_script 1800
    script_passed
}

@test "three control planes and a worker are upgraded one after the other" {
    make_next_image
    export CONTROL_PLANES=3
    run_script 2400
    script_passed
}
