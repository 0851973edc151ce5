# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Machines that are containers, on top of tests/kube/lib.bash: an Image's own systemd, containerd, kubelet,
# kubeadm, etcd and slipway-node run at the host's speed, and the server takes them for installed machines.
# A mock in this: node-peer plays stage2, and the host's kernel is theirs. Firmware, stage2, disks and
# kernels are what the tests with virtual machines show.

image_json=$(realpath -m "${IMAGE:-$here/../../build/images/debian-12-kubernetes.json}")
# kubelet wants these and containers may not set them; ended, the test puts back what was there
declare -A tunables=([vm/overcommit_memory]=1 [kernel/panic]=10 [kernel/panic_on_oops]=1
    [kernel/keys/root_maxkeys]=1000000 [kernel/keys/root_maxbytes]=25000000)
declare -A tunables_before container

why_no_containers() {
    local controller
    [ "$(readlink /proc/self/ns/user)" = "$(readlink /proc/1/ns/user)" ] && [ "$(id -u)" -eq 0 ] || echo "they need root"
    [ -s "$image_json" ] || echo "no Image: tools/artifacts examples/images/debian-12-kubernetes.yaml makes it"
    grep -q overlay /proc/filesystems || echo "this kernel has no overlayfs"
    [ -e /dev/loop-control ] || echo "this kernel has no loop devices"
    for controller in cpu memory pids; do
        grep -q "^${controller}[[:space:]].*1$" /proc/cgroups || echo "this kernel has no cgroup controller $controller"
    done
}

skip_without_containers() {
    local why
    why=$(why_no_containers | head -n 1)
    [ -n "$why" ] || return 0
    echo "1..0 # SKIP $why"
    exit 77
}

# ---- the host ----

# "FOLDER TYPE OPTIONS" of each cgroup hierarchy
hierarchies() {
    awk '$3 ~ /^cgroup2?$/ {print $2, $3, $4}' /proc/self/mounts
}

set_tunables() {
    local name
    for name in "${!tunables[@]}"; do
        tunables_before[$name]=$(cat "/proc/sys/$name")
        echo "${tunables[$name]}" >"/proc/sys/$name"
    done
}

leave_host() {
    local name
    for name in "${!container[@]}"; do
        power_cut "$name"
        umount "$work/$name/disk"
        wait_until cgroups_removed "$name"
    done
    for name in "${!tunables_before[@]}"; do
        echo "${tunables_before[$name]}" >"/proc/sys/$name"
    done
    rm -rf "$work"
}

cgroup_of() { # NAME
    echo "slipway-${work##*/}-$1"
}

# What was killed leaves them after a moment.
cgroups_removed() { # NAME
    local folder
    for folder in $(hierarchies | cut -d' ' -f1); do
        folder=$folder/$(cgroup_of "$1")
        [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || return 1
    done
}

# prepare_containers: the bridge behind the rack, and the Image's disk. The server runs already.
prepare_containers() {
    trap leave_host EXIT
    set_tunables
    ip link add bridge type bridge && ip link set bridge up && ip link set rack-peer master bridge &&
        "$slipway" image export -q "$image_json" "$work/base.raw" &&
        root_offset=$(root_offset_of "$work/base.raw")
}

# The last partition of the disk, in bytes.
root_offset_of() {
    partx --raw --noheadings --output START "$1" | awk 'END {print $1 * 512}'
}

# ---- machines ----

# declare_demo [SPEC...]: the Cluster; each argument is one more line of its spec
declare_demo() {
    {
        printf 'apiVersion: slipway.dev/v1alpha1\nkind: Cluster\nmetadata: {name: demo}\nspec:\n'
        printf '  %s\n' "kubernetesVersion: $version" 'dns: {enabled: false}' "$@"
    } | "$slipway" apply -f -
}

declare_node() { # NAME ROLE
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: $1}
spec:
  macAddresses: ["$(mac_of "$1")"]
  approved: true
  image: kube
  role: $2
  cluster: demo
  network: {address: ${address[$1]}/24}
  installGeneration: ${generation[$1]:-1}
YAML
}

