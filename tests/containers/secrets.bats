#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is recorded while a cluster forms, on machines that are containers (see machine.bash).

load ../kube/script

@test "no secret is in a log, an argument, an environment, a packet or a readable file" {
    run_script 1800
    script_passed
}
