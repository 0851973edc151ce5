#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What goes wrong, and who is rejected, on machines that are containers (see machine.bash).

load ../kube/script

@test "what fails after kubeadm is told with its step, and a rejected member has nothing left" {
    run_script 1200
    script_passed
}
