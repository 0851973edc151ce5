#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: up.sh SLIPWAY_NODE
# `slipway-node up` as root, in a mount namespace with empty folders for what it writes, with a real
# etcd, kube-apiserver, kube-controller-manager, kubectl and, as far as that goes without a container
# runtime and a kubelet, the real kubeadm: it reads the configurations, makes certificates and
# kubeconfigs, uploads its ConfigMaps, makes its bindings, and finds the cluster by token and hash.
# What the kubelet would do (ask for its certificate, make its Node) a few lines here do instead.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
node=$(realpath "$1")
skip() {
    echo "skipped: $1"
    exit 77
}
[ "$(id -u)" = 0 ] || skip "needs root for a mount namespace"
for program in unshare jq openssl curl; do
    command -v $program >/dev/null || skip "$program is not installed"
done
if [ -z "${SLIPWAY_UP_TEST:-}" ]; then
    export SLIPWAY_UP_TEST=1
    exec "$here/../kube/apiserver" --controller-manager -- \
        unshare --mount --propagation private "$0" "$@"
fi

work=$(mktemp -d)
runtime=
cleanup() {
    [ -z "$runtime" ] || kill "$runtime" 2>/dev/null || :
    rm -rf "$work"
}
trap cleanup EXIT
fail() {
    echo "FAILED: $*"
    sed 's/^/log: /' "$work/log" 2>/dev/null || :
    exit 1
}
expect() { # expect STATUS COMMAND...: the exit status; all that is said goes to the log and the outputs
    local want=$1 found=0
    shift
    "$@" >"$work/out" 2>"$work/log" </dev/null || found=$?
    [ "$found" = "$want" ] || fail "status $found instead of $want: $*"
    cat "$work/out" "$work/log" >>"$work/all"
}
said() { grep -q -- "$1" "$work/out" "$work/log" || fail "nothing about \"$1\""; }
admin() { kubectl --kubeconfig "$KUBECONFIG" "$@"; }

# ---- the host: empty folders, a container runtime's socket, the tools ----

new_host() {
    for folder in /etc/kubernetes /var/lib /run/containerd; do
        mkdir -p $folder
        umount $folder 2>/dev/null || :
        mount -t tmpfs -o mode=0755 none $folder
    done
    [ -z "$runtime" ] || kill "$runtime" 2>/dev/null || :
    python3 -c 'import socket, time
s = socket.socket(socket.AF_UNIX); s.bind("/run/containerd/containerd.sock"); s.listen(8)
time.sleep(600)' &
    runtime=$!
}
mkdir "$work/bin"
cat >"$work/bin/systemctl" <<'END'
#!/bin/sh
exit 0
END
cp "$work/bin/systemctl" "$work/bin/journalctl"
real=$(command -v kubeadm)
cat >"$work/bin/kubeadm" <<END
#!/bin/bash
set -e
real=$real
work=$work
END
cat >>"$work/bin/kubeadm" <<'END'
config=/var/lib/slipway-node/cluster/kubeadm.yaml
echo "$*" >>"$work/calls"
tr '\0' '\n' </proc/self/environ >>"$work/environment"
as_admin() { kubectl --kubeconfig "$KUBECONFIG_OF_TEST" "$@"; }
KUBECONFIG_OF_TEST=$(cat "$work/kubeconfig")
KUBE_URL=$(cat "$work/url")
name=$(sed -n 's/^  name: //p' $config 2>/dev/null | tail -1)

# the kubelet, Ready or not
make_node() {
    printf '{"apiVersion":"v1","kind":"Node","metadata":{"name":"%s","labels":{"kubernetes.io/hostname":"%s"}}}' "$name" "$name" | as_admin apply -f - >/dev/null
    curl -sS --fail -o /dev/null --cacert "$(cat "$work/ca")" -H "Authorization: Bearer $(cat "$work/bearer")" \
        -X PATCH -H 'Content-Type: application/merge-patch+json' "$KUBE_URL/api/v1/nodes/$name/status" \
        -d '{"status":{"conditions":[{"type":"Ready","status":"True","reason":"Test"}]}}'
}

