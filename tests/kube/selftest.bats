#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The API server that other tests rely on is the real one, does what they need of it, and leaves
# nothing behind. Skipped where tools/kubernetes has not made a Kubernetes.

setup() {
    bats_require_minimum_version 1.5.0
    apiserver=$BATS_TEST_DIRNAME/apiserver
    : "${KUBERNETES_FOLDER:=$BATS_TEST_DIRNAME/../../build/kubernetes/v1.20.2}"
    [ -f "$KUBERNETES_FOLDER/VERSION" ] || skip "no Kubernetes: tools/kubernetes makes it"
    export TMPDIR=$BATS_TEST_TMPDIR
}

teardown() {
    local left
    left=$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'apiserver.*')
    [ -z "$left" ]
}

# beside [OPTION...]: runs the script on stdin beside an API server.
beside() {
    local script=$BATS_TEST_TMPDIR/script
    cat >"$script"
    run timeout 300 "$apiserver" "$@" -- bash -euo pipefail "$script"
    echo "$output"
}

# Processes that have this test's temporary folder in their arguments.
servers_left() {
    pgrep -f -- "$BATS_TEST_TMPDIR/apiserver\." || true
}

@test "the administrator makes a namespace, by certificate and by token, with each kubectl" {
    beside <<'SCRIPT'
made=0
for kubectl in $(type -ap kubectl); do
    made=$((made + 1))
    $kubectl create namespace by-certificate-$made
    [ "$($kubectl get namespace by-certificate-$made -o 'jsonpath={.status.phase}')" = Active ]
done
curl -fs --cacert "$KUBE_CA" -H "Authorization: Bearer $KUBE_TOKEN" -H 'Content-Type: application/json' \
    -d '{"metadata": {"name": "by-token"}}' "$KUBE_URL/api/v1/namespaces" >/dev/null
kubectl get namespace by-token
[ "$(kubectl version -o json | jq -r .serverVersion.gitVersion)" = "$(cat "$(dirname "$(type -P kubeadm)")/../VERSION")" ]
curl -s -o /dev/null -w 'no credentials: %{http_code}\n' --cacert "$KUBE_CA" "$KUBE_URL/api/v1/nodes"
curl -s -o /dev/null -w 'wrong token: %{http_code}\n' --cacert "$KUBE_CA" -H 'Authorization: Bearer wrong' \
    "$KUBE_URL/api/v1/nodes"
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"no credentials: 403"* ]]
    [[ $output == *"wrong token: 401"* ]]
}

@test "with a bootstrap token a node asks for a certificate, which is approved and signed" {
    beside --controller-manager <<'SCRIPT'
cd "$KUBE_FOLDER"
kubectl create -f - <<YAML
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-abcdef, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData:
  token-id: abcdef
  token-secret: 0123456789abcdef
  usage-bootstrap-authentication: "true"
  auth-extra-groups: "system:bootstrappers:test"
  expiration: "$(date -u -d '+10 minutes' +%Y-%m-%dT%H:%M:%SZ)"
YAML
kubectl create clusterrolebinding test --clusterrole=system:node-bootstrapper \
    --group=system:bootstrappers:test
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout node.key \
    -subj /O=system:nodes/CN=system:node:node1 -out node.csr 2>/dev/null
cat >csr.yaml <<YAML
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: node1}
spec:
  signerName: kubernetes.io/kube-apiserver-client-kubelet
  usages: ["digital signature", "key encipherment", "client auth"]
  request: $(base64 -w 0 node.csr)
YAML
kubectl --kubeconfig /dev/null --server "$KUBE_URL" --certificate-authority "$KUBE_CA" \
    --token abcdef.0123456789abcdef create -f csr.yaml
kubectl get csr node1 -o 'jsonpath={.spec.username} {.spec.groups}{"\n"}'
[ -z "$(kubectl get csr node1 -o 'jsonpath={.status.certificate}')" ]
kubectl certificate approve node1
until kubectl get csr node1 -o 'jsonpath={.status.certificate}' | base64 -d >node.crt && [ -s node.crt ]; do
    sleep 0.1
done
openssl verify -CAfile "$KUBE_CA" node.crt
# the API server takes it for what it says: a node sees itself, which is not there, and no secrets
curl -s --cacert "$KUBE_CA" --cert node.crt --key node.key -o /dev/null -w 'itself: %{http_code}\n' \
    "$KUBE_URL/api/v1/nodes/node1"
curl -s --cacert "$KUBE_CA" --cert node.crt --key node.key -o /dev/null -w 'secrets: %{http_code}\n' \
    "$KUBE_URL/api/v1/namespaces/kube-system/secrets"
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"system:bootstrap:abcdef"*"system:bootstrappers:test"* ]]
    [[ $output == *"node.crt: OK"* ]]
    [[ $output == *"itself: 404"* ]]
    [[ $output == *"secrets: 403"* ]]
}

@test "an expired token is refused, and cleaned away" {
    beside --controller-manager <<'SCRIPT'
kubectl create -f - <<YAML
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-abcdef, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData:
  token-id: abcdef
  token-secret: 0123456789abcdef
  usage-bootstrap-authentication: "true"
  expiration: "2020-01-01T00:00:00Z"
YAML
curl -s -o /dev/null -w 'expired: %{http_code}\n' --cacert "$KUBE_CA" \
    -H 'Authorization: Bearer abcdef.0123456789abcdef' "$KUBE_URL/api"
while kubectl -n kube-system get secret bootstrap-token-abcdef; do
    sleep 0.1
done
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"expired: 401"* ]]
    [[ $output == *NotFound* ]]
}

