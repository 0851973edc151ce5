#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: authority.sh [SLIPWAY [NODE_PEER]]
#
# Where a Cluster's authorities come from, how they are kept, and what becomes of them: made by the
# real kubeadm and brought, encrypted with a key file, put out of use with the Cluster. Speaks TAP;
# exit status 77 when there is no Kubernetes to run.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/lib.bash"
address=([cp1]=$own)
mine=$work/mine keys=$state/keys/pki

# ---- authorities ----

# kubeadm_makes FOLDER PHASE
kubeadm_makes() {
    cat >"$1.yaml" <<YAML
apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: $own}
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: $version
certificatesDir: $1
YAML
    kubeadm init phase certs "$2" --config "$1.yaml"
}

# authority FOLDER END: an authority of openssl's that ends then
authority() {
    mkdir -p "$1"
    cat >"$1/openssl.conf" <<CONF
[ca]
default_ca = this
[this]
database = $1/index
serial = $1/serial
new_certs_dir = $1
default_md = sha256
policy = any
x509_extensions = authority
[any]
commonName = supplied
[req]
distinguished_name = any
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
CONF
    : >"$1/index"
    echo 01 >"$1/serial"
    openssl req -new -newkey rsa:2048 -nodes -subj /CN=kubernetes -config "$1/openssl.conf" \
        -keyout "$1/ca.key" -out "$1/ca.csr"
    openssl ca -batch -notext -selfsign -config "$1/openssl.conf" -keyfile "$1/ca.key" -in "$1/ca.csr" \
        -startdate 20200101000000Z -enddate "$2" -out "$1/ca.crt"
    chmod 600 "$1/ca.key"
}

# As openssl says it: the hash that kubeadm wants.
hash_of() { # CERTIFICATE
    printf 'sha256:%s\n' "$(openssl x509 -in "$1" -noout -pubkey |
        openssl pkey -pubin -outform der | sha256sum | cut -d' ' -f1)"
}

same_key() { # KEY KEY
    openssl pkey -in "$1" -pubout >"$work/public" &&
        is "$(openssl pkey -in "$2" -pubout)" "$(cat "$work/public")"
}

# ---- clusters ----

# declare_brought NAME FOLDER
declare_brought() {
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Cluster
metadata: {name: $1}
spec:
  kubernetesVersion: $version
  certificatesFrom: $2
  controlPlaneEndpoint: {host: 127.0.0.1, port: 6443}
  dns: {enabled: false}
  joinPolicy: {tokenTTLSeconds: 600}
YAML
}

ca_is() { # CLUSTER HASH
    is "$(object cluster "$1" '.status.caHash // "none"')" "$2"
}

