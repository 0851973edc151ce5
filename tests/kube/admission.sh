#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: admission.sh [SLIPWAY [NODE_PEER]]
#
# Machines, Profiles and Clusters that contradict each other, against a real server: what is certain is
# refused with the path of the field, what may still change is seen in conditions and answers. All of it
# runs in namespaces of its own. Speaks TAP; exit status 77 when there is no Kubernetes to run.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/lib.bash"
address=([cp1]=$own [cp2]=10.9.0.12 [cp3]=10.9.0.13 [w1]=10.9.0.21 [w2]=10.9.0.22 [w3]=10.9.0.23
    [p1]=10.9.0.31)

prepare() {
    prepare_rack
    declare_cluster demo $version 6443
    declare_cluster other v1.21.0 6444
} >"$work/out" 2>&1

image_ready() {
    is "$(object image kube '.status.conditions[] | select(.type == "Ready") | .status')" True
}

condition() { # CLUSTER: what is wrong with its members, or "valid"
    object cluster "$1" '.status.conditions[] | select(.type == "MembersValid") |
        if .status == "True" then "valid" else .message end'
}

condition_is() { # CLUSTER TEXT
    local found
    found=$(condition "$1")
    echo "$found"
    [[ $found == *"$2"* ]]
}

with_address() { # MACHINE ADDRESS
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: $1}
spec:
  macAddresses: ["$(mac_of "$1")"]
  role: worker
  cluster: demo
  network: {address: $2}
YAML
}

check_images() {
    soon "the Image is looked at" image_ready
    ok "an Image of another version is refused" refused \
        'spec.image: Image kube holds Kubernetes v1.20.2, and Cluster other wants v1.21.0' \
        declare_machine w1 worker other kube
    ok "one without Kubernetes, too" refused \
        'spec.image: Image plain holds no Kubernetes, and Cluster demo wants v1.20.2' \
        declare_machine w1 worker demo plain
    ok "nothing of it was kept" not "$slipway" get machine w1
    ok "a machine without a role takes any" declare_machine w1 none demo plain
    ok "but not when it gets one" refused spec.image spec_says machine w1 '{"role": "worker"}'
    "$slipway" delete machine w1 >/dev/null
    ok "the fitting one is taken" declare_machine w1 worker demo kube
    ok "its Cluster may not want another version then" refused \
        'spec.kubernetesVersion: Image kube of Machine w1 holds Kubernetes v1.20.2' \
        spec_says cluster demo '{"kubernetesVersion": "v1.21.0"}'
    ok "nor another container runtime" refused \
        'holds containerd, and Cluster demo wants crio' \
        spec_says cluster demo '{"containerRuntime": "crio"}'
}

check_addresses() {
    ok "an address among the Pods' is refused" refused 'spec.network.address: Cluster demo: spec.networking.podSubnet holds' \
        with_address w2 10.244.3.4/24
    ok "and one among the Services'" refused 'spec.networking.serviceSubnet' with_address w2 10.96.3.4/24
    ok "another one is taken" with_address w2 10.9.0.22/24
    ok "but not twice" refused 'Machine w2 has the same address' with_address w3 10.9.0.22/24
    ok "a Cluster's subnet may not hold it" refused \
        'spec.networking.podSubnet: holds 10.9.0.22, the address of Machine w2' \
        spec_says cluster demo '{"networking": {"podSubnet": "10.9.0.0/16"}}'
    ok "nor be its virtual address" refused 'spec.controlPlaneEndpoint.virtualIP.address' \
        spec_says cluster demo '{"controlPlaneEndpoint": {"host": null, "virtualIP": {"address": "10.9.0.22"}}}'
    ok "what does not change is not looked at" spec_says machine w2 '{"approved": true}'
}

check_members() {
    soon "no control plane: the Cluster says so" condition_is demo 'no Machine has the role controlPlane'
    declare_machine cp1 controlPlane demo kube >/dev/null
    soon "with one it is valid" condition_is demo valid
    declare_machine cp2 controlPlane demo kube >/dev/null
    soon "two are no more than one" condition_is demo '2 control planes survive no more failures than 1'
    declare_machine cp3 controlPlane demo kube >/dev/null
    soon "three are" condition_is demo valid
    spec cluster demo '{"scheduler": {"extraArgs": {"leader-elect": "false"}}}'
    soon "several have to elect a leader" condition_is demo \
        'spec.scheduler.extraArgs: leader-elect is off, and 3 control planes have to elect a leader'
    spec cluster demo '{"scheduler": {"extraArgs": {"leader-elect": null}}}'
    spec cluster demo '{"controlPlaneEndpoint": {"host": "10.9.0.12"}}'
    spec machine cp2 '{"network": {"address": "10.9.0.12/24"}}'
    soon "several need an endpoint that lasts" condition_is demo \
        'spec.controlPlaneEndpoint: 3 control planes need an endpoint that outlives each of them'
}

effective_is() { # MACHINE EXPECTED: image, cluster and role that hold
    is "$(object machine "$1" '[.status.image, .status.cluster, .status.role] | join(" ")')" "$2"
}

check_profile() {
    ok "a Profile names a Cluster" apply_profile demo
    "$slipway" apply -f - >/dev/null <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: p1}
spec: {macAddresses: ["$(mac_of p1)"], profile: rack, installGeneration: 1}
YAML
    soon "its Machine is of that Cluster" effective_is p1 'kube demo worker'
    ok "which counts it" is "$("$slipway" get cluster demo -o json | jq .status.workers.total)" 3
    install_all p1
    ok "and which it waits for" waits p1 'waits for a control plane that can initialise the cluster'
    apply_profile other >/dev/null
    soon "with the Profile it goes elsewhere" effective_is p1 'kube other worker'
    soon "where its Image does not fit" condition_is other 'no Machine has the role controlPlane'
}

prepare || { echo "Bail out! $(cat "$work/out")" && exit 1; }
check_images
check_addresses
check_members
check_profile
check_end
echo "1..$count"
[ $failed -eq 0 ]
