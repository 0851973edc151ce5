#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What Slipway tells kubeadm, read and acted on by the real one: the golden files of its v1beta2
# configuration are taken without a complaint, and do what they are for. Skipped where
# tools/kubernetes has not made a Kubernetes of that API.

setup() {
    bats_require_minimum_version 1.5.0
    : "${KUBERNETES_FOLDER:=$BATS_TEST_DIRNAME/../../build/kubernetes/v1.20.2}"
    [ -f "$KUBERNETES_FOLDER/VERSION" ] || skip "no Kubernetes: tools/kubernetes makes it"
    [ "$(cat "$KUBERNETES_FOLDER/VERSION")" = v1.20.2 ] || skip "the golden files are for v1.20.2"
    export KUBERNETES_FOLDER TMPDIR=$BATS_TEST_TMPDIR
    export GOLDEN=$BATS_TEST_DIRNAME/../../src/cluster/golden
    export CONFIG=/var/lib/slipway-node/cluster/kubeadm.yaml
}

# as_machine FILE [COMMAND...]: runs the script on stdin where /etc and /var/lib are a machine's that
# got the files of that golden task; COMMAND goes before it. $output has what it wrote.
as_machine() {
    local file=$1 script=$BATS_TEST_TMPDIR/script
    shift
    cat >"$BATS_TEST_TMPDIR/enter" <<'SCRIPT'
set -euo pipefail
cp -a /etc "$TMPDIR/etc" 2>/dev/null || true
mount --bind "$TMPDIR/etc" /etc
mount -t tmpfs none /var/lib
rm -rf /etc/kubernetes
awk '/^# arguments: /{next} /^# file: /{f=$4; folder=f; sub("/[^/]*$", "", folder)
     system("mkdir -p " folder); next} {print >f}' "$1"
PATH=$KUBERNETES_FOLDER/bin:$PATH
# as the task has them, one per word
arguments=$(sed -n 's/^# arguments: //p' "$1" | jq -r '.[]')
. "$2"
SCRIPT
    cat >"$script"
    run timeout 300 "$@" unshare --map-root-user --mount bash "$BATS_TEST_TMPDIR/enter" \
        "$GOLDEN/$file" "$script"
    echo "$output"
}

@test "every file is read, and nothing in it is unknown" {
    local file
    for file in "$GOLDEN"/v1beta2-*; do
        as_machine "$(basename "$file")" <<'SCRIPT'
kubeadm config migrate --old-config $CONFIG --new-config /var/lib/new
# what kubeadm does not know it only warns about
echo "defaults and ours: $(wc -l </var/lib/new) lines"
SCRIPT
        [ "$status" -eq 0 ]
        [[ $output == "defaults and ours: "* ]]
    done
}

@test "kubeadm would complain about a field that it does not know" {
    as_machine v1beta2-init-plain.yaml <<'SCRIPT'
sed -i 's/^controlPlaneEndpoint:/controlPlaneEndpiont:/' $CONFIG
kubeadm config migrate --old-config $CONFIG --new-config /var/lib/new
SCRIPT
    [[ $output == *"controlPlaneEndpiont"* ]]
}

@test "an init with nothing said" {
    as_machine v1beta2-init-plain.yaml unshare --map-root-user --net <<'SCRIPT'
kubeadm $arguments --dry-run
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"--advertise-address=10.0.0.1"* ]]
    [[ $output == *"--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt"* ]]
    [[ $output == *"--cluster-cidr=10.244.0.0/16"* ]]
    [[ $output == *"serverTLSBootstrap: true"* ]]
    [[ $output == *"cgroupDriver: systemd"* ]]
    [[ $output == *"--container-runtime-endpoint=unix:///run/containerd/containerd.sock"* ]]
    # CoreDNS is wanted here
    [[ $output == *'Resource name: "coredns"'* || $output == *"name: coredns"* ]]
}

@test "the keys that kubeadm makes are ECDSA" {
    as_machine v1beta2-init-plain.yaml unshare --map-root-user --net <<'SCRIPT'
kubeadm init phase certs all --config $CONFIG >/dev/null
for name in apiserver apiserver-etcd-client front-proxy-client etcd/server etcd/peer; do
    openssl pkey -in /etc/kubernetes/pki/$name.key -noout -text | grep 'NIST CURVE: P-256'
done | uniq -c | xargs
SCRIPT
    [ "$status" -eq 0 ]
    [ "$output" = "5 NIST CURVE: P-256" ]
}

@test "an init with everything said" {
    as_machine v1beta2-init-whole.yaml unshare --map-root-user --net <<'SCRIPT'
kubeadm $arguments --skip-phases=preflight,bootstrap-token,addon/coredns --dry-run
SCRIPT
    [ "$status" -eq 0 ]
    local text
    for text in --oidc-issuer-url=https://k.example.com:32000 --oidc-username-claim=sub \
        --oidc-ca-file=/etc/kubernetes/certificates/oidc-ca.crt \
        --enable-admission-plugins=NodeRestriction,PodSecurityPolicy \
        --feature-gates=EphemeralContainers=true,TTLAfterFinished=false \
        --service-cluster-ip-range=172.24.0.0/16 --max-pods=20 "TTLAfterFinished: false" \
        "clusterDomain: k.example" registry.example/k/kube-apiserver:v1.20.2 \
        'apiserver serving cert is signed for DNS names [*.k.example api.example.com k.example.com' \
        'etcd/server serving cert is signed for DNS names [e.example ' \
        'etcd/peer serving cert is signed for DNS names [localhost node1 p.example]'; do
        [[ $output == *"$text"* ]] || {
            echo "missing: $text"
            return 1
        }
    done
    [[ $output != *"name: coredns"* ]]
}

