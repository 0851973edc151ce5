#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Upgrades by a rollout, on machines that are containers (see machine.bash).

load ../kube/script

setup_file() {
    export NEXT_IMAGES=$BATS_FILE_TMPDIR/next
    run tests/acceptance/next-image "$SLIPWAY" "$NEXT_IMAGES"
    [ "$status" -ne 77 ] || skip "$output"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "a worker and the only control plane are upgraded, and the cluster keeps what it held" {
    run_script 1800
    script_passed
}

@test "three control planes and a worker are upgraded one after the other" {
    export CONTROL_PLANES=3
    run_script 2400
    script_passed
}
