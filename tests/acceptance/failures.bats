#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What goes wrong after kubeadm has ended well is told with its step and the last lines of a real
# kubelet: no network between pods, and a clock that is wrong. A machine that loses its power comes back.

load lib

setup_file() {
    begin_cluster 'cni: {driver: none}'
    new_member control-plane controlPlane 10.77.0.11 memory=4Gi
    power on control-plane
}

teardown_file() {
    end
}

teardown() {
    show_failure
}

failed_step_is() { # STEP
    [ "$(field control-plane '.status.failure.step // "none"')" = "$1" ]
}

node_condition_is() { # STATUS
    [ "$(field control-plane '.status.conditions[] | select(.type == "NodeReady").status')" = "$1" ]
}

# What bridge needs, by hand: a network that is on this machine only.
write_network() {
    on_machine control-plane 'cat >/etc/cni/net.d/10-by-hand.conflist' <<'JSON'
{"cniVersion": "0.4.0", "name": "by-hand", "plugins": [{"type": "bridge", "bridge": "cni0",
  "isGateway": true, "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.0.0/24"}]]}}]}
JSON
}

@test "failures: without a network between pods the step is CNI, told with kubelet's last lines" {
    wait_for 1800 failed_step_is CNI
    node_condition_is False
    run -0 "$SLIPWAY" describe machine control-plane
    [[ $output == *NetworkPluginNotReady* ]]
    [[ $output == *'kubelet said:'* ]]
    [[ $(field control-plane .status.failure.message) == *$'kubelet said:\n'*[Nn]etwork* ]]
    [ "$("$SLIPWAY" get events -o json | jq '[.items[] | select(.reason == "NetworkPluginNotReady")] | length')" -ge 1 ]
}

@test "failures: with a network the machine is Ready, and nothing is wrong any more" {
    write_network
    wait_for 300 phase_is control-plane Ready
    failed_step_is none
    node_condition_is True
}

@test "failures: a clock that is wrong is told of, and mended the machine is Ready as before" {
    on_machine control-plane date --set '2001-01-01 UTC' >/dev/null
    wait_for 300 event_seen control-plane ClockSkew
    [[ $("$SLIPWAY" describe machine control-plane) == *'its clock is '*' behind the server'* ]]
    on_machine control-plane date --set "@$(date +%s)" >/dev/null
    wait_for 600 phase_is control-plane Ready
    write_admin_config
    wait_for 300 nodes_ready 1
}

@test "failures: without power for a moment, the control plane is there again and does not join anew" {
    local joins
    joins=$(field control-plane .status.join.attempts)
    write_admin_config
    power cut control-plane
    sleep 1
    power on control-plane
    again() { nodes_ready 1 && phase_is control-plane Ready; }
    wait_for 1200 again
    [ "$(field control-plane .status.join.attempts)" = "$joins" ]
}
