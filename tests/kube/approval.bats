#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A Cluster's join policy approves its own Machines, and only those that nobody has decided about.
# Skipped where tools/kubernetes has not made a Kubernetes.

load script

@test "a Cluster approves its Machines unasked where it says so" {
    run_script 300
    script_passed
}
