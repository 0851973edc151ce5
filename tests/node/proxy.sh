#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: proxy.sh RENDER_FILES
# What a machine gets of a Cluster's proxy leads programs through a real one (tinyproxy), and never
# those who talk to what is inside. A real systemd reads the drop-ins: a user's instance, in a network
# of its own, because it takes the same configuration as the system's.
set -euo pipefail
render=$(realpath "$1")
skip() {
    echo "skipped: $1"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "needs root for namespaces"
for program in unshare ip curl python3 tinyproxy systemctl; do
    command -v $program >/dev/null || skip "$program is not installed"
done
[ -x /lib/systemd/systemd ] || skip "there is no systemd"
if [ -z "${SLIPWAY_PROXY_TEST:-}" ]; then
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin SLIPWAY_PROXY_TEST=1 ASAN_OPTIONS=detect_leaks=0 \
        unshare --mount --net --pid --cgroup --fork --mount-proc --propagation private "$0" "$@"
fi

work=$(mktemp -d)
mount -t tmpfs -o mode=0755 none "$work"
# The first process of this namespace ends everything that it started.
trap 'cat "$work/systemd.log" >&2 || :; umount -l "$work"; rmdir "$work"' EXIT
fail() {
    echo "FAILED: $*"
    exit 1
}

# ---- an outside and an inside, both of them this machine's own addresses ----

outside=192.0.2.1 machine=10.77.0.9 first=10.78.0.1 pod=10.244.3.4 service=10.96.0.1 metadata=169.254.169.254
ip link set lo up
mkdir "$work/www"
echo hello >"$work/www/index.html"
for address in $outside $machine $first $pod $service $metadata; do
    ip address add "$address/32" dev lo
done
python3 -m http.server --bind 0.0.0.0 --directory "$work/www" 8000 >"$work/web.log" 2>&1 &
cat >"$work/tinyproxy.conf" <<END
Port 3128
Listen 127.0.0.1
LogFile "$work/proxy.log"
LogLevel Connect
MaxClients 8
END
: >"$work/proxy.log"
chmod 666 "$work/proxy.log"
tinyproxy -d -c "$work/tinyproxy.conf" >"$work/tinyproxy.out" 2>&1 &
for _ in $(seq 100); do
    ! curl -s --noproxy '*' -o /dev/null "http://$outside:8000/" ||
        ! curl -s -x http://127.0.0.1:3128 -o /dev/null "http://$outside:8000/" || break
    sleep 0.1
done
[ -s "$work/proxy.log" ] || fail "tinyproxy does not run: $(cat "$work/tinyproxy.out")"

# led_right COMMAND...: fetches from each address; whether exactly what is outside went by the proxy.
led_right() {
    local address
    for address in $outside $machine $first $pod $service $metadata; do
        : >"$work/proxy.log"
        [ "$("$@" -s --max-time 10 "http://$address:8000/")" = hello ] || fail "$*: no answer from $address"
        if grep -qF "$address" "$work/proxy.log"; then
            [ "$address" = $outside ] || fail "$*: $address is inside, and was asked for at the proxy"
        else
            [ "$address" != $outside ] || fail "$*: $address was not asked for at the proxy"
        fi
    done
    echo "right: $*"
}
not_led() {
    : >"$work/proxy.log"
    [ "$("$@" -s --max-time 10 "http://$outside:8000/")" = hello ] || fail "$*: no answer"
    [ ! -s "$work/proxy.log" ] || fail "$*: went by the proxy"
}

# ---- what the machine gets ----

# Its password has what only a reader of URLs decodes: systemd may take it for no specifier.
cat >"$work/cluster.json" <<'END'
{"apiVersion": "slipway.dev/v1alpha1", "kind": "Cluster", "metadata": {"name": "demo"}, "spec": {
  "kubernetesVersion": "v1.20.2",
  "proxy": {"http": "http://a%41:b@127.0.0.1:3128", "noProxy": [".inside.example"], "systemWide": true}}}
END
"$render" "$work/cluster.json" "$work/root"
root=$work/root
find "$root" -type f | sed "s,^$root,brings ,"

# ---- who logs in ----

# shellcheck disable=SC2016
for shell in sh bash; do
    led_right $shell -c '. "$0"; exec curl "$@"' "$root/etc/profile.d/slipway-proxy.sh"
done

# ---- services ----

mount -t tmpfs none /run
mkdir -p /run/systemd/{system,user,user.conf.d} /run/user/0
export XDG_RUNTIME_DIR=/run/user/0
mount -t tmpfs none /etc/systemd/user
cp -r "$root/etc/systemd/system/kubelet.service.d" /run/systemd/user/
cat >/run/systemd/user/kubelet.service <<END
[Service]
Type=oneshot
ExecStart=/bin/sh -c "env >$work/environment"
END
/lib/systemd/systemd --user --log-target=console --unit=basic.target >"$work/systemd.log" 2>&1 &
for _ in $(seq 200); do
    ! systemctl --user show-environment >/dev/null 2>&1 || break
    sleep 0.1
done
service_curl() {
    systemd-run --user --quiet --wait --pipe --collect curl "$@"
}
env_curl() {
    systemd-run --user --quiet --wait --pipe --collect \
        -p "EnvironmentFile=$root/var/lib/slipway-node/cluster/environment" curl "$@"
}
kubelet_curl() {
    local variables
    systemctl --user start kubelet.service
    mapfile -t variables < <(grep -i '_proxy=' "$work/environment")
    env -i PATH="$PATH" "${variables[@]}" curl "$@"
}

not_led service_curl
led_right kubelet_curl
led_right env_curl
cp "$root/etc/systemd/system.conf.d/20-slipway-proxy.conf" /run/systemd/user.conf.d/
systemctl --user daemon-reload
led_right service_curl
rm /run/systemd/user.conf.d/20-slipway-proxy.conf
systemctl --user daemon-reload
not_led service_curl
! grep -iE 'slipway|invalid|ignoring' "$work/systemd.log" || fail "systemd complains"
trap 'umount -l "$work"; rmdir "$work"' EXIT
echo "passed"
