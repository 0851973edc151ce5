# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154
#
# The part of customize.sh that makes a Kubernetes node of the tree; read by it when there is one to
# make. The environment says, beyond what customize.sh lists (descriptors as there):
#   SLIPWAY_KUBERNETES_VERSION    v1.20.2
#   SLIPWAY_KUBERNETES_BINARIES   kubeadm, kubelet and kubectl, in that order; empty: packages brought them
#   SLIPWAY_KUBERNETES_IMAGES     archives of container images
#   SLIPWAY_KUBERNETES_CNI        yes: the plugins of Debian's package go to where kubelets' are looked for

store=/var/lib/containerd
importing=/run/slipway-import # containerd's state, socket and log while it runs here

kubernetes_binaries() {
    set -- $SLIPWAY_KUBERNETES_BINARIES
    for name in kubeadm kubelet kubectl; do
        [ $# -gt 0 ] || break
        put /usr/bin/$name 755 <"$1"
        shift
    done
}

# same_version PROGRAM WHAT-IT-SAYS
same_version() {
    [ "$2" = "$SLIPWAY_KUBERNETES_VERSION" ] && return
    say "kubernetes.version is $SLIPWAY_KUBERNETES_VERSION, but $1 says it is \"$2\""
    exit 1
}

kubernetes_check_version() {
    same_version kubeadm "$(inside kubeadm version -o short)"
    same_version kubelet "$(inside kubelet --version | sed 's/^Kubernetes //')"
    same_version kubectl "$(inside kubectl version --client -o json |
        sed -n 's/^.*"gitVersion": *"\([^"]*\)".*$/\1/p' | head -n 1)"
}

# What both a kubelet package and kubeadm's documentation install. Until kubeadm has written the
# kubelet's configuration there is nothing to run: starting the service then does nothing.
kubernetes_kubelet() {
    if [ ! -e "$root/usr/lib/systemd/system/kubelet.service" ] &&
        [ ! -e "$root/lib/systemd/system/kubelet.service" ]; then
        put /usr/lib/systemd/system/kubelet.service <<'END'
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
RestartSec=10

[Install]
WantedBy=multi-user.target
END
    fi
    if [ ! -e "$root/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf" ]; then
        put /usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf <<'END'
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# What kubeadm init and kubeadm join find out.
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# KUBELET_EXTRA_ARGS, as a last resort.
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
END
    fi
    put /usr/lib/systemd/system/kubelet.service.d/20-slipway.conf <<'END'
[Unit]
# Written by kubeadm, which then starts this service.
ConditionPathExists=/var/lib/kubelet/config.yaml
After=containerd.service
Wants=containerd.service
# Never give up: what it waits for may come back.
StartLimitIntervalSec=0
END
    mkdir -p "$root/etc/kubernetes/manifests" \
        "$root/usr/libexec/kubernetes/kubelet-plugins/volume/exec"
    inside systemctl --quiet enable kubelet.service
}

kubernetes_system() {
    put /etc/modules-load.d/kubernetes.conf <<'END'
overlay
br_netfilter
END
    put /etc/sysctl.d/90-kubernetes.conf <<'END'
# Pods' packets pass through this machine, and through its packet filter.
net.ipv4.ip_forward = 1
net.ipv6.conf.all.forwarding = 1
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
# What a kubelet with protectKernelDefaults expects.
vm.overcommit_memory = 1
vm.panic_on_oom = 0
kernel.panic = 10
kernel.panic_on_oops = 1
kernel.keys.root_maxkeys = 1000000
kernel.keys.root_maxbytes = 25000000
# Many programs that watch files share one machine.
fs.inotify.max_user_instances = 8192
fs.inotify.max_user_watches = 1048576
END
    put /usr/lib/systemd/system/containerd.service.d/slipway.conf <<'END'
[Service]
OOMScoreAdjust=-999
TasksMax=infinity
# Containers inherit it, and some programs go through all that it allows.
LimitNOFILE=1048576
Delegate=yes
KillMode=process
END
    [ ! -e "$root/usr/bin/crictl" ] || put /etc/crictl.yaml <<'END'
runtime-endpoint: unix:///run/containerd/containerd.sock
image-endpoint: unix:///run/containerd/containerd.sock
END
    # An upgrade of these alone would leave the node behind its cluster.
    [ -n "$SLIPWAY_KUBERNETES_BINARIES" ] ||
        inside apt-mark hold kubeadm kubelet kubectl >/dev/null
}

# Network add-ons put their plugins into /opt/cni/bin, so this is the folder; Debian's lie elsewhere.
kubernetes_cni() {
    mkdir -p "$root/opt/cni/bin" "$root/etc/cni/net.d"
    [ "$SLIPWAY_KUBERNETES_CNI" = yes ] || return 0
    for plugin in "$root"/usr/lib/cni/*; do
        name=${plugin##*/}
        [ -e "$root/opt/cni/bin/$name" ] || ln -s "/usr/lib/cni/$name" "$root/opt/cni/bin/$name"
    done
}

# ---- container images, into the store of a containerd that runs in the tree for the moment ----

import_ctr() {
    inside ctr --address "$importing/socket" --namespace k8s.io "$@"
}

# Its store is where the node's will find it; nothing else of it stays.
start_containerd() {
    put "$importing/config.toml" <<END
version = 2
root = "$store"
state = "$importing/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.native", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "$importing/socket"
END
    # Not by inside(): a function in the background is a shell of its own, and that would be killed.
    env --unset=TMPDIR chroot "$root" containerd --config "$importing/config.toml" \
        >"$root$importing/log" 2>&1 &
    containerd=$!
    trap stop_containerd EXIT
    tries=0
    until import_ctr version >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 $containerd 2>/dev/null; then
            tail -n 5 "$root$importing/log" >&2
            say "containerd does not start in the tree"
            exit 1
        fi
        sleep 0.1
    done
}

