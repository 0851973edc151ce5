# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For scripts that check the Cluster controller against a real kube-apiserver, with machines that
# node-peer plays: controller.sh and its siblings, whose arguments are [SLIPWAY [NODE_PEER]]. Reading
# this in starts the script anew in namespaces of its own. Results are TAP; exit status 77 when there
# is no Kubernetes to run.
set -uo pipefail

here=$(realpath "$(dirname "$0")")
slipway=$(realpath "${1:-$here/../../build/san/src/cli/slipway}")
peer=$(realpath "${2:-$(dirname "$slipway")/../../tests/node-peer}")
kubernetes=$(realpath -m "${KUBERNETES_FOLDER:-$here/../../build/kubernetes/v1.20.2}")
own=10.9.0.1 version=v1.20.2 count=0 failed=0

if [ ! -x "$kubernetes/bin/kube-apiserver" ]; then
    echo "1..0 # SKIP no Kubernetes: tools/kubernetes makes it"
    exit 77
fi
if [ -z "${CONTROLLER_TEST_INSIDE:-}" ]; then
    enter=(unshare --net --mount --pid --fork --kill-child --mount-proc)
    [ "$(id -u)" -eq 0 ] || enter+=(--user --map-root-user)
    if ! "${enter[@]}" true 2>/dev/null; then
        echo "1..0 # SKIP namespaces are not allowed here"
        exit 77
    fi
    CONTROLLER_TEST_INSIDE=1 exec "${enter[@]}" "$(realpath "$0")" "$slipway" "$peer"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/$(basename "$0" .sh).XXXXXX")
trap 'rm -rf "$work"' EXIT
state=$work/state log=$work/server.log
export SLIPWAY_STATE=$state HOME=$work PATH=$kubernetes/bin:$PATH
unset KUBECONFIG http_proxy https_proxy HTTP_PROXY HTTPS_PROXY

# ---- results ----

result() { # STATUS DESCRIPTION
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
        return
    fi
    failed=$((failed + 1))
    echo "not ok $count - $2"
    { tail -n 5 "$work/out" && grep -v '^debug: ' "$log" | tail -n 8 | cut -c1-300; } | sed 's/^/# /'
}

# ok DESCRIPTION COMMAND...
ok() {
    local what=$1
    shift
    "$@" >"$work/out" 2>&1
    result $? "$what"
}

# soon DESCRIPTION COMMAND...: it succeeds within a minute.
soon() {
    local what=$1
    shift
    wait_until "$@" >"$work/out" 2>&1
    result $? "$what"
}

wait_until() {
    local deadline=$((SECONDS + 60))
    until "$@"; do
        if [ $SECONDS -ge $deadline ]; then
            return 1
        fi
        sleep 0.1
    done
}

is() { # VALUE EXPECTED
    [ "$1" = "$2" ] || ! echo "expected: $2; found: $1"
}

not() {
    ! "$@"
}

# ---- the server ----

start_server() {
    # the server forbids itself ptrace(2), which a sanitized one would look for leaks with
    ASAN_OPTIONS=detect_leaks=0 "$slipway" serve --state "$state" --boot-dir "$work/boot" \
        --images-dir "$work/images" --no-dhcp --no-tftp --no-tls-api --log-level debug \
        >>"$log" 2>&1 &
    server=$!
    wait_until curl -fs -o /dev/null --unix-socket "$state/api.sock" http://x/readyz ||
        { echo "Bail out! the server does not start" && tail "$log" && exit 1; }
}

kill_server() {
    kill -KILL "$server"
    wait "$server" 2>/dev/null
}

crash() {
    kill_server
    start_server
}

object() { # KIND NAME JQ
    "$slipway" get "$1" "$2" -o json | jq -r "$3"
}

phase_is() { # MACHINE PHASE
    is "$(object machine "$1" .status.phase)" "$2"
}

tells() { # MACHINE REASON: an event of the machine
    "$slipway" describe machine "$1" | grep -q "$2"
}

# ---- machines ----

# by name; the script says which there are
declare -A address

mac_of() {
    printf '52:54:00:00:00:%02x' "${address[$1]##*.}"
}

