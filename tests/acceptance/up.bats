#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A cluster without Slipway's server: two installed machines, of which the server knows no Cluster,
# become one by `slipway-node up`: the first seeds, the second is told SEEDER, TOKEN and CA_CERT_HASH.

load ../vm/lib

setup_file() {
    # shellcheck disable=SC2034  # begin() reads it
    image=debian-12-kubernetes
    begin
    new_machine control-plane memory=4Gi,disk=12Gi 'image: debian-12-kubernetes' \
        'network: {address: 10.77.0.11/24}'
    new_machine worker firmware=uefi,memory=2Gi,disk=12Gi 'image: debian-12-kubernetes' \
        'network: {address: 10.77.0.12/24}'
    power on control-plane
    power on worker
}

teardown_file() {
    end
}

teardown() {
    show_failure
    if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
        for name in control-plane worker; do
            echo "--- journal of $name"
            on_machine "$name" journalctl --no-pager -u slipway-node-up -n 25 || true
        done
    fi
}

# put NAME FILE: standard input becomes that file, which only root reads.
put() {
    on_machine "$1" "umask 077; mkdir -p \"\$(dirname $2)\"; cat >$2"
}

kubectl_there() {
    on_machine control-plane kubectl --kubeconfig /etc/kubernetes/admin.conf "$@"
}

nodes_ready() {
    [ "$(kubectl_there get nodes --no-headers 2>/dev/null | grep -c ' Ready ')" = "$1" ]
}

# from_join FIELD: of what the seeder keeps for joining nodes.
from_join() {
    on_machine control-plane cat /var/lib/slipway-node/cluster/join.yaml | sed -n "s/^$1: \"\(.*\)\"/\1/p"
}

@test "acceptance: two machines run, and are in no cluster" {
    wait_phase control-plane Running 900
    wait_phase worker Running 600
    wait_for 120 ssh_works control-plane
    wait_for 120 ssh_works worker
    # its unit does nothing without a configuration
    run on_machine worker systemctl is-active slipway-node-up
    [ "$output" = inactive ]
}

@test "acceptance: a host that names no seeder is it, and Ready when up ends" {
    put control-plane /etc/slipway/node.yaml <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: NodeConfiguration
labels: {rack: r1}
cluster:
  dns: {enabled: false}
YAML
    on_machine control-plane systemctl start slipway-node-up
    # it was Ready when that ended; an emulated API server may be restarted meanwhile
    wait_for 300 nodes_ready 1
    [ "$(kubectl_there get node control-plane -o 'jsonpath={.metadata.labels.rack}')" = r1 ]
    [ "$(on_machine control-plane stat -c %a /var/lib/slipway-node/cluster/join.yaml)" = 600 ]
}

@test "acceptance: SEEDER and TOKEN make another host a node of it" {
    put worker /etc/slipway/node.yaml <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: NodeConfiguration
YAML
    put worker /etc/default/slipway-node-up <<TEXT
SEEDER=10.77.0.11
TOKEN=$(from_join token)
CA_CERT_HASH=$(from_join caCertHash)
TEXT
    on_machine worker systemctl start slipway-node-up
    wait_for 300 nodes_ready 2
}

@test "acceptance: pods on both nodes reach one another" {
    pods_there() { kubectl_there apply -f - <"$PWD/examples/cluster/pods.yaml"; }
    wait_for 300 pods_there
    pods_ready() { kubectl_there wait --for=condition=Ready pod --all --timeout=100s; }
    wait_for 400 pods_ready
    address=$(kubectl_there get pod on-worker -o 'jsonpath={.status.podIP}')
    reached() {
        [ "$(kubectl_there exec on-control-plane -- timeout 20 wget -q -O - "http://$address:8080/")" = on-worker ]
    }
    wait_for 120 reached
}

@test "acceptance: the token is in no journal and in nobody's environment or arguments" {
    secret=$(from_join token | cut -d. -f2)
    [ ${#secret} = 16 ]
    for name in control-plane worker; do
        run on_machine "$name" journalctl --no-pager
        [ "$status" = 0 ]
        [[ $output != *"$secret"* ]]
        run on_machine "$name" "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -v '^grep' | grep -c -F $secret | cat"
        # only the command that looks for it
        [ "$output" -le 2 ]
    done
}

@test "acceptance: reset undoes it, and up makes it a node again" {
    on_machine worker slipway-node reset --force
    on_machine worker '! test -e /etc/kubernetes/kubelet.conf'
    on_machine worker '! test -e /etc/kubernetes/slipway-podnet.json'
    not_ready() { ! nodes_ready 2; }
    wait_for 180 not_ready
    gone() { kubectl_there delete node worker --ignore-not-found; }
    wait_for 120 gone
    on_machine worker systemctl restart slipway-node-up
    wait_for 300 nodes_ready 2
}
