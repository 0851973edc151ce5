#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A cluster behind a proxy, on machines that are containers (see machine.bash).

load ../kube/script

@test "a cluster is formed behind a proxy, which is asked for what is outside and for nothing else" {
    run_script 1200
    script_passed
}
