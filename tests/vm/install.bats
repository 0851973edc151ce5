#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Blank machines become running nodes, boot their own disk from then on though their firmware always
# tries the network first, and are installed once more when asked, once.

load lib

setup_file() {
    begin
    new_machine bios-node memory=768Mi,disk=4Gi 'image: debian-12' 'network: {address: 10.77.0.11/24}'
    new_machine uefi-node firmware=uefi,memory=768Mi,disk=4Gi/nvme 'image: debian-12'
    power on bios-node
    power on uefi-node
}

teardown_file() {
    end
}

teardown() {
    show_failure
}

@test "vm: a blank machine with BIOS is running" {
    wait_phase bios-node Running
    [ "$(field bios-node .status.installedGeneration)" = 1 ]
    [ "$(field bios-node '.status.addresses[0].address')" = 10.77.0.11 ]
}

@test "vm: a blank machine with UEFI and NVMe is running" {
    wait_phase uefi-node Running
    [ "$(field uefi-node .status.inventory.firmware)" = uefi ]
}

@test "vm: the installed systems have their names, keys, whole disks and nothing failed" {
    for name in bios-node uefi-node; do
        wait_for 120 ssh_works "$name"
        size=$(on_machine "$name" df --output=size -B1M / | tail -n 1)
        [ "$size" -gt 3500 ]
        run -0 on_machine "$name" systemctl --failed --no-legend
        [ -z "$output" ]
        # the machine's secret key is for root only
        run -0 on_machine "$name" find /var/lib/slipway-node -perm /077
        [ -z "$output" ]
    done
}

@test "vm: a machine that tries the network first boots its own disk once installed" {
    for name in bios-node uefi-node; do
        scripts[${#scripts[@]}]=$(event_count "$name" BootScript)
        power cut "$name"
    done
    sleep 1
    for name in bios-node uefi-node; do
        : >"$(console "$name")"
        power on "$name"
    done
    i=0
    for name in bios-node uefi-node; do
        wait_for 300 event_seen "$name" BootScript $((${scripts[i]} + 1))
        wait_for 600 ssh_works "$name"
        [ "$(event_count "$name" InstallStarted)" = 1 ]
        phase_is "$name" Running
        i=$((i + 1))
    done
}

@test "vm: a reinstallation that was asked for happens exactly once" {
    marker=/var/tmp/before-reinstall
    on_machine bios-node touch $marker
    # bound to the key of the installed system, which its disk gives to the next stage2
    "$SLIPWAY" approve bios-node
    key=$(field bios-node .spec.approvedKey)
    [ "$key" = "$(field bios-node .status.identity.publicKey)" ]
    "$SLIPWAY" reinstall bios-node
    power cut bios-node
    power on bios-node
    installed_twice() { [ "$(field bios-node .status.installedGeneration)" = 2 ]; }
    wait_for 600 installed_twice
    wait_phase bios-node Running
    wait_for 300 ssh_works bios-node
    run -0 on_machine bios-node "test -e $marker && echo there || echo gone"
    [ "$output" = gone ]
    [ "$(field bios-node .status.identity.publicKey)" = "$key" ]
    scripts=$(event_count bios-node BootScript)
    power cut bios-node
    power on bios-node
    wait_for 300 event_seen bios-node BootScript $((scripts + 1))
    wait_for 600 ssh_works bios-node
    [ "$(event_count bios-node InstallStarted)" = 2 ]
}
