#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: controller.sh [SLIPWAY [NODE_PEER]]
#
# The Cluster controller against a real kube-apiserver, with machines that node-peer plays. The server
# is killed after each step and started anew. All of it runs in namespaces of its own. Speaks TAP;
# exit status 77 when there is no Kubernetes to run.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/lib.bash"
address=([cp1]=$own [cp2]=10.9.0.12 [w1]=10.9.0.21 [w2]=10.9.0.22 [w3]=10.9.0.23 [w4]=10.9.0.24
    [p1]=10.9.0.31)

# what kubelet says until there is a network, and what is in its journal then
no_cni="runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network \
plugin returns error: cni plugin not initialized"

# ---- what is checked ----

prepare() {
    config=$work/serve.yaml
    echo 'deadlines: {nodeReadySeconds: 10}' >"$config"
    prepare_rack
    declare_cluster demo $version 6443
    for name in cp1 cp2; do declare_machine $name controlPlane demo kube; done
    for name in w1 w2 w3 w4; do declare_machine $name worker demo kube; done
} >"$work/out" 2>&1

check_install() {
    install_all cp1 cp2 w1 w2 w3 w4
    ok "machines are installed" phase_is w4 Installed
}

both_ask() {
    local first
    hello cp1 &
    first=$!
    hello cp2 &
    wait $first $!
    [ "$(answer cp1 .action)" = task ] || [ "$(answer cp2 .action)" = task ]
}

check_init() {
    ok "the first control plane that asks waits" waits cp1 ''
    soon "it is elected" elected demo cp1
    crash
    hello cp2
    hello w1
    ok "after a crash another one is not told to initialise" is "$(answer cp2 .action)" wait
    soon "the elected one is, when both ask at once" both_ask
    ok "it and no other" is "$(answer cp1 .task.kind) $(answer cp2 .action)" "init wait"
    ok "the election stands" elected demo cp1
    ok "the task holds the authority's key" \
        grep -q 'PRIVATE KEY' "$work/cp1/root/etc/kubernetes/pki/ca.key"
    crash
    ok "after a crash it carries on" is_busy cp1
    ok "with its one task" attempts_are cp1 1
    ok "and the other one waits" waits cp2 cp1
    ok "a worker gets nothing meanwhile" waits w1 cp1
    soon "its Machine tells what it waits for" waits_visibly w1 \
        "waits until cp1 has initialised the cluster"
    kill_server
    start_server
    hello cp1 'done'
    soon "the cluster is initialised" initialized
    ok "a worker gets nothing before the API server answers" waits w1 'API server'
    crash
    ok "nor after a crash" waits w1 'API server'
    ok "nor does the other control plane" waits cp2 'API server'
    ok "which was never told to initialise" not grep -q init "$work/cp2/task.json"
}

# waits_visibly MACHINE TEXT: it is told to wait, and that is in its conditions
waits_visibly() {
    hello "$1" && condition_is "$1" Joined "False Waiting: $2"
}

check_token() {
    local secret groups
    soon "a worker is told to join" gets w1 join
    ok "its task holds no private key" not grep -rq 'PRIVATE KEY' "$work/w1/root" "$work/w1/task.json"
    w1_token=$(token_of w1)
    secret=bootstrap-token-${w1_token%%.*}
    ok "its token is the only one" is "$(tokens)" "$secret"
    ok "and recorded" is "$(object machine w1 .status.join.tokenID)" "${w1_token%%.*}"
    ok "its token is of one group" is "$(kubectl -n kube-system get secret "$secret" \
        -o 'jsonpath={.data.auth-extra-groups}' | base64 -d)" system:bootstrappers:slipway
    ok "and ends in minutes" ends_soon "$secret"
    ok "it authenticates, and signs nothing" is "$(kubectl -n kube-system get secret "$secret" -o json |
        jq -c '.data | with_entries(select(.key | startswith("usage")) | .value |= @base64d)')" \
        '{"usage-bootstrap-authentication":"true","usage-bootstrap-signing":"false"}'
    ok "it may look whether its Node is there" as_token "$w1_token" get node w1 --ignore-not-found
    ok "it may read what kubeadm reads" as_token "$w1_token" -n kube-system get configmap kubeadm-config \
        --ignore-not-found
    ok "it may not list Nodes" not as_token "$w1_token" get nodes
    ok "it may not read secrets" not as_token "$w1_token" -n kube-system get secret "$secret"
    ok "it may not approve" not as_token "$w1_token" auth can-i update \
        certificatesigningrequests --subresource=approval
    crash
    ok "after a crash the worker carries on" is_busy w1
    ok "with its one token" is "$(tokens)" "$secret"
    groups=$(kubectl get clusterrolebindings -o json | jq -r '.items[] |
        select(.subjects[]?.name | startswith("system:bootstrappers")?) | .metadata.name' | sort | xargs)
    ok "bindings are for no other tokens" is "$groups" "slipway:bootstrap slipway:get-nodes"
}