@test "an init makes no token, and nothing that approves certificate requests" {
    as_machine v1beta2-init-plain.yaml unshare --map-root-user --net <<'SCRIPT'
kubeadm $arguments --dry-run
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"name: kubeadm:nodes-kubeadm-config"* ]] # it shows what it would make
    [[ $output != *approve* ]]
    [[ $output != *cluster-info* ]]
    [[ $output != *"name: bootstrap-token-"* ]]
    ! grep -E '\b[a-z0-9]{6}\.[a-z0-9]{16}\b' <<<"$output"
}

@test "kubeadm by itself would make both" {
    as_machine v1beta2-init-plain.yaml unshare --map-root-user --net <<'SCRIPT'
kubeadm init --config $CONFIG --skip-phases=preflight --dry-run
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *approve* ]]
    [[ $output == *"name: bootstrap-token-"* ]]
}

# The cluster's side: what an init leaves in it, a token of Slipway's group, and what that may read.
cluster=$(
    cat <<'SCRIPT'
export KUBECONFIG=$KUBE_FOLDER/admin.conf
awk '/^# file: .*kubeadm.yaml/{on=1; next} /^# file:/{on=0} on' "$GOLDEN/v1beta2-init-plain.yaml" |
    sed 's/^controlPlaneEndpoint:.*/controlPlaneEndpoint: 127.0.0.1:6443/' >/var/lib/init.yaml
kubectl create -f - <<YAML
apiVersion: v1
kind: Node
metadata: {name: node1, labels: {kubernetes.io/hostname: node1}}
YAML
kubeadm init phase upload-config all --config /var/lib/init.yaml --kubeconfig "$KUBECONFIG"
kubectl create -f - <<YAML
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-abcdef, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData:
  token-id: abcdef
  token-secret: 0123456789abcdef
  usage-bootstrap-authentication: "true"
  auth-extra-groups: "system:bootstrappers:slipway"
YAML
group=system:bootstrappers:slipway
kubectl create clusterrolebinding slipway --clusterrole=system:node-bootstrapper --group=$group
kubectl create clusterrole slipway:get-nodes --verb=get --resource=nodes
kubectl create clusterrolebinding slipway:get-nodes --clusterrole=slipway:get-nodes --group=$group
kubectl -n kube-system create role slipway --verb=get --resource=configmaps \
    --resource-name=kubeadm-config --resource-name=kubelet-config-1.20 --resource-name=kube-proxy
kubectl -n kube-system create rolebinding slipway --role=slipway --group=$group
# the discovery file leads here
discovery=/var/lib/slipway-node/cluster/discovery.conf
sed -i "s|server:.*|server: $KUBE_URL|
    s|certificate-authority-data:.*|certificate-authority-data: $(base64 -w 0 "$KUBE_CA")|" $discovery
SCRIPT
)

@test "a worker finds the cluster by its file, and may read what it needs and no more" {
    as_machine v1beta2-join-worker-plain.yaml "$BATS_TEST_DIRNAME/apiserver" <<SCRIPT
$cluster
kubeadm join phase preflight --config \$CONFIG --ignore-preflight-errors=all
reader=(--kubeconfig /dev/null --server "\$KUBE_URL" --certificate-authority "\$KUBE_CA"
    --token abcdef.0123456789abcdef -n kube-system)
kubectl "\${reader[@]}" auth can-i list configmaps || true
kubectl "\${reader[@]}" auth can-i get secrets || true
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"[preflight] Reading configuration from the cluster..."* ]]
    [[ $output == *"Could not access the cluster-info ConfigMap"*"TLS cert is valid so proceeding"* ]]
    [[ ${lines[-2]} == no ]]
    [[ ${lines[-1]} == no ]]
}

@test "without a role of its own, the group may read nothing" {
    as_machine v1beta2-join-worker-plain.yaml "$BATS_TEST_DIRNAME/apiserver" <<SCRIPT
$cluster
kubectl -n kube-system delete rolebinding slipway
kubeadm join phase preflight --config \$CONFIG --ignore-preflight-errors=all
SCRIPT
    [ "$status" -ne 0 ]
    [[ $output == *"error execution phase preflight"*forbidden* ]]
}

@test "a cluster of another authority is not joined" {
    as_machine v1beta2-join-worker-plain.yaml "$BATS_TEST_DIRNAME/apiserver" <<SCRIPT
$cluster
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=kubernetes \
    -keyout /var/lib/other.key -out /var/lib/other.crt 2>/dev/null
sed -i "s|certificate-authority-data:.*|certificate-authority-data: \$(base64 -w 0 /var/lib/other.crt)|" \$discovery
sed -i 's/timeout: .*/timeout: 5s/' \$CONFIG
kubeadm join phase preflight --config \$CONFIG --ignore-preflight-errors=all
SCRIPT
    [ "$status" -ne 0 ]
    [[ $output == *"error execution phase preflight"* ]]
    [[ $output != *"Reading configuration from the cluster"* ]]
}

@test "the static Pod of a virtual address is a Pod" {
    as_machine v1beta2-init-whole.yaml "$BATS_TEST_DIRNAME/apiserver" <<'SCRIPT'
export KUBECONFIG=$KUBE_FOLDER/admin.conf
kubectl create --dry-run=client -f /etc/kubernetes/manifests/kube-vip.yaml
sed 's/hostPath:/hostPaht:/' /etc/kubernetes/manifests/kube-vip.yaml >/var/lib/wrong.yaml
! kubectl create --dry-run=client -f /var/lib/wrong.yaml
SCRIPT
    [ "$status" -eq 0 ]
    [[ $output == *"pod/kube-vip created (dry run)"* ]]
    [[ $output == *'unknown field "hostPaht"'* ]]
}
