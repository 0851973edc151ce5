# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What scripts that run virtual machines share: the demo, the benches, the tests. To be sourced.

# Seconds since the epoch with microseconds, without starting a process.
now() {
    echo "$EPOCHREALTIME"
}

# elapsed FROM TO: seconds with one decimal.
elapsed() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", b - a }'
}

# wait_for SECONDS COMMAND...: until the command succeeds; 1 when time is up. What takes long is asked
# for less often: machines that are emulated need the processors.
wait_for() {
    local began=$EPOCHSECONDS deadline=$((EPOCHSECONDS + $1))
    shift
    until "$@"; do
        [ "$EPOCHSECONDS" -lt "$deadline" ] || return 1
        if [ $((EPOCHSECONDS - began)) -lt 5 ]; then sleep 0.05; else sleep 0.3; fi
    done
}

# wait_for_line SECONDS FILE REGEX [TIMES]: until that many lines of the file match (default 1).
wait_for_line() {
    wait_for "$1" has_lines "$2" "$3" "${4:-1}"
}

has_lines() {
    [ "$(grep -acE -- "$2" "$1" 2>/dev/null)" -ge "$3" ]
}

# The end of a console as a person would read it: without control sequences.
console_tail() {
    tail -c 6000 "$1" 2>/dev/null | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g; s/\r//g' |
        tr -cd '\11\12\40-\176' | grep -v '^[[:space:]]*$' | tail -n "${2:-15}"
}
