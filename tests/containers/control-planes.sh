#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: control-planes.sh [SLIPWAY [NODE_PEER]]
#
# Three control planes behind a virtual address and a worker: they form one after the other, the address
# moves when its holder loses power, one that is dead for good is replaced. What runs on the machines is
# real, see machine.bash. Speaks TAP; exit status 77 when that cannot run here.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/../kube/lib.bash"
# shellcheck source=tests/containers/machine.bash
. "$here/../containers/machine.bash"

virtual=10.9.0.10
address=([cp1]=10.9.0.11 [cp2]=10.9.0.12 [cp3]=10.9.0.13 [worker]=10.9.0.21)
control_planes=(cp1 cp2 cp3)

prepare() {
    local name
    prepare_rack
    prepare_containers || return 1
    declare_demo "controlPlaneEndpoint: {virtualIP: {address: $virtual}}"
    for name in "${control_planes[@]}"; do declare_node "$name" controlPlane; done
    declare_node worker worker
} >"$work/out" 2>&1

# ---- what is asked ----

# Who has the virtual address: one line for each.
holders() {
    local name
    for name in "${control_planes[@]}"; do
        on_machine "$name" ip -oneline address show to $virtual/32 2>/dev/null | grep -q . && echo "$name"
    done
    return 0
}

one_holds() {
    is "$(holders | wc -l)" 1
}

moved_from() { # MACHINE
    local holder
    holder=$(holders)
    [ -n "$holder" ] && [ "$holder" != "$1" ]
}

all_ready() {
    local name
    for name in "${control_planes[@]}" worker; do
        phase_is "$name" Ready || return 1
    done
    nodes_ready 4
}

# ---- the test ----

kubeconfig_is_of_the_address() {
    kubeconfig_is_written && grep "https://$virtual:6443" "$work/admin.conf"
}

skip_without_containers
ok "a server, and an Image's disk" prepare || bail_out "nothing to start from"
for name in "${control_planes[@]}" worker; do
    power_on "$name"
done
for name in "${control_planes[@]}" worker; do
    by "$name is Ready" 400 phase_is "$name" Ready || bail_out "no cluster"
    ok "$name joined at the first attempt" attempts_are "$name" 1
done
ok "the administrator's way is the virtual address" kubeconfig_is_of_the_address
by "all four Nodes are Ready" 60 nodes_ready 4
ok "etcd has three members" members_are cp1 "${control_planes[*]}"

by "one has the virtual address" 60 one_holds
first=$(holders)
power_cut "$first"
by "without power it loses the address to another" 60 moved_from "$first"
by "the API server answers there" 60 admin get --raw /readyz
power_on "$first"
by "with power again all are Ready" 200 all_ready
by "and one has the address" 60 one_holds

power_cut cp3
ok "one that is dead for good is rejected" "$slipway" reject cp3
by "its etcd member goes" 120 members_are cp1 "cp1 cp2"
by "its Node goes" 120 not admin get node cp3
ok "it is forgotten" "$slipway" delete machine cp3
ok "another machine has its name" declare_node cp3 controlPlane
power_on cp3
by "it is Ready" 300 phase_is cp3 Ready
by "all four Nodes are Ready again" 60 nodes_ready 4
ok "etcd has three members again" members_are cp1 "${control_planes[*]}"
check_end

echo "1..$count"
[ $failed -eq 0 ]
