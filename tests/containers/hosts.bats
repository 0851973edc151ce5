#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Prepared hosts become a cluster by cloud-init and by podman, on machines that are containers (see machine.bash).

load ../kube/script

# With a slipway-node that needs no sanitizer's library.
make_host_image() {
    export HOST_IMAGES=$BATS_FILE_TMPDIR/host
    run "$BATS_TEST_DIRNAME/host-image" "$BATS_TEST_DIRNAME/../../build/release/src/cli/slipway" "$HOST_IMAGES"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "cloud-init's examples and the container make prepared hosts a cluster, without the server" {
    make_host_image
    run_script 1200
    script_passed
}
