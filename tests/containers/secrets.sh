#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: secrets.sh [SLIPWAY [NODE_PEER]]
#
# A control plane and a worker form a cluster while packets, arguments, environments and tokens are
# recorded: no secret that was issued may be in anything that others can read. What runs on the machines is
# real, see machine.bash. Speaks TAP; exit status 77 when that cannot run here.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/../kube/lib.bash"
acceptance=$here/../acceptance
# shellcheck source=tests/containers/machine.bash
. "$here/../containers/machine.bash"
# shellcheck source=tests/acceptance/tokens.bash
. "$acceptance/tokens.bash"
# shellcheck source=tests/acceptance/secrets.bash
. "$acceptance/secrets.bash"

address=([control-plane]=10.9.0.11 [worker]=10.9.0.21)
machines=(control-plane worker)
secrets=$work/secrets places=$work/places
tls_api= # its key and its token are secrets too
# as these files know them
BATS_FILE_TMPDIR=$work SLIPWAY=$slipway

kubectl_in() {
    admin "$@"
}

# All packets cross the bridge, all processes are below this one.
record() {
    dumpcap -q -i any -w "$work/packets" >"$work/dumpcap.log" 2>&1 &
    packets=$!
    wait_until test -s "$work/packets" && record_processes && record_tokens
}

stop_recording() {
    stop_recorders
    kill -TERM "$packets"
    wait "$packets"
}

prepare() {
    local name
    prepare_rack
    prepare_containers || return 1
    declare_demo
    declare_node control-plane controlPlane
    declare_node worker worker
    record
} >"$work/out" 2>&1

collect() {
    local name
    collect_secrets "$secrets"
    mkdir -p "$places"
    cp "$log" "$work"/{packets,host-processes} "$places"
    for name in "${machines[@]}"; do
        collect_machine "$name" "$places"
    done
}

places_are_complete() {
    [ "$(find "$places" -size +0 | wc -l)" -ge 8 ] &&
        grep -aq kubeadm "$places/host-processes" && grep -aq etcd "$places/host-processes" &&
        grep -aqx -e --images-dir "$places/host-processes"
}

skip_without_containers
ok "all is recorded" prepare || bail_out "nothing to start from"
for name in "${machines[@]}"; do
    power_on "$name"
done
for name in "${machines[@]}"; do
    by "$name is Ready" 400 phase_is "$name" Ready || bail_out "no cluster"
done
by "both Nodes are Ready" 60 nodes_ready 2
stop_recording >"$work/out" 2>&1
collect >"$work/out" 2>&1
ls -l "$secrets" "$places" >>"$work/out"
result $? "secrets and places are kept"
ok "no kind of secret is missing" secrets_are_complete "$secrets"
ok "no place is missing" places_are_complete
ok "each would be found" each_would_be_found "$secrets"
ok "none is in a log, an argument, an environment, a packet or a readable file" \
    "$acceptance/find-secrets" search "$secrets" "$places"/*
ok "nobody else reads what the server keeps" only_the_server_reads "$state"
check_end

echo "1..$count"
[ $failed -eq 0 ]
