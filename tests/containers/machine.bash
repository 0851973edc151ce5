# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Machines that are containers, on top of tests/kube/lib.bash: an Image's own systemd, containerd, kubelet,
# kubeadm, etcd and slipway-node run at the host's speed, and the server takes them for installed machines.
# A mock in this: node-peer plays stage2, and the host's kernel is theirs. Firmware, stage2, disks and
# kernels are what the tests with virtual machines show.

images=$(realpath -m "$here/../../build/images") image=debian-12-kubernetes
declare -A life

why_no_containers() {
    local controller
    [ "$(readlink /proc/self/ns/user)" = "$(readlink /proc/1/ns/user)" ] && [ "$(id -u)" -eq 0 ] || echo "they need root"
    [ -s "$images/$image.json" ] || echo "no Image: tools/artifacts examples/images/$image.yaml makes it"
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

leave_host() {
    local name
    for name in "${!life[@]}"; do
        power_cut "$name"
        umount "$work/$name/disk"
        wait_until cgroups_removed "$name"
    done
    rm -rf "$work"
}

cgroup_of() { # NAME
    echo "slipway-${work##*/}-$1"
}

# FILES of what is frozen in it. Of cgroup v1, where what is frozen does not end when it is killed.
frozen_in() { # NAME
    find "/sys/fs/cgroup/freezer/$(cgroup_of "$1")" -depth -name freezer.state \
        -exec grep -lE 'FROZEN|FREEZING' {} + 2>/dev/null
}

# A container that was being made or killed, and nobody is there who would go on with it.
thaw() { # NAME
    local state
    frozen_in "$1" | while read -r state; do
        echo THAWED >"$state"
    done 2>/dev/null
}

# What was killed leaves them after a moment.
cgroups_removed() { # NAME
    local folder
    thaw "$1"
    for folder in $(hierarchies | cut -d' ' -f1); do
        folder=$folder/$(cgroup_of "$1")
        [ ! -d "$folder" ] || find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || return 1
    done
}

# prepare_containers: the bridge behind the rack, and the Image. The server runs already.
prepare_containers() {
    trap leave_host EXIT
    ip link add bridge type bridge && ip link set bridge up && ip link set rack-peer master bridge &&
        declare_image "$images" $image
}

# declare_image FOLDER NAME: what is installed of it, too, as a disk that machines get copies of.
declare_image() {
    cp "$1/$2".{json,zst} "$work/images" &&
        "$slipway" apply -f - <<<"{\"apiVersion\": \"slipway.dev/v1alpha1\", \"kind\": \"Image\",
            \"metadata\": {\"name\": \"$2\"}, \"spec\": {}}" &&
        "$slipway" image export -q "$work/images/$2.json" "$work/$2.disk"
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
    declare_machine_of_image "$1" "  role: $2"$'\n  cluster: demo'
}

# declare_machine_of_image NAME [SPEC]
declare_machine_of_image() {
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: $1}
spec:
  macAddresses: ["$(mac_of "$1")"]
  approved: true
  image: $image
  network: {address: ${address[$1]}/24}
${2:-}
YAML
}

# ---- their lives ----

power_on() { # NAME
    mkdir -p "$work/$1/disk"
    live "$1" >>"$work/$1/life.log" 2>&1 &
    life[$1]=$!
}

# Everything in it ends with its init.
power_cut() { # NAME
    is_on "$1" || return 0
    kill -KILL "${life[$1]}"
    wait "${life[$1]}" 2>/dev/null
    kill -KILL "$(cat "$work/$1/pid")" 2>/dev/null
    ip link delete "$1" 2>/dev/null
    return 0
}

is_on() { # NAME
    [ -n "${life[$1]:-}" ] && kill -0 "${life[$1]}" 2>/dev/null
}

is_off() { # NAME
    ! is_on "$1"
}

# What firmware, iPXE and stage2 do, from power on until it is off. A system that ends was restarted.
live() { # NAME
    local key
    while :; do
        wait_for_boot_script "$1"
        ! grep -q '^kernel ' "$work/$1/boot.ipxe" || stage2 "$1" || return 0
        run_system "$1"
    done
}

wait_for_boot_script() { # NAME
    until curl -fs -o "$work/$1/boot.ipxe" "http://$own:8080/boot/ipxe?mac=$(mac_of "$1")"; do
        sleep 1
    done
}

# Until there is a system to start; fails when the machine is to be off.
stage2() { # NAME
    local name=$1
    key=$(sed -n 's/.*slipway\.key=\([^ ]*\).*/\1/p' "$work/$name/boot.ipxe" | head -n 1)
    [ -e "$work/$name/raw" ] || rm -f "$work/$name/key" # without one on the disk stage2 makes its own
    while :; do
        timeout 60 "$peer" "http://$own:8080" "$key" "$work/$name" stage2 "$(mac_of "$name")" \
            >"$work/$name/order" || { sleep 1 && continue; }
        cat "$work/$name/order"
        case $(ordered "$name" .action) in
        install)
            install_disk "$name" && return
            ;;
        wipe)
            wipe_disk "$name" && return 1
            ;;
        boot) return 0 ;;
        esac
        sleep 1
    done
}

ordered() { # NAME JQ
    jq -r "$2" "$work/$1/order"
}

