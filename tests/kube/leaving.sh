#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: leaving.sh [SLIPWAY [NODE_PEER]]
#
# Members that leave a cluster with three control planes, in order, against a real etcd of three
# members and a real kube-apiserver; machines are played by node-peer, and the server is killed
# between the steps. Speaks TAP; exit status 77 when there is no Kubernetes to run.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/lib.bash"
address=([cp1]=$own [cp2]=10.9.0.12 [cp3]=10.9.0.13 [cp4]=10.9.0.14
    [w1]=10.9.0.21 [w2]=10.9.0.22 [w3]=10.9.0.23 [w4]=10.9.0.24)

prepare() {
    local name
    prepare_rack
    for name in cp2 cp3 cp4; do ip addr add "${address[$name]}/24" dev rack; done
    declare_cluster demo $version 6443
    for name in cp1 cp2 cp3; do declare_machine $name controlPlane demo kube; done
    for name in w1 w2 w3 w4; do declare_machine $name worker demo kube; done
} >"$work/out" 2>&1

# ---- etcd ----

kill_member() { # MACHINE: its etcd is gone, as its machine's power
    kill -KILL "$(cat "$KUBE_FOLDER/etcd-$1.pid")"
}

# etcd takes a change of members only when the others are connected for a while
settles() { # VIA
    etcd_via "$1" /health | grep -q true
}

api_endpoints_are() { # EXPECTED: in kubeadm's own list
    is "$(kubectl -n kube-system get configmap kubeadm-config -o 'jsonpath={.data.ClusterStatus}' |
        sed -n 's/^  \(cp[0-9]*\):.*/\1/p' | sort | xargs)" "$1"
}

# ---- what is asked for ----

release() { # MACHINE GENERATION [DRAIN_TIMEOUT_SECONDS]
    curl -fsS --unix-socket "$state/api.sock" -X PATCH -H 'Content-Type: application/merge-patch+json' \
        "http://x/apis/slipway.dev/v1alpha1/machines/$1" \
        -d "{\"spec\": {\"release\": {\"generation\": $2, \"drainTimeoutSeconds\": ${3:-600}}}}" \
        >/dev/null
}

reinstall() { # MACHINE
    curl -fsS --unix-socket "$state/api.sock" -X PATCH -H 'Content-Type: application/merge-patch+json' \
        "http://x/apis/slipway.dev/v1alpha1/machines/$1" -d '{"spec": {"installGeneration": 2}}' \
        >/dev/null
}

has_left() { # MACHINE
    is "$(object machine "$1" '.status.join.task // "none"')" none
}

cordoned() { # NODE
    is "$(kubectl get node "$1" -o 'jsonpath={.spec.unschedulable}')" true
}

uncordoned() { # NODE, and it does not say that it leaves
    is "$(kubectl get node "$1" -o json |
        jq -c '[.spec.unschedulable, .metadata.annotations["slipway.dev/leaving-since"]]')" \
        '[null,null]'
}

held_for() { # MACHINE TEXT: it is answered that it has to wait for that
    waits "$1" "$2"
}

# A Pod on a node that a disruption budget holds.
make_guarded_pod() { # NODE
    kubectl create -f - >/dev/null <<YAML
apiVersion: v1
kind: Pod
metadata: {name: db, labels: {app: db}}
spec: {nodeName: $1, terminationGracePeriodSeconds: 0, containers: [{name: a, image: none}]}
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: db}
spec: {minAvailable: 1, selector: {matchLabels: {app: db}}}
YAML
    # no budget guards a Pod that does not run
    api PATCH /api/v1/namespaces/default/pods/db/status \
        '{"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}' >/dev/null
}

# ---- what is checked ----

check_worker() {
    make_guarded_pod w1
    release w1 1
    soon "a worker that is released is cordoned" cordoned w1
    soon "it waits for what holds its pods, by name" held_for w1 "1 pod left; default/db:"
    crash
    soon "also after a crash" held_for w1 'disruption budget'
    ok "its Node stays" kubectl get node w1
    "$slipway" release w1 --yes --wait >"$work/waits" 2>&1 &
    wait_until grep -q 'leaving its Cluster' "$work/waits"
    release w1 0
    soon "a release that is undone uncordons it" uncordoned w1
    ok "who waits for its end hears that there is none" not wait $!
    ok "and why" grep 'w1: its release was taken back' "$work/waits"
    soon "and it is a member as before" phase_is w1 Ready
    ok "with nothing held" hello w1 'done'
    release w1 2
    soon "released again it is cordoned again" cordoned w1
    kubectl delete poddisruptionbudget db >/dev/null
    soon "without the budget its Node is deleted" node_gone w1
    soon "and it has left" has_left w1
    soon "as its events tell" tells w1 'Left'
}

