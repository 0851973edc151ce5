#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: rollout.sh [SLIPWAY [NODE_PEER]]
#
# A cluster's Machines are brought to another Image one after the other, against a real
# kube-apiserver; machines are played by node-peer, and the server is killed between the steps.
# Speaks TAP; exit status 77 when there is no Kubernetes to run.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/lib.bash"
address=([cp1]=$own [w1]=10.9.0.21 [w2]=10.9.0.22 [w3]=10.9.0.23)

prepare() {
    local name
    prepare_rack
    declare_cluster demo $version 6443
    declare_machine cp1 controlPlane demo kube
    for name in w1 w2 w3; do declare_machine $name worker demo kube; done
    another_image new $version
    another_image newer v1.21.0
    spec cluster demo '{"rollout": {"minReadySeconds": 1}}'
} >"$work/out" 2>&1

form() {
    wait_until gets cp1 init || return 1
    hello cp1 'done'
    wait_until initialized && start_apiserver && wait_until available || return 1
    make_node cp1 >/dev/null && wait_until phase_is cp1 Ready || return 1
    joins w1 && joins w2 && joins w3
}

# ---- what is checked ----

check_unfit() {
    ok "an Image that does not exist is refused" not "$slipway" rollout image nothing
    echo '{"apiVersion": "slipway.dev/v1alpha1", "kind": "Image", "metadata": {"name": "absent"}, "spec": {}}' |
        "$slipway" apply -f - >/dev/null
    ok "so is one that is not ready" refused 'Image absent is not ready' "$slipway" rollout image absent
    ok "one with a later Kubernetes is refused, unless that is asked for" \
        refused '--upgrade brings the cluster to it' "$slipway" rollout image newer
    spec cluster demo '{"rollout": {"image": "newer"}}'
    soon "one with another version of Kubernetes is not begun" rollout_is Waiting \
        'Image newer holds Kubernetes v1.21.0, spec.kubernetesVersion is v1.20.2'
    ok "no Machine has it" image_is w1 kube
}

check_first() {
    ok "a rollout begins" "$slipway" rollout image new
    soon "with the control plane" image_is cp1 new
    ok "and not with a worker" image_is w1 kube
    soon "it is installed anew, and goes on" renew_lone cp1
    soon "then comes the first worker" image_is w1 new
    soon "which leaves the cluster" node_gone w1
    ok "and tells so" tells w1 Left
    crash
    ok "no other is begun, nor after a crash" image_is w2 kube
    soon "it is installed anew" is_installed_anew w1
    soon "the rollout waits for it" rollout_is Progressing 'waits until w1 is Ready'
    ok "and counts" counts_are 1 4
    soon "it joins again" joins w1
    soon "then comes the next one" image_is w2 new
    soon "two have it" counts_are 2 4
}

check_pause() {
    ok "a rollout is paused" "$slipway" rollout pause
    soon "which it tells" rollout_is Paused
    ok "what was begun comes to its end" is_installed_anew w2
    soon "and joins" joins w2
    soon "three have it" counts_are 3 4
    crash
    ok "no other is begun" image_is w3 kube
    ok "paused it stays" rollout_is Paused
    ok "it goes on" "$slipway" rollout resume
    soon "with the last one" image_is w3 new
}

# As after an installation that failed: nothing else of it matters to a rollout.
fail_machine() {
    curl -fsS --unix-socket "$state/api.sock" -X PATCH -H 'Content-Type: application/merge-patch+json' \
        "http://x/apis/slipway.dev/v1alpha1/machines/$1/status" \
        -d '{"status": {"phase": "Failed", "failure": {"reason": "Test", "message": "a test"}}}' >/dev/null
}

check_failure() {
    soon "the last one is installed anew" is_installed_anew w3
    fail_machine w3
    soon "it fails, and so does the rollout" rollout_is Failed 'w3 failed'
    ok "whose status says so" not "$slipway" rollout status
    crash
    ok "also after a crash" rollout_is Failed
}

check_undo() {
    ok "it is undone" "$slipway" rollout undo
    soon "the one that failed gets its Image back first" image_is w3 kube
    ok "those that are Ready keep theirs meanwhile" image_is w1 new
    soon "it is installed anew" is_installed_anew w3
    soon "and joins" joins w3
    soon "then comes the control plane" image_is cp1 kube
    soon "which goes back, too" renew_lone cp1
    soon "then comes the next one" image_is w1 kube
    ok "and no other" image_is w2 new
}

# The only control plane fails with the new Image, and with it the API server.
check_undo_without_api_server() {
    ok "it goes to the new Image once more" "$slipway" rollout image new
    soon "with the control plane" image_is cp1 new
    soon "which saves what its etcd holds" saves cp1
    kill -KILL "$(cat "$KUBE_FOLDER/kube-apiserver.pid")"
    soon "its API server is away" unavailable
    fail_machine cp1
    soon "it fails, and so does the rollout" rollout_is Failed 'cp1 failed'
    crash
    ok "it is undone" "$slipway" rollout undo
    soon "though nobody can be asked, it gets its Image back" image_is cp1 kube
    soon "and is installed anew" is_installed_anew cp1
    soon "and brings its cluster back" gets cp1 init
}

saves() {
    gets "$1" save && say "$1" save "${generation[$1]:-1}" && hello "$1" 'done' etcd-saved
}

prepare || { echo "Bail out! $(cat "$work/out")" && exit 1; }
install_all cp1 w1 w2 w3
form >"$work/out" 2>&1 || { echo "Bail out! $(cat "$work/out")" && tail -n 20 "$log" && exit 1; }
check_unfit
check_first
check_pause
check_failure
check_undo
check_undo_without_api_server
check_end
echo "1..$count"
[ $failed -eq 0 ]
