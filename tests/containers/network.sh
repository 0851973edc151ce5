#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: network.sh [SLIPWAY [NODE_PEER]]
#
# The network between Pods is a manifest's, not the built-in one: its Pods have to run on Nodes that are not
# Ready before there is a network, and make them so. A mock in this: the projects' own container images are not
# to be had from Debian, so busybox does what flannel does with plain routes, for two machines only. What runs
# on the machines is real, see machine.bash. Speaks TAP; exit status 77 when that cannot run here.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/../kube/lib.bash"
# shellcheck source=tests/containers/machine.bash
. "$here/../containers/machine.bash"

address=([control-plane]=10.9.0.11 [worker]=10.9.0.21)
declare -A other=([control-plane]=worker [worker]=control-plane)
declare -A pods=([control-plane]=10.244.0.0/24 [worker]=10.244.1.0/24)

# network_of MACHINE: what a DaemonSet of flannel does there
network_of() {
    cat <<YAML
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: network-$1, namespace: network}
spec:
  selector: {matchLabels: {app: network-$1}}
  template:
    metadata: {labels: {app: network-$1}}
    spec:
      hostNetwork: true
      nodeSelector: {kubernetes.io/hostname: $1}
      tolerations: [{operator: Exists}]
      containers:
        - name: network
          image: "{{ .cniImage }}"
          imagePullPolicy: Never
          securityContext: {privileged: true}
          command:
            - sh
            - -ec
            - |
              ip route replace ${pods[${other[$1]}]} via ${address[${other[$1]}]}
              echo '{"cniVersion": "0.4.0", "name": "by-manifest", "plugins": [{"type": "bridge",
                "bridge": "cni0", "isGateway": true, "ipMasq": false, "ipam": {"type": "host-local",
                "ranges": [[{"subnet": "${pods[$1]}"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}' >/net.d/part
              mv /net.d/part /net.d/10-by-manifest.conflist
              exec sleep 1000000
          volumeMounts: [{name: net, mountPath: /net.d}]
      volumes: [{name: net, hostPath: {path: "{{ .cniConfDir }}"}}]
YAML
}

write_manifest() {
    {
        printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: network}\n'
        network_of control-plane
        network_of worker
    } >"$work/network.yaml"
}

prepare() {
    write_manifest
    prepare_rack
    prepare_containers || return 1
    declare_demo "cni: {driver: flannel, manifest: $work/network.yaml, image: 'slipway.dev/busybox:demo'}"
    declare_node control-plane controlPlane
    declare_node worker worker
} >"$work/out" 2>&1

networks_of() { # MACHINE: what it knows of networks
    on_machine "$1" 'ls /etc/cni/net.d; systemctl is-active slipway-podnet'
}

# ---- the test ----

skip_without_containers
ok "a server, an Image's disk, and a network's manifest" prepare || bail_out "nothing to start from"
for name in control-plane worker; do
    power_on "$name"
done
for name in control-plane worker; do
    by "$name is Ready" 400 phase_is "$name" Ready || bail_out "no cluster"
    ok "by the manifest's network" is "$(networks_of "$name")" $'10-by-manifest.conflist\ninactive'
done
ok "there is an administrator's kubeconfig" kubeconfig_is_written
by "both Nodes are Ready" 60 nodes_ready 2
ok "Pods are made for both" make_pods
by "they run" 120 pods_run
by "the one on the worker reaches the other" 30 reaches worker control-plane
by "and the other way round" 30 reaches control-plane worker
check_end

echo "1..$count"
[ $failed -eq 0 ]