# pki_is CLUSTER STATUS REASON [PART_OF_THE_MESSAGE]
pki_is() {
    local found
    found=$(object cluster "$1" '.status.conditions[]? | select(.type == "PKIReady") |
        .status + " " + .reason + ": " + .message')
    echo "$found"
    [[ $found == "$2 $3: "*"${4:-}"* ]]
}

cluster_tells() { # CLUSTER REASON
    "$slipway" describe cluster "$1" | grep "$2"
}

times_told() { # CLUSTER REASON
    "$slipway" describe cluster "$1" | grep -c "$2"
}

# kubeconfig CLUSTER: its parts are in CLUSTER.ca, .crt and .key, and all of it in CLUSTER.conf
kubeconfig() {
    (umask 077 && "$slipway" kubeconfig "$1" >"$work/$1.conf") || return 1
    part_of "$1" certificate-authority-data >"$work/$1.ca"
    part_of "$1" client-certificate-data >"$work/$1.crt"
}

part_of() { # CLUSTER FIELD
    sed -n "s/^ *\(- \)\?$2: *\"\?\([A-Za-z0-9+\/=]*\).*/\2/p" "$work/$1.conf" | base64 -d
}

# ---- what is checked ----

prepare() {
    prepare_rack
    kubeadm_makes "$mine" all && rm -r "$mine/etcd" &&
        kubeadm_makes "$work/unfit" ca && kubeadm_makes "$work/another" ca || return 1
    cp "$work/another/ca.key" "$work/unfit/ca.key"
    authority "$work/expired" 20210101000000Z
    authority "$work/ending" "$(date -u -d '+30 days' +%Y%m%d%H%M%SZ)"
    mkdir "$work/alone"
    cp "$mine/ca.crt" "$work/alone/"
    declare_machine cp1 controlPlane demo kube
    hash=$(hash_of "$mine/ca.crt")
} >"$work/out" 2>&1

check_refused() {
    chmod 644 "$mine/ca.key"
    declare_brought demo "$mine" >"$work/out"
    soon "a key that others may read is refused" pki_is demo False ImportFailed \
        "$mine/ca.key holds secrets but others may access it: chmod 600 it"
    ok "which is an event" cluster_tells demo PKIFailed
    ok "there is no other authority instead" ca_is demo none
    declare_brought unfit "$work/unfit" >"$work/out"
    soon "a key that is another one's is refused" pki_is unfit False ImportFailed \
        "$work/unfit/ca.{crt,key}: the private key is not this certificate's"
    declare_brought expired "$work/expired" >"$work/out"
    soon "one that has expired is refused" pki_is expired False ImportFailed \
        'the certificate has expired at 2021-01-01T00:00:00Z'
    declare_brought alone "$work/alone" >"$work/out"
    soon "one without its key is refused" pki_is alone False ImportFailed \
        "$work/alone/ca.crt is there without ca.key"
    declare_brought nowhere "$work/nowhere" >"$work/out"
    soon "a folder that is not there is refused" pki_is nowhere False ImportFailed \
        "$work/nowhere holds no authority"
    ok "nothing is kept of any" is "$(ls "$keys")" ''
    waits cp1 '' >/dev/null
    soon "machines are told" waits cp1 PKIReady
    sleep 11
    ok "what stays the same is told once" is "$(times_told unfit PKIFailed)" 1
    ok "another folder may be named" declare_brought unfit "$work/another"
    soon "and is taken" ca_is unfit "$(hash_of "$work/another/ca.crt")"
    declare_brought ending "$work/ending" >"$work/out"
    soon "one that ends within a year is taken" pki_is ending True Imported
    ok "with a warning" cluster_tells ending 'AuthorityEndsSoon.*in 29 days'
}

check_brought() {
    chmod 600 "$mine/ca.key"
    soon "what was put right is taken" pki_is demo True Imported
    ok "it is that authority" ca_is demo "$hash"
    ok "which is an event" cluster_tells demo "PKIImported.*$mine"
    ok "and no other may be named" refused 'spec.certificatesFrom: may not be changed' \
        declare_brought demo "$work/another"
    soon "the first control plane is told to begin" gets cp1 init
    pki=$work/cp1/root/etc/kubernetes/pki
    ok "with that authority" cmp "$mine/ca.crt" "$pki/ca.crt"
    ok "and its key" same_key "$mine/ca.key" "$pki/ca.key"
    ok "those of the front proxy too" same_key "$mine/front-proxy-ca.key" "$pki/front-proxy-ca.key"
    ok "and of service accounts" same_key "$mine/sa.key" "$pki/sa.key"
    ok "and one for etcd that was made" openssl verify -CAfile "$pki/etcd/ca.crt" "$pki/etcd/ca.crt"
    mv "$mine" "$mine.away"
    crash
    hello cp1 'done'
    soon "the folder is not needed any more" initialized
    ok "and the authority is the same" ca_is demo "$hash"
    start_apiserver >"$work/out" 2>&1 || { echo "Bail out! $(cat "$work/out")" && exit 1; }
    soon "the real API server runs with it" available
    ok "a kubeconfig is printed" kubeconfig demo
    ok "signed by it" openssl verify -CAfile "$mine.away/ca.crt" "$work/demo.crt"
    ok "which it names" cmp "$mine.away/ca.crt" "$work/demo.ca"
    ok "kubectl works with it" kubectl --kubeconfig "$work/demo.conf" get nodes
    "$here/apiserver" --stop
}

# ---- with and without a key file ----

files_hold_keys() {
    [ "$(find "$keys" -name '*.pki' | wc -l)" -gt 0 ] &&
        is "$(grep -laE 'PRIVATE KEY' "$keys"/*.pki | wc -l)" "$(find "$keys" -name '*.pki' | wc -l)"
}

restart() { # OPTION...
    kill_server
    server_options=("$@")
    start_server
}

# stops_with TEXT: the server does not even begin
stops_with() {
    kill_server
    refused "$1" timeout 60 "$slipway" serve --state "$state" --boot-dir "$work/boot" \
        --images-dir "$work/images" --no-dhcp --no-tftp --no-tls-api --config "$work/server.yaml"
}

key_file() { # NAME
    (umask 077 && head -c 32 /dev/urandom | base64 >"$work/$1.key")
    echo "keyFile: $work/$1.key" >"$work/$1.yaml"
}

check_key_file() {
    ok "without a key file keys are plain" files_hold_keys
    ok "for nobody else" is "$(find "$keys" -perm /077)" ''
    key_file server
    key_file wrong
    restart --config "$work/server.yaml"
    soon "with one the server works on" pki_is demo True Imported
    declare_cluster fresh $version 6444 >/dev/null
    soon "also for a Cluster that is new" pki_is fresh True Created
    fresh=$(object cluster fresh .status.caHash)
    ok "no file of the state holds a key" not grep -rqa 'PRIVATE KEY' "$state"
    ok "nor a line of one" not grep -rqaFf <(grep -hv -e '-----' "$mine.away/ca.key" "$pki/sa.key") "$state"
    restart --config "$work/server.yaml"
    soon "a server that starts again has the key" kubeconfig demo
    ok "and the same authority" openssl verify -CAfile "$mine.away/ca.crt" "$work/demo.crt"
    ok "of the other Cluster too" ca_is fresh "$fresh"
    restart
    soon "without the key file it says what is wrong" pki_is demo False Failed \
        "$keys/demo.pki is encrypted: expected the key file that it was encrypted with"
    ok "and signs nothing" refused '' "$slipway" kubeconfig demo
    ok "nor makes another authority" ca_is demo "$hash"
    restart --config "$work/wrong.yaml"
    soon "with another key file it says what is wrong" pki_is demo False Failed \
        "$keys/demo.pki was encrypted with another key than the one in $work/wrong.key"
    chmod 644 "$work/server.key"
    ok "it does not start with one that others may read" stops_with 'chmod 600'
    chmod 600 "$work/server.key"
    mv "$work/server.key" "$work/away.key"
    ok "nor with one that is not there" stops_with "$work/server.key"
    cp "$work/away.key" "$state/server.key"
    sed "s,$work/server.key,$state/server.key," "$work/server.yaml" >"$work/inside.yaml"
    mv "$work/server.yaml" "$work/outside.yaml" && cp "$work/inside.yaml" "$work/server.yaml"
    ok "nor with one beside what it protects" stops_with 'lies in the state folder'
    rm "$state/server.key"
    mv "$work/away.key" "$work/server.key"
    mv "$work/outside.yaml" "$work/server.yaml"
    start_server_anew
}

start_server_anew() {
    server_options=(--config "$work/server.yaml")
    start_server
    soon "with its own it works again" pki_is demo True Imported
}

# ---- gone, and back ----

aside() {
    find "$keys"/deleted-* -name "$1.pki" 2>/dev/null
}

is_aside() { # CLUSTER
    [ -n "$(aside "$1")" ] && [ ! -e "$keys/$1.pki" ]
}

another_ca() {
    pki_is demo True Created && not ca_is demo "$hash"
}

check_deleted() {
    local kept
    "$slipway" delete machine cp1 >/dev/null
    "$slipway" delete cluster demo >/dev/null
    soon "a deleted Cluster's keys are out of use" is_aside demo
    kept=$(aside demo)
    ok "for nobody else" is "$(find "$keys" -perm /077)" ''
    soon "the log says where they are" grep -qF "$kept" "$log"
    ok "and how they come back" grep -qF "$keys/demo.pki before a Cluster of this name" "$log"
    ok "those of others are where they were" test -e "$keys/fresh.pki"
    declare_cluster demo $version 6443 >/dev/null
    soon "a new Cluster of that name has an authority of its own" another_ca
    ok "and nothing to tell of another" not cluster_tells demo PKIFound
    rm -rf "$work/cp1"
    declare_machine cp1 controlPlane demo kube >/dev/null
    soon "a machine is installed for it" install cp1
    soon "and told to begin" gets cp1 init
    ok "with that authority" ca_is demo "$(hash_of "$pki/ca.crt")"
    ok "to which an old administrator is nobody" not openssl verify -CAfile "$pki/ca.crt" "$work/demo.crt"
    "$slipway" delete machine cp1 >/dev/null
    "$slipway" delete cluster demo >/dev/null
    soon "it goes too" two_aside
    ok "and the first one is not touched" test -e "$kept"
    mv "$kept" "$keys/demo.pki"
    declare_cluster demo $version 6443 >/dev/null
    soon "what was moved back is used again" ca_is demo "$hash"
    soon "which is told" cluster_tells demo PKIFound
}

two_aside() {
    [ ! -e "$keys/demo.pki" ] && is "$(aside demo | wc -l)" 2
}

# Deleting says that nobody needs them. That a Cluster is not there says nothing.
check_absent() {
    kill_server
    rm "$state"/slipway.db*
    start_server
    ok "a server without its database has no Clusters" refused '' "$slipway" get cluster demo
    sleep 1
    ok "and keeps their keys where they are" test -e "$keys/demo.pki" -a -e "$keys/fresh.pki"
}

check_lost() {
    declare_cluster lost $version 6445 >/dev/null
    soon "another Cluster has its authority" pki_is lost True Created
    kill_server
    mv "$keys/lost.pki" "$work/lost.pki"
    start_server
    soon "when its keys are lost none are made instead" pki_is lost False Failed \
        'cannot be made anew: bring the file back'
    mv "$work/lost.pki" "$keys/lost.pki"
    soon "and they are taken when they are back" pki_is lost True Created
}

check_log() {
    grep -hv -e '-----' "$mine.away"/*.key "$work"/*/ca.key "$pki"/{,etcd/}*.key >"$work/secrets"
    ok "there are secrets to look for" test "$(wc -l <"$work/secrets")" -gt 50
    ok "none of them is in the log" not grep -qFf "$work/secrets" "$log"
    "$slipway" get clusters -o json >"$work/clusters.json"
    ok "nor in what the API says" not grep -qFf "$work/secrets" "$work/clusters.json"
}

prepare || { echo "Bail out! $(cat "$work/out")" && exit 1; }
install_all cp1
check_refused
check_brought
check_log
check_key_file
check_deleted
check_absent
check_lost
check_end
echo "1..$count"
[ $failed -eq 0 ]