check_deadline() {
    kubectl delete pod db --ignore-not-found --grace-period=0 --force >/dev/null 2>&1
    make_guarded_pod w2
    release w2 1 8
    soon "a drain is under way" held_for w2 'disruption budget'
    crash
    soon "whose deadline passes, and a crash gives no new one" node_gone w2
    soon "what was left is told" tells w2 DrainIncomplete
    soon "it has left" has_left w2
    kubectl delete pod db --ignore-not-found --grace-period=0 --force >/dev/null 2>&1
    kubectl delete poddisruptionbudget db >/dev/null
}

check_reinstall() {
    reinstall w3
    soon "a member that is installed anew leaves first" node_gone w3
    soon "and has left" has_left w3
    say w3 stage2 "$(mac_of w3)"
    ok "then it is installed" is "$(answer w3 .action)" install
}

refused_as_member() {
    hello w4 member 'it is a node already'
}

check_again() {
    "$slipway" reject w4 >/dev/null
    soon "a worker that is rejected leaves" node_gone w4
    soon "and has left" has_left w4
    "$slipway" approve w4 >/dev/null
    soon "approved again it is told to join" gets w4 join
    ok "which it cannot: its system is a node still" refused_as_member
    soon "it is told to stop being one" gets w4 reset
    ok "without any file" is "$(jq '.files | length' "$work/w4/task.json")" 0
    crash
    ok "it does" hello w4 'done'
    ok "that makes it no member" not phase_is w4 Ready
    soon "and then is told to join" joins w4
}

is_told_to_stop() { # MACHINE: its system still is a node, and it says so
    hello "$1" 'done' && cat "$work/$1.answer" && is "$(answer "$1" .task.kind)" reset
}

# What a kubelet does whose certificate is still valid.
check_rejected() {
    "$slipway" reject w4 >/dev/null
    soon "rejected once more it leaves" node_gone w4
    soon "and has left" has_left w4
    make_node w4 >/dev/null
    soon "a Node that its kubelet makes again is deleted again" node_gone w4
    soon "its system is told to stop being a node" is_told_to_stop w4
    ok "without any file" is "$(jq '.files | length' "$work/w4/task.json")" 0
    ok "it does" hello w4 'done'
    ok "and hears that it is rejected, no more" is "$(answer w4 .action)" reject
    crash
    "$slipway" approve w4 >/dev/null
    soon "approved again it joins at once" joins w4
}

check_endpoint() {
    ok "the endpoint is known" is "$(object cluster demo .status.endpoint)" 127.0.0.1:6443
    ok "etcd has three members" members_are cp1 'cp1 cp2 cp3'
}

check_quorum() {
    kill_member cp3
    release cp2 1
    soon "a control plane stays while etcd would lose its quorum without it" held_for cp2 \
        'etcd would lose its quorum without member cp2: 1 of the other 2 answer, 2 are needed'
    ok "it is still a member" members_are cp1 'cp1 cp2 cp3'
    soon "that is told" tells cp2 EtcdQuorum
    release cp2 0
    soon "undone, it stays" uncordoned cp2
}

check_dead() {
    node_says cp3 False
    "$slipway" reject cp3 >/dev/null
    soon "a dead control plane that is rejected leaves etcd" members_are cp1 'cp1 cp2'
    crash
    soon "and the cluster, though the server is killed" node_gone cp3
    soon "it has left" has_left cp3
    soon "kubeadm's list does not name it any more" api_endpoints_are 'cp1 cp2'
    ok "etcd works" settles cp1
}

check_replaced() {
    declare_machine cp4 controlPlane demo kube >/dev/null
    install_all cp4
    # as a join that ended in the middle
    soon "a member of etcd that never started" etcd_via cp1 /v3/cluster/member/add \
        '{"peerURLs": ["https://10.9.0.99:2380"]}'
    ok "is there" members_are cp1 '- cp1 cp2'
    soon "a new control plane is told to join" gets cp4 join
    ok "after that member was removed" members_are cp1 'cp1 cp2'
    hello cp4 failed 'a test'
    "$slipway" delete machine cp4 >/dev/null
}

check_control_plane() {
    release cp2 1
    soon "a control plane that is released leaves etcd" members_are cp1 cp1
    crash
    soon "then its Node goes" node_gone cp2
    soon "it has left" has_left cp2
    soon "kubeadm's list has one" api_endpoints_are cp1
    ok "the API server works" kubectl get nodes
    ok "with what etcd has kept" kubectl get node cp1
}

check_last() {
    release cp1 1
    soon "the last control plane just goes" has_left cp1
    ok "and says what that means" tells cp1 'its cluster ended with it'
}

prepare || { echo "Bail out! $(cat "$work/out")" && exit 1; }
install_all cp1 cp2 cp3 w1 w2 w3 w4
form_three >"$work/out" 2>&1 || { echo "Bail out! $(cat "$work/out")" && tail -n 20 "$log" && exit 1; }
for name in cp2 cp3 w1 w2 w3 w4; do
    joins $name >"$work/out" 2>&1
    result $? "$name joins"
done
check_endpoint
check_worker
check_deadline
check_reinstall
check_again
check_rejected
check_quorum
check_dead
check_replaced
check_control_plane
check_last
check_end
echo "1..$count"
[ $failed -eq 0 ]
