#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A worker's bootstrap token, while it joins with it, in the hands of somebody with another key.

load lib
load forging

setup_file() {
    begin_cluster 1
    new_member control-plane controlPlane 10.77.0.11 memory=4Gi
    new_member worker worker 10.77.0.12 firmware=uefi,memory=2Gi
    power on control-plane
    power on worker
}

teardown_file() {
    end
}

teardown() {
    show_failure
}

@test "replay: the worker's token with another key is denied" {
    wait_for 1200 ssh_works worker
    certificate_request "$BATS_TEST_TMPDIR" replay client /O=system:nodes/CN=system:node:worker |
        worker_runs "$replay" replay
    write_admin_config
    denied replay WrongKey worker 'The first certificate of Machine worker was approved for the key'
}

@test "replay: the worker itself becomes Ready" {
    wait_phase worker Ready 900
}
