#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Three control planes behind a virtual address, on machines that are containers (see machine.bash).

load ../kube/script

@test "three control planes form, their address moves, and a dead one is replaced" {
    run_script 1800
    script_passed
}
