# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# A sandbox with the real server for tests with virtual machines. A test file calls `begin` in its
# setup_file and `end` in its teardown_file; its tests follow one another on the same machines.
# Times are deadlines for a busy host without KVM, never expectations.

. tools/machines.bash

: "${SLIPWAY:=build/release/src/cli/slipway}"
network=10.77.0.1/24

# begin: a sandbox, the server, the Network and the Image $image (default debian-12).
begin() {
    local image=${image:-debian-12}
    bats_require_minimum_version 1.5.0
    export SLIPWAY_SANDBOX=$BATS_FILE_TMPDIR/sandbox
    export SLIPWAY_STATE=$SLIPWAY_SANDBOX/server
    export IMAGES=$BATS_FILE_TMPDIR/images
    mkdir -p "$IMAGES"
    tools/artifacts "examples/images/$image.yaml"
    cp --reflink=auto "$PWD/build/images/$image".{json,zst} "$IMAGES" # the server follows no links
    "$SLIPWAY" sandbox up --network "$network" --kernel build/boot/vmlinuz
    server_start
    "$SLIPWAY" apply -f examples/demo/network.yaml
    declare_image "$image"
}

# declare_image NAME: its files are in $IMAGES.
declare_image() {
    printf 'apiVersion: slipway.dev/v1alpha1\nkind: Image\nmetadata: {name: %s}\nspec: {}\n' "$1" |
        "$SLIPWAY" apply -f -
}

end() {
    "$SLIPWAY" sandbox down
}

# To be called in teardown: what is known when a test failed.
show_failure() {
    [ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
    local folder name
    for folder in "$SLIPWAY_SANDBOX"/machines/*; do
        name=$(basename "$folder")
        echo "--- timeline of $name"
        "$SLIPWAY" get machine "$name" -o json | jq -r '"phase \(.status.phase)",
            ((.status.timeline // [])[-12:][] | "\(.time) \(.count // 1)x \(.event) \(.message)")' || true
        echo "--- console of $name"
        console_tail "$folder/console.log" 20
    done
    echo "--- server"
    tail -n 15 "$SLIPWAY_SANDBOX/logs/server.log"
}

server_start() {
    "$SLIPWAY" sandbox run server -- "$(realpath "$SLIPWAY")" serve --state "$SLIPWAY_STATE" \
        --boot-dir "$PWD/build/boot" --images-dir "$IMAGES" "$@"
    wait_for 30 api_answers
}

api_answers() {
    "$SLIPWAY" get networks >/dev/null 2>&1
}

server_kill() {
    "$SLIPWAY" sandbox signal server KILL
    wait_for 10 server_gone
}

server_gone() {
    [ "$("$SLIPWAY" sandbox status -o json | jq '.services[] | select(.name == "server").running')" = false ]
}

# machine_mac NAME: the MAC address of its first NIC.
machine_mac() {
    "$SLIPWAY" sandbox status -o json |
        jq -r --arg name "$1" '.machines[] | select(.name == $name).nics[0].mac'
}

# register NAME [YAML...]: an approved Machine for the sandbox's machine of that name; each further
# argument is one line of YAML under spec. Run again, it gives the Machine other lines. $first_boot:
# more of spec.firstBoot.
register() {
    local name=$1 line
    shift
    {
        echo "apiVersion: slipway.dev/v1alpha1"
        echo "kind: Machine"
        echo "metadata: {name: $name}"
        echo "spec:"
        echo "  macAddresses: [\"$(machine_mac "$name")\"]"
        echo "  approved: true"
        # emulated processors have the host's clock; Linux would rather ask another one, which is slow
        echo "  kernelArguments: [tsc=reliable]"
        for line in "${@:-image: debian-12}"; do
            echo "  $line"
        done
        echo "  firstBoot: {sshAuthorizedKeys: [\"$(cat "$SLIPWAY_SANDBOX/ssh/id_ed25519.pub")\"]${first_boot:+, $first_boot}}"
    } | "$SLIPWAY" apply -f -
}

# new_machine NAME OPTIONS [YAML...]: a blank machine, registered, powered off.
new_machine() {
    local name=$1 options=$2
    shift 2
    "$SLIPWAY" sandbox up --off -m "$name,$options"
    register "$name" "$@"
}

power() {
    "$SLIPWAY" sandbox power "$1" "$2"
}

is_off() {
    [ "$("$SLIPWAY" sandbox status -o json |
        jq -r --arg name "$1" '.machines[] | select(.name == $name).power')" = off ]
}

# disk NAME NUMBER: the file that is its disk.
disk() {
    echo "$SLIPWAY_SANDBOX/machines/$1/disk$2.raw"
}

holds_only_zeros() {
    [ "$(tr -d '\0' <"$1" | head -c 1 | wc -c)" = 0 ]
}

# field NAME JQ: something of the Machine.
field() {
    "$SLIPWAY" get machine "$1" -o json | jq -r "$2"
}

phase_is() {
    [ "$(field "$1" .status.phase)" = "$2" ]
}

# wait_phase NAME PHASE [SECONDS]: gives up at once when the Machine fails instead.
wait_phase() {
    wait_for "${3:-600}" phase_settled "$1" "$2"
    phase_is "$1" "$2"
}

phase_settled() {
    phase_is "$1" "$2" || phase_is "$1" Failed
}

# event_count NAME EVENT: how often it was seen, by the Machine's timeline.
event_count() {
    field "$1" "[(.status.timeline // [])[] | select(.event == \"$2\") | .count // 1] | add // 0"
}

event_seen() {
    [ "$(event_count "$1" "$2")" -ge "${3:-1}" ]
}

on_machine() {
    local name=$1
    shift
    "$SLIPWAY" sandbox ssh "$name" -- "$@"
}

ssh_works() {
    [ "$(on_machine "$1" hostname 2>/dev/null)" = "$1" ]
}

# percent NAME: how much of the image is written.
percent_reached() {
    [ "$(field "$1" '(.status.progress.bytesDone // 0) * 100 / ([.status.progress.bytesTotal // 1, 1] | max) | floor')" -ge "$2" ]
}

console() {
    echo "$SLIPWAY_SANDBOX/machines/$1/console.log"
}
