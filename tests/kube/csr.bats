#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The decision about certificate requests, between a real API server, its signers, openssl's forged
# requests and a real kubelet. Skipped where tools/kubernetes has not made a Kubernetes.

setup() {
    bats_require_minimum_version 1.5.0
    : "${KUBERNETES_FOLDER:=$BATS_TEST_DIRNAME/../../build/kubernetes/v1.20.2}"
    : "${SLIPWAY:=$BATS_TEST_DIRNAME/../../build/san/src/cli/slipway}"
    : "${CLUSTER_TOOL:=$(dirname "$SLIPWAY")/../../tests/kube/cluster-tool}"
    [ -x "$KUBERNETES_FOLDER/bin/kubelet" ] || skip "no Kubernetes: tools/kubernetes makes it"
    [ -x "$CLUSTER_TOOL" ] || skip "no cluster-tool: ninja builds it"
    apiserver=$BATS_TEST_DIRNAME/apiserver
    export TMPDIR=$BATS_TEST_TMPDIR HOME=$BATS_TEST_TMPDIR CLUSTER_TOOL
    export REQUESTS=$BATS_TEST_DIRNAME/request.bash
    functions=$BATS_TEST_TMPDIR/functions
    write_functions
}

# What the scripts beside the API server share.
write_functions() {
    cat >"$functions" <<'SCRIPT'
cd "$KUBE_FOLDER"
. "$REQUESTS"

# token ID: a bootstrap token of the group that Slipway's tokens are in.
token() {
    kubectl create -f - <<YAML
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-$1, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData:
  token-id: $1
  token-secret: 0123456789abcdef
  usage-bootstrap-authentication: "true"
  auth-extra-groups: "system:bootstrappers:slipway"
  expiration: "$(date -u -d '+10 minutes' +%Y-%m-%dT%H:%M:%SZ)"
YAML
}

as_token() {
    local id=$1
    shift
    kubectl --kubeconfig /dev/null --server "$KUBE_URL" --certificate-authority "$KUBE_CA" \
        --token "$id.0123456789abcdef" "$@"
}

as_node() {
    local node=$1
    shift
    kubectl --kubeconfig /dev/null --server "$KUBE_URL" --certificate-authority "$KUBE_CA" \
        --client-certificate "$node.crt" --client-key "$node.key" "$@"
}

# request NAME client|serving SUBJECT [ALTERNATIVE_NAMES]: an object, its key in NAME.key
request() {
    certificate_request . "$@"
}

machines() {
    cat >machines.json
}

# decide NAME: decides, and writes the answer as the server does.
decide() {
    kubectl get csr "$1" -o json | "$CLUSTER_TOOL" decide machines.json >answer.json 2>why ||
        { cat why && return 1; }
    echo "$1: $(cat why)"
    [ ! -s answer.json ] || kubectl replace -f answer.json \
        --raw "/apis/certificates.k8s.io/v1/certificatesigningrequests/$1/approval" >/dev/null
}

# bind CERTIFICATE: as the server notes it with the first approval
bind() {
    jq --arg key "$("$CLUSTER_TOOL" hash "$1")" '.[0].boundKey = $key' machines.json >machines.part
    mv machines.part machines.json
}

certificate() {
    until kubectl get csr "$1" -o 'jsonpath={.status.certificate}' | base64 -d >"$1.crt" &&
        [ -s "$1.crt" ]; do
        sleep 0.1
    done
}

condition() {
    kubectl get csr "$1" -o 'jsonpath={.metadata.name} is {.status.conditions[0].type} {.status.conditions[0].reason} by us{"\n"}'
}

kubectl create clusterrolebinding slipway --clusterrole=system:node-bootstrapper \
    --group=system:bootstrappers:slipway
SCRIPT
}

beside() {
    cat "$functions" - >"$BATS_TEST_TMPDIR/script"
    run timeout 300 "$apiserver" --controller-manager -- \
        bash -euo pipefail "$BATS_TEST_TMPDIR/script"
    echo "$output"
}

