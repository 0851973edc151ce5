#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What must not be installed is not: a damaged image, a disk that no rule or more than one fits. The
# server says why, and the machine goes on by itself once that is mended. One machine is started
# through its firmware instead of a kexec.

load lib

setup_file() {
    begin
    new_machine node1 memory=768Mi,disk=4Gi/virtio/FIRST,disk=4Gi/virtio/SECOND 'image: debian-12' \
        'handover: reboot'
}

teardown_file() {
    end
}

teardown() {
    show_failure
}

disk_rule() {
    register node1 'image: debian-12' 'handover: reboot' "rootDisk: $1"
}

told() {
    field node1 '[(.status.timeline // [])[].message] | join("\n")' | grep -q -- "$1"
}

@test "vm: two disks and no rule: both are named, nothing is written" {
    power on node1
    wait_for 300 told 'vda.*vdb'
    [ "$(field node1 '.status.installedGeneration // 0')" = 0 ]
    cmp -n $((64 << 20)) /dev/zero "$(ls "$SLIPWAY_SANDBOX"/machines/node1/disk0.*)"
}

@test "vm: a rule that fits no disk says what there is; the rule is changed, and the machine goes on" {
    disk_rule '{serial: THIRD}'
    wait_for 300 told 'no disk matches serial THIRD: vda'
    # from here on: one byte in the middle of the image's data is another
    data=$IMAGES/debian-12.zst
    middle=$(($(stat -c %s "$data") / 2))
    dd if="$data" of="$BATS_FILE_TMPDIR/byte" bs=1 skip=$middle count=1 status=none
    tr '\000-\377' '\001-\377\000' <"$BATS_FILE_TMPDIR/byte" |
        dd of="$data" bs=1 seek=$middle conv=notrunc status=none
    disk_rule '{serial: SECOND}'
    wait_for 300 event_seen node1 Retrying
    wait_for 300 told 'chunk [0-9]'
}

@test "vm: a damaged chunk is refused, asked for again, and then the machine has failed" {
    wait_for 600 phase_is node1 Failed
    [ "$(field node1 .status.failure.reason)" = ChunkCorrupt ]
    [[ "$(field node1 .status.failure.message)" =~ chunk\ [0-9]+ ]]
    [ "$(field node1 '.status.installedGeneration // 0')" = 0 ]
    # not bootable: the marker stands where the partition table would
    [ "$(head -c 15 "$SLIPWAY_SANDBOX"/machines/node1/disk1.*)" = SLIPWAY-PARTIAL ]
}

@test "vm: the image is mended, and a reinstallation gets through, by a reboot" {
    data=$IMAGES/debian-12.zst
    dd if="$BATS_FILE_TMPDIR/byte" of="$data" bs=1 seek=$(($(stat -c %s "$data") / 2)) conv=notrunc status=none
    "$SLIPWAY" reinstall node1
    wait_for 900 phase_is node1 Running
    told 'booting: reboot'
    event_seen node1 BootScript
    told 'boot the disk'
    wait_for 200 ssh_works node1
    run -0 on_machine node1 "lsblk -dno SERIAL /dev/\$(lsblk -no PKNAME \$(findmnt -no SOURCE /))"
    [ "$output" = SECOND ]
    # the other disk is as blank as it was
    cmp -n $((64 << 20)) /dev/zero "$(ls "$SLIPWAY_SANDBOX"/machines/node1/disk0.*)"
}
