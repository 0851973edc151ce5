#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A cluster of two forms while its server is killed again and again and its API server goes away in
# the middle of a join; then the worker is given back, wiped and taken again, and both are upgraded: the
# only control plane, too.

load lib

setup_file() {
    begin_cluster
    new_member control-plane controlPlane 10.77.0.11 memory=4Gi
    new_member worker worker 10.77.0.12 memory=2Gi
    power on control-plane
}

teardown_file() {
    rm -f "$BATS_FILE_TMPDIR/killing"
    end
}

teardown() {
    show_failure
}

# Kills the server and starts it again, every few seconds, as long as the file is there.
keep_killing() {
    exec 3>&-
    while [ -e "$BATS_FILE_TMPDIR/killing" ]; do
        sleep 20
        server_kill && server_start && echo killed >>"$BATS_FILE_TMPDIR/kills"
    done
}

# The phase, asked until a server that is up answers.
is_in_phase() {
    phase_is "$@" 2>/dev/null
}

@test "members: a control plane forms while the server is killed every few seconds, nothing twice" {
    touch "$BATS_FILE_TMPDIR/killing"
    keep_killing >"$BATS_FILE_TMPDIR/killer" 2>&1 &
    killer=$!
    wait_for 1800 is_in_phase control-plane Ready
    rm "$BATS_FILE_TMPDIR/killing"
    wait $killer || true
    wait_for 30 api_answers
    [ "$(wc -l <"$BATS_FILE_TMPDIR/kills")" -ge 3 ]
    [ "$(field control-plane .status.join.attempts)" = 1 ]
    [ "$(field control-plane .status.installedGeneration)" = 1 ]
    write_admin_config
    nodes_ready 1
}

@test "members: the API server goes away in the middle of a join, which waits and goes on" {
    power on worker
    wait_for 900 is_in_phase worker Joining
    on_machine control-plane mv /etc/kubernetes/manifests/kube-apiserver.yaml /root
    gone() { ! kubectl_in get --raw /livez >/dev/null 2>&1; }
    wait_for 120 gone
    sleep 120
    phase_is worker Joining
    on_machine control-plane mv /root/kube-apiserver.yaml /etc/kubernetes/manifests
    wait_phase worker Ready 1200
    nodes_ready 2
    [ "$(field worker .status.installedGeneration)" = 1 ]
}

@test "members: a worker that is given back leaves the cluster, is wiped and powers off" {
    pod_on worker
    kubectl_in wait --for=condition=Ready pod/on-worker --timeout=300s
    run -0 --separate-stderr "$SLIPWAY" release worker --yes --wait --drain-timeout 120
    [[ $output == *'worker is released'* ]]
    nodes_ready 1
    run -1 kubectl_in get node worker
    holds_only_zeros "$(disk worker 0)"
}

@test "members: taken again, it joins again with another key" {
    old=$(field worker .status.revokedKey)
    "$SLIPWAY" reinstall worker
    wait_for 60 is_off worker
    power on worker
    wait_phase worker Ready 1200
    nodes_ready 2
    [ "$(field worker .status.identity.publicKey)" != "$old" ]
}

@test "members: a rollout upgrades both, and the cluster keeps what its only etcd held" {
    build_next_image
    kubectl_in create configmap kept --from-literal=word=kept
    run -0 timeout 5400 "$SLIPWAY" rollout image kubernetes-next --upgrade --wait
    echo "$output"
    for name in control-plane worker; do
        [ "$(field "$name" .status.installedImage)" = kubernetes-next ]
        [ "$(field "$name" .status.join.attempts)" = 1 ]
    done
    wait_for 60 nodes_ready 2
    upgraded 2
    [ "$(kubectl_in get configmap kept -o 'jsonpath={.data.word}')" = kept ]
    [ "$("$SLIPWAY" get cluster demo -o json | jq '.status.saved')" = null ]
    [ ! -e "$SLIPWAY_STATE/saved/demo" ]
}
