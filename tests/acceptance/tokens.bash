# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Bootstrap tokens live for a moment: they are taken down as they come, from the API server itself.

record_tokens() {
    watch_tokens >"$BATS_FILE_TMPDIR/token-watch" 2>"$BATS_FILE_TMPDIR/token-errors" &
    echo $! >>"$BATS_FILE_TMPDIR/recorder"
}

watch_tokens() {
    exec 3>&-
    until [ -s "$BATS_FILE_TMPDIR/admin.conf" ] &&
        kubectl_in get --raw /readyz >/dev/null 2>&1; do
        "$SLIPWAY" kubeconfig >"$BATS_FILE_TMPDIR/admin.part" 2>/dev/null &&
            mv "$BATS_FILE_TMPDIR/admin.part" "$BATS_FILE_TMPDIR/admin.conf"
        sleep 1
    done
    while :; do
        kubectl_in -n kube-system get secrets -o json --watch \
            --field-selector type=bootstrap.kubernetes.io/token
        sleep 0.5
    done
}

# Those that there ever were: a line each that says for whom. What the watch wrote last may be cut off.
tokens_made() {
    jq -r 'select(.data."token-secret") | .metadata.name + " " + (.data.description // "" | @base64d)' \
        <"$BATS_FILE_TMPDIR/token-watch" 2>/dev/null | sort -u
}

# And their secrets.
tokens_seen() {
    jq -r 'select(.data."token-secret") | .data | (."token-id" | @base64d) + "." +
        (."token-secret" | @base64d), (."token-secret" | @base64d)' <"$BATS_FILE_TMPDIR/token-watch" ||
        true
}

stop_recorders() {
    # shellcheck disable=SC2046
    kill $(cat "$BATS_FILE_TMPDIR/recorder") 2>/dev/null || true
}
