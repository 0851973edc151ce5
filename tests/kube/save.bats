#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The only control plane is installed anew, beside a real API server and etcd, while the server is
# killed. Skipped where tools/kubernetes has not made a Kubernetes.

load script

@test "the only control plane is installed anew, and its cluster goes on with what etcd held" {
    run_script 600
    script_passed
}
