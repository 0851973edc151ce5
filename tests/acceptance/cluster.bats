#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Three blank machines: a control plane and a worker form a cluster, the third is rejected. The
# control plane starts anew, and the cluster is there again.

load lib

setup_file() {
    begin_cluster 1
    new_member control-plane controlPlane 10.77.0.11 memory=4Gi
    # its battery is empty: without the server's time no certificate would be valid there
    new_member worker worker 10.77.0.12 firmware=uefi,memory=2Gi,clock=2001-01-01T00:00:00Z
    "$SLIPWAY" sandbox up --off -m stranger,memory=512Mi,disk=4Gi
    power on control-plane
    power on worker
    power on stranger
}

teardown_file() {
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
    "$SLIPWAY" reject "$stranger"
    wait_for_line 120 "$(console stranger)" 'rejected by an administrator'
    echo "$stranger" >"$BATS_FILE_TMPDIR/stranger"
}

@test "acceptance: the control plane and the worker become Ready" {
    wait_phase control-plane Ready 1800
    wait_phase worker Ready 900
    write_admin_config
    nodes_ready 2
    [ "$("$SLIPWAY" get cluster demo -o json | jq -r .status.phase)" = Ready ]
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

@test "acceptance: one token for one machine, none for the rejected one, none left over" {
    no_tokens() {
        [ -z "$(kubectl_in -n kube-system get secrets -o name | grep bootstrap-token)" ]
    }
    wait_for 120 no_tokens
    [ "$(field "$(cat "$BATS_FILE_TMPDIR/stranger")" '.status.join // "none"')" = none ]
    # nothing approves by itself what a token asks for
    run -0 kubectl_in get clusterrolebindings -o name
    [[ $output != *autoapprove* ]]
}

@test "acceptance: a certificate that is not a Machine's own is denied" {
    key=$BATS_FILE_TMPDIR/forged
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$key.key" \
        -subj '/O=system:nodes/CN=system:node:worker' -out "$key.csr" 2>/dev/null
    kubectl_in apply -f - <<YAML
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: forged}
spec:
  signerName: kubernetes.io/kube-apiserver-client-kubelet
  request: $(base64 -w0 "$key.csr")
  usages: [digital signature, key encipherment, client auth]
YAML
    denied() {
        [ "$(kubectl_in get csr forged -o 'jsonpath={.status.conditions[0].type}')" = Denied ]
    }
    wait_for 60 denied
}

@test "acceptance: the control plane starts anew, and the cluster is there again" {
    power cut control-plane
    sleep 1
    power on control-plane
    again() { nodes_ready 2 && phase_is control-plane Ready; }
    wait_for 900 again
    [ "$(field control-plane .status.join.attempts)" = 1 ]
}
