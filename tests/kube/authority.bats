#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A Cluster's authorities: made by kubeadm and brought, encrypted with a key file, out of use when the
# Cluster is deleted. Skipped where tools/kubernetes has not made a Kubernetes.

load script

@test "authorities are brought, kept encrypted, and go with their Cluster" {
    run_script 600
    script_passed
}
