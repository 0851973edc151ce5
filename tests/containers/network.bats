#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A network between Pods by a manifest, on machines that are containers (see machine.bash).

load ../kube/script

@test "a network by a manifest makes the Nodes Ready that it runs on" {
    run_script 1200
    script_passed
}
