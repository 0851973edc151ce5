#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Members that come, go and come again, on machines that are containers (see machine.bash).

load ../kube/script

@test "a cluster forms while its server is killed, its API server is away, and its token is replayed" {
    run_script 1800
    script_passed
}
