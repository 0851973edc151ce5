#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images as their users meet them: built with real packages, started on both firmwares, taken apart.
# The build as root is kept under XDG_CACHE_HOME until the builder's sources or the description change.

setup_file() {
    bats_require_minimum_version 1.5.0
    export BATS_TEST_TIMEOUT=900
    here=$BATS_TEST_DIRNAME
    sources=$here/../../src/image
    export SLIPWAY=${SLIPWAY:-$here/../../build/release/src/cli/slipway}
    key=$(cat "$here/described.yaml" "$sources"/{build,build-disk,chunk,fat,gpt,gpt-edit,pack}.c \
        "$sources/customize.sh" | sha256sum | cut -c1-16)
    export IMAGES=${XDG_CACHE_HOME:-$here/../../build/cache}/test-images-$key
    export DISK=$IMAGES/disk.raw
    export WORK=$BATS_FILE_TMPDIR
    [ "$(id -u)" = 0 ] || return 0
    if [ ! -f "$DISK" ]; then
        SOURCE_DATE_EPOCH=1700000000 "$SLIPWAY" image build "$here/described.yaml" -o "$IMAGES" -q >&2
        "$SLIPWAY" image export -q "$IMAGES/described" "$DISK.part"
        mv "$DISK.part" "$DISK"
    fi
}

need_root() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

# debugfs REQUEST on the root file system of the image
fs() {
    debugfs -R "$1" "$DISK?offset=67108864" 2>/dev/null
}

# lacks FOLDER PATTERN: no name in the folder, which is there, holds it.
lacks() {
    fs "stat $1" | grep -q "Type: directory"
    [ "$(fs "ls $1" | grep -c -e "$2")" = 0 ]
}

# start LOG DISK [QEMU OPTION...]: runs until the machine powers off
start() {
    local log=$1 disk=$2
    shift 2
    timeout 300 qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 1024 -nodefaults -no-reboot \
        -display none -serial "file:$log" -nic user,restrict=on,model=virtio-net-pci \
        -drive "file=$disk,format=raw,if=virtio,snapshot=on" "$@"
}

fact() {
    tr -d '\r' <"$1" | sed -n '/^facts-begin/,/^facts-end/p' | sed -n "s/^$2=//p"
}

check_facts() {
    [ "$(fact "$1" hostname)" = debian ]
    [ "$(fact "$1" machine-id)" = 33 ]
    [ "$(fact "$1" failed)" = "" ]
    [ "$(fact "$1" state)" = clean ]
    [ "$(fact "$1" labels)" = "CIDATA ESP root " ]
    [ "$(fact "$1" partlabels)" = 'BIOS\x20boot CIDATA ESP root ' ]
    [ "$(fact "$1" link)" = 1 ]
    [ "$(fact "$1" timers)" = 0 ]
    [ "$(fact "$1" checked)" = yes ]
    [[ "$(fact "$1" kernel)" = boot/vmlinuz-* ]]
    [[ "$(fact "$1" root)" = "ext4 rw,"* ]]
}

@test "an image is whole, and says what it holds" {
    need_root
    "$SLIPWAY" image verify -q "$IMAGES/described"
    run -0 "$SLIPWAY" image inspect -o json "$IMAGES/described"
    [ "$(jq -r '[.partitions[].name] | join(",")' <<<"$output")" = "BIOS boot,ESP,CIDATA,root" ]
    [ "$(jq .boot.rootPartition <<<"$output")" = 4 ]
    [[ "$(jq -r .boot.kernel <<<"$output")" = /boot/vmlinuz-* ]]
    [[ "$(jq -r .boot.cmdline <<<"$output")" = root=UUID=* ]]
    # Most of the free space costs nothing.
    [ "$(jq .zeroChunks <<<"$output")" -gt 20 ]
    zstd -q -dc "$IMAGES/described.zst" | cmp - "$DISK"
    sfdisk --verify "$DISK"
}

