# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For benches that run a peer and ours in turn, minutes each. The bench has the functions by_hand and ours,
# which set `seconds`, and after_failure, which ends what such a half left when it failed.

gave_up=() # which halves, a word for each time
peer_seconds=() our_seconds=()

# to_its_end HALF: a half that fails says nothing of how long it takes: it is begun anew, up to three times.
to_its_end() {
    local try file
    file=$(mktemp)
    for try in 1 2 3; do
        (
            # shellcheck disable=SC2046  # a word each
            trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
            "$1"
            echo "$seconds" >"$file"
        ) &
        if wait $!; then
            seconds=$(<"$file")
            rm "$file"
            return
        fi
        gave_up+=("$1")
        echo "$1 failed, try $try of 3" >&2
        after_failure "$1"
    done
    rm "$file"
    return 1
}

# in_turn RUNS
in_turn() {
    local i
    for ((i = 1; i <= $1; i++)); do
        echo "run $i of $1: by hand" >&2
        to_its_end by_hand
        peer_seconds+=("$seconds")
        echo "run $i of $1: ours" >&2
        to_its_end ours
        our_seconds+=("$seconds")
        echo "by hand ${peer_seconds[-1]} s, ours ${our_seconds[-1]} s" >&2
    done
}

median() {
    printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2 }'
}

range() {
    printf '%s\n' "$@" | sort -n | sed -n '1p;$p' | paste -sd- | sed 's/-/ to /'
}

times_it_gave_up() {
    printf '%s\n' ${gave_up[@]+"${gave_up[@]}"} | grep -cx "$1" || true
}

note() {
    if [ ${#our_seconds[@]} -gt 1 ]; then
        echo "ours $(range "${our_seconds[@]}") s, by hand $(range "${peer_seconds[@]}") s; begun anew:" \
            "ours $(times_it_gave_up ours), by hand $(times_it_gave_up by_hand)"
    else
        echo "one run of each: RUNS=3 repeats it; begun anew: ours $(times_it_gave_up ours)," \
            "by hand $(times_it_gave_up by_hand)"
    fi
}

# ratio_at_most NAME BAR: one JSON object
ratio_at_most() {
    jq -nc --arg name "$1" --argjson bar "$2" --argjson ours "$(median "${our_seconds[@]}")" \
        --argjson peer "$(median "${peer_seconds[@]}")" --argjson runs ${#our_seconds[@]} --arg note "$(note)" \
        '{name: $name, ours: $ours, peer: $peer, ratio: ($ours / $peer * 1000 | round / 1000), unit: "s",
        bar: "at most \($bar)", holds: ($ours / $peer <= $bar), runs: $runs, note: $note}'
}