ends_soon() {
    local text
    text=$(kubectl -n kube-system get secret "$1" -o 'jsonpath={.data.expiration}' | base64 -d)
    local left=$(($(date -d "$text" +%s) - $(date +%s)))
    echo "$text: $left s"
    [ $left -gt 0 ] && [ $left -le 605 ]
}

# Until the webhook is deleted no verdict can be written: nobody answers for it.
refuse_approvals() {
    kubectl create -f - >/dev/null <<'YAML'
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: refuse}
webhooks:
- name: refuse.example.org
  clientConfig: {url: "https://127.0.0.1:1/"}
  rules: [{apiGroups: [certificates.k8s.io], apiVersions: [v1], operations: [UPDATE],
    resources: [certificatesigningrequests/approval]}]
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
YAML
    wait_until refuses_approvals
}

# The API server takes a moment to know of it: what it refuses for us it refuses for all.
refuses_approvals() {
    not kubectl certificate approve address 2>/dev/null
}

check_requests() {
    local node=/O=system:nodes/CN=system:node:
    soon "another machine is told to join" gets w2 join
    w2_token=$(token_of w2)
    ask first "$w1_token" ${node}w1 >/dev/null
    ok "the first certificate is approved" verdict_is first Approved MachineApproved
    soon "and signed" signed first
    ok "the key is bound" test "$(object machine w1 .status.join.boundKey)" != null
    crash
    ask replay "$w1_token" ${node}w1 >/dev/null
    ok "the token with another key is denied, after a crash" verdict_is replay Denied WrongKey
    soon "the Machine tells it" tells w1 CertificateDenied
    ask other-name "$w1_token" ${node}w2 >/dev/null
    ok "another machine's name is denied" verdict_is other-name Denied WrongToken
    soon "that Machine tells it" tells w2 CertificateDenied
    ask other-token "$w2_token" ${node}w1 >/dev/null
    ok "another machine's token is denied" verdict_is other-token Denied WrongToken
    ask nobody "$w1_token" ${node}nobody >/dev/null
    ok "a name that is no Machine's is denied" verdict_is nobody Denied UnknownMachine
    ask not-told "$w1_token" ${node}w3 >/dev/null
    ok "the name of one that was not told to join is denied" verdict_is not-told Denied NotApproved
    ask admin "$w1_token" /O=system:masters/CN=kubernetes-admin >/dev/null
    ok "an administrator's name is denied" verdict_is admin Denied WrongSubject
    request address serving ${node}w1 DNS:w1,IP:10.9.0.22 | as_node first create -f - >/dev/null
    ok "another machine's address is denied" verdict_is address Denied WrongAddress
    soon "the Machine tells it" tells w1 'Expected only addresses of Machine w1'
    more_addresses[w1]=,$own/32,10.96.0.1/12,10.244.1.1/24
    hello w1 running
    ok "what it says of its addresses is heard" is \
        "$(object machine w1 '.status.addresses | length')" 4
    request control serving ${node}w1 IP:$own | as_node first create -f - >/dev/null
    ok "but the control plane's address is not its own" verdict_is control Denied SharedAddress
    request service serving ${node}w1 IP:10.96.0.1 | as_node first create -f - >/dev/null
    ok "nor that of a Service" verdict_is service Denied WrongAddress
    request pod serving ${node}w1 IP:10.244.1.1 | as_node first create -f - >/dev/null
    ok "nor a Pod's" verdict_is pod Denied WrongAddress
    more_addresses=()
    hello w1 running
    request serving serving ${node}w1 DNS:w1,IP:10.9.0.21 | as_node first create -f - >/dev/null
    ok "its own is approved" verdict_is serving Approved MachineApproved
    soon "and signed" signed serving
    refuse_approvals
    request stuck serving ${node}w1 DNS:w1,IP:10.9.0.21 | as_node first create -f - >/dev/null
    soon "a verdict that the API server does not take is told" \
        grep -q 'certificate request stuck could not be approved' "$log"
    kubectl delete validatingwebhookconfiguration refuse >/dev/null
    ok "and written when it does" verdict_is stuck Approved MachineApproved
    kill_server
    request late serving ${node}w1 DNS:w1,IP:10.9.0.21 | as_node first create -f - >/dev/null
    start_server
    ok "what came while the server was away is approved" verdict_is late Approved MachineApproved
    ok "nothing else is signed" is "$(kubectl get csr -o json |
        jq -r '.items[] | select(.status.certificate) | .metadata.name' | sort | xargs)" \
        "first late serving stuck"
}

