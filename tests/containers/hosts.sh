#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: HOST_IMAGES=FOLDER hosts.sh [SLIPWAY [NODE_PEER]]
#
# Prepared hosts, of which the server knows no Cluster, become one by what deploy/ and examples/ have for them:
# the first and the second by user-data for cloud-init, the third by slipway-node in a container that podman
# runs. What runs on the machines is real, see machine.bash; their Image is of host-image. Speaks TAP; exit
# status 77 when that cannot run here.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/../kube/lib.bash"
# shellcheck source=tests/containers/machine.bash
. "$here/../containers/machine.bash"

address=([seeder]=10.9.0.11 [node1]=10.9.0.21 [node2]=10.9.0.22)
images=${HOST_IMAGES:?} image=kubernetes-host
source=$(realpath "$here/../..")

prepare() {
    local name
    prepare_rack
    prepare_containers || return 1
    for name in seeder node1 node2; do declare_machine_of_image "$name"; done
} >"$work/out" 2>&1

# user_data MACHINE: standard input is what cloud-init finds there, in the folder of its source NoCloud.
user_data() {
    local folder=$work/$1/files/var/lib/cloud/seed/nocloud
    mkdir -p "$folder"
    cat >"$folder/user-data"
    echo "instance-id: $1" >"$folder/meta-data"
}

begin_seeder() {
    user_data seeder <"$source/examples/cloud-init/seeder.yaml"
    power_on seeder
}

seeder_is_ready() {
    on_machine seeder systemctl is-active slipway-node-up &&
        (umask 077 && on_machine seeder cat /etc/kubernetes/admin.conf >"$work/admin.conf") && nodes_ready 1
}

begin_node1() {
    sed -e "s/seeder: .*/seeder: ${address[seeder]}/" \
        -e "s/caCertHash: .*/caCertHash: \"$(from_join seeder caCertHash)\"/" \
        "$source/examples/cloud-init/joiner.yaml" | user_data node1
    power_on node1
}

by_cloud_init() { # MACHINE
    on_machine "$1" cloud-init status --long && on_machine "$1" cloud-init status | grep -x 'status: done'
}

# As the Containerfile says. Its unit takes the place of the Image's own.
build_container() {
    put node2 /root/Containerfile <"$source/deploy/container/Containerfile" &&
        put node2 /etc/systemd/system/slipway-node-up.service <"$source/deploy/container/slipway-node-up.service" &&
        on_machine node2 "mkdir /root/build && cp /usr/bin/slipway-node /root/build &&
            podman build -t localhost/slipway-node -f /root/Containerfile /root/build &&
            rm -r /root/build && systemctl daemon-reload"
}

begin_node2() {
    put node2 /etc/slipway/node.yaml <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: NodeConfiguration
YAML
    put node2 /etc/default/slipway-node-up <<TEXT
SEEDER=${address[seeder]}
TOKEN=$(from_join seeder token)
CA_CERT_HASH=$(from_join seeder caCertHash)
TEXT
    on_machine node2 systemctl enable --now slipway-node-up
}

podman_ran_it() {
    on_machine node2 journalctl --no-pager -o export >"$work/journal"
    grep -a 'MESSAGE=info: Node node2 is Ready' -B 100 "$work/journal" | grep -a '_SYSTEMD_UNIT=slipway-node-up.service'
    grep -a 'image=localhost/slipway-node' "$work/journal"
}

token_is_not_in_the_journal() {
    local token
    token=$(from_join seeder token)
    is ${#token} 23 && not grep -aF "${token#*.}" "$work/journal"
}

is_no_node() { # MACHINE
    on_machine "$1" '! test -e /etc/kubernetes/kubelet.conf && ! test -e /etc/kubernetes/slipway-podnet.json &&
        ! grep /var/lib/kubelet/pods /proc/mounts'
}

# As the Containerfile says.
reset_by_podman() {
    on_machine node2 podman run --rm --privileged --net=host --pid=host --entrypoint=/usr/bin/slipway-node \
        localhost/slipway-node reset --host --force && is_no_node node2
}

# ---- the test ----

skip_without_containers
ok "a server, and an Image's disk" prepare || bail_out "nothing to start from"
begin_seeder
by "cloud-init makes the first host a cluster" 400 seeder_is_ready || bail_out "no cluster"
ok "it finds nothing wrong in that" by_cloud_init seeder
begin_node1
power_on node2
by "cloud-init makes the second a node of it" 300 nodes_ready 2
ok "it finds nothing wrong in that" by_cloud_init node1
by "a third runs" 120 phase_is node2 Running || bail_out "no third machine"
ok "podman builds a container of slipway-node" build_container
ok "it makes the third a node, and ends when it is one" begin_node2 || show_machines
by "all are Ready" 60 nodes_ready 3
ok "podman ran it" podman_ran_it
ok "the token is not in the journal" token_is_not_in_the_journal
ok "a reset in the container undoes it" reset_by_podman || show_machines
ok "the administrator deletes its Node" admin delete node node2
ok "the unit makes it a node again" on_machine node2 systemctl restart slipway-node-up
by "all are Ready again" 60 nodes_ready 3
check_end

echo "1..$count"
[ $failed -eq 0 ]
