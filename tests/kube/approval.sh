#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: approval.sh [SLIPWAY [NODE_PEER]]
#
# Which Machines a Cluster approves unasked, with a real server and machines that node-peer plays.
# Speaks TAP; exit status 77 when there is no Kubernetes to run.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/lib.bash"
address=([cp1]=$own [a1]=10.9.0.21 [a2]=10.9.0.22 [late]=10.9.0.23 [rejected]=10.9.0.24 [m1]=10.9.0.25
    [alone]=10.9.0.26)

# undecided NAME [CLUSTER [APPROVED]]: a Machine that is known before it is heard of
undecided() {
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: $1}
spec:
  macAddresses: ["$(mac_of "$1")"]
  image: kube
  role: worker
  ${2:+cluster: $2}
  ${3:+approved: $3}
  installGeneration: 1
YAML
}

prepare() {
    prepare_rack
    declare_machine cp1 controlPlane auto kube # its boot script tells the server's key
    declare_cluster auto $version 6443
    declare_cluster manual $version 6444
    wait_until find_key
} >"$work/out" 2>&1

reports() { # MACHINE ACTION: what it is told
    say "$1" stage2 "$(mac_of "$1")" && cat "$work/$1.answer" && is "$(answer "$1" .action)" "$2"
}

approved_is() { # MACHINE VALUE
    is "$(object machine "$1" '.spec.approved | tostring')" "$2"
}

tells_why() { # MACHINE
    "$slipway" describe machine "$1" |
        grep -E "AutoApproved.*approved by the join policy of Cluster auto"
}

says_nothing() { # MACHINE
    not tells_why "$1"
}

check_no_policy() {
    undecided a1 auto >"$work/out"
    undecided rejected auto false >"$work/out"
    undecided m1 manual >"$work/out"
    undecided alone >"$work/out"
    ok "without a policy a Machine that reports itself waits" reports a1 wait
    ok "for somebody to decide" approved_is a1 null
}

check_policy() {
    spec cluster auto '{"joinPolicy": {"autoApprove": true}}'
    soon "with one it is approved unasked" approved_is a1 true
    soon "an event says why" tells_why a1
    soon "and it is installed" reports a1 install
    undecided a2 auto >"$work/out"
    soon "so is one that the Cluster gets later" reports a2 install
    ok "which is noted" approved_is a2 true
    soon "with the reason" tells_why a2
}

# These have had the time in which others were approved.
check_others() {
    ok "one that was rejected is not approved" not reports rejected install
    ok "it stays rejected" approved_is rejected false
    ok "nothing says otherwise" says_nothing rejected
    ok "one of another Cluster waits" reports m1 wait
    ok "for somebody to decide" approved_is m1 null
    ok "so does one of none" reports alone wait
    ok "for somebody to decide" approved_is alone null
    undecided alone auto >"$work/out"
    soon "until it is of that Cluster" approved_is alone true
    soon "then it is installed" reports alone install
}

# What people decide stands, also over a restart.
check_decided() {
    "$slipway" reject a2 >"$work/out"
    soon "one that is rejected afterwards is rejected" approved_is a2 false
    crash
    ok "a Machine reports itself to a new server" reports m1 wait
    soon "which approves as the old one did" policy_works
    ok "and none that was rejected" approved_is rejected false
    ok "nor one that was approved before" approved_is a2 false
    ok "nor one of another Cluster" approved_is m1 null
}

policy_works() {
    [ -n "$(object machine late .metadata.name 2>/dev/null)" ] || undecided late auto
    approved_is late true
}

prepare || { echo "Bail out! $(cat "$work/out")" && exit 1; }
check_no_policy
check_policy
check_others
check_decided
check_end
echo "1..$count"
[ $failed -eq 0 ]
