#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: up.sh [SLIPWAY [NODE_PEER]]
#
# A cluster without the server: two installed machines, of which the server knows no Cluster, become one by
# `slipway-node up`. The first seeds, the second is told SEEDER, TOKEN and CA_CERT_HASH. What runs on the
# machines is real, see machine.bash. Speaks TAP; exit status 77 when that cannot run here.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/../kube/lib.bash"
# shellcheck source=tests/containers/machine.bash
. "$here/../containers/machine.bash"

address=([control-plane]=10.9.0.11 [worker]=10.9.0.21)

prepare() {
    local name
    prepare_rack
    prepare_containers || return 1
    for name in control-plane worker; do declare_machine_of_image "$name"; done
} >"$work/out" 2>&1

seed() {
    put control-plane /etc/slipway/node.yaml <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: NodeConfiguration
labels: {rack: r1}
cluster:
  dns: {enabled: false}
YAML
    on_machine control-plane systemctl start slipway-node-up
}

join() {
    put worker /etc/slipway/node.yaml <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: NodeConfiguration
YAML
    put worker /etc/default/slipway-node-up <<TEXT
SEEDER=${address[control-plane]}
TOKEN=$(from_join control-plane token)
CA_CERT_HASH=$(from_join control-plane caCertHash)
TEXT
    on_machine worker systemctl start slipway-node-up
}

administrator_reads() {
    (umask 077 && on_machine control-plane cat /etc/kubernetes/admin.conf >"$work/admin.conf")
    is "$(admin get node control-plane -o 'jsonpath={.metadata.labels.rack}')" r1
}

# Not in a journal, an environment or an argument; only the files that are its own have it.
token_is_secret() {
    local token name
    token=$(from_join control-plane token)
    [ ${#token} = 23 ] || return 1
    for name in control-plane worker; do
        on_machine "$name" journalctl --no-pager -o export >"$work/place"
        # not with the secret in an argument: the search would find itself
        on_machine "$name" 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null' >>"$work/place"
        grep -a slipway-node "$work/place" >/dev/null && not grep -aF "${token#*.}" "$work/place" || return 1
    done
}

is_inactive() { # MACHINE UNIT
    is "$(on_machine "$1" systemctl is-active "$2")" inactive
}

reset_worker() {
    on_machine worker slipway-node reset --force &&
        on_machine worker '! test -e /etc/kubernetes/kubelet.conf && ! test -e /etc/kubernetes/slipway-podnet.json'
}

# ---- the test ----

skip_without_containers
ok "a server, and an Image's disk" prepare || bail_out "nothing to start from"
for name in control-plane worker; do
    power_on "$name"
done
for name in control-plane worker; do
    by "$name runs" 120 phase_is "$name" Running || bail_out "no machines"
done
ok "without a configuration the unit does nothing" is_inactive worker slipway-node-up
ok "a host that names no seeder is it" seed || { show_machines && bail_out "no cluster"; }
by "it is Ready, with its label" 10 administrator_reads
ok "what joining nodes need is for root only" is \
    "$(on_machine control-plane stat -c %a /var/lib/slipway-node/cluster/join.yaml)" 600
ok "SEEDER and TOKEN make another host a node of it" join || show_machines
by "both are Ready" 60 nodes_ready 2
ok "the token is in no journal, environment or argument" token_is_secret
ok "Pods are made for both" make_pods
by "they run" 120 pods_run
by "the one on the worker reaches the other" 30 reaches worker control-plane
by "and the other way round" 30 reaches control-plane worker
ok "a reset undoes it" reset_worker
ok "the administrator deletes its Node" admin delete node worker --ignore-not-found
ok "up makes it a node again" on_machine worker systemctl restart slipway-node-up
by "both are Ready again" 60 nodes_ready 2
check_end

echo "1..$count"
[ $failed -eq 0 ]