@test "the CA that is given is used, by all parts" {
    local ca=$BATS_TEST_TMPDIR/ca
    mkdir "$ca"
    HOME=$BATS_TEST_TMPDIR "$KUBERNETES_FOLDER/bin/kubeadm" init phase certs all \
        --kubernetes-version "$(cat "$KUBERNETES_FOLDER/VERSION")" \
        --apiserver-advertise-address 192.0.2.1 --cert-dir "$ca" >/dev/null
    CA=$ca beside --controller-manager --ca "$ca" <<'SCRIPT'
cmp "$CA/ca.crt" "$KUBE_CA"
kubectl get --raw /readyz
# what the CA has signed elsewhere is good here
curl -fs --cacert "$CA/ca.crt" --cert "$CA/apiserver-kubelet-client.crt" \
    --key "$CA/apiserver-kubelet-client.key" -o /dev/null "$KUBE_URL/api/v1/nodes"
curl -fs --cacert "$CA/etcd/ca.crt" --cert "$CA/etcd/healthcheck-client.crt" \
    --key "$CA/etcd/healthcheck-client.key" https://127.0.0.1:2379/health
# tokens of service accounts are signed with its key
secret=$(kubectl get serviceaccount default -o 'jsonpath={.secrets[0].name}')
token=$(kubectl get secret "$secret" -o 'jsonpath={.data.token}' | base64 -d)
printf %s "${token%.*}" >"$KUBE_FOLDER/signed"
printf %s "${token##*.}" | tr -- -_ +/ | sed 's/$/==/' | base64 -di >"$KUBE_FOLDER/signature" 2>/dev/null || true
openssl dgst -sha256 -verify "$CA/sa.pub" -signature "$KUBE_FOLDER/signature" "$KUBE_FOLDER/signed"
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"Verified OK"* ]]

    rm "$ca/etcd/ca.key"
    run "$apiserver" --ca "$ca" true
    [ "$status" -eq 1 ]
    [[ $output == *"has no etcd/ca.key"* ]]
}

@test "the API server goes away, hangs and comes back, with the same data" {
    APISERVER=$apiserver beside <<'SCRIPT'
reach() {
    curl -s -m 1 --cacert "$KUBE_CA" -o /dev/null "$KUBE_URL/healthz" && echo "$1: reached" || echo "$1: $?"
}
kubectl create namespace kept
"$APISERVER" --stop
reach stopped
"$APISERVER" --start
kubectl get namespace kept
kill -STOP "$(cat "$KUBE_FOLDER/kube-apiserver.pid")"
reach hanging
kill -CONT "$(cat "$KUBE_FOLDER/kube-apiserver.pid")"
reach back
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"stopped: 7"* ]]
    [[ $output == *"hanging: 28"* ]]
    [[ $output == *"back: reached"* ]]
}

@test "it needs no namespace of its own: two on one host have ports of their own" {
    APISERVER=$apiserver beside --host-network <<'SCRIPT'
kubectl get --raw /readyz
FIRST=$KUBE_URL "$APISERVER" --host-network bash -c '[ "$KUBE_URL" != "$FIRST" ] && kubectl get --raw /readyz'
SCRIPT
    [ "$status" -eq 0 ]
    [ -z "$(servers_left)" ]
}

@test "the command's status, input and arguments are its own" {
    run "$apiserver" -- bash -c 'cat; echo "$1"; exit 7' name "two  words" <<<"from stdin"
    [ "$status" -eq 7 ]
    [ "$output" = $'from stdin\ntwo  words' ]
}

@test "nothing is left after the end, a signal, or a kill" {
    run "$apiserver" pgrep -f -- "$BATS_TEST_TMPDIR/apiserver\."
    [ "$status" -eq 0 ]
    [ -z "$(servers_left)" ]

    local signal pid
    for signal in TERM KILL; do
        "$apiserver" bash -c 'echo $$ >"$TMPDIR/command"; exec sleep 300' 3>&- &
        pid=$!
        until [ -s "$BATS_TEST_TMPDIR/command" ]; do sleep 0.1; done
        [ -n "$(servers_left)" ]
        kill -$signal $pid
        run wait $pid
        while [ -n "$(servers_left)" ]; do sleep 0.1; done
        if [ $signal = TERM ]; then
            ! kill -0 "$(cat "$BATS_TEST_TMPDIR/command")"
        else
            # a killed one cannot clean up: its folder and its command stay
            kill "$(cat "$BATS_TEST_TMPDIR/command")"
            rm -r "$BATS_TEST_TMPDIR"/apiserver.*
        fi
        rm "$BATS_TEST_TMPDIR/command"
    done
}

@test "what does not start says why" {
    run "$apiserver" --apiserver-flag --no-such-flag true
    [ "$status" -eq 1 ]
    [[ $output == *"unknown flag: --no-such-flag"*"kube-apiserver did not start"* ]]
    run "$apiserver" --kubernetes "$BATS_TEST_TMPDIR" true
    [ "$status" -eq 77 ]
    [[ $output == *"tools/kubernetes makes it"* ]]
}