# what a kubelet asks for with its token, and gets when it is approved
bootstrap() {
    token=$(sed -n 's/^ *tlsBootstrapToken: //p' $config)
    folder=/var/lib/kubelet/pki
    mkdir -p $folder
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $folder/key \
        -subj "/O=system:nodes/CN=system:node:$name" -out $folder/csr 2>/dev/null
    cat >$folder/bootstrap.conf <<TEXT
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "$KUBE_URL", certificate-authority: "$(cat "$work/ca")"}}]
users: [{name: u, user: {token: "$token"}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
TEXT
    kubectl --kubeconfig $folder/bootstrap.conf create -f - >/dev/null <<TEXT
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: csr-$name}
spec:
  signerName: kubernetes.io/kube-apiserver-client-kubelet
  request: $(base64 -w0 $folder/csr)
  usages: [digital signature, key encipherment, client auth]
TEXT
    for _ in $(seq 100); do
        as_admin get csr "csr-$name" -o 'jsonpath={.status.certificate}' | base64 -d >$folder/cert
        [ ! -s $folder/cert ] || break
        sleep 0.2
    done
    [ -s $folder/cert ] || { echo "error execution phase kubelet-start: timed out waiting for the condition" >&2; exit 1; }
    sed "s,token: .*,client-certificate: $folder/cert\, client-key: $folder/key}}]," $folder/bootstrap.conf >/etc/kubernetes/kubelet.conf
}

case $1 in
version)
    exec "$real" "$@" ;;
init)
    [ ! -e "$work/init-fails" ] || { echo "[preflight] Running pre-flight checks"; echo "error execution phase preflight: [preflight] Some fatal errors occurred:" >&2; echo "[ERROR Swap]: running with swap on is not supported" >&2; exit 1; }
    "$real" init phase certs all --config $config
    "$real" init phase kubeconfig admin --config $config
    "$real" init phase control-plane all --config $config
    "$real" init phase etcd local --config $config
    sed -i "s,server: .*,server: $KUBE_URL," /etc/kubernetes/admin.conf
    make_node # kubeadm writes a note onto it
    "$real" init phase upload-config all --config $config --kubeconfig /etc/kubernetes/admin.conf
    "$real" init phase bootstrap-token --config $config --kubeconfig /etc/kubernetes/admin.conf
    touch /etc/kubernetes/kubelet.conf ;;
join)
    "$real" join phase preflight --config $config --ignore-preflight-errors=all
    echo '[kubelet-start] Starting the kubelet'
    bootstrap
    make_node ;;
