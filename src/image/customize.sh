#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What `slipway image build` does inside the root tree that mmdebstrap makes. mmdebstrap runs this
# as a hook, as root of the (possibly unprivileged) namespace that owns the tree:
#
#   customize.sh early ROOT    essential packages are there, the others are not
#   customize.sh late ROOT     all packages are there; ends with the file system being written
#
# The environment says what to do; empty means no. Descriptors are given as /proc/self/fd/N, because
# the namespace may have no right to walk to the files behind them.
#   SLIPWAY_FILES        tar of files to put into the tree
#   SLIPWAY_DISK         the raw disk that the root file system is written into
#   SLIPWAY_RESULT       gets lines NAME=VALUE: kernel, initrd, size; of Kubernetes proxyImage, dnsImage
#   SLIPWAY_COMMANDS     shell script to run inside the tree
#   SLIPWAY_HOSTNAME, SLIPWAY_LOCALE
#   SLIPWAY_NODE         yes: enable slipway-node
#   SLIPWAY_KUBERNETES   customize-kubernetes.sh, which has more to read
#   SLIPWAY_CMDLINE      kernel arguments behind root=
#   SLIPWAY_ROOT_UUID, SLIPWAY_ROOT_OFFSET (bytes), SLIPWAY_DISK_SIZE (bytes; 0: as small as possible)
#   SOURCE_DATE_EPOCH
set -eu
umask 022
step=$1 root=$2
# The folder that the build was started in may be closed to this namespace.
cd /

say() {
    echo "slipway: $*" >&2
}

# Puts standard input into a file of the tree.
put() {
    mkdir -p "$root${1%/*}"
    cat >"$root$1"
    [ $# -lt 2 ] || chmod "$2" "$root$1"
}

inside() {
    env --unset=TMPDIR chroot "$root" "$@"
}

# ---- early: what must be there when the kernel's package is configured ----

# The initramfs: the storage and USB keyboard drivers of servers and virtual machines, and one pass of
# modprobe over the devices' module aliases instead of udev, which then runs once and not twice.
# Several seconds of each start are saved on slow machines. Root file systems on plain partitions only.
initramfs() {
    put /etc/initramfs-tools/conf.d/slipway <<'EOF'
MODULES=list
COMPRESS=zstd
COMPRESSLEVEL=3
RUNSIZE=20%
EOF
    put /etc/initramfs-tools/hooks/slipway 755 <<'EOF'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
manual_add_modules ext4 crc32c-intel crc32c_generic \
    virtio_pci virtio_mmio virtio_blk virtio_scsi nvme ahci ata_piix ata_generic sd_mod \
    megaraid_sas mpt3sas mpi3mr hpsa smartpqi aacraid arcmsr mptspi mptsas isci pvscsi vmw_pvscsi \
    hv_storvsc hv_vmbus xen-blkfront usb-storage uas xhci_pci ehci_pci usbhid hid_generic \
    sdhci_pci sdhci_acpi mmc_block
EOF
    # A journal makes a check at each start needless: it is done when it is asked for, or when the kernel
    # recorded an error, which is bit 1 of s_state, at byte 58 of the superblock.
    put /etc/initramfs-tools/hooks/fsck 755 <<'EOF'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
copy_exec /sbin/e2fsck /sbin
copy_exec /sbin/logsave /sbin
cat >"$DESTDIR/sbin/fsck" <<'END'
#!/bin/sh
options=
for word; do
    case $word in
    -f) options="$options -f" forced=yes ;;
    -a | -y | -n) options="$options $word" ;;
    esac
done
state=$(dd if="$word" bs=2 skip=541 count=1 2>/dev/null)
case $forced$state in
yes* | "$(printf '\002')" | "$(printf '\003')") exec /sbin/e2fsck $options "$word" ;;
esac
END
chmod 755 "$DESTDIR/sbin/fsck"
EOF
    # In place of the parts of the same names that the udev package has.
    put /etc/initramfs-tools/hooks/udev 755 <<'EOF'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
copy_exec /sbin/blkid /sbin
EOF
    put /etc/initramfs-tools/scripts/init-top/udev 755 <<'EOF'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
