#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Machines are brought to another Image one after the other, beside a real API server, while the
# server is killed; machines are played by node-peer. Skipped where tools/kubernetes has not made a
# Kubernetes.

load script

@test "a rollout goes machine by machine, pauses, fails, and is undone" {
    run_script 600
    script_passed
}