secret_gone() { # TOKEN
    not kubectl -n kube-system get secret "bootstrap-token-${1%%.*}"
}

check_end_of_token() {
    hello w1 'done'
    soon "its token is deleted when it has joined" secret_gone "$w1_token"
    soon "and forgotten" token_gone w1
    soon "it opens nothing any more" not as_token "$w1_token" get node w1 --ignore-not-found
    hello w2 'done'
    crash
    soon "that of one that had joined before a crash is deleted too" no_tokens
    soon "and forgotten" token_gone w2
    ok "one task each" is "$(object machine w1 .status.join.attempts) $(
        object machine w2 .status.join.attempts)" "1 1"
}

check_nodes() {
    ok "a machine that has joined is not Ready" not phase_is w1 Ready
    make_node w1 >/dev/null
    soon "its Node is Ready, and so is the Machine" phase_is w1 Ready
    node_says w1 False
    soon "its Node is not, and the Machine runs" phase_is w1 Running
    soon "and tells why" tells w1 'its Node is not Ready: kubelet says False'
    kill_server
    node_says w1 True
    start_server
    soon "Ready again while the server was away" phase_is w1 Ready
}

no_network() { # NODE
    api PATCH "/api/v1/nodes/$1/status" "{\"status\": {\"conditions\": [{\"type\": \"Ready\",
        \"status\": \"False\", \"reason\": \"KubeletNotReady\", \"message\": \"$no_cni\"}]}}" >/dev/null
}

wants_log() { # MACHINE
    hello "$1" 'done' && is "$(answer "$1" .kubeletLog)" true
}

describes() { # MACHINE TEXT
    "$slipway" describe machine "$1" | grep -F "$2"
}

failure_of() { # MACHINE
    object machine "$1" '"\(.status.failure.step): \(.status.failure.reason)"'
}

check_no_network() {
    local phase
    phase=$(object machine w2 .status.phase)
    printf '#!/bin/sh\necho "Container %s"\necho the last line\n' "$no_cni" >"$work/journalctl"
    chmod +x "$work/journalctl"
    soon "a machine that has joined without a Node says so" condition_is w2 NodeReady \
        "False NoNode: there is no Node of that name"
    kubectl create -f - <<<'{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "w2"}}' >/dev/null
    no_network w2
    soon "what its kubelet says is the Machine's" condition_is w2 NodeReady "False KubeletNotReady: $no_cni"
    ok "and described" describes w2 "$no_cni"
    ok "its phase is as it was" phase_is w2 "$phase"
    soon "when that lasts it is asked what its kubelet said last" wants_log w2
    say w2 kubelet 1 "$work/journalctl"
    ok "the Machine names the step" is "$(failure_of w2)" "CNI: NetworkPluginNotReady"
    ok "and shows the last lines" describes w2 'the last line'
    ok "an event does, too" sh -c "'$slipway' events machine/w2 | grep 'CNI: its Node is not Ready'"
    ok "it is not asked again" not wants_log w2
    crash
    ok "nor after a crash" not wants_log w2
    ok "which forgets nothing" is "$(failure_of w2)" "CNI: NetworkPluginNotReady"
    node_says w2 True
    soon "with a network it is Ready" phase_is w2 Ready
    ok "and that is forgotten" is "$(failure_of w2)" "null: null"
    ok "its condition is true" condition_is w2 NodeReady "True NodeReady: its Node is Ready"
}

