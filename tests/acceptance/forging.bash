# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What tests need that forge certificate requests on a machine, and see them denied.

load ../kube/request

# worker_runs SCRIPT NAME YAML...: the worker has the objects in /root/NAME.yaml, and runs it.
worker_runs() {
    local script=$1 name=$2
    on_machine worker "umask 077; echo $(base64 -w0) | base64 -d >/root/$name.yaml; $script"
}

decided() {
    verdict=$(kubectl_in get csr "$1" -o 'jsonpath={.status.conditions[0].type} {.status.conditions[0].reason}')
    [[ $verdict == [A-Z]* ]]
}

tells() {
    case $1 in
    -) cat "$SLIPWAY_SANDBOX/logs/server.log" ;;
    *) "$SLIPWAY" describe machine "$1" ;;
    esac | grep -F "$2" >/dev/null
}

# denied NAME REASON MACHINE SENTENCE: so the API server says, and an event of the Machine why; "-": the
# server's log, because the request is refused before anybody looks whose it is.
denied() {
    wait_for 60 decided "$1"
    [ "$verdict" = "Denied $2" ]
    wait_for 60 tells "$3" "$4"
    [ -z "$(kubectl_in get csr "$1" -o 'jsonpath={.status.certificate}')" ]
}