@test "first certificate, renewal and serving certificate of an approved Machine are signed" {
    beside <<'SCRIPT'
token abcdef
machines <<JSON
[{"name": "m1", "nodeName": "node1", "standing": "joining", "tokenID": "abcdef", "seconds": 600,
  "addresses": ["10.0.0.1"]}]
JSON
request first client /O=system:nodes/CN=system:node:node1 | as_token abcdef create -f -
decide first
condition first
certificate first
openssl verify -CAfile "$KUBE_CA" first.crt
decide first
request early client /O=system:nodes/CN=system:node:node1 | as_node first create -f -
decide early
bind first.crt
request renewal client /O=system:nodes/CN=system:node:node1 | as_node first create -f -
decide renewal
certificate renewal
request serving serving /O=system:nodes/CN=system:node:node1 DNS:node1,IP:10.0.0.1 |
    as_node renewal create -f -
decide serving
certificate serving
openssl verify -CAfile "$KUBE_CA" -purpose sslserver -verify_ip 10.0.0.1 serving.crt
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"first: approve MachineApproved: The first client certificate of Machine m1"* ]]
    [[ $output == *"first is Approved MachineApproved by us"* ]]
    [[ $output == *"first.crt: OK"* ]]
    [[ $output == *"first: ignore"* ]]
    [[ $output == *"early: deny NotJoined"* ]]
    [[ $output == *"renewal: approve MachineApproved: The renewal"* ]]
    [[ $output == *"serving: approve MachineApproved: The serving certificate"* ]]
    [[ $output == *"serving.crt: OK"* ]]
}

@test "forged requests are denied, and nothing signs them" {
    beside <<'SCRIPT'
token abcdef
token ghijkl
machines <<JSON
[{"name": "m1", "nodeName": "node1", "standing": "joining", "tokenID": "abcdef", "seconds": 600,
  "addresses": ["10.0.0.1"]},
 {"name": "m2", "nodeName": "node2", "standing": "joining", "tokenID": "ghijkl", "seconds": 600,
  "addresses": ["10.0.0.2"]},
 {"name": "m3", "nodeName": "node3", "standing": "rejected"}]
JSON
request other-name client /O=system:nodes/CN=system:node:node2 | as_token abcdef create -f -
request rejected client /O=system:nodes/CN=system:node:node3 | as_token abcdef create -f -
request unknown client /O=system:nodes/CN=system:node:node9 | as_token abcdef create -f -
request admin client /O=system:masters/CN=kubernetes-admin | as_token abcdef create -f -
request two-names client /CN=system:node:node1/CN=system:node:node2/O=system:nodes |
    as_token abcdef create -f -
request with-name client /O=system:nodes/CN=system:node:node1 DNS:node1 |
    as_token abcdef create -f -
for name in other-name rejected unknown admin two-names with-name; do
    decide $name
    condition $name
done

request node1 client /O=system:nodes/CN=system:node:node1 | as_token abcdef create -f -
decide node1
certificate node1
bind node1.crt
request as-node2 client /O=system:nodes/CN=system:node:node2 | as_node node1 create -f -
request address serving /O=system:nodes/CN=system:node:node1 DNS:node1,IP:10.0.0.2 |
    as_node node1 create -f -
request names serving /O=system:nodes/CN=system:node:node1 DNS:node1,DNS:kubernetes |
    as_node node1 create -f -
request_key=rsa:1024 request weak client /O=system:nodes/CN=system:node:node1 | as_node node1 create -f -
request email serving /O=system:nodes/CN=system:node:node1 DNS:node1,email:a@example.org |
    as_node node1 create -f -
for name in as-node2 address names weak email; do
    decide $name
    condition $name
done
# the token again, with another key
machines <<JSON
[{"name": "m1", "nodeName": "node1", "standing": "joining", "tokenID": "abcdef", "seconds": 600,
  "boundKey": "$("$CLUSTER_TOOL" hash node1.crt)"}]
JSON
request replay client /O=system:nodes/CN=system:node:node1 | as_token abcdef create -f -
decide replay
# the signers have seen all of these: they signed a good one after them
request last client /O=system:nodes/CN=system:node:node1 | as_node node1 create -f -
decide last
certificate last
kubectl get csr -o json |
    jq -r '.items[] | select(.status.certificate) | "signed: \(.metadata.name)"'
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"other-name: deny WrongToken: Expected the bootstrap token that was made for Machine m2"* ]]
    [[ $output == *"rejected: deny Rejected: Machine m3 was rejected."* ]]
    [[ $output == *"unknown: deny UnknownMachine"* ]]
    [[ $output == *"admin: deny WrongSubject"*'"kubernetes-admin"'* ]]
    [[ $output == *"two-names: deny Unreadable: The request cannot be read: the subject holds two common names."* ]]
    [[ $output == *"with-name: deny WrongNames"* ]]
    [[ $output == *"as-node2: deny WrongUser"* ]]
    [[ $output == *"address: deny WrongAddress"*"10.0.0.2."* ]]
    [[ $output == *"names: deny WrongNames"*'"kubernetes"'* ]]
    [[ $output == *"email: deny WrongNames"* ]]
    [[ $output == *"weak: deny WeakKey"* ]]
    [[ $output == *"replay: deny WrongKey"* ]]
    [[ $output == *"address is Denied WrongAddress by us"* ]]
    [ "$(grep '^signed: ' <<<"$output" | sort | tr '\n' ' ')" = "signed: last signed: node1 " ]
}

