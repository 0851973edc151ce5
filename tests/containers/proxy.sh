#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: proxy.sh [SLIPWAY [NODE_PEER]]
#
# A control plane and a worker form a cluster behind a proxy (tinyproxy), on a network that leads nowhere else:
# what is asked for outside goes through it, and nothing that is the cluster's own. What runs on the machines
# is real, see machine.bash. Speaks TAP; exit status 77 when that cannot run here.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/../kube/lib.bash"
# shellcheck source=tests/containers/machine.bash
. "$here/../containers/machine.bash"

address=([control-plane]=10.9.0.11 [worker]=10.9.0.21)
url=http://$own:3128

start_proxy() {
    cat >"$work/tinyproxy.conf" <<TEXT
Port 3128
Listen $own
LogFile "$work/proxy.log"
LogLevel Connect
TEXT
    (umask 0 && : >"$work/proxy.log") # tinyproxy is nobody
    chmod 755 "$work"
    tinyproxy -d -c "$work/tinyproxy.conf" >"$work/tinyproxy.out" 2>&1 &
    wait_until curl -s -o /dev/null "$url"
}

prepare() {
    prepare_rack
    prepare_containers && start_proxy || return 1
    declare_demo "proxy: {http: '$url', https: '$url', systemWide: true}"
    declare_node control-plane controlPlane
    declare_node worker worker
} >"$work/out" 2>&1

# What the proxy was asked for, a name or an address a line.
asked_for() {
    sed -nE 's,.*Request .*: [A-Z]+ (http://)?([^/: ]+).*,\2,p' "$work/proxy.log" | sort -u
}

# Pods with images that nobody has.
want_images() {
    local name
    for name in control-plane worker; do
        admin run "wants-$name" --image="$name.invalid/image:1" --restart=Never \
            --overrides="{\"spec\": {\"nodeName\": \"$name\", \"tolerations\": [{\"operator\": \"Exists\"}]}}" || return
    done
}

was_asked_for() { # NAME
    asked_for | grep -x "$1" || ! asked_for
}

# What those who log in start, and services.
fetches_by_the_proxy() { # MACHINE
    on_machine "$1" "bash -l -c 'curl -s http://shell.$1.invalid/'
        systemd-run --quiet --wait curl -s http://service.$1.invalid/"
    was_asked_for "shell.$1.invalid" && was_asked_for "service.$1.invalid"
}

nothing_else_was_asked_for() {
    is "$(asked_for | grep -v '\.invalid$')" ''
}

# ---- the test ----

command -v tinyproxy >/dev/null || {
    echo "1..0 # SKIP no tinyproxy: tools/install-deps check installs it"
    exit 77
}
skip_without_containers
ok "a server, an Image's disk, and a proxy" prepare || bail_out "nothing to start from"
for name in control-plane worker; do
    power_on "$name"
done
for name in control-plane worker; do
    by "$name is Ready" 400 phase_is "$name" Ready || bail_out "no cluster"
done
ok "an administrator's certificate" kubeconfig_is_written
by "both Nodes are Ready" 60 nodes_ready 2
ok "Pods are made for both" make_pods
by "they run" 120 pods_run
by "the one on the worker reaches the other" 30 reaches worker control-plane
by "and the other way round" 30 reaches control-plane worker
ok "Pods want images that nobody has" want_images
for name in control-plane worker; do
    by "$name asks the proxy for them" 60 was_asked_for "$name.invalid"
    ok "so do its shells and services" fetches_by_the_proxy "$name"
done
ok "nothing of the cluster was asked for there" nothing_else_was_asked_for
check_end

echo "1..$count"
[ $failed -eq 0 ]
