#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Two blank machines form a cluster while packets, arguments, environments and tokens are recorded:
# no secret that was issued may be in anything that others can read. Recording makes the machines
# slow, so this is not a part of `make check`: bats tests/acceptance/secrets.bats

load ../vm/lib
load secrets

setup_file() {
    # shellcheck disable=SC2034  # begin() reads it
    image=debian-12-kubernetes
    begin
    record_packets
    record_processes
    record_tokens
    # shellcheck disable=SC2034  # register() reads it
    first_boot=$(watched_first_boot)
    "$SLIPWAY" apply -f - <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: Network
metadata: {name: demo}
spec:
  subnet: 10.77.0.0/24
  mode: authoritative
  ranges: [{start: 10.77.0.100, end: 10.77.0.199}]
  unknownClients: serve
---
apiVersion: slipway.dev/v1alpha1
kind: Cluster
metadata: {name: demo}
spec:
  kubernetesVersion: v1.20.2
  dns: {enabled: false}
YAML
    new_machine control-plane memory=4Gi,disk=12Gi 'image: debian-12-kubernetes' 'cluster: demo' \
        'role: controlPlane' 'network: {address: 10.77.0.11/24}'
    new_machine worker firmware=uefi,memory=2Gi,disk=12Gi 'image: debian-12-kubernetes' \
        'cluster: demo' 'role: worker' 'network: {address: 10.77.0.12/24}'
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

kubectl_in() {
    "$SLIPWAY" sandbox exec -- "$PWD/build/kubernetes/v1.20.2/bin/kubectl" \
        --kubeconfig "$BATS_FILE_TMPDIR/admin.conf" "$@"
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
    # it is all there: tokens of both kinds of text, keys of both machines and of the server
    [ "$(wc -l <"$secrets/tokens.text")" -ge 2 ]
    [ "$(find "$secrets" -name 'server-*' -size +0 | wc -l)" = 3 ]
    [ "$(find "$secrets" -name 'control-plane-*' | wc -l)" -ge 6 ]
    [ "$(find "$secrets" -name 'worker-*' | wc -l)" -ge 3 ]
    [ "$(find "$places" -size +0 | wc -l)" -ge 11 ]
    grep -aq kubeadm "$places/control-plane-processes"
    grep -aq kubeadm "$places/worker-processes"
    grep -aqx -e --images-dir "$places/host-processes"
    # each kind of secret would be found
    for file in "$secrets"/*; do
        cp "$file" "$BATS_TEST_TMPDIR/planted"
        run -1 tests/acceptance/find-secrets search "$secrets" "$BATS_TEST_TMPDIR/planted"
    done
    run -0 tests/acceptance/find-secrets search "$secrets" "$places"/*
    # nobody else reads what the server keeps
    [ -z "$(find "$SLIPWAY_STATE/keys" "$SLIPWAY_STATE"/slipway.db* -perm /077)" ]
}
