#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Users by OpenID Connect, against a real API server and a real provider. Skipped where
# tools/kubernetes has not made a Kubernetes, or npm cannot get the provider.

load script

@test "an OpenID provider's users are known by email and groups, and other tokens are refused" {
    run_script 600
    [ "$status" -ne 77 ] || skip "${lines[0]#*SKIP }"
    script_passed
}
