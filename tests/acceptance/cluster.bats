#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Three blank machines: a control plane and a worker form a cluster, the third is rejected. Requests
# that the worker forges are denied.

load lib
load forging
load tokens

setup_file() {
    begin_cluster
    record_tokens
    new_member control-plane controlPlane 10.77.0.11 memory=4Gi
    # its battery is empty: without the server's time no certificate would be valid there
    new_member worker worker 10.77.0.12 firmware=uefi,memory=2Gi,clock=2001-01-01T00:00:00Z
    "$SLIPWAY" sandbox up --off -m stranger,memory=512Mi,disk=4Gi
    power on control-plane
    power on worker
    power on stranger
}

teardown_file() {
    stop_recorders
    end
}

teardown() {
    show_failure
}

@test "acceptance: a machine that nobody knows waits, and is rejected" {
    found() {
        stranger=$("$SLIPWAY" get machines -o name | grep machine- | cut -d/ -f2)
        [ -n "$stranger" ]
    }
    wait_for 300 found
    # all that it lacks to become a member is that somebody approves it
    printf 'apiVersion: slipway.dev/v1alpha1\nkind: Machine\nmetadata: {name: %s}\nspec: {%s}\n' "$stranger" \
        "cluster: demo, role: worker, image: $image" | "$SLIPWAY" apply -f -
    "$SLIPWAY" reject "$stranger"
    wait_for_line 120 "$(console stranger)" 'rejected by an administrator'
    echo "$stranger" >"$BATS_FILE_TMPDIR/stranger"
}

@test "acceptance: the control plane and the worker become Ready" {
    wait_phase control-plane Ready 1800
    wait_phase worker Ready 900
    write_admin_config
    # a busy kubelet may be late for a moment
    wait_for 300 nodes_ready 2
    cluster_ready() { [ "$("$SLIPWAY" get cluster demo -o json | jq -r .status.phase)" = Ready ]; }
    wait_for 300 cluster_ready
    [ "$("$SLIPWAY" get cluster demo -o json | jq -r .status.initializedBy)" = control-plane ]
}

@test "acceptance: pods on both nodes reach one another" {
    kubectl_in apply -f "$PWD/examples/cluster/pods.yaml"
    kubectl_in wait --for=condition=Ready pod --all --timeout=300s
    for to in control-plane worker; do
        from=worker
        [ "$to" = control-plane ] || from=control-plane
        address=$(kubectl_in get pod "on-$to" -o 'jsonpath={.status.podIP}')
        run -0 kubectl_in exec "on-$from" -- timeout 20 wget -q -O - "http://$address:8080/"
        [ "$output" = "on-$to" ]
    done
}

@test "acceptance: a token for each join of one machine, none for the rejected one, none left over" {
    local stranger
    stranger=$(cat "$BATS_FILE_TMPDIR/stranger")
    no_tokens() {
        [ -z "$(kubectl_in -n kube-system get secrets -o name | grep bootstrap-token)" ]
    }
    wait_for 120 no_tokens
    tokens_made
    # where a control plane answers too late a join fails, and begins anew with a token of its own
    local made joins
    made=$(tokens_made | wc -l) joins=$(field worker .status.join.attempts)
    [ "$made" -ge 1 ]
    [ "$made" -le "$joins" ]
    [ -z "$(tokens_made | grep -v ' for Machine worker, made by Slipway$')" ]
    [ "$(field "$stranger" '"\(.spec.cluster) \(.spec.role) \(.status.phase)"')" = "demo worker Rejected" ]
    [ "$(field "$stranger" '.status.join // "none"')" = none ]
    [ "$(event_count "$stranger" JoinStarted)" = 0 ]
    # nothing approves by itself what a token asks for
    run -0 kubectl_in get clusterrolebindings -o name
    [[ $output != *autoapprove* ]]
}

@test "acceptance: what the worker forges is denied" {
    local stranger node=/O=system:nodes/CN=system:node: folder=$BATS_TEST_TMPDIR
    stranger=$(cat "$BATS_FILE_TMPDIR/stranger")
    {
        certificate_request "$folder" other-name client ${node}control-plane
        echo ---
        certificate_request "$folder" rejected client "$node$stranger"
        echo ---
        request_key=rsa:1024 certificate_request "$folder" weak client ${node}worker
        echo ---
        certificate_request "$folder" address serving ${node}worker DNS:worker,IP:10.77.0.11
    } | worker_runs 'rm -rf /root/.kube; kubectl --kubeconfig /etc/kubernetes/kubelet.conf create -f /root/forged.yaml' forged
    denied other-name WrongUser control-plane 'Expected system:node:control-plane itself to ask'
    denied rejected Rejected "$stranger" "Machine $stranger was rejected."
    denied weak WeakKey - 'request weak denied: Expected an ECDSA key of 256 bits or more'
    denied address WrongAddress worker 'Expected only addresses of Machine worker'
}
