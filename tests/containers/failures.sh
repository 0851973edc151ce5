#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: failures.sh [SLIPWAY [NODE_PEER]]
#
# A kubeadm init that ends half-way is undone, and tried again; one that loses the API server when the control
# plane runs is gone on with. What goes wrong after kubeadm has ended well
# is told with its step and the last lines of kubelet. A member that is rejected is a node no more, and has
# nothing left of it. What runs on the machines is real, see machine.bash. Speaks TAP; exit status 77 when
# that cannot run here.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/../kube/lib.bash"
# shellcheck source=tests/containers/machine.bash
. "$here/../containers/machine.bash"

address=([control-plane]=10.9.0.11 [worker]=10.9.0.21)

# wrap_kubeadm ROOT: for the second init, the API server stops to answer when the control plane runs, for longer
# than kubeadm waits for it.
wrap_kubeadm() {
    mkdir -p "$1/usr/local/sbin"
    cat >"$1/usr/local/sbin/kubeadm" <<'SCRIPT'
#!/bin/bash
[ "$1" != init ] || echo init >>/var/tmp/inits
[ "$1" = init ] && [ "$(wc -l </var/tmp/inits)" = 2 ] || exec /usr/bin/kubeadm "$@"
set -o pipefail
/usr/bin/kubeadm "$@" 2>&1 | while IFS= read -r line; do
    echo "$line"
    [[ $line == "[kubelet-finalize]"* ]] || continue
    pkill -STOP kube-apiserver
    (sleep 14 && pkill -CONT kube-apiserver) >/dev/null 2>&1 &
done
SCRIPT
    chmod 755 "$1/usr/local/sbin/kubeadm"
}

prepare() {
    prepare_rack
    prepare_containers || return 1
    declare_demo 'cni: {driver: none}' 'kubeadmPath: /usr/local/sbin/kubeadm'
    wrap_kubeadm "$work/control-plane/files"
    wrap_kubeadm "$work/worker/files"
    declare_node control-plane controlPlane
    declare_node worker worker
} >"$work/out" 2>&1

# As soon as the machine's system runs; ended when etcd and the API server do.
kubeadm_is_ended() { # MACHINE
    within 120 on_machine "$1" true &&
        on_machine "$1" 'tries=0
until kubectl --kubeconfig /etc/kubernetes/admin.conf get --raw /readyz; do
    [ $((tries += 1)) -lt 1500 ] || exit 1
    sleep 0.2
done
kill -KILL $(pidof kubeadm)'
}

went_on() { # MACHINE
    on_machine "$1" journalctl --no-pager -u slipway-node-cluster | tail -n 40 >"$work/journal"
    cat "$work/journal"
    grep 'kubeadm init failed in its phase addon/kube-proxy. The control plane runs: going on there' "$work/journal" &&
        is "$(on_machine "$1" cat /var/tmp/inits | wc -l)" 3
}

failed_step_is() { # STEP
    is "$(object machine control-plane '.status.failure.step // "none"')" "$1"
}

failure_says() { # TEXT
    [[ $(object machine control-plane .status.failure.message) == *"$1"* ]]
}

node_condition_is() { # STATUS
    is "$(object machine control-plane '.status.conditions[] | select(.type == "NodeReady").status')" "$1"
}

event_seen() { # REASON
    "$slipway" get events -o json | jq -e --arg reason "$1" 'any(.items[]; .reason == $reason)'
}

# write_network NUMBER MACHINE: by hand, a network that is on this machine only.
write_network() {
    on_machine "$2" 'cat >/etc/cni/net.d/10-by-hand.conflist' <<JSON
{"cniVersion": "0.4.0", "name": "by-hand", "plugins": [{"type": "bridge", "bridge": "cni0",
  "isGateway": true, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.$1.0/24"}]]}}]}
JSON
}

runs() { # MACHINE PROGRAM
    on_machine "$1" pidof "$2"
}

nothing_is_left() { # MACHINE: of the node that it was
    on_machine "$1" '! ls /etc/kubernetes/*.conf /etc/kubernetes/pki/* /var/lib/kubelet/pki/* \
        /etc/kubernetes/manifests/* 2>/dev/null | grep .'
}

no_container_runs() { # MACHINE
    on_machine "$1" 'set -- $(pidof etcd kube-apiserver containerd-shim-runc-v2 pause); [ $# = 0 ] || ! ps -o pid,stat,args -p "$*"'
}

skip_without_containers
ok "a server, and an Image's disk" prepare || bail_out "nothing to start from"

power_on control-plane
ok "kubeadm is ended while the control plane starts" kubeadm_is_ended control-plane
by "that is told" 60 tells control-plane JoinFailed
by "it is tried again" 60 attempts_are control-plane 2
by "the API server is away in the middle of that" 300 went_on control-plane
by "without a network between pods the step is CNI" 400 failed_step_is CNI || bail_out "no control plane"
ok "the Node is not Ready" node_condition_is False
ok "the machine tells what is wrong" tells control-plane NetworkPluginNotReady
by "with what kubelet said last" 60 failure_says $'kubelet said:\n'
ok "an event tells it too" event_seen NetworkPluginNotReady
ok "a network is written by hand" write_network 0 control-plane
by "the control plane is Ready" 120 phase_is control-plane Ready || bail_out "no cluster"
ok "which took no further attempt" attempts_are control-plane 2
ok "nothing is wrong any more" failed_step_is none
ok "the Node is Ready" node_condition_is True
ok "there is an administrator's kubeconfig" kubeconfig_is_written

power_on worker
by "the worker's kubelet has made its Node" 200 admin get node worker
ok "it gets a network too" write_network 1 worker
by "the worker is Ready" 200 phase_is worker Ready
ok "it is rejected" "$slipway" reject worker
by "its Node goes" 120 not admin get node worker
by "it has nothing left of the node that it was" 120 nothing_is_left worker
by "none of its containers runs" 60 no_container_runs worker
ok "its kubelet does not run" not runs worker kubelet
ok "its phase says so" phase_is worker Rejected
ok "the control plane is still Ready" nodes_ready 1
ok "its containers end with it" on_machine control-plane systemctl stop kubelet slipway-pods
by "none is left" 30 no_container_runs control-plane
check_end

echo "1..$count"
[ $failed -eq 0 ]
