#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A disk image of somebody else's making: imported, installed, and configured by Debian's cloud-init
# from the seed partition that stage2 adds.

load lib

setup_file() {
    begin
    tools/artifacts examples/images/debian-12-cloud-init.yaml
    local work=$BATS_FILE_TMPDIR
    # as a vendor would hand it out: a qcow2 file and nothing else
    "$SLIPWAY" image export -q build/images/debian-12-cloud-init "$work/disk.raw"
    qemu-img convert -O qcow2 "$work/disk.raw" "$work/vendor.qcow2"
    rm "$work/disk.raw"
    "$SLIPWAY" image import -q --name vendor -o "$IMAGES" "$work/vendor.qcow2"
    declare_image vendor
    new_machine imported memory=1Gi,disk=4Gi 'image: vendor'
    power on imported
}

teardown_file() {
    end
}

teardown() {
    show_failure
}

@test "vm: an imported image is installed" {
    installed() { [ "$(field imported .status.installedGeneration)" = 1 ]; }
    wait_for 600 installed
}

@test "vm: cloud-init accepts the seed, configures the system and reports" {
    wait_phase imported Running 900
    wait_for 200 ssh_works imported
    run -0 on_machine imported cloud-init status
    [[ $output == *"status: "@(done|running)* ]]
    run -0 on_machine imported cat /run/cloud-init/cloud-id
    [ "$output" = nocloud ]
}
