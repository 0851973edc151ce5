#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: members.sh [SLIPWAY [NODE_PEER]]
#
# A control plane and a worker form a cluster while the server is killed again and again, and while the API
# server is away in the middle of a join. The worker is given back and taken again, and somebody else uses
# its token meanwhile; the control plane loses its power. What runs on the machines is real, see
# machine.bash. Speaks TAP; exit status 77 when that cannot run here.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/../kube/lib.bash"
# shellcheck source=tests/containers/machine.bash
. "$here/../containers/machine.bash"

address=([control-plane]=10.9.0.11 [worker]=10.9.0.21)

prepare() {
    prepare_rack
    prepare_containers || return 1
    declare_demo 'joinPolicy: {joinTimeoutSeconds: 900}'
    declare_node control-plane controlPlane
    declare_node worker worker
} >"$work/out" 2>&1

# It is asked again and again, and killed each time in between.
ready_in_spite_of_kills() { # MACHINE
    ! phase_is "$1" Ready || return 0
    sleep 2
    crash
    kills=$((kills + 1))
    return 1
}

# carried_out MACHINE COUNT: of the tasks it was given, without those whose answer the killed server kept.
carried_out() {
    is "$(object machine "$1" '.status.join.attempts - ([.status.timeline[] |
        select(.message == "the answer with the task did not arrive") | .count // 1] | add // 0)')" "$2"
}

installed_is() { # MACHINE GENERATION
    is "$(object machine "$1" .status.installedGeneration)" "$2"
}

# ---- the API server is away ----

# For everybody but its own machine.
api_server_away() {
    on_machine control-plane iptables -I INPUT '!' -i lo -p tcp --dport 6443 -j DROP
}

api_server_back() {
    on_machine control-plane iptables -D INPUT '!' -i lo -p tcp --dport 6443 -j DROP
}

stays_joining() { # SECONDS
    local end=$((SECONDS + $1))
    while [ $SECONDS -lt $end ]; do
        phase_is worker Joining || return 1
        sleep 2
    done
}

# ---- the worker is given back ----

public_key() {
    object machine worker .status.identity.publicKey
}

# For a machine that joins, with a request in /root/replay.yaml: it is made with the machine's token.
# kubeadm and kubelet stand still for a moment, or the worker could have joined, and its token be deleted,
# before somebody else uses it.
# shellcheck disable=SC2016  # the machine's shell reads it
replay='tries=0
until [ -e /var/lib/kubelet/pki/kubelet-client-current.pem ] || [ $((tries += 1)) -gt 9000 ]; do
    [ ! -e /etc/kubernetes/bootstrap-kubelet.conf ] || cp /etc/kubernetes/bootstrap-kubelet.conf /root/
    sleep 0.1
done
kill -STOP $(pidof kubeadm kubelet)
for try in 1 2 3 4 5; do # a busy API server does not tell at once which kinds there are
    kubectl --kubeconfig /root/bootstrap-kubelet.conf create -f /root/replay.yaml
    status=$?
    [ $status != 0 ] || break
    rm -rf /root/.kube
    sleep 2
done
kill -CONT $(pidof kubeadm kubelet)
rm /root/bootstrap-kubelet.conf
exit $status'

# As soon as the worker's system runs.
worker_replays() {
    within 120 on_machine worker true && request replay client /O=system:nodes/CN=system:node:worker |
        on_machine worker "umask 077; cat >/root/replay.yaml; $replay"
}

has_no_certificate() { # CSR
    is "$(admin get csr "$1" -o 'jsonpath={.status.certificate}')" ''
}

# ---- the test ----

skip_without_containers
ok "a server, and an Image's disk" prepare || bail_out "nothing to start from"

kills=0
power_on control-plane
by "the control plane is Ready although the server is killed every few seconds" 400 \
    ready_in_spite_of_kills control-plane || bail_out "no cluster"
ok "that was three times at least" test $kills -ge 3
ok "it joined once" carried_out control-plane 1
ok "and was installed once" installed_is control-plane 1
ok "there is an administrator's kubeconfig" kubeconfig_is_written
export KUBECONFIG=$work/admin.conf

power_on worker
by "the worker joins" 120 phase_is worker Joining
ok "the API server goes away" api_server_away
ok "the worker waits for it, for minutes" stays_joining 130
ok "the API server is back" api_server_back
by "the worker is Ready" 300 phase_is worker Ready
ok "it was installed once" installed_is worker 1
by "both Nodes are Ready" 60 nodes_ready 2
ok "Pods are made for both" make_pods
by "they run" 120 pods_run
by "the one on the worker reaches the other" 30 reaches worker control-plane
by "and the other way round" 30 reaches control-plane worker

old_key=$(public_key)
ok "the worker is given back" timeout 300 "$slipway" release worker --yes --wait --drain-timeout 60
by "it is off" 30 is_off worker
ok "it is Released" phase_is worker Released
ok "its Node is gone" node_gone worker
ok "what it held is gone" not test -e "$work/worker/raw"

ok "it is taken again" "$slipway" reinstall worker
power_on worker
ok "while it joins, somebody else uses its token" worker_replays
ok "that is denied" verdict_is replay Denied WrongKey
ok "and told" tells worker 'The first certificate of Machine worker was approved for the key'
ok "it has no certificate" has_no_certificate replay
by "the worker is Ready" 300 phase_is worker Ready
by "both Nodes are Ready again" 60 nodes_ready 2
ok "it has another key" not is "$(public_key)" "$old_key"
by "no token is left" 60 no_tokens

joins=$(object machine control-plane .status.join.attempts)
power_cut control-plane
power_on control-plane
by "the control plane is there again after a power cut" 200 nodes_ready 2
by "and Ready" 60 phase_is control-plane Ready
ok "it did not join anew" attempts_are control-plane "$joins"
check_end

echo "1..$count"
[ $failed -eq 0 ]