reset)
    rm -rf /etc/kubernetes/* ;;
esac
END
chmod +x "$work"/bin/*
echo "$KUBECONFIG" >"$work/kubeconfig"
echo "$KUBE_URL" >"$work/url"
echo "$KUBE_CA" >"$work/ca"
(umask 077 && echo "$KUBE_TOKEN" >"$work/bearer")
export PATH=$work/bin:$PATH
up() { "$node" up --var "cluster.kubeadmPath=$work/bin/kubeadm" "$@"; }
token=abcdef.0123456789abcdef
secret=0123456789abcdef
cat >"$work/seeder.yaml" <<END
apiVersion: slipway.dev/v1alpha1
kind: NodeConfiguration
nodeName: seeder
token: $token
bind: {address: 10.99.0.1}
cluster:
  kubeadmPath: $work/bin/kubeadm
  cni: {driver: none}
  dns: {enabled: false}
END
chmod 600 "$work/seeder.yaml"
ip address add 10.99.0.1/24 dev lo

# ---- what is wrong is told before anything is done ----

new_host
expect 2 up --config "$work/none.yaml"
expect 2 up --nonsense
expect 2 up --config "$work/seeder.yaml" --var cluster.networking.podSubnet=10.96.0.0/16 --var seeder=s
said 'caCertHash: required'
expect 2 up --config "$work/seeder.yaml" --var cluster.networking.podSubnet=10.96.0.0/16
said 'cluster.networking.serviceSubnet: overlaps'
expect 6 up --config "$work/seeder.yaml" --var cluster.kubeadmPath=/nowhere/kubeadm
expect 6 up --config "$work/seeder.yaml" --var bind.address=10.99.0.9
touch /etc/kubernetes/kubelet.conf
expect 6 up --config "$work/seeder.yaml"
said 'made by other means'
rm /etc/kubernetes/kubelet.conf
grep -qv version "$work/calls" && fail "kubeadm was run"

# ---- the seeder ----

mkdir -p /etc/kubernetes/pki/etcd
cp "$KUBE_PKI"/ca.{crt,key} "$KUBE_PKI"/front-proxy-ca.{crt,key} "$KUBE_PKI"/sa.{key,pub} /etc/kubernetes/pki/
cp "$KUBE_PKI"/etcd/ca.{crt,key} /etc/kubernetes/pki/etcd/
touch "$work/init-fails"
expect 1 up --config "$work/seeder.yaml"
said PreflightFailed
rm "$work/init-fails"
# kubeadm's reset has taken the authority away, and the next attempt has it again
rm -rf /etc/kubernetes/pki
expect 0 up --config "$work/seeder.yaml"
cmp -s /etc/kubernetes/pki/ca.crt "$KUBE_PKI/ca.crt" || fail "another authority than the one that was there"
said 'Node seeder is there'
hash=$(openssl x509 -in "$KUBE_CA" -pubkey -noout | openssl pkey -pubin -outform der | sha256sum | cut -d' ' -f1)
grep -q "^caCertHash: \"sha256:$hash\"" "$work/out" || fail "another hash"
grep -q "$secret" "$work/out" && fail "the token is printed"
join=/var/lib/slipway-node/cluster/join.yaml
[ "$(stat -c %a $join)" = 600 ] || fail "others read $join"
grep -q "^token: \"$token\"" $join || fail "no token in $join"
[ ! -e /var/lib/slipway-node/cluster/kubeadm.yaml ] || fail "kubeadm.yaml is left"
admin -n kube-system get secret bootstrap-token-abcdef -o json >"$work/token.json"
[ "$(jq -r '.data."token-secret" | @base64d' "$work/token.json")" = "$secret" ] || fail "another token"
[ "$(admin -n kube-system get secrets --field-selector type=bootstrap.kubernetes.io/token -o name | wc -l)" -le 2 ] ||
    fail "tokens that nobody asked for"
admin -n kube-system get configmap slipway-node-network -o 'jsonpath={.data.network\.json}' | grep -q '"driver":"none"' ||
    fail "no network is told"
admin get clusterrolebinding kubeadm:node-autoapprove-bootstrap >/dev/null || fail "nobody is approved"

# again: nothing happens, and the token's end stays what it was
init_calls=$(grep -c '^init ' "$work/calls")
expect 0 up --config "$work/seeder.yaml"
[ "$(grep -c '^init ' "$work/calls")" = "$init_calls" ] || fail "a node was made anew"
[ "$(admin -n kube-system get secret bootstrap-token-abcdef -o json | jq .data.expiration)" = "$(jq .data.expiration "$work/token.json")" ] ||
    fail "the token lives longer"
expect 6 env SEEDER=10.99.0.1 TOKEN=$token CA_CERT_HASH=sha256:"$hash" "$node" up --config "$work/seeder.yaml"
said 'a node already'
mkdir "$work/seeder"
cp -a /etc/kubernetes /var/lib/slipway-node "$work/seeder/"

# ---- add-ons ----

mkdir "$work/addons"
cat >"$work/addons/30-thing.yaml" <<'END'
apiVersion: test.slipway.dev/v1
kind: Thing
metadata: {name: first, namespace: things}
spec: {pods: "{{ .podSubnet }}"}
END
cat >"$work/addons/20-definition.yaml" <<'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.test.slipway.dev}
spec:
  group: test.slipway.dev
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  scope: Namespaced
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: things}
END
expect 0 up --config "$work/seeder.yaml" --addons "$work/addons"
[ "$(admin -n things get things.test.slipway.dev first -o 'jsonpath={.spec.pods}')" = 10.244.0.0/16 ] || fail "no thing"
cat >"$work/addons/40-wrong.yaml" <<'END'
apiVersion: test.slipway.dev/v1
kind: Nothing
metadata: {name: n, namespace: things}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fine, namespace: things}
END
echo 'value: {{ .nobodyKnows }}' >"$work/addons/50-template.yaml"
echo 'http://127.0.0.1:1/none.yaml' >"$work/addons/60-away.url"
expect 5 up --config "$work/seeder.yaml" --addons "$work/addons"
said '3 were not applied'
said '50-template.yaml'
said '127.0.0.1:1'
admin -n things get configmap fine >/dev/null || fail "what is fine was not applied"

# ---- one that joins ----

# cluster-info is signed for the token within moments
for _ in $(seq 100); do
    admin -n kube-public get configmap cluster-info -o yaml | grep -q jws-kubeconfig-abcdef && break
    sleep 0.2
done
cat >"$work/worker.yaml" <<END
apiVersion: slipway.dev/v1alpha1
kind: NodeConfiguration
nodeName: worker
cluster: {kubeadmPath: $work/bin/kubeadm}
END
# cluster-info tells the endpoint that kubeadm knew; the API server of this test has another one
admin -n kube-public get configmap cluster-info -o json | sed "s,https://10.99.0.1:6443,$KUBE_URL," | admin apply -f - >/dev/null 2>&1
seeder=${KUBE_URL#https://}
wrong=$(printf '%064d' 0)
new_host
expect 1 env SEEDER="$seeder" TOKEN=$token CA_CERT_HASH="sha256:$wrong" "$node" up --config "$work/worker.yaml" --var cluster.joinPolicy.joinTimeoutSeconds=60
said 'DiscoveryFailed\|cluster CA found in cluster-info'
new_host
sleep 1
expect 0 env SEEDER="$seeder" TOKEN=$token CA_CERT_HASH="sha256:$hash" "$node" up --config "$work/worker.yaml"
said 'Node worker is Ready'
[ ! -e /etc/kubernetes/slipway-podnet.json ] || fail "a network that the cluster has not"
expect 0 "$node" reset --force
[ ! -e /etc/kubernetes/kubelet.conf ] || fail "reset left the node's kubeconfig"

# ---- nobody is approved automatically ----

admin delete node seeder worker >/dev/null
admin delete csr --all >/dev/null
new_host
cp -a "$KUBE_PKI"/ca.{crt,key} /etc/kubernetes/ # only to have something there
mkdir -p /etc/kubernetes/pki
mv /etc/kubernetes/ca.* /etc/kubernetes/pki/
expect 0 up --config "$work/seeder.yaml" --var cluster.joinPolicy.autoApprove=false --show-token
said 'certificate approve NAME'
grep -q "^token: \"$token\"" "$work/out" || fail "--show-token shows none"
admin get clusterrolebinding kubeadm:node-autoapprove-bootstrap >/dev/null 2>&1 && fail "everybody is approved"
expect 0 "$node" reset --force
[ ! -e $join ] || fail "reset left the token"

# ---- no secret where others can read it ----

cat "$work/calls" "$work/environment" >"$work/public"
grep -v '^token: ' "$work/all" >>"$work/public"
grep -q "$secret" "$work/public" && fail "the token's secret is in a log, an argument list or an environment"
echo "all good"