check_control_plane() {
    ok "the second control plane waits for the first one's Node" waits cp2 cp1
    make_node cp1 >/dev/null
    soon "which becomes Ready" phase_is cp1 Ready
    soon "the second one waits for a third" waits_visibly cp2 \
        'waits for one more control plane: etcd needs a majority, so 2 members survive no more failures than 1; declare another one, or make this one a worker'
    address[cp3]=10.9.0.13
    declare_machine cp3 controlPlane demo kube >/dev/null
    soon "and is told to join when there is one to come" gets cp2 join
    ok "it gets the authority's key" test -s "$work/cp2/root/etc/kubernetes/pki/ca.key"
    crash
    ok "after a crash it carries on" is_busy cp2
    ok "with one task" attempts_are cp2 1
    hello cp2 'done'
    make_node cp2 >/dev/null
    soon "it is Ready" phase_is cp2 Ready
    soon "no token is left" no_tokens
    ok "the Cluster waits for two workers" is "$(object cluster demo .status.phase)" Degraded
}

check_api_server_away() {
    soon "a worker is told to join" gets w3 join
    hello w3 running preflight
    "$here/apiserver" --stop
    soon "an API server that is away is noticed" unavailable
    ok "nobody is told to join meanwhile" waits w4 'API server'
    ok "Machines stay Ready" phase_is w1 Ready
    hello w3 'done'
    crash
    ok "nor after a crash" waits w4 'API server'
    "$here/apiserver" --start
    soon "it is there again" available
    soon "the token of one that joined meanwhile is deleted" no_tokens
    soon "one that waited is told to join" gets w4 join
}

told_again() {
    hello w4 && is "$(answer w4 .action)" task
}

check_lost() {
    local before
    before=$(token_of w4)
    hello w4 lost
    soon "a task that did not arrive is told" tells w4 'the answer with the task did not arrive'
    soon "its token is deleted" secret_gone "$before"
    soon "a new one is given after a pause" told_again
    ok "with another token" test "$(token_of w4)" != "$before"
    ok "as its second" attempts_are w4 2
}

# As if the server had ended before it wrote down which Machine was to get it.
make_token() { # ID LABELS
    kubectl create -f - <<YAML
apiVersion: v1
kind: Secret
type: bootstrap.kubernetes.io/token
metadata: {name: bootstrap-token-$1, namespace: kube-system, labels: {$2},
    annotations: {slipway.dev/machine: w4}}
stringData: {token-id: $1, token-secret: abcdefghijklmnop, usage-bootstrap-authentication: "true"}
YAML
}

check_orphans() {
    local token
    token=$(token_of w4)
    kill_server
    make_token abcdef 'app.kubernetes.io/managed-by: slipway' >/dev/null
    make_token ghijkl 'app.kubernetes.io/managed-by: somebody' >/dev/null
    start_server
    soon "a token that no Machine holds is deleted" secret_gone abcdef
    ok "but not that of one that joins" kubectl -n kube-system get secret "bootstrap-token-${token%%.*}"
    ok "nor one that somebody else made" kubectl -n kube-system delete secret bootstrap-token-ghijkl
    address[w5]=10.9.0.25
    declare_machine w5 worker demo kube >/dev/null
    install_all w5
    soon "another machine is told to join" gets w5 join
    token=$(token_of w5)
    ok "it is deleted" "$slipway" delete machine w5
    soon "and so is its token" secret_gone "$token"
}

check_reject_joining() {
    local token
    token=$(token_of w4)
    "$slipway" reject w4 >/dev/null
    hello w4 running preflight
    ok "a machine that is rejected while it joins is told so" is "$(answer w4 .action)" reject
    ask rejected "$token" /O=system:nodes/CN=system:node:w4 >/dev/null 2>&1
    soon "its token is deleted" no_tokens
}

cordoned() {
    is "$(kubectl get node w2 -o 'jsonpath={.spec.unschedulable}')" true
}

evicted() {
    [ -n "$(kubectl get pod guest -o 'jsonpath={.metadata.deletionTimestamp}')" ]
}

