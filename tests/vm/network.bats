#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A bad network: packets are lost all the time, a cable is plugged in late, and a machine turns up
# with another one's MAC address.

load lib

setup_file() {
    begin
    # every 50th packet, in both directions, on the way to and from the server
    "$SLIPWAY" sandbox exec -- nft -f - <<'RULES'
table bridge loss {
    chain in { type filter hook input priority 0; numgen random mod 50 0 drop; }
    chain out { type filter hook output priority 0; numgen random mod 50 0 drop; }
}
RULES
    new_machine late memory=768Mi,disk=4Gi
    power on late
}

teardown_file() {
    end
}

teardown() {
    show_failure
}

@test "vm: the cable is plugged in while stage2 waits for it" {
    wait_for_line 600 "$(console late)" 'Linux version'
    "$SLIPWAY" sandbox link late 0 down
    wait_for_line 300 "$(console late)" 'no network yet: .*no carrier'
    "$SLIPWAY" sandbox link late 0 up
    wait_for 300 event_seen late InstallStarted
}

@test "vm: an installation gets through a network that loses packets" {
    installed() { [ "$(field late .status.installedGeneration)" = 1 ]; }
    wait_for 600 installed
    "$SLIPWAY" sandbox exec -- nft list table bridge loss | grep -q numgen
    "$SLIPWAY" sandbox exec -- nft delete table bridge loss
    wait_phase late Running
}

@test "vm: another machine with the same MAC address is not approved with the first one's words" {
    mac=$(machine_mac late)
    "$SLIPWAY" sandbox remove late
    "$SLIPWAY" delete machine late
    "$SLIPWAY" sandbox up -m "first,memory=512Mi,disk=4Gi,nic=virtio/$mac" --off
    "$SLIPWAY" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: first}
spec: {macAddresses: ["$mac"], image: debian-12}
YAML
    power on first
    has_words() { [ "$(field first '.status.identity.words // ""')" != "" ]; }
    wait_for 600 has_words
    words=$(field first .status.identity.words)
    power cut first
    "$SLIPWAY" sandbox up -m "second,memory=512Mi,disk=4Gi,nic=virtio/$mac"
    other_words() { [ "$(field first .status.identity.words)" != "$words" ]; }
    wait_for 600 other_words
    run -6 "$SLIPWAY" approve first --fingerprint "$words"
    [[ $output == *"was not approved"* ]]
    [ "$(field first '.spec.approved // false')" = false ]
    [ "$(event_count first InstallStarted)" = 0 ]
}

@test "vm: once one is approved, another machine with its MAC address gets no plan" {
    power cut second
    words=$(field first .status.identity.words)
    "$SLIPWAY" approve first --fingerprint "$words"
    [ "$(field first .spec.approvedKey)" = "$(field first .status.identity.publicKey)" ]
    : >"$(console first)"
    power on first # its disk is blank, so this is another key
    other_asks() { [ "$(field first '.status.candidate.words // ""')" != "" ]; }
    wait_for 600 other_asks
    other=$(field first .status.candidate.words)
    [ "$other" != "$words" ]
    wait_for_line 120 "$(console first)" 'its key is not the approved one'
    grep -aq "$other" "$(console first)"
    [ "$(field first .status.identity.words)" = "$words" ]
    [ "$(field first '.status.conditions[] | select(.type == "Approved").reason')" = KeyChanged ]
    event_seen first KeyChanged
    [ "$(event_count first InstallStarted)" = 0 ]
    run -6 "$SLIPWAY" approve first --fingerprint "lusab-babad-gutih-tugad-dobil"
    [ "$(event_count first InstallStarted)" = 0 ]
    # approved with its own words, it is the machine
    "$SLIPWAY" approve first --fingerprint "$other"
    wait_for 120 event_seen first InstallStarted
    [ "$(field first .status.identity.words)" = "$other" ]
    [ "$(field first '.status.candidate // "none"')" = none ]
    power cut first
}

@test "vm: two Machines cannot claim one MAC address" {
    mac=$(machine_mac second)
    run -5 "$SLIPWAY" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: thief}
spec: {macAddresses: ["$mac"], image: debian-12}
YAML
    [[ $output == *macAddresses* ]]
    run ! "$SLIPWAY" get machine thief
}