stop_containerd() {
    trap - EXIT
    kill $containerd 2>/dev/null || :
    wait $containerd || :
}

# Layers are unpacked as overlayfs will want them, which takes overlayfs here, too.
need_overlayfs() {
    import_ctr plugins ls | grep -q '^io.containerd.snapshotter.v1 *overlayfs .* ok *$' && return
    say "overlayfs cannot be used where the tree is built: set TMPDIR to a folder on ext4 or xfs" \
        "(without root, Linux 5.11 or later is needed)"
    exit 1
}

# A release's own archives say in their names which machines they are for; kubeadm does not ask so.
name_as_asked() {
    import_ctr images ls -q >"$root$importing/names"
    sed -n 's/-\(amd64\|arm64\)\(:[^:/]*\)$/ \1 \2/p' "$root$importing/names" |
        while read -r name arch tag; do
            grep -q -x -F -e "$name$tag" "$root$importing/names" ||
                import_ctr images tag "$name-$arch$tag" "$name$tag" </dev/null >&2
        done
}

# The layers' archives are not kept: they would double what each machine has to write. Images run
# without them; only pushing or exporting them from a node does not work.
import_images() {
    say "importing container images"
    start_containerd
    need_overlayfs
    for archive in $SLIPWAY_KUBERNETES_IMAGES; do
        inside zstd -q -dcf <"$archive" | import_ctr images import --snapshotter overlayfs - >&2
    done
    import_ctr content prune references
    name_as_asked
    import_ctr images ls -q | grep -v ^sha256: >"$root$importing/images" || :
    stop_containerd
    [ -s "$root$importing/images" ] || {
        say "kubernetes.images: no image has a name"
        exit 1
    }
}

# The image of pods' own containers: the one that this kubeadm wants, or whatever pause there is.
# And which ones it wants for its add-ons, for clusters that are upgraded to this version.
kubeadm_images() {
    wanted=$(inside kubeadm config images list --kubernetes-version "$SLIPWAY_KUBERNETES_VERSION" \
        2>/dev/null) || wanted=
    pause=$(echo "$wanted" | grep '/pause:' | head -n 1)
    # for the step that writes the result
    export kubernetes_proxy_image kubernetes_dns_image
    kubernetes_proxy_image=$(echo "$wanted" | grep '/kube-proxy:' | head -n 1)
    kubernetes_dns_image=$(echo "$wanted" | grep '/coredns:' | head -n 1)
    if [ -s "$root$importing/images" ]; then
        held=$(grep '/pause:' "$root$importing/images" | head -n 1)
        [ -z "$held" ] || grep -q -x -F -e "$pause" "$root$importing/images" || pause=$held
        missing=$(echo "$wanted" | grep -v -x -F -f "$root$importing/images" | tr '\n' ' ') || :
        [ -z "$missing" ] || say "not among kubernetes.images, to be pulled by whoever needs it: $missing"
    fi
    [ -n "$pause" ] || {
        say "kubeadm config images list names no pause image, and kubernetes.images holds none"
        exit 1
    }
}

kubernetes_containerd() {
    kubeadm_images
    put /etc/containerd/config.toml <<END
version = 2
# Snapshotters of file systems that are not in use here.
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$pause"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = true
  # Mirrors and their certificates: certs.d/HOST/hosts.toml
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
END
    inside systemctl --quiet enable containerd.service
}

kubernetes() {
    say "setting up Kubernetes $SLIPWAY_KUBERNETES_VERSION"
    kubernetes_binaries
    kubernetes_check_version
    kubernetes_kubelet
    kubernetes_system
    kubernetes_cni
    [ ! -e "$root/usr/bin/slipway-podnet" ] ||
        inside systemctl --quiet enable slipway-podnet.service slipway-podnet.path \
            slipway-vip.service slipway-vip.path slipway-pods.service
    [ -z "$SLIPWAY_KUBERNETES_IMAGES" ] || import_images
    kubernetes_containerd
}

# Leftovers of any containerd that ran in the tree, and an identifier that no two machines may share.
kubernetes_clean() {
    rm -rf "$root$store"/io.containerd.grpc.v1.introspection "$root$store"/tmpmounts
    find "$root$store"/io.containerd.snapshotter.v1.overlayfs/snapshots/*/work -mindepth 1 -delete \
        2>/dev/null || :
}

# A user namespace may not set the attributes that overlayfs trusts on a node, so overlayfs noted in
# attributes of another name there which folders hide those below them.
kubernetes_attributes() {
    read -r first outside count </proc/self/uid_map
    [ "$first $outside $count" != "0 0 4294967295" ] || return 0
    (cd "$root" && find ".$store/io.containerd.snapshotter.v1.overlayfs/snapshots" -path '*/fs*' -type d) |
        sed 's/^\.\(.*\)$/ea_list "\1"/' | debugfs -f - "$1" 2>/dev/null |
        awk '
            /^debugfs: *ea_list / { sub(/^debugfs: *ea_list /, ""); path = $0 }
            /^ *user\.overlay\./ { print "ea_rm " path " " $1 }
            /^ *user\.overlay\.opaque / { print "ea_set " path " trusted.overlay.opaque y" }' |
        debugfs -w -f - "$1" >/dev/null 2>&1
}
