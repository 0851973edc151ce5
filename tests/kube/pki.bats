#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The PKI that the server makes, in the hands of the real kubeadm and the real API server. Skipped
# where tools/kubernetes has not made a Kubernetes.

setup() {
    bats_require_minimum_version 1.5.0
    : "${KUBERNETES_FOLDER:=$BATS_TEST_DIRNAME/../../build/kubernetes/v1.20.2}"
    : "${SLIPWAY:=$BATS_TEST_DIRNAME/../../build/san/src/cli/slipway}"
    : "${CLUSTER_TOOL:=$(dirname "$SLIPWAY")/../../tests/kube/cluster-tool}"
    [ -x "$KUBERNETES_FOLDER/bin/kubeadm" ] || skip "no kubeadm: tools/kubernetes makes it"
    [ -x "$CLUSTER_TOOL" ] || skip "no cluster-tool: ninja builds it"
    kubeadm=$KUBERNETES_FOLDER/bin/kubeadm
    apiserver=$BATS_TEST_DIRNAME/apiserver
    version=$(cat "$KUBERNETES_FOLDER/VERSION")
    export TMPDIR=$BATS_TEST_TMPDIR HOME=$BATS_TEST_TMPDIR CLUSTER_TOOL
    pki=$BATS_TEST_TMPDIR/pki
}

authorities="ca.crt ca.key front-proxy-ca.crt front-proxy-ca.key etcd/ca.crt etcd/ca.key sa.key sa.pub"

kubeadm_certs() {
    "$kubeadm" init phase certs all --kubernetes-version "$version" \
        --apiserver-advertise-address 192.0.2.1 --cert-dir "$pki"
}

# kubeadm takes the authorities as they are, and what it signs with them holds.
kubeadm_goes_on() {
    local name
    "$CLUSTER_TOOL" create "$pki" "$1"
    cp -r "$pki" "$pki.before"
    run kubeadm_certs
    echo "$output"
    [ "$status" -eq 0 ]
    for name in ca front-proxy-ca etcd/ca; do
        [[ $output == *"Using existing $name certificate authority"* ]]
    done
    [[ $output == *'Using the existing "sa" key'* ]]
    for name in $authorities; do
        cmp "$pki.before/$name" "$pki/$name"
    done
    openssl verify -x509_strict -CAfile "$pki/ca.crt" "$pki"/{apiserver,apiserver-kubelet-client}.crt
    openssl verify -x509_strict -CAfile "$pki/etcd/ca.crt" \
        "$pki"/etcd/{server,peer,healthcheck-client}.crt "$pki/apiserver-etcd-client.crt"
    openssl verify -x509_strict -CAfile "$pki/front-proxy-ca.crt" "$pki/front-proxy-client.crt"
    # and for the users it writes
    run "$kubeadm" init phase kubeconfig all --cert-dir "$pki" --kubeconfig-dir "$pki" \
        --apiserver-advertise-address 192.0.2.1 --kubernetes-version "$version" --node-name node1
    echo "$output"
    [ "$status" -eq 0 ]
    for name in admin kubelet controller-manager scheduler; do
        [ -s "$pki/$name.conf" ]
    done
}

@test "kubeadm signs everything with ECDSA authorities of ours" {
    kubeadm_goes_on ec
}

@test "kubeadm signs everything with RSA authorities of ours" {
    kubeadm_goes_on rsa
}

@test "kubeadm renews what it signed with them" {
    "$CLUSTER_TOOL" create "$pki" ec
    kubeadm_certs
    cp "$pki/apiserver.crt" "$pki/before.crt"
    run "$kubeadm" certs renew apiserver --cert-dir "$pki"
    echo "$output"
    [ "$status" -eq 0 ]
    run ! cmp "$pki/apiserver.crt" "$pki/before.crt"
    openssl verify -CAfile "$pki/ca.crt" "$pki/apiserver.crt"
}

@test "the discovery hash is kubeadm's" {
    local ours
    "$CLUSTER_TOOL" create "$pki" ec
    kubeadm_certs
    "$kubeadm" init phase kubeconfig admin --cert-dir "$pki" --kubeconfig-dir "$pki" \
        --apiserver-advertise-address 192.0.2.1 --kubernetes-version "$version"
    ours=$("$CLUSTER_TOOL" hash "$pki/ca.crt")
    [[ $ours =~ ^sha256:[0-9a-f]{64}$ ]]
    run timeout 120 "$apiserver" --ca "$pki" -- \
        kubeadm token create --print-join-command
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"--discovery-token-ca-cert-hash $ours"* ]]
}

@test "the API server takes certificates that we issue, for what they say" {
    local script=$BATS_TEST_TMPDIR/script
    "$CLUSTER_TOOL" create "$pki" ec
    "$CLUSTER_TOOL" create "$pki.other" ec
    "$CLUSTER_TOOL" issue "$pki" slipway-admin system:masters 600 "$pki/us"
    "$CLUSTER_TOOL" issue "$pki" visitor nobody 600 "$pki/visitor"
    "$CLUSTER_TOOL" issue "$pki" slipway-admin system:masters 1 "$pki/short"
    "$CLUSTER_TOOL" issue "$pki.other" slipway-admin system:masters 600 "$pki/stranger"
    sleep 2
    cat >"$script" <<'SCRIPT'
for name in us visitor short stranger; do
    curl -s -o /dev/null -w "$name: %{http_code}\n" --cacert "$PKI/ca.crt" \
        --cert "$PKI/$name.crt" --key "$PKI/$name.key" "$KUBE_URL/api/v1/nodes"
done
# a token that kube-controller-manager signs with sa.key, and the API server checks with sa.pub
until secret=$(kubectl -n default get serviceaccount default -o 'jsonpath={.secrets[0].name}') &&
    [ -n "$secret" ]; do sleep 0.1; done
token=$(kubectl -n default get secret "$secret" -o 'jsonpath={.data.token}' | base64 -d)
curl -s --cacert "$PKI/ca.crt" -H "Authorization: Bearer $token" "$KUBE_URL/api/v1/nodes" |
    jq -r '"account: \(.code) \(.message)"'
SCRIPT
    PKI=$pki run timeout 180 "$apiserver" --controller-manager --ca "$pki" -- \
        bash -euo pipefail "$script"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ $output == *"us: 200"* ]]
    [[ $output == *"visitor: 403"* ]]
    [[ $output == *"short: 401"* ]]
    [[ $output == *"stranger: 401"* ]]
    [[ $output == *"account: 403"*"system:serviceaccount:default:default"* ]]
}