# A driver may bring devices of its own (a disk behind a controller): until there are no new ones.
before=
for round in 1 2 3 4 5; do
    now=$(cat /sys/bus/*/devices/*/modalias 2>/dev/null)
    [ "$now" != "$before" ] || break
    modprobe -a -b -q $now
    before=$now
done
EOF
    # What appears later, such as disks on USB: asked each second while the root disk is missing.
    put /etc/initramfs-tools/scripts/local-block/slipway 755 <<'EOF'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
modprobe -a -b -q $(cat /sys/bus/*/devices/*/modalias 2>/dev/null)
EOF
    put /etc/initramfs-tools/scripts/init-bottom/udev 755 <<'EOF'
#!/bin/sh
[ "$1" != prereqs ] || exit 0
mount -n -o move /dev "$rootmnt/dev" || mount -n --move /dev "$rootmnt/dev"
nuke /dev
ln -s "$rootmnt/dev" /dev
EOF
}

early() {
    initramfs
    # Debian keeps /vmlinuz and /initrd.img pointing to the newest kernel, which grub.cfg uses.
    put /etc/kernel-img.conf <<'EOF'
do_symlinks = yes
do_bootloader = no
EOF
}

# ---- late: the tree as the machine will find it ----

place_files() {
    [ -z "$SLIPWAY_FILES" ] || tar -x -p --numeric-owner -C "$root" -f "$SLIPWAY_FILES"
}

basic_configuration() {
    echo "$SLIPWAY_HOSTNAME" | put /etc/hostname
    put /etc/hosts <<EOF
127.0.0.1 localhost
127.0.1.1 $SLIPWAY_HOSTNAME
::1 localhost ip6-localhost ip6-loopback
EOF
    put /etc/fstab <<EOF
UUID=$SLIPWAY_ROOT_UUID / ext4 errors=remount-ro 0 1
EOF
    [ -z "$SLIPWAY_LOCALE" ] || echo "LANG=$SLIPWAY_LOCALE" | put /etc/default/locale
    : | put /etc/resolv.conf
}

