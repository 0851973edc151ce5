#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: NEXT_IMAGES=FOLDER [CONTROL_PLANES=3] upgrade.sh [SLIPWAY [NODE_PEER]]
#
# A rollout upgrades Kubernetes on a worker and on one control plane, which is the only one, or on three
# behind a virtual address: each machine is installed anew, and the cluster keeps what it held. What runs
# on the machines is real, see machine.bash. FOLDER is of tests/acceptance/next-image. Speaks TAP; exit status 77 when that cannot run here.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/../kube/lib.bash"
# shellcheck source=tests/containers/machine.bash
. "$here/../containers/machine.bash"

next=v1.21.0
address=([cp1]=10.9.0.11 [cp2]=10.9.0.12 [cp3]=10.9.0.13 [worker]=10.9.0.21)
control_planes=(cp1) endpoint=()
[ "${CONTROL_PLANES:-1}" = 1 ] ||
    { control_planes=(cp1 cp2 cp3) && endpoint=('controlPlaneEndpoint: {virtualIP: {address: 10.9.0.10}}'); }
machines=("${control_planes[@]}" worker)

prepare() {
    local name
    prepare_rack
    prepare_containers || return 1
    declare_demo "${endpoint[@]}"
    for name in "${control_planes[@]}"; do declare_node "$name" controlPlane; done
    declare_node worker worker
} >"$work/out" 2>&1

all_ready() {
    local name
    for name in "${machines[@]}"; do
        phase_is "$name" Ready || return 1
    done
    nodes_ready ${#machines[@]}
}

# ---- what is asked ----

every_machine() { # JQ VALUE
    local name
    for name in "${machines[@]}"; do
        is "$(object machine "$name" "$1")" "$2" || return 1
    done
}

kubelets_are() { # VERSION
    is "$(admin get nodes -o json | jq -r '[.items[].status.nodeInfo.kubeletVersion] | unique | join(" ")')" "$1"
}

api_server_is() { # VERSION
    is "$(admin get --raw /version | jq -r .gitVersion)" "$1"
}

in_kube_system() { # KIND/NAME JQ
    admin -n kube-system get "$1" -o json | jq -r "$2"
}

# kube-proxy ends where the host's table of connections is not exactly as large as it wants: in a network
# namespace of its own it may not change that.
proxies_run_here() {
    local wanted=$((32768 * $(nproc)))
    [ $wanted -ge 131072 ] || wanted=131072
    [ "$(cat /proc/sys/net/netfilter/nf_conntrack_max)" = $wanted ]
}

proxies_are() { # VERSION
    local count=${#machines[@]} ready
    ready=$count
    proxies_run_here || {
        echo "net.netfilter.nf_conntrack_max of this host is not what kube-proxy wants: it cannot run"
        ready=0
    }
    in_kube_system daemonset/kube-proxy .spec.template.spec.containers[0].image | grep ":$1\$" &&
        is "$(in_kube_system daemonset/kube-proxy '"\(.status.updatedNumberScheduled) \(.status.numberReady)"')" \
            "$count $ready"
}

word_is_kept() {
    is "$(admin get configmap kept -o 'jsonpath={.data.word}')" kept
}

nothing_is_left_of_it() {
    is "$(object cluster demo .status.saved)" null && not test -e "$state/saved/demo"
}

# ---- the test ----

skip_without_containers
ok "a server, and an Image's disk" prepare || bail_out "nothing to start from"
for name in "${machines[@]}"; do
    power_on "$name"
done
by "a cluster forms" 600 every_machine .status.phase Ready || bail_out "no cluster"
ok "there is an administrator's kubeconfig" kubeconfig_is_written
by "all Nodes are Ready" 60 all_ready
ok "they run the first Kubernetes" kubelets_are $version
ok "the cluster is given something to keep" admin create configmap kept --from-literal=word=kept
ok "there is an Image with the next Kubernetes" declare_image "$NEXT_IMAGES" kubernetes-next
ok "a rollout upgrades all machines" timeout 1800 "$slipway" rollout image kubernetes-next --upgrade --wait ||
    { show_machines && bail_out "no upgrade"; }
ok "each has the Image" every_machine .status.installedImage kubernetes-next
ok "each joined at the first attempt" every_machine .status.join.attempts 1
by "all are Ready" 120 all_ready
ok "the Cluster is of the next version" is "$(object cluster demo .status.kubernetesVersion)" $next
by "so is its API server" 60 api_server_is $next
by "so are its kubelets" 60 kubelets_are $next
by "so are its proxies" 120 proxies_are $next
ok "etcd has all its members" members_are cp1 "${control_planes[*]}"
ok "what the cluster held is there" word_is_kept
ok "the server keeps none of it any more" nothing_is_left_of_it
check_end

echo "1..$count"
[ $failed -eq 0 ]