declare_machine() { # NAME ROLE CLUSTER IMAGE
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: $1}
spec:
  macAddresses: ["$(mac_of "$1")"]
  approved: true
  image: $4
  role: $2
  cluster: $3
  installGeneration: 1
YAML
}

declare_cluster() { # NAME VERSION PORT
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Cluster
metadata: {name: $1}
spec:
  kubernetesVersion: $2
  controlPlaneEndpoint: {host: 127.0.0.1, port: $3}
  dns: {enabled: false}
  joinPolicy: {tokenTTLSeconds: 600}
YAML
}

# say MACHINE WHAT...: the answer is in MACHINE.answer
say() {
    local name=$1
    shift
    timeout 60 "$peer" "http://$own:8080" "$key" "$work/$name" "$@" >"$work/$name.answer"
}

hello() { # MACHINE [STATE [PHASE_OR_MESSAGE]]
    local name=$1
    shift
    say "$name" hello 1 "${address[$name]}/24" "$@"
}

answer() { # MACHINE JQ
    jq -r "$2" "$work/$1.answer"
}

install() {
    say "$1" stage2 "$(mac_of "$1")" && is "$(answer "$1" .action)" install &&
        say "$1" installed 1 && is "$(answer "$1" .action)" ok
}

waits() { # MACHINE TEXT: it is told to wait, for that
    hello "$1" && cat "$work/$1.answer" && is "$(answer "$1" .action)" wait &&
        [[ $(answer "$1" .reason) == *"$2"* ]]
}

gets() { # MACHINE KIND: it has got such a task
    hello "$1" && cat "$work/$1.answer" && is "$(answer "$1" .task.kind)" "$2"
}

is_busy() { # MACHINE: what it does goes on, and it gets nothing new
    hello "$1" running preflight && is "$(answer "$1" .action)" ok
}

attempts_are() { # MACHINE COUNT
    is "$(object machine "$1" .status.join.attempts)" "$2"
}

# ---- Kubernetes ----

# start_apiserver [OPTION...]: of tests/kube/apiserver
start_apiserver() {
    # in the namespace that we are in already
    KUBE_NAMESPACE_ENTERED=1 "$here/apiserver" --ca "$work/cp1/root/etc/kubernetes/pki" \
        --controller-manager --manager-flag --node-monitor-grace-period=1h \
        --kubernetes "$kubernetes" --logs "$work/logs" "$@" -- \
        sh -c "export -p >'$work/environment.part' && mv '$work/environment.part' '$work/environment' &&
            exec sleep infinity" >"$work/apiserver.log" 2>&1 &
    wait_until test -e "$work/environment" || { cat "$work/apiserver.log" && return 1; }
    # shellcheck disable=SC1091
    . "$work/environment"
}

api() { # METHOD PATH [BODY]: as administrator
    curl -fsS --noproxy '*' --cacert "$KUBE_CA" --cert "$KUBE_ADMIN_CERT" --key "$KUBE_ADMIN_KEY" \
        -H 'Content-Type: application/strategic-merge-patch+json' -X "$1" "$KUBE_URL$2" -d "${3:-}"
}

node_says() { # NODE True|False
    api PATCH "/api/v1/nodes/$1/status" "{\"status\": {\"conditions\": [{\"type\": \"Ready\",
        \"status\": \"$2\", \"reason\": \"Test\", \"message\": \"kubelet says $2\"}]}}" >/dev/null
}

make_node() {
    kubectl create -f - <<<"{\"apiVersion\": \"v1\", \"kind\": \"Node\", \"metadata\": {\"name\": \"$1\"}}" &&
        node_says "$1" True
}

token_of() { # MACHINE: out of its task's files
    grep -rhoE '\b[a-z0-9]{6}\.[a-z0-9]{16}\b' "$work/$1/root/var/lib/slipway-node" | head -n 1
}

tokens() {
    kubectl -n kube-system get secrets -o json |
        jq -r '.items[] | select(.type == "bootstrap.kubernetes.io/token") | .metadata.name'
}

no_tokens() {
    is "$(tokens)" ''
}

as_token() { # TOKEN ARGUMENT...
    local token=$1
    shift
    kubectl --kubeconfig /dev/null --server "$KUBE_URL" --certificate-authority "$KUBE_CA" \
        --token "$token" "$@"
}

