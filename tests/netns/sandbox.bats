#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A sandbox's life, without booting anything: what it makes, and that nothing of it stays.

setup() {
    bats_require_minimum_version 1.5.0
    : "${SLIPWAY:=build/release/src/cli/slipway}"
    dir=$(mktemp -d)
    export SLIPWAY_SANDBOX=$dir/sandbox XDG_CACHE_HOME=$dir/cache
}

teardown() {
    "$SLIPWAY" sandbox down
    rm -rf "$dir"
}

sandbox() {
    "$SLIPWAY" sandbox "$@"
}

# PIDs of this sandbox's keeper and supervisor, oldest first.
own_processes() {
    pgrep -f -- "sandbox up .*--kernel $dir/none" || true
}

up() {
    sandbox up --accelerator tcg --kernel "$dir/none" "$@"
}

wait_until() {
    local i
    for i in $(seq 100); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

no_processes() {
    [ -z "$(own_processes)" ]
}

@test "sandbox: bridge, machines and services are inside, nothing is outside" {
    links=$(ip -o link | cut -d: -f2 | sort)
    up --network 10.99.0.1/24 -m n1,disk=64Mi,nic=,nic= --off
    run -0 sandbox exec -- ip -br -4 addr show dev sandbox0
    [[ $output == *10.99.0.1/24* ]]
    run -0 sandbox exec -- ip -br link
    [[ $output == *vm0-0* && $output == *vm0-1* ]]
    [ "$(ip -o link | cut -d: -f2 | sort)" = "$links" ]
    [ "$(stat -c %s "$SLIPWAY_SANDBOX/machines/n1/disk0.raw")" = $((64 << 20)) ]
}

@test "sandbox: exec gives the exit status and keeps the working folder" {
    up
    run -7 sandbox exec -- sh -c 'exit 7'
    cd "$dir"
    run -0 sandbox exec -- pwd
    [ "$output" = "$dir" ]
}

@test "sandbox: a service is logged, signalled, reported, and may be started again" {
    up
    sandbox run talker -- sh -c 'echo hello; sleep 1000'
    wait_until grep -q hello "$SLIPWAY_SANDBOX/logs/talker.log"
    run ! sandbox run talker -- true
    sandbox signal talker KILL
    ended() { sandbox status | grep -q 'talker .*killed by signal 9'; }
    wait_until ended
    sandbox run talker -- sleep 1000
    [ "$(sandbox status -o json | jq -r '.services[0].running')" = true ]
}

@test "sandbox: a machine starts, answers, and its power can be cut" {
    up -m n1,memory=64Mi,cpus=1,disk=64Mi
    [ "$(sandbox status -o json | jq -r '.machines[0].power')" = on ]
    sandbox link n1 0 down
    run -5 sandbox link n1 5 down
    sandbox reset n1
    echo changed >"$SLIPWAY_SANDBOX/machines/n1/disk0.raw"
    sandbox power cut n1
    [ "$(sandbox status -o json | jq -r '.machines[0].power')" = off ]
    sandbox reset --blank n1
    [ "$(sandbox status -o json | jq -r '.machines[0].power')" = on ]
    [ "$(stat -c %s "$SLIPWAY_SANDBOX/machines/n1/disk0.raw")" = $((64 << 20)) ]
    sandbox remove n1
    [ ! -e "$SLIPWAY_SANDBOX/machines/n1" ]
}

@test "sandbox: mistakes are named and change nothing" {
    run -5 up -m n1,memory=1
    [[ $output == *"memory: expected a positive multiple"* ]]
    [ ! -e "$SLIPWAY_SANDBOX" ]
    up -m n1 --off
    run -4 sandbox up -m n1
    [[ $output == *"n1 is there already"* ]]
    run -3 sandbox power on n2
    [[ $output == *"no machine n2"* ]]
}

@test "sandbox: a folder with other things in it is neither used nor removed" {
    mkdir "$SLIPWAY_SANDBOX"
    echo precious >"$SLIPWAY_SANDBOX/file"
    run -4 up
    run -4 sandbox down
    [ "$(cat "$SLIPWAY_SANDBOX/file")" = precious ]
    rm -r "$SLIPWAY_SANDBOX"
}

@test "sandbox: killing the supervisor leaves no process" {
    up -m "orphan$$,memory=64Mi,cpus=1,disk=64Mi"
    pgrep -f -- "-name orphan$$ "
    kill -9 "$(own_processes | tail -n 1)"
    wait_until no_processes
    run ! pgrep -f -- "-name orphan$$ "
}

@test "sandbox: killing the keeper leaves no process" {
    up
    sandbox run sleeper -- sleep 98765
    kill -9 "$(own_processes | head -n 1)"
    wait_until no_processes
    run ! pgrep -f 'sleep 98765'
}

@test "sandbox: outbound access is undone on the host, also after a crash" {
    [ "$(id -u)" = 0 ] || skip "only root changes the host for outbound access"
    forward=$(cat /proc/sys/net/ipv4/ip_forward)
    before=$(nft list tables)
    up --nat
    run -0 sandbox exec -- ip route show default
    [[ $output == *uplink0* ]]
    [ "$(nft list tables)" != "$before" ]
    sandbox down
    [ "$(nft list tables)" = "$before" ]
    [ "$(cat /proc/sys/net/ipv4/ip_forward)" = "$forward" ]
    up --nat
    kill -9 "$(own_processes | head -n 1)"
    wait_until no_processes
    sandbox down
    [ "$(nft list tables)" = "$before" ]
    [ "$(cat /proc/sys/net/ipv4/ip_forward)" = "$forward" ]
}

@test "sandbox: works without root where users may make namespaces" {
    [ "$(id -u)" = 0 ] || skip "needs root to become another user"
    cp "$SLIPWAY" "$dir/slipway"
    chown -R nobody "$dir"
    as_nobody() {
        setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME="$dir" \
            SLIPWAY_SANDBOX="$dir/sandbox" "$dir/slipway" sandbox "$@"
    }
    if ! setpriv --reuid=nobody --regid=nogroup --clear-groups unshare -Ur true; then
        run ! as_nobody up --accelerator tcg
        [[ $output == *"run this as root"* ]]
        return
    fi
    as_nobody up --accelerator tcg
    run -0 as_nobody exec -- id -u
    [ "$output" = 0 ]
    run -0 as_nobody exec -- ip -br -4 addr show dev sandbox0
    [[ $output == *10.77.0.1/24* ]]
    as_nobody down
    [ ! -e "$dir/sandbox" ]
}
