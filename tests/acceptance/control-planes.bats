#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Three control planes behind a virtual address: they form one after the other, the address moves when
# its holder loses power, one that is dead for good is replaced, and a rollout upgrades all three.

load lib

virtual=10.77.0.10
members='cp1 cp2 cp3'

setup_file() {
    local name number=1
    begin_cluster 3 "controlPlaneEndpoint: {virtualIP: {address: $virtual}}"
    for name in $members; do
        new_member "$name" controlPlane "10.77.0.1$number" memory=3Gi
        power on "$name"
        number=$((number + 1))
    done
}

teardown_file() {
    end
}

teardown() {
    show_failure
}

# The names of etcd's members, in order, as MACHINE's own member has them.
etcd_members() {
    on_machine "$1" 'cd /etc/kubernetes/pki/etcd && curl --silent --cacert ca.crt --cert server.crt \
        --key server.key --data "{\"linearizable\": true}" https://127.0.0.1:2379/v3/cluster/member/list' |
        jq -r '[.members[].name // "-"] | sort | join(" ")'
}

members_are() {
    [ "$(etcd_members "$1" 2>/dev/null)" = "$2" ]
}

# Who has the virtual address: one line for each.
holders() {
    local name
    for name in $members; do
        on_machine "$name" ip -oneline address show to $virtual/32 2>/dev/null | grep -q . && echo "$name"
    done
    return 0
}

all_ready() {
    local name
    for name in $members; do
        phase_is "$name" Ready || return 1
    done
    nodes_ready 3
}

@test "control planes: three form one after the other, with one etcd" {
    for name in $members; do
        wait_phase "$name" Ready 3600
    done
    write_admin_config
    grep -q "https://$virtual:6443" "$BATS_FILE_TMPDIR/admin.conf"
    nodes_ready 3
    members_are cp1 "$members"
    for name in $members; do
        [ "$(field "$name" .status.join.attempts)" = 1 ]
    done
}

@test "control planes: one has the virtual address, and another when it loses power" {
    one_holds() { [ "$(holders | wc -l)" = 1 ]; }
    wait_for 120 one_holds
    first=$(holders)
    power cut "$first"
    moved() { second=$(holders) && [ -n "$second" ] && [ "$second" != "$first" ]; }
    wait_for 300 moved
    answers() { kubectl_in get --raw /readyz >/dev/null 2>&1; }
    wait_for 300 answers
    sleep 1
    power on "$first"
    wait_for 1200 all_ready
    one_holds
}

@test "control planes: one that is dead for good leaves, and is replaced" {
    power cut cp3
    "$SLIPWAY" reject cp3
    wait_for 600 members_are cp1 'cp1 cp2'
    left() { ! kubectl_in get node cp3 >/dev/null 2>&1; }
    wait_for 300 left
    "$SLIPWAY" delete machine cp3
    # another machine with that name, with nothing on its disk
    register_member cp3 controlPlane 10.77.0.13
    "$SLIPWAY" sandbox reset --blank cp3
    wait_phase cp3 Ready 2400
    members_are cp1 "$members"
    nodes_ready 3
}

@test "control planes: a rollout brings all three to the next Kubernetes, and nothing is lost" {
    build_next_image
    kubectl_in create configmap kept --from-literal=word=kept
    run -0 timeout 7200 "$SLIPWAY" rollout image kubernetes-next --upgrade --wait
    echo "$output"
    wait_for 300 all_ready
    members_are cp1 "$members"
    upgraded 3
    [ "$(kubectl_in get configmap kept -o 'jsonpath={.data.word}')" = kept ]
}
