# SPDX-License-Identifier: Apache-2.0
# For the API's tests: starts an api-server in a folder of its own and counts checks (TAP).
# shellcheck shell=sh disable=SC2154

count=0
failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/slipway-api.XXXXXX")
state=$work/state
export HOME="$work/home" LC_ALL=C NO_COLOR=1
unset KUBECONFIG SLIPWAY_STATE SLIPWAY_KUBECONFIG http_proxy https_proxy HTTPS_PROXY HTTP_PROXY

start_server() {
    mkdir -p "$state" "$HOME"
    rm -f "$state/ready"
    "$server" "$state" 2>>"$work/server.log" &
    server_pid=$!
    tries=0
    while [ ! -e "$state/ready" ]; do
        tries=$((tries + 1))
        if [ $tries -gt 600 ] || ! kill -0 "$server_pid" 2>/dev/null; then
            echo "Bail out! the server did not start: $(cat "$work/server.log")"
            exit 1
        fi
        sleep 0.1
    done
}

# Its exit status is part of the test: with sanitizers a leak or an overflow shows there.
stop_server() {
    kill -TERM "$server_pid"
    wait "$server_pid"
}

clean_up() {
    kill "$server_pid" 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT

result() { # STATUS DESCRIPTION
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        failed=$((failed + 1))
        echo "not ok $count - $2"
        sed 's/^/# /' "$work/out"
    fi
}

# ok DESCRIPTION COMMAND...: the command succeeds.
ok() {
    what=$1
    shift
    "$@" >"$work/out" 2>&1
    result $? "$what"
}

# status N DESCRIPTION COMMAND...: the command ends with exit status N.
status() {
    wanted=$1 what=$2
    shift 2
    "$@" >"$work/out" 2>&1
    got=$?
    [ $got -eq "$wanted" ]
    result $? "$what (exit status $got)"
}

# shows PATTERN DESCRIPTION: the output of the last command has a line that matches.
shows() {
    grep -Eq -- "$1" "$work/out"
    result $? "$2"
}

# lacks PATTERN DESCRIPTION
lacks() {
    ! grep -Eq -- "$1" "$work/out"
    result $? "$2"
}

# eventually DESCRIPTION PATTERN FILE: the file gets a matching line (at most 60 s).
eventually() {
    : >>"$3"
    tries=0
    until grep -Eq -- "$2" "$3" || [ $tries -gt 600 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    cp "$3" "$work/out"
    shows "$2" "$1"
}

finish() {
    stop_server
    code=$?
    cp "$work/server.log" "$work/out"
    result $code "the server stops cleanly"
    echo "1..$count"
    [ $failed -eq 0 ]
    exit $?
}
