# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the search for secrets needs while machines are installed and join: packets, arguments and
# environments are recorded, and every secret that was issued is kept in $BATS_FILE_TMPDIR/secrets.

# What a machine runs from its first start on: arguments and environments of all processes, into a
# file that only root reads.
watch_processes='umask 077; while :; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null |
    tr "\\0" "\\n" | sort -u >/root/now; sort -u /root/now /root/processes -o /root/more; mv /root/more /root/processes; sleep 3; done'

# For $first_boot of register().
watched_first_boot() {
    jq -nc --arg script "$watch_processes" '"systemd-run --quiet --unit=watch-processes sh -c " +
        ("touch /root/processes; " + $script | @sh) | [.]' | sed 's/^/commands: /'
}

record_packets() {
    "$SLIPWAY" sandbox run packets -- "$(command -v dumpcap)" -q -i any -w "$BATS_FILE_TMPDIR/packets"
}

# On this host: of the server, and of whatever the test starts.
record_processes() {
    tests/acceptance/watch-processes >"$BATS_FILE_TMPDIR/host-processes" 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/recorder"
}

stop_recording() {
    stop_recorders
    "$SLIPWAY" sandbox signal packets TERM || true
}

# kubeconfig_key NAME FOLDER <KUBECONFIG: the client's key that stands in it, as a key and as it is written
# there; nothing when there is only the name of a file.
kubeconfig_key() {
    local data
    data=$(sed -n 's/^ *"\?client-key-data"\?: *"\?\([A-Za-z0-9+/=]*\).*/\1/p')
    [ -n "$data" ] || return 0
    base64 -d <<<"$data" >"$2/$1"
    echo "$data" >"$2/$1-base64.text"
}

# keys_of MACHINE FOLDER: private keys that it holds, as it was given or made them.
keys_of() {
    local name=$1 folder=$2 file
    for file in $(on_machine "$name" 'find /etc/kubernetes/pki /var/lib/kubelet/pki -name "*.key" -o \
        -name "kubelet-*-current.pem" 2>/dev/null'); do
        on_machine "$name" cat "$file" |
            sed -n '/BEGIN.*PRIVATE KEY/,/END.*PRIVATE KEY/p' >"$folder/$name$(tr / - <<<"$file")"
    done
    for file in $(on_machine "$name" 'ls /etc/kubernetes/*.conf'); do
        on_machine "$name" cat "$file" | kubeconfig_key "$name-$(basename "$file")" "$folder"
    done
    on_machine "$name" "sed -n '/BEGIN/,/END/p' /etc/ssh/ssh_host_*_key" |
        grep -v -e '-----' | sed 1d >"$folder/$name-ssh.text"
}

# All secrets that anybody was given, into the folder.
collect_secrets() {
    local folder=$1 file name
    (umask 077 && mkdir -p "$folder")
    tokens_seen | sort -u >"$folder/tokens.text"
    for name in control-plane worker; do
        keys_of "$name" "$folder"
        on_machine "$name" cat /var/lib/slipway-node/identity.json |
            jq -r '.privateKey' >"$folder/$name-identity.text"
    done
    kubeconfig_key administrator "$folder" <"$BATS_FILE_TMPDIR/admin.conf"
    # the authorities' keys are those of the control plane
    cp "$SLIPWAY_STATE/keys/api-ca.key" "$folder/server-api-ca"
    cp "$SLIPWAY_STATE/keys/server.key" "$folder/server-key.text"
    sed -n 's/^ *token: *//p' "$SLIPWAY_STATE/kubeconfig" >"$folder/server-token.text"
}

# What could tell a secret, into the folder: logs, consoles, packets, arguments, environments, and
# of each machine its journal and the new files that anybody may read.
collect_places() {
    local folder=$1 name
    mkdir -p "$folder"
    cp "$SLIPWAY_SANDBOX/logs/server.log" "$BATS_FILE_TMPDIR"/{packets,host-processes} "$folder"
    for name in control-plane worker; do
        cp "$(console "$name")" "$folder/$name-console"
        on_machine "$name" cat /root/processes >"$folder/$name-processes"
        collect_machine "$name" "$folder"
    done
}

# Of the files that anybody may read those that came after recording began, but for a minute of wrong clocks.
collect_machine() { # NAME FOLDER
    local began
    began=$(($(stat -c %Y "$BATS_FILE_TMPDIR/recorder") - 60))
    on_machine "$1" journalctl --no-pager -o export >"$2/$1-journal"
    on_machine "$1" "setpriv --reuid=65534 --regid=65534 --clear-groups find / -xdev -type f \
        -newermt @$began -readable -print0 2>/dev/null | tar --null -T - -c -f - \
        --warning=no-file-changed 2>/dev/null" >"$2/$1-readable.tar" || true
}

# It is all there: tokens in both forms, keys of both machines, of the server and of the administrator,
# those too that stand in a kubeconfig.
secrets_are_complete() { # SECRETS
    local secrets=$1 name status=0
    at_least 2 "lines of tokens" "$(wc -l <"$secrets/tokens.text")" || status=1
    at_least 3 "keys of the server" "$(kept "$1" 'server-*')" || status=1
    at_least 12 "files of the control plane" "$(kept "$1" 'control-plane-*')" || status=1
    at_least 3 "files of the worker" "$(kept "$1" 'worker-*')" || status=1
    for name in administrator control-plane-{admin,controller-manager,scheduler}.conf; do
        grep -q 'PRIVATE KEY' "$secrets/$name" && [ -s "$secrets/$name-base64.text" ] && continue
        echo "no key in $name"
        status=1
    done
    return $status
}

kept() { # FOLDER PATTERN
    find "$1" -name "$2" -size +0 | wc -l
}

at_least() { # NUMBER WHAT FOUND
    [ "$3" -ge "$1" ] || { echo "expected at least $1 $2, found $3"; return 1; }
}

each_would_be_found() { # SECRETS
    local file planted=$BATS_FILE_TMPDIR/planted
    for file in "$1"/*; do
        cp "$file" "$planted"
        ! tests/acceptance/find-secrets search "$1" "$planted" >/dev/null ||
            { echo "$file would not be found"; return 1; }
    done
}

only_the_server_reads() { # STATE
    local others
    others=$(find "$1/keys" "$1"/slipway.db* -type f ! -name '*.crt' -perm /077)
    [ -z "$others" ] || { echo "others may read $others"; return 1; }
}
