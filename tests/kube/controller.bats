#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The Cluster controller of a server that is killed after each step, against a real API server; the
# machines are played by node-peer. Skipped where tools/kubernetes has not made a Kubernetes.

load script

@test "a cluster forms, and members are approved, denied and rejected, while the server is killed" {
    run_script 900
    script_passed
}
