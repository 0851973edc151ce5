#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Machines are given back: their systems restart by themselves, their disks are wiped and really hold
# nothing but zeros, they power off, and nothing is installed again before it is asked for.

load lib

setup_file() {
    begin
    new_machine bios-node memory=768Mi,disk=4Gi,disk=256Mi/scsi 'image: debian-12' \
        'rootDisk: {minSize: 2Gi}'
    new_machine uefi-node firmware=uefi,memory=768Mi,disk=4Gi/nvme 'image: debian-12'
    # the second disk holds somebody's data, also where no partition table would say so
    dd if=/dev/urandom of="$(disk bios-node 1)" bs=1M count=100 seek=60 conv=notrunc status=none
    power on bios-node
    power on uefi-node
    wait_phase bios-node Running
    wait_phase uefi-node Running
}

teardown_file() {
    end
}

teardown() {
    show_failure
}

# wiped NAME: the messages about its disks
wiped() {
    field "$1" '.status.timeline[] | select(.event == "Step" or .event == "Released") | .message'
}

@test "vm: a release that is taken back changes nothing" {
    "$SLIPWAY" approve bios-node
    "$SLIPWAY" release bios-node --yes --wipe none
    "$SLIPWAY" release bios-node --undo
    wait_phase bios-node Running 60
    run -0 wait_for 120 ssh_works bios-node
    [ "$(event_count bios-node WipeStarted)" = 0 ]
}

@test "vm: a released machine with BIOS restarts by itself, is wiped, and powers off" {
    [ "$(field bios-node .spec.approvedKey)" = "$(field bios-node .status.identity.publicKey)" ]
    run -0 --separate-stderr "$SLIPWAY" release bios-node --yes --wait --wipe auto
    [[ $output == *'bios-node is released'* ]]
    phase_is bios-node Released
    wait_for 60 is_off bios-node
    wiped bios-node
    wiped bios-node | grep -q 'vda: .*discard, verified'
    wiped bios-node | grep -q 'sda: .*verified'
    holds_only_zeros "$(disk bios-node 0)"
    holds_only_zeros "$(disk bios-node 1)"
    [ "$(field bios-node .status.identity)" = null ]
    [ "$(field bios-node .status.revokedKey)" = "$(field bios-node .spec.approvedKey)" ]
}

@test "vm: a released machine with UEFI and NVMe likewise, also when the power is cut" {
    "$SLIPWAY" release uefi-node --yes --wipe zero
    wait_for 600 event_seen uefi-node WipeStarted
    power cut uefi-node
    sleep 1
    power on uefi-node
    wait_phase uefi-node Released
    wait_for 60 is_off uefi-node
    wiped uefi-node
    [ "$(event_count uefi-node WipeStarted)" -ge 1 ]
    wiped uefi-node | grep -q 'nvme0n1: writing zeros, verified'
    holds_only_zeros "$(disk uefi-node 0)"
}

@test "vm: a released machine waits when it starts again, and nothing is installed" {
    for name in bios-node uefi-node; do
        : >"$(console "$name")"
        power on "$name"
    done
    for name in bios-node uefi-node; do
        wait_for_line 600 "$(console "$name")" "released: slipway reinstall $name"
        phase_is "$name" Released
        [ "$(event_count "$name" InstallStarted)" = 1 ]
        holds_only_zeros "$(disk "$name" 0)"
    done
}

@test "vm: it is used again when that is asked for" {
    "$SLIPWAY" reinstall uefi-node
    # this one's approval is for a key that went with its disk
    run -0 "$SLIPWAY" reinstall bios-node
    [[ $output == *'slipway approve'* ]]
    old=$(field bios-node .status.revokedKey)
    "$SLIPWAY" approve bios-node
    [ "$(field bios-node .spec.approvedKey)" != "$old" ]
    wait_phase uefi-node Running
    wait_phase bios-node Running
    [ "$(field bios-node .status.installedGeneration)" = 2 ]
    wait_for 300 ssh_works bios-node
}

@test "vm: a running system restarts to be installed once more" {
    marker=/var/tmp/before-reinstall
    on_machine bios-node touch $marker
    "$SLIPWAY" reinstall bios-node
    installed_again() { [ "$(field bios-node .status.installedGeneration)" = 3 ]; }
    wait_for 900 installed_again
    wait_phase bios-node Running
    wait_for 300 ssh_works bios-node
    run -0 on_machine bios-node "test -e $marker && echo there || echo gone"
    [ "$output" = gone ]
    [ "$(event_count bios-node Restarting)" -ge 1 ]
}
