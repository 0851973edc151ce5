#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: upgrade.sh [SLIPWAY [NODE_PEER]]
#
# A cluster of three control planes and a worker is brought to an Image with the next Kubernetes,
# against a real etcd of three members and a real kube-apiserver; machines are played by node-peer, and
# the server is killed between the steps. Speaks TAP; exit status 77 when there is no Kubernetes to run.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/lib.bash"
address=([cp1]=$own [cp2]=10.9.0.12 [cp3]=10.9.0.13 [w1]=10.9.0.21)
next=v1.21.0
dns=k8s.gcr.io/coredns/coredns:v1.8.0

prepare() {
    local name
    prepare_rack
    for name in cp2 cp3; do ip addr add "${address[$name]}/24" dev rack; done
    declare_cluster demo $version 6443
    for name in cp1 cp2 cp3; do declare_machine $name controlPlane demo kube; done
    declare_machine w1 worker demo kube
    another_image next $next $dns
    spec cluster demo '{"rollout": {"minReadySeconds": 1}}'
} >"$work/out" 2>&1

# What kubeadm leaves in a cluster.
make_addons() {
    kubectl -n kube-system create configmap kubelet-config-1.20 --from-literal=kubelet=as-it-was &&
        kubectl -n kube-system create -f - <<YAML
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-proxy}
spec:
  selector: {matchLabels: {k8s-app: kube-proxy}}
  template:
    metadata: {labels: {k8s-app: kube-proxy}}
    spec: {containers: [{name: kube-proxy, image: "k8s.gcr.io/kube-proxy:$version"}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns}
spec:
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec: {containers: [{name: coredns, image: "k8s.gcr.io/coredns:1.7.0"}]}
YAML
}

# in_cluster KIND NAME JSONPATH EXPECTED
in_cluster() {
    is "$(kubectl -n kube-system get "$1" "$2" -o "jsonpath=$3")" "$4"
}

configuration_says() { # TEXT
    kubectl -n kube-system get configmap kubeadm-config -o 'jsonpath={.data.ClusterConfiguration}' |
        grep -q "$1"
}

keeps_status() {
    kubectl -n kube-system get configmap kubeadm-config -o 'jsonpath={.data.ClusterStatus}' | grep -q cp3
}

may_read() { # CONFIGMAP
    kubectl -n kube-system get role slipway:kubeadm-config -o json |
        jq -e --arg name "$1" '.rules[0].resourceNames | index($name)'
}

image_of='{.spec.template.spec.containers[0].image}'
strategy='{.spec.updateStrategy.type}'

check_prepared() {
    ok "an Image with the next Kubernetes is refused, unless that is asked for" \
        refused "holds Kubernetes $next" "$slipway" rollout image next
    ok "an upgrade begins" "$slipway" rollout image next --upgrade
    soon "kubelets' configuration is there for the next version" in_cluster configmap kubelet-config-1.21 \
        '{.data.kubelet}' as-it-was
    soon "kubeadm's is of the next version" configuration_says "^kubernetesVersion: $next"
    ok "and keeps the list of API servers" keeps_status
    soon "kube-proxy is of the next version" in_cluster daemonset kube-proxy "$image_of" \
        k8s.gcr.io/kube-proxy:$next
    ok "where a Pod is new" in_cluster daemonset kube-proxy "$strategy" OnDelete
    soon "who joins may read all of it" may_read kubelet-config-1.21
    ok "CoreDNS is left as it is" in_cluster deployment coredns "$image_of" k8s.gcr.io/coredns:1.7.0
    soon "the first control plane is next" image_is cp1 next
    crash
    ok "the others have to wait" image_is cp2 kube
}

# A control plane leaves etcd, is installed anew, and joins with an etcd that has nothing.
renew() { # MACHINE
    is_installed_anew "$1" || return 1
    rm -rf "$KUBE_FOLDER/etcd-$1"
    joins "$1"
}

check_control_planes() {
    local name
    for name in cp1 cp2 cp3; do
        soon "$name is next" image_is $name next
        ok "it is installed anew and joins" renew $name
        crash
    done
    ok "etcd has all three" members_are cp2 'cp1 cp2 cp3'
    soon "CoreDNS follows" in_cluster deployment coredns "$image_of" $dns
    ok "kube-proxy is let alone still" in_cluster daemonset kube-proxy "$strategy" OnDelete
    ok "and the cluster runs the old version" is "$(object cluster demo .status.kubernetesVersion)" $version
}

check_worker() {
    soon "then comes the worker" image_is w1 next
    soon "it is installed anew" is_installed_anew w1
    soon "and joins" joins w1
    soon "all have it" rollout_is Complete
    soon "the cluster runs the next version" runs $next
    ok "kube-proxy is looked after as before" in_cluster daemonset kube-proxy "$strategy" RollingUpdate
    ok "nothing is left behind" in_cluster daemonset kube-proxy \
        '{.metadata.annotations.slipway\.dev/update-strategy}' ''
}

runs() { # VERSION
    is "$(object cluster demo .status.kubernetesVersion)" "$1"
}

# Events of a rollout that came to its end.
completions() {
    "$slipway" get events -o json | jq '[.items[] | select(.reason == "RolloutComplete")] | length'
}

check_again() {
    local before
    before=$(completions)
    ok "that it is complete is told" test "$before" -ge 1
    crash
    soon "a new server is asked to look at the cluster" spec cluster demo '{"joinPolicy": {"tokenTTLSeconds": 700}}'
    soon "and does" observed
    ok "the rollout is still complete" rollout_is Complete
    ok "which is not told again" is "$(completions)" "$before"
}

# The server has worked on the Cluster as it is now.
observed() {
    object cluster demo '.status.observedGeneration == .metadata.generation' | grep -q true
}

check_back() {
    ok "it is not undone" refused "cannot go back from $next" "$slipway" rollout undo
    ok "nor skips a version" not spec cluster demo '{"kubernetesVersion": "v1.23.0"}'
}

prepare || { echo "Bail out! $(cat "$work/out")" && exit 1; }
install_all cp1 cp2 cp3 w1
form_three >"$work/out" 2>&1 || { echo "Bail out! $(cat "$work/out")" && tail -n 20 "$log" && exit 1; }
for name in cp2 cp3 w1; do
    joins $name >"$work/out" 2>&1
    result $? "$name joins"
done
make_addons >"$work/out" 2>&1 || { echo "Bail out! $(cat "$work/out")" && exit 1; }
check_prepared
check_control_planes
check_worker
check_again
check_back
check_end
echo "1..$count"
[ $failed -eq 0 ]
