#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: cluster.sh SLIPWAY_NODE
# `slipway-node cluster-task` and `reset` as root in a small root of their own, as slipway-node's unit
# runs them: a join that goes well, one that fails, one that hangs, one that is killed, and what is
# left of secrets after each. kubeadm is a script here that prints what kubeadm 1.20 prints, because
# the real one takes a whole machine with a container runtime and a kubelet, and minutes; tests with
# virtual machines run that.
set -euo pipefail
node=$(realpath "$1")
skip() {
    echo "skipped: $1"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "needs root for a mount namespace"
for program in unshare jq python3; do
    command -v $program >/dev/null || skip "$program is not installed"
done
if [ -z "${SLIPWAY_CLUSTER_TEST:-}" ]; then
    SLIPWAY_CLUSTER_TEST=1 exec unshare --mount --pid --fork --propagation private --mount-proc "$0" "$@"
fi

token=abcdef.0123456789abcdef
secret=0123456789abcdef
dir=/var/lib/slipway-node/cluster
root=$(mktemp -d)
mount -t tmpfs -o mode=0755 none "$root"
# The first process of this namespace ends it: nothing stays running or mounted.
trap 'umount -R -l "$root"; rmdir "$root"' EXIT
fail() {
    echo "FAILED: $*"
    sed 's/^/log: /' "$root/log" || :
    exit 1
}

# ---- the machine ----

mkdir -p "$root"/{usr,proc,dev,etc,var/lib,run/containerd,opt,tmp,root}
for folder in bin sbin lib lib64; do
    ln -s "usr/$folder" "$root/$folder"
done
mount --bind -o ro /usr "$root/usr"
mount --rbind /dev "$root/dev"
mount -t proc none "$root/proc"
cp /etc/ld.so.cache "$root/etc/"
cp "$node" "$root/opt/slipway-node"

cat >"$root/opt/kubeadm" <<'END'
#!/bin/sh
echo "$*" >>/calls
if [ "$1" = reset ]; then
    echo '[reset] Stopping the kubelet service'
    echo '[reset] Deleting contents of config directories: [/etc/kubernetes/manifests /etc/kubernetes/pki]'
    exit 0
fi
token=$(sed -n 's/^token: //p' /var/lib/slipway-node/cluster/kubeadm.yaml)
[ -n "$token" ] || exit 9
mkdir -p /etc/kubernetes /var/lib/kubelet
cat <<TEXT
[preflight] Running pre-flight checks
	[WARNING Hostname]: hostname "node1" could not be reached
[preflight] Reading configuration from the cluster...
[preflight] FYI: You can look at this config file with 'kubectl -n kube-system get cm kubeadm-config -o yaml'
TEXT
echo "W0701 10:00:00 join.go:1] kubeadm join 10.0.0.1:6443 --token $token" >&2
if [ -e /fails ]; then
    echo 'error execution phase preflight: unable to fetch the kubeadm-config ConfigMap: failed to get config map: Unauthorized' >&2
    echo 'To see the stack trace of this error execute with --v=5 or higher' >&2
    exit 1
fi
cat <<TEXT
[kubelet-start] Writing kubelet configuration to file "/var/lib/kubelet/config.yaml"
[kubelet-start] Writing kubelet environment file with flags to file "/var/lib/kubelet/kubeadm-flags.env"
[kubelet-start] Starting the kubelet
[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap...
TEXT
echo "token: $token" >/etc/kubernetes/bootstrap-kubelet.conf
while [ ! -e /goes-on ]; do
    sleep 0.1
done
cat <<TEXT

This node has joined the cluster:
* Certificate signing request was sent to apiserver and a response was received.
* The Kubelet was informed of the new secure connection details.
TEXT
rm /etc/kubernetes/bootstrap-kubelet.conf
END
cat >"$root/opt/journalctl" <<END
#!/bin/sh
echo "\$*" >>/calls
echo "I0701 10:00:00 bootstrap.go:1] Using bootstrap kubeconfig with token $token"
END
cat >"$root/opt/systemctl" <<'END'
#!/bin/sh
echo "$*" >>/units
END
chmod +x "$root"/opt/*
# A container runtime that takes connections.
python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(8)
while True:
    s.accept()[0].close()' "$root/run/containerd/containerd.sock" &

# ---- helpers ----

# More files of the next task: an array in JSON.
more='[]'

give() { # ID DEADLINE
    install -d -m 700 "$root$dir"
    jq -n --arg id "$1" --argjson deadline "$2" --arg token "$token" --arg dir $dir \
        --argjson more "$more" '{
        id: $id, kind: "join", deadlineSeconds: $deadline, nodeName: "node1",
        criSocket: "unix:///run/containerd/containerd.sock", kubeadm: "/opt/kubeadm",
        files: ([{path: ($dir + "/kubeadm.yaml"), mode: "0600", data: ("token: " + $token + "\n")},
            {path: "/etc/kubernetes/pki/ca.crt", mode: "0644", data: "certificate"},
            {path: "/etc/cni/net.d/10-slipway.conflist", mode: "0644", data: "{}"}] + $more),
        arguments: ["join", "--config", ($dir + "/kubeadm.yaml")],
        removeAfter: [$dir + "/kubeadm.yaml"]}' >"$root$dir/task.json"
    chmod 600 "$root$dir/task.json"
    : >"$root/calls"
}

slipway_node() {
    env -i PATH=/opt:/usr/sbin:/usr/bin:/sbin:/bin ASAN_OPTIONS=detect_leaks=0 \
        chroot "$root" /opt/slipway-node "$@" >>"$root/log" 2>&1
}

status_of_cluster() {
    : >"$root/status"
    env -i PATH=/usr/sbin:/usr/bin ASAN_OPTIONS=detect_leaks=0 chroot "$root" /opt/slipway-node status \
        >"$root/status" 2>/dev/null || :
    sed -n 's/^Cluster: *//p' "$root/status"
}

state() {
    jq -r ".$1 // \"\"" "$root$dir/state.json" 2>/dev/null || :
}

# Waits for a phase that comes when kubeadm has come that far.
wait_for_phase() {
    for _ in $(seq 300); do
        [ "$(state phase)" != "$1" ] || return 0
        sleep 0.1
    done
    fail "the phase $1 never came: $(cat "$root$dir/state.json")"
}

no_secrets() { # WHEN
    local found
    found=$(grep -rlF "$secret" "$root$dir" "$root/etc" "$root/log" "$root/tmp" "$root/run" \
        --exclude=bootstrap-kubelet.conf || :)
    [ -z "$found" ] || fail "$1: a secret is left in $found"
}

no_secret_arguments() {
    local file
    for file in /proc/[0-9]*/cmdline /proc/[0-9]*/environ; do
        case $file in
        /proc/$$/*) continue ;;
        esac
        ! grep -qF "$secret" "$file" 2>/dev/null || fail "a secret is in $file"
    done
}

expect() { # WHAT VALUE EXPECTED
    [ "$2" = "$3" ] || fail "$1: \"$2\" instead of \"$3\""
}

# ---- a join that goes well ----

give t1 60
slipway_node cluster-task &
task=$!
wait_for_phase tls-bootstrap
expect "state while it runs" "$(state state)" running
no_secret_arguments
expect "modes of what is secret" "$(cd "$root$dir" && stat -c %a . task.json kubeadm.yaml state.json | xargs)" \
    "700 600 600 600"
slipway_node cluster-task && fail "two at a time"
touch "$root/goes-on"
wait $task || fail "a good join fails"
expect "state" "$(state state) $(state nodeName) $(state phase)" "done node1 "
[ ! -e "$root$dir/task.json" ] || fail "the task is still there"
expect "status" "$(status_of_cluster)" "node node1"
grep -q 'kubeadm: This node has joined the cluster:' "$root/log" || fail "kubeadm is not in the log"
no_secrets "after a good join"
expect "CNI configuration" "$(cat "$root/etc/cni/net.d/10-slipway.conflist")" "{}"

# ---- out of the cluster, by hand ----

: >"$root/calls"
mkdir -p "$root/etc/kubernetes/manifests"
echo pod >"$root/etc/kubernetes/manifests/a.yaml"
echo n | slipway_node reset && fail "a reset that was not confirmed"
expect "calls" "$(cat "$root/calls")" ""
slipway_node reset --force || fail "the reset fails"
expect "calls" "$(cat "$root/calls")" "reset --force --cert-dir /etc/kubernetes/pki --cri-socket unix:///run/containerd/containerd.sock"
expect "state" "$(state state) $(state failure) $(state nodeName)" "failed ResetByHand "
[ ! -e "$root/etc/kubernetes/pki" ] || fail "the PKI is left"
[ -d "$root/etc/kubernetes/manifests" ] || fail "kubelet misses the folder of static Pods"
[ ! -e "$root/etc/kubernetes/manifests/a.yaml" ] || fail "a static Pod is left"
[ ! -e "$root/etc/cni/net.d/10-slipway.conflist" ] || fail "the CNI configuration is left"

# ---- one that fails ----

touch "$root/fails"
give t2 60
slipway_node cluster-task && fail "a bad join goes well"
rm "$root/fails"
expect "state" "$(state state) $(state failure) $(state phase)" "failed TLSBootstrapFailed preflight"
expect "status" "$(status_of_cluster)" "task t2 failed: TLSBootstrapFailed"
case $(state message) in
*"failed to get config map: Unauthorized"*"kubelet said:"*"with token [redacted]"*) ;;
*) fail "message: $(state message)" ;;
esac
no_secrets "after a bad join"

# ---- one that hangs past the deadline ----

rm "$root/goes-on"
give t3 10
slipway_node cluster-task && fail "a join that hangs goes well"
expect "calls" "$(grep -c '^reset' "$root/calls")" 1
expect "state" "$(state state) $(state failure) $(state phase)" \
    "failed CertificateNotIssued tls-bootstrap"
case $(state message) in
*"killed at the deadline"*) ;;
*) fail "message: $(state message)" ;;
esac
no_secrets "after the deadline"
! pgrep -f '^/bin/sh /opt/kubeadm' >/dev/null || fail "kubeadm is still there"

# ---- one that is killed ----

give t4 60
slipway_node cluster-task &
wait_for_phase tls-bootstrap
kill -9 "$(pgrep -f '^/opt/slipway-node cluster-task')"
wait $! || :
# What the unit does with those that are left (KillMode=).
pkill -9 -f '^/bin/sh /opt/kubeadm'
expect "state" "$(state state)" running
slipway_node cluster-task && fail "a task that was killed goes on"
expect "calls" "$(cut -d' ' -f1 "$root/calls" | xargs)" "reset join reset"
expect "state" "$(state state) $(state failure) $(state nodeName)" "failed Interrupted "
[ ! -e "$root/etc/kubernetes/bootstrap-kubelet.conf" ] || fail "a file of kubeadm is left"
no_secrets "after being killed"

# ---- and the next one goes well ----

touch "$root/goes-on"
give t5 60
slipway_node cluster-task || fail "the join after all that"
expect "calls" "$(cut -d' ' -f1 "$root/calls" | xargs)" "join"
expect "state" "$(state task) $(state state)" "t5 done"
no_secrets "at the end"

# ---- a proxy for everything on the machine ----

proxies=(/etc/systemd/system/containerd.service.d/20-slipway-proxy.conf
    /etc/systemd/system.conf.d/20-slipway-proxy.conf /etc/profile.d/slipway-proxy.sh)
slipway_node reset --force
more=$(jq -nc '[$ARGS.positional[] | {path: ., mode: "0644", data: "a"}]' --args "${proxies[@]}")
give t6 60
: >"$root/units"
slipway_node cluster-task || fail "a join with a proxy"
expect "what systemd is told" "$(paste -sd, "$root/units")" "daemon-reload,restart containerd.service"
expect "modes" "$(cd "$root" && stat -c %a "${proxies[@]/#/.}" | xargs)" "644 644 644"
: >"$root/units"
slipway_node reset --force || fail "the reset with a proxy"
for file in "${proxies[@]}"; do
    [ ! -e "$root$file" ] || fail "$file is left"
done
expect "what systemd is told" "$(grep -c daemon-reload "$root/units")" 1

# the manager's alone is one, too
more=$(jq -c '.[1:2]' <<<"$more")
give t7 60
: >"$root/units"
slipway_node cluster-task || fail "a join with a proxy for services"
expect "what systemd is told" "$(cat "$root/units")" daemon-reload
echo "passed"