check_reject() {
    kubectl create -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Pod
metadata: {name: guest, finalizers: [example.org/stay], ownerReferences: [
    {apiVersion: apps/v1, kind: ReplicaSet, name: guests, uid: "1", controller: true}]}
spec: {nodeName: w2, terminationGracePeriodSeconds: 0, containers: [{name: a, image: none}]}
YAML
    "$slipway" reject w2 >/dev/null
    soon "a member that is rejected is cordoned" cordoned
    soon "its pods are evicted" evicted
    ok "its Node stays until they are gone" kubectl get node w2
    crash
    ok "also after a crash" kubectl get node w2
    kubectl patch pod guest --type merge -p '{"metadata": {"finalizers": null}}' >/dev/null
    soon "then it is deleted" not kubectl get node w2
    soon "and told" tells w2 NodeDeleted
    ok "the Machine is Rejected" phase_is w2 Rejected
    request again client /O=system:nodes/CN=system:node:w2 |
        kubectl --as system:node:w2 --as-group system:nodes create -f - >/dev/null
    ok "it gets no certificate any more" verdict_is again Denied Rejected
}

check_kubeconfig() {
    ok "a kubeconfig is printed" sh -c "umask 077; '$slipway' kubeconfig demo >'$work/admin.conf'"
    ok "kubectl works with it" kubectl --kubeconfig "$work/admin.conf" get nodes
    ok "as administrator" kubectl --kubeconfig "$work/admin.conf" auth can-i '*' '*'
}

# A machine that names its Profile, which names the Cluster.
check_profile() {
    apply_profile demo >/dev/null
    "$slipway" apply -f - >/dev/null <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: p1}
spec: {macAddresses: ["$(mac_of p1)"], profile: rack, approved: true, installGeneration: 1}
YAML
    install_all p1
    soon "a machine is told to join the Cluster of its Profile" gets p1 join
    ok "which may not name another one then" refused 'spec.cluster: Machine p1 is a member of Cluster demo' \
        apply_profile other
    ok "nor may the machine" refused 'spec.cluster: it is a member of Cluster demo' spec_says machine p1 \
        '{"cluster": "other"}'
    hello p1 'done'
    make_node p1 >/dev/null
    soon "it becomes Ready" phase_is p1 Ready
}

# After a Cluster is gone the server has nothing to do: it sleeps, though a Machine's pause ends.
check_deleted() {
    local before after
    "$slipway" approve w4 >/dev/null
    hello w4 failed 'a test'
    ok "a machine whose task failed pauses" waits w4 'tries again in'
    "$slipway" delete cluster demo >/dev/null
    sleep 25
    before=$(sed -n 's/^voluntary_ctxt_switches:\t//p' "/proc/$server/status")
    sleep 3
    after=$(sed -n 's/^voluntary_ctxt_switches:\t//p' "/proc/$server/status")
    ok "a server whose Cluster was deleted sleeps: $((after - before)) wake-ups" \
        test $((after - before)) -lt 60
}

secrets() {
    local name
    cat "$work"/*.token
    for name in ca sa front-proxy-ca etcd/ca; do
        grep -v -e '-----' "$work/cp1/root/etc/kubernetes/pki/$name.key"
    done
    for name in cp1 w1; do cat "$work/$name/key"; done
}

check_log() {
    secrets >"$work/secrets"
    ok "there are secrets to look for" test "$(wc -l <"$work/secrets")" -gt 8
    ok "none of them is in the log" not grep -Ff "$work/secrets" "$log"
    check_sanitizers
}

keep_tokens() {
    local name
    for name in w1 w2 w3 w4 w5 cp2; do
        [ ! -d "$work/$name/root" ] || token_of $name | cut -d. -f2 >"$work/$name.token"
    done
}

prepare || { echo "Bail out! $(cat "$work/out")" && exit 1; }
check_install
check_init
start_apiserver >"$work/out" 2>&1 || { echo "Bail out! $(cat "$work/out")" && exit 1; }
soon "the API server answers" available
check_token
check_requests
check_end_of_token
check_nodes
check_no_network
check_control_plane
check_api_server_away
check_lost
check_orphans
check_reject_joining
check_reject
check_kubeconfig
check_profile
keep_tokens
check_deleted
check_stop
check_log
echo "1..$count"
[ $failed -eq 0 ]