install_disk() { # NAME
    write_disk "$1" "$(ordered "$1" .plan.image)" &&
        report "$1" installed "$(ordered "$1" .plan.installGeneration)"
}

wipe_disk() { # NAME
    umount "$work/$1/disk"
    rm -f "$work/$1/raw"
    report "$1" released "$(ordered "$1" .wipe.generation)"
}

report() { # NAME STEP GENERATION
    until timeout 60 "$peer" "http://$own:8080" "$key" "$work/$1" "$2" "$3"; do
        sleep 1
    done
}

# write_disk NAME IMAGE: a copy of the Image with what first boot makes of the seed, and NAME/files.
write_disk() {
    local disk=$work/$1/raw mount=$work/$1/disk
    ! mountpoint -q "$mount" || umount "$mount"
    rm -f "$disk" # a loop device may still end with the old one
    cp --sparse=always "$work/$2.disk" "$disk" &&
        mount -o "loop,offset=$(root_offset_of "$disk")" "$disk" "$mount" &&
        "$mount/usr/bin/slipway-node" first-boot --root "$mount" --seed "$work/$1/seed.img" &&
        sed -i 's/^PermanentMACAddress=/MACAddress=/' "$mount"/etc/systemd/network/*.network && # veth has no other
        sed -i '/^\[plugins."io.containerd.grpc.v1.cri"\]/a\  restrict_oom_score_adj = true' \
            "$mount/etc/containerd/config.toml" && # the host may not have CAP_SYS_RESOURCE
        { [ ! -d "$work/$1/files" ] || cp -r "$work/$1/files/." "$mount"; }
}

# From the start of its kernel, were there one, until it ends.
run_system() { # NAME
    local name=$1 pid frozen=0
    make_cgroups "$name"
    ip link delete "$name" 2>/dev/null
    "$here/../containers/boot" "$(cgroup_of "$name")" "$work/$name" &
    pid=$!
    echo $pid >"$work/$name/pid"
    wait_until has_own_network $pid &&
        ip link add "$name" type veth peer name eth0 address "$(mac_of "$name")" netns $pid &&
        ip link set "$name" master bridge up
    while kill -0 $pid 2>/dev/null; do
        sleep 0.5
        [ -n "$(frozen_in "$name")" ] || frozen=-1
        [ $((frozen += 1)) -lt 20 ] || thaw "$name" # whoever froze it goes on within moments, or never
    done
}

make_cgroups() { # NAME
    local folder file
    for folder in $(hierarchies | cut -d' ' -f1); do
        mkdir -p "$folder/$(cgroup_of "$1")"
        [ ! -e "$folder/cpuset.cpus" ] || for file in cpuset.cpus cpuset.mems; do
            cat "$folder/$file" >"$folder/$(cgroup_of "$1")/$file"
        done
    done
    hierarchies >"$work/$1/hierarchies"
}

has_own_network() { # PID
    [ -e "/proc/$1/ns/net" ] && [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}

# ---- what people do ----

# on_machine NAME COMMAND...: a single word is a script. Fails while the machine has not left the host's root.
on_machine() {
    local name=$1 init
    shift
    [ $# -gt 1 ] || set -- sh -c "$1"
    init=$(pgrep -P "$(cat "$work/$name/pid")") && [[ $(readlink "/proc/$init/exe") == */systemd ]] &&
        nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup --wdns=/ \
            env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

# put MACHINE FILE: standard input becomes that file, which only root reads.
put() {
    on_machine "$1" "umask 077; mkdir -p \"\$(dirname $2)\"; cat >$2"
}

# from_join SEEDER FIELD: of what a host that seeds keeps for joining nodes.
from_join() {
    on_machine "$1" cat /var/lib/slipway-node/cluster/join.yaml | sed -n "s/^$2: \"\(.*\)\"/\1/p"
}

# For people, when a test failed.
show_machines() {
    local name
    for name in "${!life[@]}"; do
        echo "==== $name"
        "$slipway" describe machine "$name" | tail -n 30
        tail -n 10 "$work/$name/life.log"
        on_machine "$name" journalctl --no-pager -n 20
    done 2>&1 | cut -c1-300 | sed 's/^/# /'
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
    within "$@" >"$work/out" 2>&1
    result $? "$what" || { show_machines && return 1; }
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

# The names of etcd's members, in order, as MACHINE's own member has them.
etcd_members() {
    on_machine "$1" bash -c 'cd /etc/kubernetes/pki/etcd && curl --silent --cacert ca.crt --cert server.crt \
        --key server.key --data "{\"linearizable\": true}" https://127.0.0.1:2379/v3/cluster/member/list' |
        jq -r '[.members[].name // "-"] | sort | join(" ")'
}

members_are() { # MACHINE NAMES
    is "$(etcd_members "$1")" "$2"
}

make_pods() {
    admin apply -f "$here/../../examples/cluster/pods.yaml"
}

pods_run() {
    admin wait --for=condition=Ready pod --all --timeout=1s
}

# What the Pod on TO serves is its name.
reaches() { # FROM TO
    local to
    to=$(admin get pod "on-$2" -o 'jsonpath={.status.podIP}')
    is "$(admin exec "on-$1" -- timeout 10 wget -q -O - "http://$to:8080/")" "on-$2"
}

bail_out() {
    echo "Bail out! $1"
    exit 1
}
