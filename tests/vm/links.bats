#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the installed system makes of its network cards: two as one link, and a tagged network.

load lib

setup_file() {
    begin
    new_machine bonded memory=768Mi,disk=4Gi,nic=virtio,nic=virtio 'image: debian-12' \
        'network: {address: 10.77.0.21/24, bond: {mode: active-backup}}'
    "$SLIPWAY" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Profile
metadata: {name: says-links}
spec: {firstBoot: {commands: ["{ echo LINKS; ip -d -o addr; ip -d -o link; echo END; } >/dev/console"]}}
YAML
    # The kernel of the host may know no tagged networks: the machine says on its console what it has.
    # By /dev/console, because a getty that starts hangs up all who write to its own name.
    new_machine tagged memory=768Mi,disk=4Gi 'image: debian-12' 'profile: says-links' \
        'network: {address: 10.78.0.5/24, gateway: 10.78.0.1, vlan: 7}'
    power on bonded
    power on tagged
}

teardown_file() {
    end
}

teardown() {
    show_failure
}

@test "vm: two cards are one link, which survives the loss of either" {
    wait_phase bonded Running
    wait_for 200 ssh_works bonded
    run -0 on_machine bonded "cat /sys/class/net/bond*/bonding/mode /sys/class/net/bond*/bonding/slaves"
    [[ ${lines[0]} == active-backup* ]]
    [ "$(wc -w <<<"${lines[1]}")" = 2 ]
    run -0 on_machine bonded "ip -o -4 addr show scope global"
    [ "${#lines[@]}" = 1 ]
    [[ $output == *bond*10.77.0.21/24* ]]
    "$SLIPWAY" sandbox link bonded 0 down
    wait_for 60 ssh_works bonded
    "$SLIPWAY" sandbox link bonded 0 up
    carriers() { [ "$(on_machine bonded "cat /proc/net/bonding/bond* | grep -c 'MII Status: up'")" = 3 ]; }
    wait_for 60 carriers
    "$SLIPWAY" sandbox link bonded 1 down
    wait_for 60 ssh_works bonded
}

@test "vm: a tagged network is on a link of its own" {
    wait_for_line 600 "$(console tagged)" 'LINKS'
    wait_for_line 60 "$(console tagged)" 'inet 10.78.0.5/24'
    wait_for_line 60 "$(console tagged)" 'vlan protocol 802.1Q id 7'
    run ! grep -a 'inet 10.77' "$(console tagged)"
}
