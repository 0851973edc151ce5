#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: disk.sh SLIPWAY_NODE RENDER_SEED GOLDEN_DIR
# First boot and growing on a real disk: a loop device with the partitions of a built image. The seed
# is found through the kernel's view of that disk, and the mounted root grows when the disk did.
set -eu
node=$1 render=$2 golden=$3
skip() {
    echo "skipped: $1"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "needs root for a loop device"
for program in losetup partx sfdisk mkfs.ext4 mkfs.vfat mcopy mmd e2fsck; do
    command -v $program >/dev/null || skip "$program is not installed"
done

# A mount namespace of its own: whatever happens, nothing stays mounted.
if [ -z "${SLIPWAY_DISK_TEST:-}" ]; then
    SLIPWAY_DISK_TEST=1 exec unshare --mount --propagation private "$0" "$@"
fi
work=$(mktemp -d)
loop=
cleanup() {
    ! mountpoint -q "$work/root" || umount "$work/root"
    [ -z "$loop" ] || partx --delete "$loop" || :
    [ -z "$loop" ] || losetup --detach "$loop" || :
    rm -rf "$work"
}
trap cleanup EXIT
disk=$work/disk
fail() {
    echo "FAILED: $1"
    exit 1
}

# BIOS boot, EFI system, seed, root: the root is last and the disk ends behind it.
truncate -s 400M "$disk"
sfdisk --quiet "$disk" <<END
label: gpt
size=1MiB, type=21686148-6449-6E6F-744E-656564454649, name=bios
size=48MiB, type=U, name=ESP
size=8MiB, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, name=seed
size=256MiB, type=L, name=root
END
truncate -s 1G "$disk"
loop=$(losetup --find --show "$disk") || skip "no loop device"
part=${loop}p
# Not by the kernel's own parser, which not every kernel has.
partx --add "$loop" || skip "this kernel has no partitions on loop devices"
[ -b "${part}4" ] || skip "this system makes no device nodes for partitions of loop devices"

"$render" "$golden/node.json" "$work/seed"
printf '%s' '{"server":"http://10.0.0.1:8080","serverKey":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","privateKey":"UFJJVkFURS1LRVk="}' >"$work/seed/slipway/identity.json"
mkfs.vfat -n ESP "${part}2" >/dev/null
mkfs.vfat -n CIDATA "${part}3" >/dev/null
mcopy -s -i "${part}3" "$work"/seed/* ::
mkfs.ext4 -q -L root "${part}4"

mkdir "$work/root"
mount "${part}4" "$work/root"
root=$work/root
mkdir -p "$root/etc/ssh" "$root/home" "$root/root" "$root/usr/share/zoneinfo/Europe"
printf 'root:x:0:0:root:/root:/bin/bash\n' >"$root/etc/passwd"
printf 'root:*:19000::::::\n' >"$root/etc/shadow"
printf 'root:x:0:\nadm:x:4:\nsystemd-journal:x:101:\n' >"$root/etc/group"
: >"$root/usr/share/zoneinfo/Europe/Berlin"
head -c 50000000 /dev/urandom >"$root/data"
before=$(sha256sum <"$root/data")

out=$("$node" first-boot --root "$root" 2>&1) || fail "first boot: $out"
echo "$out"
case $out in
*"(${part}3, "*) ;;
*) fail "the seed was not found on ${part}3" ;;
esac
[ "$(cat "$root/etc/hostname")" = node1 ] || fail "host name"
[ "$(stat -c %U:%a "$root/var/lib/slipway-node/identity.json")" = root:600 ] || fail "identity"
grep -q UFJJVkFURS1LRVk= "$root/var/lib/slipway-node/identity.json" || fail "identity's key"
! grep -q UFJJVkFURS1LRVk= "${part}3" || fail "the key is still on the seed partition"
again=$("$node" first-boot --root "$root" 2>&1)
case $again in
*"was done before"*) ;;
*) fail "first boot is repeated: $again" ;;
esac
"$node" status --root "$root" || [ $? = 3 ]

# Growing ext4 takes CAP_SYS_RESOURCE (bit 24), which some sandboxes keep back.
capabilities=$(awk '/^CapEff/ { print $2 }' /proc/self/status)
if [ $((0x$capabilities >> 24 & 1)) = 0 ]; then
    "$node" grow --root "$root" 2>&1 || :
    [ "$(cat "/sys/class/block/${part##*/}4/size")" -gt 1048576 ] || fail "the partition did not grow"
    echo "passed, except: growing the file system takes CAP_SYS_RESOURCE, which is missing here"
    exit 0
fi
small=$(stat -f -c '%b*%S' "$root")
out=$("$node" grow --root "$root" 2>&1) || fail "grow: $out"
echo "$out"
large=$(stat -f -c '%b*%S' "$root")
[ $((large)) -gt $((small * 2)) ] || fail "the file system did not grow: $small, $large"
[ "$(sha256sum <"$root/data")" = "$before" ] || fail "data changed"
free=$(sfdisk --list-free --quiet --output Sectors "$disk" | awk 'NR > 1 { n += $1 } END { print n + 0 }')
[ "$free" -lt 4096 ] || fail "$free sectors are still free"
out=$("$node" grow --root "$root" 2>&1) || fail "grow again: $out"
[ -z "$out" ] || fail "grew twice: $out"
umount "$root"
e2fsck -fn "${part}4" >"$work/fsck" 2>&1 || fail "$(cat "$work/fsck")"
sfdisk --verify --quiet "$disk" || fail "the partition table is damaged"
echo "passed"