@test "the root file system is clean, and holds nothing of the machine that built it" {
    need_root
    dd if="$DISK" of="$WORK/root" bs=1M skip=64 count=$(($(stat -c %s "$DISK") / 1048576 - 65)) \
        conv=sparse status=none
    e2fsck -fn "$WORK/root"
    lacks /etc/ssh ssh_host
    lacks /var/lib/apt/lists Packages
    lacks /etc/apt/apt.conf.d mmdebstrap
    lacks /usr/sbin policy-rc.d
    lacks /usr/sbin start-stop-daemon.REAL
    fs "stat /etc/machine-id" | grep -q "Size: 0"
    [ "$(fs "cat /etc/hostname")" = debian ]
    [ -z "$(fs "cat /etc/resolv.conf")" ]
    [ "$(fs "ls -p /dev" | grep -vc '/\.*/[0-9]*/$')" -le 1 ]
    fs "stat /etc/shadow" | grep -q "Group:    42"
    rm "$WORK/root"
}

@test "an image starts on BIOS firmware" {
    need_root
    start "$WORK/bios.log" "$DISK"
    [ "$(fact "$WORK/bios.log" firmware)" = bios ]
    check_facts "$WORK/bios.log"
}

@test "an image starts on UEFI firmware, and repairs a file system with recorded errors" {
    need_root
    cp --sparse=always "$DISK" "$WORK/errors.raw"
    debugfs -w -R "ssv state 3" "$WORK/errors.raw?offset=67108864"
    cp /usr/share/OVMF/OVMF_VARS_4M.fd "$WORK/vars.fd"
    start "$WORK/uefi.log" "$WORK/errors.raw" \
        -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
        -drive "if=pflash,format=raw,file=$WORK/vars.fd"
    [ "$(fact "$WORK/uefi.log" firmware)" = uefi ]
    check_facts "$WORK/uefi.log"
    rm "$WORK/errors.raw"
}

@test "a qcow2 image is imported with the same chunks, and its kernel is found" {
    need_root
    qemu-img convert -O qcow2 "$DISK" "$WORK/disk.qcow2"
    "$SLIPWAY" image import -q "$WORK/disk.qcow2" --name taken -o "$WORK"
    cmp "$WORK/taken.zst" "$IMAGES/described.zst"
    run -0 "$SLIPWAY" image inspect -o json "$WORK/taken"
    [ "$(jq .boot.rootPartition <<<"$output")" = 4 ]
    [ "$(jq -r .boot.initrd <<<"$output")" = /initrd.img ]
    rm "$WORK"/taken.* "$WORK/disk.qcow2"
}

@test "an image that refers to another file is not imported" {
    truncate -s 1M "$WORK/base.raw"
    qemu-img create -q -f qcow2 -b "$WORK/base.raw" -F raw "$WORK/refers.qcow2"
    run -5 "$SLIPWAY" image import -q "$WORK/refers.qcow2" --name x -o "$WORK"
    [[ "$output" = *"refers to another file"* ]]
    [ ! -e "$WORK/x.json" ]
}

@test "verify names the damaged chunk, and export stops before it" {
    need_root
    cp "$IMAGES/described.zst" "$WORK/bad.zst"
    sed 's/"name":"described"/"name":"bad"/' "$IMAGES/described.json" >"$WORK/bad.json"
    printf 'damage' | dd of="$WORK/bad.zst" bs=1 seek=20000000 conv=notrunc status=none
    run -5 "$SLIPWAY" image verify -q "$WORK/bad"
    [[ "$output" = *"chunk "*"does not match its digest"*"1 of "* ]]
    run -5 "$SLIPWAY" image export -q "$WORK/bad" "$WORK/out.raw"
    truncate -s 1000 "$WORK/bad.zst"
    run -5 "$SLIPWAY" image verify -q "$WORK/bad"
    [[ "$output" = *"1000 bytes, but its manifest says"* ]]
    rm -f "$WORK"/bad.* "$WORK/out.raw"
}