# The kernel arguments as GRUB's script language wants them: what means something to it is quoted.
# They contain no quotes, dollar signs or backslashes.
menu_arguments() {
    set -f
    for word in $SLIPWAY_CMDLINE; do
        case $word in
        *[\;{}\<\>\&\|\(\)\#]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    set +f
}

# GRUB's first stages (outside this file system) hand over to this file, or to the one that
# update-grub writes in its place. The symbolic links follow kernel updates.
boot_menu() {
    arguments=$(menu_arguments)
    put /boot/grub/grub.cfg <<EOF
# Written by slipway image build. Installing grub2-common and running update-grub replaces it.
set timeout=0
if serial --unit=0 --speed=115200; then
    terminal_input console serial
    terminal_output console serial
fi
menuentry "Debian GNU/Linux" {
    linux /vmlinuz root=UUID=$SLIPWAY_ROOT_UUID ro$arguments
    initrd /initrd.img
}
menuentry "Debian GNU/Linux, previous kernel" {
    linux /vmlinuz.old root=UUID=$SLIPWAY_ROOT_UUID ro$arguments
    initrd /initrd.img.old
}
EOF
    put /etc/default/grub <<EOF
GRUB_TIMEOUT=0
GRUB_TERMINAL="console serial"
GRUB_CMDLINE_LINUX="${arguments# }"
GRUB_DISABLE_OS_PROBER=true
EOF
}

# A node's packages change with its image, on its owner's command: no timers, no surprises.
quiet_timers() {
    for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer man-db.timer \
        e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-firstboot.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
}

# Each process at start costs; on the slowest machines a tenth of a second and more. Left out is what
# only some use: `systemctl start UNIT` still starts all of it, and so does who needs it by D-Bus.
lean_start() {
    for unit in sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
        sys-fs-fuse-connections.mount systemd-repart.service systemd-update-utmp.service \
        systemd-network-generator.service systemd-pstore.service \
        systemd-pcrphase.service systemd-pcrphase-sysinit.service; do
        unwant sysinit.target "$unit"
    done
    unwant multi-user.target dbus.service
    unwant multi-user.target systemd-logind.service
    unwant multi-user.target systemd-update-utmp-runlevel.service
    ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
    # What these look for is in no image of ours.
    mkdir -p "$root/etc/systemd/system-generators"
    for generator in bless-boot gpt-auto hibernate-resume integritysetup rc-local system-update \
        veritysetup; do
        ln -sf /dev/null "$root/etc/systemd/system-generators/systemd-$generator-generator"
    done
    # Devices that no rule and no driver waits for, among them most of the 64 virtual terminals.
    put /etc/systemd/system/systemd-udev-trigger.service.d/slipway.conf <<'EOF'
[Service]
ExecStart=
ExecStart=-udevadm trigger --type=subsystems --action=add --subsystem-match=module
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-nomatch=tty \
    --subsystem-nomatch=memory --subsystem-nomatch=vc --subsystem-nomatch=vtconsole \
    --subsystem-nomatch=bdi --subsystem-nomatch=workqueue --subsystem-nomatch=event_source \
    --subsystem-nomatch=clocksource --subsystem-nomatch=clockevents --subsystem-nomatch=wakeup \
    --subsystem-nomatch=machinecheck --subsystem-nomatch=msr --subsystem-nomatch=cpuid
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=tty \
    --sysname-match=tty[1-6] --sysname-match=ttyS[0-3] --sysname-match=ttyAMA0 --sysname-match=hvc0
EOF
}

# A link to /dev/null among the wants of a target stands for "not this one".
unwant() {
    mkdir -p "$root/etc/systemd/system/$1.wants"
    ln -sf /dev/null "$root/etc/systemd/system/$1.wants/$2"
}

enable_services() {
    [ ! -e "$root/lib/systemd/system/systemd-networkd.service" ] ||
        inside systemctl --quiet enable systemd-networkd.service
    # Its job is to delay network-online.target until all links are up. Only cloud-init needs that,
    # to ask its server.
    [ -e "$root/usr/bin/cloud-init" ] ||
        inside systemctl --quiet disable systemd-networkd-wait-online.service 2>/dev/null || :
    [ -z "$SLIPWAY_NODE" ] || enable_node
}

# A program of another release or with libraries that are not there would never report.
enable_node() {
    if ! inside slipway-node --version >/dev/null; then
        say "expected: slipway-node runs in the image; found: it does not, see above." \
            "Build it for the image's release, or install its libraries with 'packages'"
        return 1
    fi
    inside systemctl --quiet enable slipway-node.service \
        slipway-node-first-boot.service slipway-node-grow.service
}

run_commands() {
    [ -n "$SLIPWAY_COMMANDS" ] || return 0
    say "running commands"
    put /tmp/slipway-commands <"$SLIPWAY_COMMANDS"
    inside env HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive sh -eu /tmp/slipway-commands
}

# Nothing of the machine that built the image, nothing that must differ between machines.
clean_tree() {
    say "cleaning"
    rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb \
        "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root"/var/cache/ldconfig/aux-cache \
        "$root"/etc/ssh/ssh_host_* "$root"/var/lib/systemd/random-seed "$root"/var/lib/dbus/machine-id \
        "$root"/var/log/apt "$root"/etc/apt/apt.conf.d/99mmdebstrap "$root"/etc/apt/apt.conf.d/00mmdebstrap \
        "$root"/root/.bash_history "$root"/usr/sbin/policy-rc.d
    [ ! -e "$root/sbin/start-stop-daemon.REAL" ] ||
        mv -f "$root/sbin/start-stop-daemon.REAL" "$root/sbin/start-stop-daemon"
    find "$root/tmp" "$root/var/tmp" "$root/run" -mindepth 1 ! -path "$root/run/lock" -delete
    find "$root/var/log" -type f -delete
    : >"$root/etc/machine-id"
    # An image is its own update: spares each machine rebuilding caches that are there already.
    touch -r "$root/usr" "$root/etc/.updated" "$root/var/.updated"
}

# Prints the target of a symbolic link in the tree's root folder as a path inside the tree.
linked() {
    [ ! -L "$root/$1" ] || echo "/$(readlink "$root/$1" | sed 's,^/*,,')"
}

# Bytes of the root partition: as asked for, or what the tree needs and some room.
root_size() {
    mib=1048576
    if [ "$SLIPWAY_DISK_SIZE" -gt 0 ]; then
        echo $((SLIPWAY_DISK_SIZE - SLIPWAY_ROOT_OFFSET - mib))
        return
    fi
    used=$(du -sx --block-size=$mib "$root" | cut -f1)
    echo $(((used + used / 8 + 352) / 64 * 64 * mib - mib))
}

# Sets atime, ctime and crtime of all inodes, which no file system lets one choose, so that the same
# files give the same image. mke2fs has just numbered them without gaps, from 11 on.
level_times() {
    device="$SLIPWAY_DISK?offset=$SLIPWAY_ROOT_OFFSET"
    debugfs -R "show_super_stats -h" "$device" 2>/dev/null |
        awk -F: -v time="$SOURCE_DATE_EPOCH" '
            $1 == "Inode count" { count = $2 }
            $1 == "Free inodes" { free = $2 }
            END {
                for (i = 11; i <= count - free; i++)
                    printf "sif <%d> atime @%d\nsif <%d> ctime @%d\nsif <%d> crtime @%d\n",
                        i, time, i, time, i, time
            }' |
        debugfs -w -f - "$device" >/dev/null 2>&1
}

write_file_system() {
    say "writing the root file system"
    export E2FSPROGS_FAKE_TIME="$SOURCE_DATE_EPOCH"
    find "$root" -xdev -newermt "@$SOURCE_DATE_EPOCH" -print0 |
        xargs -0 -r touch -h -d "@$SOURCE_DATE_EPOCH"
    size=$(root_size)
    truncate -s $((SLIPWAY_ROOT_OFFSET + size + 1048576)) "$SLIPWAY_DISK"
    # All of it is written here, so that the machine need not do it in the background. Features that
    # GRUB 2.06 cannot read stay off.
    mke2fs -q -F -t ext4 -b 4096 -I 256 -i 16384 -m 1 \
        -O '^orphan_file,^metadata_csum_seed' -L root -U "$SLIPWAY_ROOT_UUID" \
        -E "offset=$SLIPWAY_ROOT_OFFSET,hash_seed=$SLIPWAY_ROOT_UUID,lazy_itable_init=0,lazy_journal_init=0" \
        -d "$root" "$SLIPWAY_DISK" $((size / 4096))
    [ -z "$SLIPWAY_KUBERNETES" ] ||
        kubernetes_attributes "$SLIPWAY_DISK?offset=$SLIPWAY_ROOT_OFFSET"
    level_times
    {
        echo "size=$((SLIPWAY_ROOT_OFFSET + size + 1048576))"
        echo "kernel=$(linked vmlinuz)"
        echo "initrd=$(linked initrd.img)"
        [ -z "${kubernetes_proxy_image:-}" ] || echo "proxyImage=$kubernetes_proxy_image"
        [ -z "${kubernetes_dns_image:-}" ] || echo "dnsImage=$kubernetes_dns_image"
    } >"$SLIPWAY_RESULT"
}

# The first mount point below the tree's root; empty when there is none.
first_mount() {
    sed -n "s,^[^ ]* [^ ]* [^ ]* [^ ]* \($root/[^ ]*\) .*,\1,p" /proc/self/mountinfo | sort | head -n 1
}

# The tree without what is mounted on it. Runs in a mount namespace of its own. What lies on a mount
# goes with it: by itself it could not be unmounted in a user namespace.
finish() {
    while mounted=$(first_mount) && [ -n "$mounted" ]; do
        umount -l "$mounted"
    done
    # Device nodes come from devtmpfs; the ones here serve mmdebstrap, which needs them until its end.
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    clean_tree
    [ -z "$SLIPWAY_KUBERNETES" ] || kubernetes_clean
    write_file_system
}

# shellcheck source=src/image/customize-kubernetes.sh
[ -z "$SLIPWAY_KUBERNETES" ] || . "$SLIPWAY_KUBERNETES"

case $step in
early)
    early
    ;;
late)
    say "configuring"
    place_files
    basic_configuration
    boot_menu
    quiet_timers
    lean_start
    enable_services
    [ -z "$SLIPWAY_KUBERNETES" ] || kubernetes
    run_commands
    exec unshare --mount --propagation unchanged sh "$0" finish "$root"
    ;;
finish)
    finish
    ;;
esac
