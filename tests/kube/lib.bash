# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For scripts that check the Cluster controller against a real kube-apiserver, with machines that
# node-peer plays: controller.sh and its siblings, whose arguments are [SLIPWAY [NODE_PEER]]. Reading
# this in starts the script anew in namespaces of its own. Results are TAP; exit status 77 when there
# is no Kubernetes to run.
set -uo pipefail

here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
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

result() { # STATUS DESCRIPTION: returns the status
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
        return
    fi
    failed=$((failed + 1))
    echo "not ok $count - $2"
    { tail -n 5 "$work/out" && grep -v '^debug: ' "$log" | tail -n 8 | cut -c1-300; } | sed 's/^/# /'
    return 1
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

# refused TEXT COMMAND...: it fails and says so
refused() {
    local text=$1 said
    shift
    said=$("$@" 2>&1) && return 1
    echo "$said"
    [[ $said == *"$text"* ]]
}

# ---- the server ----

server_options=()
tls_api=--no-tls-api

# With the configuration file $config, if there is one.
start_server() {
    # the server forbids itself ptrace(2), which a sanitized one would look for leaks with
    ASAN_OPTIONS=detect_leaks=0 "$slipway" serve ${config:+--config "$config"} --state "$state" --boot-dir "$work/boot" \
        --images-dir "$work/images" --no-dhcp --no-tftp ${tls_api:+"$tls_api"} --log-level debug \
        "${server_options[@]}" >>"$log" 2>&1 &
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

check_stop() {
    kill -TERM "$server"
    wait "$server"
    result $? "the server stops cleanly"
}

check_sanitizers() {
    ok "no sanitizer complained" not grep -E 'Sanitizer|runtime error' "$log"
}

check_end() {
    check_stop
    check_sanitizers
}

object() { # KIND NAME JQ
    "$slipway" get "$1" "$2" -o json | jq -r "$3"
}

condition_is() { # MACHINE TYPE STATUS_REASON_AND_MESSAGE
    is "$(object machine "$1" '.status.conditions[] | select(.type == "'"$2"'") |
        "\(.status) \(.reason): \(.message)"')" "$3"
}

phase_is() { # MACHINE PHASE
    is "$(object machine "$1" .status.phase)" "$2"
}

tells() { # MACHINE REASON: an event of the machine
    "$slipway" describe machine "$1" | grep "$2" >/dev/null
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

# by name: of the installation that it is of; without one the first
declare -A generation
# by name: addresses that it says it has, too, with a comma in front of each
declare -A more_addresses

hello() { # MACHINE [STATE [PHASE_OR_MESSAGE]]
    local name=$1
    shift
    say "$name" hello "${generation[$name]:-1}" "${address[$name]}/24${more_addresses[$name]:-}" "$@"
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

# shellcheck source=tests/kube/request.bash
. "$here/request.bash"

# request NAME client|serving SUBJECT [ALTERNATIVE_NAMES]: an object, its key in NAME.key
request() {
    certificate_request "$work" "$@"
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
    jq -c --arg version $version '.firstBoot = "slipway-node" | .kubernetes = {version: $version}' "$work/images/kube.json" \
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

find_key() { # [MACHINE]
    key=$(curl -fs "http://$own:8080/boot/ipxe?mac=$(mac_of "${1:-cp1}")" |
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

# ---- members ----

# joins MACHINE: as a member whose Node is Ready
joins() {
    wait_until gets "$1" join || return 1
    [[ $1 != cp* ]] || wait_until "$here/apiserver" --start-etcd "$1" || return 1
    hello "$1" 'done'
    make_node "$1" >/dev/null && wait_until phase_is "$1" Ready
}

# form_three: the first of three control planes, with an etcd of its own; the others may join.
form_three() {
    wait_until gets cp1 init || return 1
    hello cp1 'done'
    wait_until initialized || return 1
    start_apiserver --etcd cp1=${address[cp1]} --etcd cp2=${address[cp2]} \
        --etcd cp3=${address[cp3]} || return 1
    wait_until available || return 1
    make_node cp1 >/dev/null && wait_until phase_is cp1 Ready || return 1
    # what kubeadm of this version keeps, and reads when a control plane joins
    kubectl -n kube-system create configmap kubeadm-config --from-literal=ClusterStatus="$(
        printf 'apiEndpoints:\n'
        printf '  %s:\n    advertiseAddress: %s\n    bindPort: 6443\n' cp1 "${address[cp1]}" \
            cp2 "${address[cp2]}" cp3 "${address[cp3]}"
        printf 'apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterStatus\n')" || return 1
}

node_gone() {
    not kubectl get node "$1" 2>/dev/null
}

# ---- etcd ----

# etcd_via MACHINE PATH [BODY]
etcd_via() {
    local body=()
    [ -z "${3:-}" ] || body=(-d "$3")
    curl -fsS -m 10 --noproxy '*' --cacert "$KUBE_PKI/etcd/ca.crt" \
        --cert "$KUBE_PKI/apiserver-etcd-client.crt" --key "$KUBE_PKI/apiserver-etcd-client.key" \
        "https://${address[$1]}:2379$2" "${body[@]}"
}

members_are() { # VIA EXPECTED: names of etcd's members; "-": one that never started
    is "$(etcd_via "$1" /v3/cluster/member/list '{}' |
        jq -r '[.members[] | .name // "-"] | sort | join(" ")')" "$2"
}

# ---- rollouts ----

# another_image NAME VERSION [DNS_IMAGE]
another_image() {
    jq -c --arg version "$2" --arg dns "${3:-}" '.kubernetes = {version: $version} +
            if $dns == "" then {} else {dnsImage: $dns} end' "$work/images/plain.json" |
        sed "s/plain/$1/g" >"$work/$1.json"
    cp "$work/images/plain.zst" "$work/images/$1.zst"
    mv "$work/$1.json" "$work/images/$1.json"
    "$slipway" apply -f - <<<"{\"apiVersion\": \"slipway.dev/v1alpha1\", \"kind\": \"Image\",
        \"metadata\": {\"name\": \"$1\"}, \"spec\": {}}"
    wait_until image_ready "$1"
}

image_ready() {
    is "$(object image "$1" .status.phase)" Ready
}

spec() { # KIND NAME JSON
    curl -fsS --unix-socket "$state/api.sock" -X PATCH -H 'Content-Type: application/merge-patch+json' \
        "http://x/apis/slipway.dev/v1alpha1/$1s/$2" -d "{\"spec\": $3}" >/dev/null
}

# as spec(), with what the server says
spec_says() { # KIND NAME JSON
    curl -sS --unix-socket "$state/api.sock" -X PATCH -H 'Content-Type: application/merge-patch+json' \
        "http://x/apis/slipway.dev/v1alpha1/$1s/$2" -d "{\"spec\": $3}" >"$work/said"
    jq -r '.message // ""' "$work/said"
    [ "$(jq -r .kind "$work/said")" != Status ]
}

# A Profile "rack" of one worker, with its Image and its Cluster.
apply_profile() { # CLUSTER
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Profile
metadata: {name: rack}
spec: {cluster: $1, role: worker, image: kube, autoApprove: true, quantity: 1}
YAML
}

told() { # MACHINE ACTION
    hello "$1" && cat "$work/$1.answer" && is "$(answer "$1" .action)" "$2"
}

rollout_is() { # STATE [PART_OF_THE_MESSAGE]
    local found
    found=$(object cluster demo '.status.rollout.state + ": " + .status.rollout.message')
    echo "$found"
    [[ $found == "$1: "*"${2:-}"* ]]
}

counts_are() { # UPDATED TOTAL
    is "$(object cluster demo '"\(.status.rollout.updated // 0) \(.status.rollout.total)"')" "$1 $2"
}

image_is() { # MACHINE IMAGE
    is "$(object machine "$1" .spec.image)" "$2"
}

# The machine does what it is told, up to the end of its installation.
is_installed_anew() { # MACHINE
    wait_until told "$1" reboot || return 1
    generation[$1]=$(object machine "$1" .spec.installGeneration)
    say "$1" stage2 "$(mac_of "$1")" && is "$(answer "$1" .action)" install &&
        say "$1" installed "${generation[$1]}"
}

# The only control plane is installed anew. Its etcd is a file here, and the API server runs all the
# time: save.sh has the real thing.
renew_lone() { # MACHINE
    local root=$work/$1/machine
    mkdir -p "$root/var/lib/etcd/member/snap" "$root/etc/kubernetes/manifests"
    echo data >"$root/var/lib/etcd/member/snap/db"
    wait_until gets "$1" save && say "$1" save "${generation[$1]:-1}" && hello "$1" 'done' etcd-saved &&
        is_installed_anew "$1" && wait_until gets "$1" init && hello "$1" 'done' && wait_until phase_is "$1" Ready
}