# write_disk NAME: a copy of the Image with what first boot makes of the seed.
write_disk() {
    local name=$1 disk=$work/$1.raw mount=$work/$1/disk
    mkdir -p "$mount"
    mountpoint -q "$mount" && umount "$mount"
    cp --sparse=always "$work/base.raw" "$disk" &&
        mount -o "loop,offset=$root_offset" "$disk" "$mount" &&
        "$mount/usr/bin/slipway-node" first-boot --root "$mount" --seed "$work/$name/seed.img" &&
        sed -i 's/^PermanentMACAddress=/MACAddress=/' "$mount"/etc/systemd/network/*.network && # veth has no other
        sed -i '/^\[plugins."io.containerd.grpc.v1.cri"\]/a\  restrict_oom_score_adj = true' \
            "$mount/etc/containerd/config.toml" # the host may not have CAP_SYS_RESOURCE
}

# install_disk NAME: what stage2 does.
install_disk() {
    say "$1" stage2 "$(mac_of "$1")" && is "$(answer "$1" .action)" install && write_disk "$1" &&
        say "$1" installed "${generation[$1]:-1}" && is "$(answer "$1" .action)" ok
}

power_on() { # NAME
    local name=$1 folder file
    for folder in $(hierarchies | cut -d' ' -f1); do
        mkdir -p "$folder/$(cgroup_of "$name")"
        [ ! -e "$folder/cpuset.cpus" ] || for file in cpuset.cpus cpuset.mems; do
            cat "$folder/$file" >"$folder/$(cgroup_of "$name")/$file"
        done
    done
    hierarchies >"$work/$name/hierarchies"
    "$here/../containers/boot" "$(cgroup_of "$name")" "$work/$name" >"$work/$name/boot.log" 2>&1 &
    container[$name]=$!
    wait_until has_own_network "$!" || return 1
    ip link add "$name" type veth peer name eth0 address "$(mac_of "$name")" netns "$!" &&
        ip link set "$name" master bridge up
}

has_own_network() { # PID
    [ -e "/proc/$1/ns/net" ] && [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# Everything in it ends with its init.
power_cut() { # NAME
    [ -n "${container[$1]}" ] || return 0
    kill -KILL "${container[$1]}" 2>/dev/null
    wait "${container[$1]}" 2>/dev/null
    ip link delete "$1" 2>/dev/null
    container[$1]=
}

# on_machine NAME COMMAND...: a single word is a script
on_machine() {
    local name=$1 init
    shift
    [ $# -gt 1 ] || set -- sh -c "$1"
    init=$(pgrep -P "${container[$name]:-0}") &&
        nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup --wd=/ \
            env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

show_machine() { # NAME: for people, when a test failed
    "$slipway" describe machine "$1" | tail -n 40
    on_machine "$1" journalctl --no-pager -n 30
} 2>&1

# start_machines NAME...
start_machines() {
    local name
    wait_until find_key "$1" || return 1
    for name in "$@"; do
        install_disk "$name" || return 1
    done
    for name in "$@"; do
        power_on "$name" || return 1
    done
}

# ---- what is asked ----

within() { # SECONDS COMMAND...: it succeeds by then
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.5
    done
}

# by DESCRIPTION SECONDS COMMAND...
by() {
    local what=$1
    shift
    within "$@" >"$work/out" 2>&1 || { show_machine cp1 >>"$work/out"; false; }
    result $? "$what"
}

admin() {
    "$kubernetes/bin/kubectl" --kubeconfig "$work/admin.conf" --request-timeout 10s "$@"
}

nodes_ready() { # COUNT
    is "$(admin get nodes --no-headers | grep -c ' Ready ')" "$1"
}

kubeconfig_is_written() {
    (umask 077 && "$slipway" kubeconfig >"$work/admin.conf")
}

bail_out() {
    echo "Bail out! $1"
    exit 1
}