as_node() { # CERTIFICATE ARGUMENT...
    local name=$1
    shift
    kubectl --kubeconfig /dev/null --server "$KUBE_URL" --certificate-authority "$KUBE_CA" \
        --client-certificate "$work/$name.crt" --client-key "$work/$name.key" "$@"
}

# request NAME client|serving SUBJECT [ALTERNATIVE_NAMES]: an object, its key in NAME.key
request() {
    local extensions=() signer=kube-apiserver-client-kubelet use=client
    [ "$2" = client ] || signer=kubelet-serving use=server
    [ -z "${4:-}" ] || extensions=(-addext "subjectAltName=$4")
    printf '[req]\ndistinguished_name = dn\n[dn]\n' >"$work/openssl.conf"
    OPENSSL_CONF=$work/openssl.conf openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
        -nodes -keyout "$work/$1.key" -subj "$3" "${extensions[@]}" -out "$work/$1.csr" 2>/dev/null
    cat <<YAML
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: $1}
spec:
  signerName: kubernetes.io/$signer
  usages: ["digital signature", "key encipherment", "$use auth"]
  request: $(base64 -w 0 "$work/$1.csr")
YAML
}

# ask NAME TOKEN SUBJECT: a first certificate
ask() {
    request "$1" client "$3" | as_token "$2" create -f -
}

decided() { # CSR
    verdict=$(kubectl get csr "$1" -o 'jsonpath={.status.conditions[0].type} {.status.conditions[0].reason}')
    [[ $verdict == [A-Z]* ]]
}

verdict_is() { # CSR TYPE REASON
    wait_until decided "$1" && is "$verdict" "$2 $3"
}

signed() { # CSR: its certificate in CSR.crt
    kubectl get csr "$1" -o 'jsonpath={.status.certificate}' | base64 -d >"$work/$1.crt" &&
        [ -s "$work/$1.crt" ]
}

# ---- the beginning ----

# A network, Images "kube" (with Kubernetes) and "plain", and a server.
prepare_rack() {
    mkdir -p "$state" "$work/boot" "$work/images"
    ip link set lo up
    ip link add rack type veth peer name rack-peer
    ip addr add $own/24 dev rack
    ip link set rack up
    ip link set rack-peer up
    : >"$work/boot/vmlinuz"
    printf 'a disk' >"$work/disk"
    truncate -s 8M "$work/disk"
    local name
    for name in kube plain; do
        "$slipway" image import -q -n $name -o "$work/images" "$work/disk" >/dev/null 2>&1
    done
    jq -c --arg version $version '.kubernetes = {version: $version}' "$work/images/kube.json" \
        >"$work/kube.json" && mv "$work/kube.json" "$work/images/kube.json"
    start_server
    for name in kube plain; do
        "$slipway" apply -f - <<<"{\"apiVersion\": \"slipway.dev/v1alpha1\", \"kind\": \"Image\",
            \"metadata\": {\"name\": \"$name\"}, \"spec\": {}}"
    done
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Network
metadata: {name: rack}
spec: {subnet: 10.9.0.0/24, interface: rack, mode: "off"}
YAML
}

find_key() {
    key=$(curl -fs "http://$own:8080/boot/ipxe?mac=$(mac_of cp1)" |
        sed -n 's/.*slipway\.key=\([^ ]*\).*/\1/p' | head -n 1)
    [ -n "$key" ]
}

# install_all MACHINE...
install_all() {
    local name
    [ -n "${key:-}" ] || wait_until find_key || { echo "Bail out! the boot server does not answer" && exit 1; }
    for name in "$@"; do
        wait_until install "$name" >"$work/out" 2>&1 ||
            { result 1 "$name is installed" && exit 1; }
    done
}

# ---- states ----

elected() { # CLUSTER MACHINE
    is "$(object cluster "$1" .status.initializedBy)" "$2"
}

initialized() {
    [ "$(object cluster demo .status.initializedAt)" != null ]
}

available() {
    is "$(object cluster demo '.status.conditions[] | select(.type == "Available") | .status')" True
}

unavailable() {
    not available
}

token_gone() { # MACHINE
    is "$(object machine "$1" '.status.join.tokenID // "none"')" none
}
