#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A cluster without the server, on machines that are containers (see machine.bash).

load ../kube/script

@test "slipway-node up makes a cluster of two without the server" {
    run_script 1200
    script_passed
}
