#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A cluster of three control planes is brought to the next Kubernetes by a rollout, beside a real API
# server and etcd, while the server is killed; machines are played by node-peer. Skipped where
# tools/kubernetes has not made a Kubernetes.

load script

@test "Kubernetes is upgraded by a rollout, control planes first" {
    run_script 600
    script_passed
}
