#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two blank machines form a cluster while packets, arguments, environments and tokens are recorded:
# no secret that was issued may be in anything that others can read. Recording makes the machines
# slow.

load lib
load tokens
load secrets

setup_file() {
    begin_cluster
    record_packets
    record_processes
    record_tokens
    # shellcheck disable=SC2034  # register() reads it
    first_boot=$(watched_first_boot)
    new_member control-plane controlPlane 10.77.0.11 memory=4Gi
    new_member worker worker 10.77.0.12 firmware=uefi,memory=2Gi
    power on control-plane
    power on worker
}

teardown_file() {
    stop_recording
    end
}

teardown() {
    show_failure
}

@test "secrets: a control plane and a worker become Ready while all is recorded" {
    wait_phase control-plane Ready 1800
    wait_phase worker Ready 900
}

@test "secrets: none is in a log, an argument, an environment, a packet or a readable file" {
    stop_recording
    secrets=$BATS_FILE_TMPDIR/secrets places=$BATS_FILE_TMPDIR/places
    collect_secrets "$secrets"
    collect_places "$places"
    ls -l "$secrets" "$places"
    secrets_are_complete "$secrets"
    [ "$(find "$places" -size +0 | wc -l)" -ge 11 ]
    grep -aq kubeadm "$places/control-plane-processes"
    grep -aq kubeadm "$places/worker-processes"
    grep -aqx -e --images-dir "$places/host-processes"
    each_would_be_found "$secrets"
    run -0 tests/acceptance/find-secrets search "$secrets" "$places"/*
    only_the_server_reads "$SLIPWAY_STATE"
}
