# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What the tests with whole clusters share, on top of tests/vm/lib.bash.

load ../vm/lib

# shellcheck disable=SC2034  # begin() reads it
image=debian-12-kubernetes

# begin_cluster [SPEC...]: a sandbox with the server, the Network and the Cluster "demo"; each argument is one
# more line under its spec.
begin_cluster() {
    begin
    {
        cat <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: Network
metadata: {name: demo}
spec:
  subnet: 10.77.0.0/24
  mode: authoritative
  ranges: [{start: 10.77.0.100, end: 10.77.0.199}]
  unknownClients: serve
---
apiVersion: slipway.dev/v1alpha1
kind: Cluster
metadata: {name: demo}
spec:
  kubernetesVersion: v1.20.2
  dns: {enabled: false}
  joinPolicy: {joinTimeoutSeconds: 3600}
  # what it counts a thousand times a second for its fairness is most of what an emulated API server does
  apiServer: {extraArgs: {enable-priority-and-fairness: "false"}}
  # on a slow host they lose their leases, end, and start anew, which makes it slower still
  controllerManager: {extraArgs: {leader-elect: "false"}}
  scheduler: {extraArgs: {leader-elect: "false"}}
YAML
        [ $# = 0 ] || printf '  %s\n' "$@"
    } | "$SLIPWAY" apply -f -
}

# register_member NAME ROLE ADDRESS: the sandbox's machine of that name is to be a member.
register_member() {
    register "$1" "image: $image" 'cluster: demo' "role: $2" "network: {address: $3/24}"
}

# new_member NAME ROLE ADDRESS OPTIONS: a blank machine that is to be one, powered off.
new_member() {
    "$SLIPWAY" sandbox up --off -m "$1,$4,disk=12Gi"
    register_member "$1" "$2" "$3"
}

# The version that the clusters are upgraded to.
next=v1.21.0

build_next_image() {
    run tests/acceptance/next-image "$SLIPWAY" "$IMAGES"
    [ "$status" -ne 77 ] || skip "$output"
    echo "$output"
    [ "$status" -eq 0 ]
    declare_image kubernetes-next
}

# in_kube_system KIND/NAME JSONPATH
in_kube_system() {
    kubectl_in -n kube-system get "$1" -o "jsonpath=$2"
}

# upgraded NODES: all of the cluster runs the next Kubernetes.
upgraded() {
    local versions
    versions=$(printf " $next%.0s" $(seq "$1"))
    [ "$("$SLIPWAY" get cluster demo -o json | jq -r .status.kubernetesVersion)" = $next ]
    run -0 kubectl_in get nodes -o 'jsonpath={.items[*].status.nodeInfo.kubeletVersion}'
    [ "$output" = "${versions# }" ]
    run -0 kubectl_in get --raw /version
    [ "$(jq -r .gitVersion <<<"$output")" = $next ]
    run -0 in_kube_system daemonset/kube-proxy '{.spec.updateStrategy.type} {.spec.template.spec.containers[0].image}'
    [[ $output == "RollingUpdate "*":$next" ]]
    wait_for 300 proxies_run "$1 $1"
}

proxies_run() { # "UPDATED READY"
    [ "$(in_kube_system daemonset/kube-proxy '{.status.updatedNumberScheduled} {.status.numberReady}')" = "$1" ]
}

# The administrator's access, as kubectl_in takes it.
write_admin_config() {
    (umask 077 && "$SLIPWAY" kubeconfig >"$BATS_FILE_TMPDIR/admin.conf")
}

kubectl_in() {
    "$SLIPWAY" sandbox exec -- "$PWD/build/kubernetes/v1.20.2/bin/kubectl" \
        --kubeconfig "$BATS_FILE_TMPDIR/admin.conf" "$@"
}

# nodes_ready N: exactly so many Nodes are Ready.
nodes_ready() {
    [ "$(kubectl_in get nodes --no-headers 2>/dev/null | grep -c ' Ready ')" = "$1" ]
}

# pod_on NODE: a Pod there that serves its own name over HTTP.
pod_on() {
    kubectl_in apply -f - <<YAML
apiVersion: v1
kind: Pod
metadata: {name: on-$1}
spec:
  nodeName: $1
  tolerations: [{operator: Exists}]
  terminationGracePeriodSeconds: 1
  containers:
    - name: serve
      image: slipway.dev/busybox:demo
      imagePullPolicy: Never
      command: [sh, -c, "mkdir /www && hostname >/www/index.html && exec httpd -f -p 8080 -h /www"]
YAML
}