@test "a wrong description names lines and paths, all at once" {
    printf 'name: Wrong\nsute: bookworm\npackages: [a, "b c"]\n' >"$WORK/wrong.yaml"
    run -5 "$SLIPWAY" image build "$WORK/wrong.yaml" -o "$WORK"
    [[ "$output" = *"wrong.yaml:1: name: "* ]]
    [[ "$output" = *"wrong.yaml:2: sute: unknown field"* ]]
    [[ "$output" = *"wrong.yaml:3: packages[1]: "* ]]
}

@test "a missing tool is named with its package" {
    mkdir -p "$WORK/none"
    PATH=$WORK/none run ! "$SLIPWAY" image build "$BATS_TEST_DIRNAME/described.yaml" -o "$WORK/never"
    [[ "$output" = *"apt-get install mmdebstrap"* ]]
    [ ! -e "$WORK/never" ]
}

@test "an interrupted build leaves nothing behind" {
    need_root
    mkdir "$WORK/tmp"
    TMPDIR=$WORK/tmp "$SLIPWAY" image build "$BATS_TEST_DIRNAME/described.yaml" -o "$WORK/stopped" \
        --log "$WORK/stopped.log" -q 3>&- &
    for _ in $(seq 600); do
        ! grep -qs "downloading packages" "$WORK/stopped.log" || break
        sleep 0.1
    done
    local code=0
    kill -TERM $!
    wait $! || code=$?
    [ "$code" = 1 ]
    [ -z "$(ls -A "$WORK/stopped")" ]
    [ -z "$(ls -A "$WORK/tmp")" ]
}

@test "a failing command ends the build, and its words are shown" {
    need_root
    mkdir -p "$WORK/tmp"
    printf 'name: failing\ncommands: ["echo so sad >&2; exit 3"]\n' >"$WORK/failing.yaml"
    TMPDIR=$WORK/tmp run ! "$SLIPWAY" image build "$WORK/failing.yaml" -o "$WORK/failing" -q
    [[ "$output" = *"so sad"* ]]
    [ -z "$(ls -A "$WORK/failing")" ]
    [ -z "$(ls -A "$WORK/tmp")" ]
}

# As a user that only a private mount namespace knows, so that nothing is changed on this machine.
as_user() {
    printf 'slipwaytest:x:21999:21999::%s:/bin/sh\n' "$WORK/user" | cat /etc/passwd - >"$WORK/passwd"
    echo "slipwaytest:900000:65536" >"$WORK/subid"
    unshare --mount --propagation private sh -c '
        touch /etc/subuid /etc/subgid
        mount --bind "$0/passwd" /etc/passwd
        mount --bind "$0/subid" /etc/subuid
        mount --bind "$0/subid" /etc/subgid
        exec setpriv --reuid 21999 --regid 21999 --clear-groups env HOME="$0/user" "$@"' "$WORK" "$@"
}

@test "an image built without root has the same bytes" {
    need_root
    [ -x /usr/bin/newuidmap ] || skip "newuidmap is not installed"
    mkdir -m 700 "$WORK/user"
    chmod 755 "$WORK" "${WORK%/*}" "${WORK%/*/*}"
    cp "$SLIPWAY" "$WORK/slipway"
    cp "$BATS_TEST_DIRNAME/described.yaml" "$WORK/user/"
    chown -R 21999:21999 "$WORK/user"
    as_user true || skip "no user namespaces here"
    as_user env SOURCE_DATE_EPOCH=1700000000 TMPDIR=/tmp "$WORK/slipway" image build \
        "$WORK/user/described.yaml" -o "$WORK/user/out" -q
    "$SLIPWAY" image verify -q "$WORK/user/out/described"
    cmp "$WORK/user/out/described.json" "$IMAGES/described.json"
}
