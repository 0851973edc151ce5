# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# For test files with one test each: a script beside them that speaks TAP and has the name of the file.
# Skipped where tools/kubernetes has not made a Kubernetes.

setup() {
    bats_require_minimum_version 1.5.0
    : "${KUBERNETES_FOLDER:=$BATS_TEST_DIRNAME/../../build/kubernetes/v1.20.2}"
    : "${SLIPWAY:=$BATS_TEST_DIRNAME/../../build/san/src/cli/slipway}"
    [ -x "$KUBERNETES_FOLDER/bin/kube-apiserver" ] || skip "no Kubernetes: tools/kubernetes makes it"
    export KUBERNETES_FOLDER TMPDIR=$BATS_TEST_TMPDIR
}

# run_script SECONDS: what it says and how it ended is in $output, $lines and $status.
run_script() {
    run timeout "$1" "${BATS_TEST_FILENAME%.bats}.sh" "$SLIPWAY"
    [ "$status" -ne 77 ] || skip "${lines[-1]#*SKIP }"
    tell_failures "$1"
}

# What failed, and how far it came: what passed before that is not worth its lines.
tell_failures() { # SECONDS
    printf '%s\n' "${lines[@]}" | grep -v '^ok ' || true
    [ "$status" -ne 124 ] || echo "after $1 s it had not ended"
    echo "the last that passed: $(printf '%s\n' "${lines[@]}" | grep '^ok ' | tail -n 1)"
}

# It came to its end, and nothing failed.
script_passed() {
    [ "$status" -eq 0 ]
    [[ ${lines[-1]} == 1..[0-9]* ]]
}
