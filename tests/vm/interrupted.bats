#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The server is killed and the power is cut while a machine is being installed. It goes on where it
# was, keeps its address, and counts as one installation.

load lib

setup_file() {
    begin
    # a slow disk: what is to happen in the middle of an installation does, on the fastest host
    new_machine node1 memory=768Mi,disk=4Gi////24Mi
    power on node1
}

teardown_file() {
    end
}

teardown() {
    show_failure
}

not_installed() {
    [ "$(field node1 '.status.installedGeneration // 0')" = 0 ]
}

@test "vm: the server is killed while a machine writes; both go on" {
    wait_for 300 percent_reached node1 10
    "$SLIPWAY" approve node1 # from now on for this key only
    address=$("$SLIPWAY" sandbox exec -- ip neigh show dev sandbox0 | awk '{print $1; exit}')
    echo "$address" >"$BATS_FILE_TMPDIR/address"
    server_kill
    sleep 1
    server_start
    wait_for 120 percent_reached node1 40
    not_installed
}

@test "vm: the power is cut half way; the next start resumes and finishes" {
    key=$(field node1 .spec.approvedKey)
    power cut node1
    not_installed
    # not bootable: the marker stands where the partition table would
    [ "$(head -c 15 "$SLIPWAY_SANDBOX"/machines/node1/disk0.*)" = SLIPWAY-PARTIAL ]
    : >"$(console node1)"
    power on node1
    wait_phase node1 Installed || wait_phase node1 Running
    # it went on with the key that was approved
    [ "$(field node1 .status.identity.publicKey)" = "$key" ]
    [ "$(event_count node1 KeyChanged)" = 0 ]
    # what was written before is not fetched again
    wait_for_line 30 "$(console node1)" 'image written in .*kept'
    line=$(grep -ao 'image written in .*' "$(console node1)")
    echo "$line"
    [[ $line != *" 0 B fetched"* && $line != *" 0 B kept"* ]]
}

@test "vm: the machine kept its address and runs" {
    wait_phase node1 Running
    [ "$(field node1 '.status.addresses[0].address')" = "$(cat "$BATS_FILE_TMPDIR/address")" ]
    [ "$(field node1 .status.installedGeneration)" = 1 ]
    wait_for 200 ssh_works node1
}
