#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# stage2 as a machine meets it: the initrd that is built, and the agent in QEMU against the real
# server: interrupted, given damaged data, given the wrong disks.

setup_file() {
    bats_require_minimum_version 1.5.0
    export BATS_TEST_TIMEOUT=600
    here=$BATS_TEST_DIRNAME
    export SLIPWAY=${SLIPWAY:-$here/../../build/release/src/cli/slipway}
    export VM=$here/stage2-vm WORK=$BATS_FILE_TMPDIR
    cache=${XDG_CACHE_HOME:-$here/../../build/cache}/test-agent
    mkdir -p "$cache"
    export CPU=${CPU:-max,avx=off,avx2=off}
    [ "$(id -u)" = 0 ] || return 0
    if ! ls "$cache"/*.deb >/dev/null 2>&1; then
        package=$(apt-cache depends linux-image-cloud-amd64 | grep -om1 'linux-image-[0-9].*')
        (cd "$cache" && apt-get download "$package") >&2
    fi
    "$SLIPWAY" initrd build --kernel-deb "$cache"/*.deb --level 3 -o "$WORK/boot" >&2
    make_image
}

need_root() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

# A disk with a partition table and data that does not compress, as the image "small".
make_image() {
    truncate -s 512M "$WORK/source.raw"
    dd if=/dev/urandom of="$WORK/source.raw" bs=1M seek=8 count=200 conv=notrunc status=none
    printf 'label: gpt\nstart=8MiB\n' | /sbin/sfdisk -q "$WORK/source.raw"
    "$SLIPWAY" image import -q --format raw --name small -o "$WORK/images" "$WORK/source.raw" >&2
}

# blank NAME SIZE
blank() {
    rm -f "$WORK/$1"
    truncate -s "$2" "$WORK/$1"
}

# boot UNTIL DISK [IMAGES]: the console is in $output
boot() {
    run env UNTIL="$1" "$VM" "$SLIPWAY" "$WORK/boot" "${3:-$WORK/images}" small "$WORK/$2" 150
}

# fake_package VERSION: a kernel package of one driver, built from what depmod looks at
fake_package() {
    root=$BATS_TEST_TMPDIR/package
    modules=$root/lib/modules/$1/kernel/drivers/net/ethernet/intel/e1000e
    mkdir -p "$root/DEBIAN" "$root/boot" "$modules"
    printf 'Package: linux-image-%s\nVersion: 1\nArchitecture: amd64\nMaintainer: nobody\nDescription: test\n' \
        "$1" >"$root/DEBIAN/control"
    echo kernel >"$root/boot/vmlinuz-$1"
    : >"$root/lib/modules/$1/modules.order" >"$root/lib/modules/$1/modules.builtin"
    printf '%s\n' 'static const char a[] __attribute__((section(".modinfo"), used)) =' \
        '"alias=pci:v00008086d000010D3sv*sd*bc*sc*i*\0firmware=intel/test.bin\0license=GPL\0";' |
        gcc -c -x c -o "$modules/e1000e.ko" -
    dpkg-deb -b "$root" "$BATS_TEST_TMPDIR/kernel.deb" >/dev/null
}

@test "the initrd holds the agent, the modules and their index, and is the same each time" {
    fake_package 6.9.0-test
    echo agent >"$BATS_TEST_TMPDIR/agent"
    mkdir -p "$BATS_TEST_TMPDIR/firmware/intel"
    echo blob >"$BATS_TEST_TMPDIR/firmware/intel/test.bin"
    for i in 1 2; do
        "$SLIPWAY" initrd build --kernel-deb "$BATS_TEST_TMPDIR/kernel.deb" \
            --agent "$BATS_TEST_TMPDIR/agent" --firmware "$BATS_TEST_TMPDIR/firmware" \
            -o "$BATS_TEST_TMPDIR/out$i"
        sleep 1
    done
    cmp "$BATS_TEST_TMPDIR/out1/initrd.img" "$BATS_TEST_TMPDIR/out2/initrd.img"
    cmp "$BATS_TEST_TMPDIR/out1/vmlinuz" "$root/boot/vmlinuz-6.9.0-test"
    run sh -c "zstd -dc '$BATS_TEST_TMPDIR/out1/initrd.img' | cpio -it --quiet"
    [[ $output == *"init"* ]]
    [[ $output == *"sbin/modprobe"* ]]
    [[ $output == *"lib/modules/e1000e.ko"* ]]
    [[ $output == *"lib/slipway/modules.index"* ]]
    [[ $output == *"lib/firmware/intel/test.bin"* ]]
}

@test "what is no kernel package, no module and no agent is said" {
    fake_package 6.9.0-test
    echo agent >"$BATS_TEST_TMPDIR/agent"
    run "$SLIPWAY" initrd build --kernel-deb /bin/true --agent "$BATS_TEST_TMPDIR/agent" \
        -o "$BATS_TEST_TMPDIR/out"
    [ "$status" -ne 0 ]
    [[ $output == *"unpacking /bin/true"* ]]
    run "$SLIPWAY" initrd build --kernel-deb "$BATS_TEST_TMPDIR/kernel.deb" --modules server,zonk \
        --agent "$BATS_TEST_TMPDIR/agent" -o "$BATS_TEST_TMPDIR/out"
    [ "$status" -ne 0 ]
    [[ $output == *'"zonk"'* ]]
    run "$SLIPWAY" initrd build --kernel-deb "$BATS_TEST_TMPDIR/kernel.deb" \
        --agent /nonexistent -o "$BATS_TEST_TMPDIR/out"
    [ "$status" -ne 0 ]
    [[ $output == *"/nonexistent"* ]]
    [ ! -e "$BATS_TEST_TMPDIR/out/initrd.img" ]
}

@test "power cut half way through: the next start keeps what is on the disk" {
    need_root
    blank disk.raw 1G
    # slow enough for the console, which shows progress now and then, to show some
    DISK_OPTIONS=throttling.bps-write=20000000 boot ' [2-9][0-9]%' disk.raw
    [ "$status" -eq 0 ]
    boot 'the disk is complete' disk.raw
    [ "$status" -eq 0 ]
    [[ $output == *"an unfinished installation"* ]]
    [[ $output == *" fetched, "*"MiB kept"* ]]
    # The data is the image's, behind the partition table and before the seed at the end.
    cmp -n $((500 << 20)) -i $((8 << 20)) "$WORK/source.raw" "$WORK/disk.raw"
}

@test "a flipped bit in the image: refused, named, not written" {
    need_root
    blank disk.raw 1G
    mkdir -p "$WORK/bad"
    cp "$WORK/images/small."* "$WORK/bad"
    size=$(stat -c %s "$WORK/bad/small.zst")
    printf 'X' | dd of="$WORK/bad/small.zst" bs=1 seek=$((size / 2)) conv=notrunc status=none
    boot 'ChunkCorrupt' disk.raw "$WORK/bad"
    [ "$status" -eq 0 ]
    [[ $output =~ "ChunkCorrupt: chunk "[0-9]+ ]]
    # Not bootable: the marker stands where the partition table would.
    [ "$(head -c 15 "$WORK/disk.raw")" = SLIPWAY-PARTIAL ]
}

@test "a disk that is too small, two disks, a disk with data: said, and nothing is written" {
    need_root
    blank disk.raw 256M
    boot 'DiskTooSmall' disk.raw
    [ "$status" -eq 0 ]
    cmp -n $((256 << 20)) /dev/zero "$WORK/disk.raw"
    blank disk.raw 1G
    blank second.raw 1G
    QEMU_ARGS="-drive file=$WORK/second.raw,format=raw,if=virtio" boot 'SeveralDisksMatch' disk.raw
    [ "$status" -eq 0 ]
    [[ $output == *"vda"*"vdb"* ]]
    cmp -n $((1 << 30)) /dev/zero "$WORK/disk.raw"
    /sbin/mkfs.ext4 -q -F "$WORK/disk.raw"
    before=$(sha256sum <"$WORK/disk.raw")
    boot 'DiskNotEmpty' disk.raw
    [ "$status" -eq 0 ]
    [[ $output == *"ext4"* ]]
    [ "$before" = "$(sha256sum <"$WORK/disk.raw")" ]
}