# The kubelet runs until it has its certificate. It finds no cgroups, so it stops where it would
# begin to change the machine.
@test "a real kubelet's first request is approved" {
    [ "$(id -u)" -eq 0 ] || skip "a kubelet wants root"
    beside <<'SCRIPT'
token abcdef
machines <<JSON
[{"name": "m1", "nodeName": "node1", "standing": "joining", "tokenID": "abcdef", "seconds": 600}]
JSON
cat >bootstrap.conf <<YAML
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "$KUBE_URL", certificate-authority: "$KUBE_CA"}}]
users: [{name: token, user: {token: abcdef.0123456789abcdef}}]
contexts: [{name: test, context: {cluster: test, user: token}}]
current-context: test
YAML
unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"' - \
    setpriv --pdeathsig KILL kubelet --bootstrap-kubeconfig bootstrap.conf --kubeconfig kubelet.conf \
    --cert-dir kubelet-pki --root-dir kubelet --hostname-override node1 --fail-swap-on=false \
    --container-runtime remote --container-runtime-endpoint "unix://$KUBE_FOLDER/no.sock" \
    --address 127.0.0.1 --healthz-port 0 --read-only-port 0 >kubelet.log 2>&1 &
kubelet=$!
until name=$(kubectl get csr -o 'jsonpath={.items[0].metadata.name}' 2>/dev/null) && [ -n "$name" ]; do
    kill -0 $kubelet || { tail kubelet.log && exit 1; }
    sleep 0.1
done
decide "$name"
until [ -s kubelet-pki/kubelet-client-current.pem ]; do
    kill -0 $kubelet 2>/dev/null || { tail kubelet.log && exit 1; }
    sleep 0.1
done
kill -KILL $kubelet 2>/dev/null || true
openssl x509 -in kubelet-pki/kubelet-client-current.pem -noout -subject
openssl verify -CAfile "$KUBE_CA" kubelet-pki/kubelet-client-current.pem
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *": approve MachineApproved: The first client certificate of Machine m1"* ]]
    [[ $output == *"O = system:nodes, CN = system:node:node1"* ]]
    [[ $output == *"kubelet-client-current.pem: OK"* ]]
}
