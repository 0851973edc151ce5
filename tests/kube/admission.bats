#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Machines, Profiles and Clusters that contradict each other are refused while they are written, with
# the path of the field. Skipped where tools/kubernetes has not made a Kubernetes, because the Images
# are of its version.

load script

@test "what contradicts something else is refused with its path, or waits and says so" {
    run_script 300
    script_passed
}
