#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A Cluster's add-ons against a real API server: applied in order, kept, and pruned. Skipped where
# tools/kubernetes has not made a Kubernetes.

load script

@test "add-ons are applied, follow their files and values, and are pruned, while servers come and go" {
    run_script 900
    script_passed
}
