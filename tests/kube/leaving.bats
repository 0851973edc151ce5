#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Members leave a cluster with a real etcd of three members and a real API server, while the server
# is killed; machines are played by node-peer. Skipped where tools/kubernetes has not made a Kubernetes.

load script

@test "workers and control planes leave in order, and etcd keeps its quorum" {
    run_script 900
    script_passed
}
