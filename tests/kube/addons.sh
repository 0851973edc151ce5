#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: addons.sh [SLIPWAY [NODE_PEER]]
#
# Add-ons of a Cluster against a real kube-apiserver: their order, what happens when files, values,
# objects and servers come and go, and what is pruned. Speaks TAP; exit status 77 when there is no
# Kubernetes to run.

# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$(dirname "$(realpath "$0")")/lib.bash"

address=([cp1]=$own)
addons=$work/addons

# declare_addons [JSON]: the Cluster with them
declare_addons() {
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Cluster
metadata: {name: demo}
spec:
  kubernetesVersion: $version
  controlPlaneEndpoint: {host: 127.0.0.1, port: 6443}
  dns: {enabled: false}
  addons: ${1:-[]}
YAML
}

applied() { # STATUS [TEXT]
    local condition
    condition=$("$slipway" get cluster demo -o json |
        jq -r '.status.conditions[] | select(.type == "AddonsApplied") | .status + " " + .message')
    echo "$condition"
    [[ $condition == "$1 "* && $condition == *"${2:-}"* ]]
}

# file FOLDER/NAME: standard input becomes an add-on's manifest, at once
file() {
    mkdir -p "$addons/${1%/*}"
    cat >"$addons/$1.part"
    mv "$addons/$1.part" "$addons/$1"
}

config_map() { # NAME VALUE [NAMESPACE]
    printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s}\ndata: {value: "%s"}\n' \
        "$1" "${3:-default}" "$2"
}

value_is() { # CONFIGMAP VALUE [NAMESPACE]
    is "$(kubectl -n "${3:-default}" get configmap "$1" -o 'jsonpath={.data.value}')" "$2"
}

is_told_to_people() { # REASON
    "$slipway" describe cluster demo | grep -q "$1"
}

names_are() { # CERTIFICATE NAMES
    openssl x509 -in "$1" -noout -ext subjectAltName | grep -q "$2"
}

gone() { # ARGUMENT...
    not kubectl get "$@" 2>/dev/null
}

label_of() { # ARGUMENT...: which add-on an object is of
    kubectl get "$@" -o json | jq -r '.metadata.labels["slipway.dev/addon"]'
}

prepare() {
    prepare_rack
    declare_machine cp1 controlPlane demo kube
    declare_addons
} >"$work/out" 2>&1

form() {
    install_all cp1
    hello cp1
    wait_until elected demo cp1 && wait_until gets cp1 init && hello cp1 "done" &&
        wait_until initialized
}

write_first() {
    # the custom resource's file comes before that of its definition, in the order of names
    file first/10-thing.yaml <<'YAML'
apiVersion: example.org/v1
kind: Thing
metadata: {name: one, namespace: things}
spec: {size: 1}
YAML
    file first/20-rest.yaml <<'YAML'
apiVersion: v1
kind: ConfigMap
metadata: {name: values, namespace: things}
data:
  value: "{{ .clusterName }} {{ .podSubnet }} {{ .own }} {{ .apiServer }}"
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: things}
rules: [{apiGroups: [example.org], resources: [things], verbs: [get]}]
---
apiVersion: v1
kind: Namespace
metadata: {name: things}
YAML
    file first/30-definition.yaml <<'YAML'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  names: {kind: Thing, plural: things, singular: thing}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
YAML
    config_map second x things | file second/map.yaml
}

both="[{name: first, path: $addons/first, variables: {own: mine}}, {name: second, path: $addons/second}]"

check_order() {
    write_first
    declare_addons "$both"
    ok "nothing is said before the cluster is there" not applied True
    ok "the cluster forms" form
    # shellcheck disable=SC2119
    start_apiserver >"$work/out" 2>&1 || { echo "Bail out! $(cat "$work/out")" && exit 1; }
    soon "a definition and its object, in one folder and in any order, are applied" \
        applied True '6 objects of 2 add-ons'
    ok "the object of the definition is there" kubectl -n things get things.example.org one
    ok "values are the Cluster's and the add-on's own" value_is values \
        'demo 10.244.0.0/16 mine https://127.0.0.1:6443' things
    ok "an object tells its add-on" is "$(label_of -n things configmap values)" first
    ok "the second one came, too" value_is second x things
    ok "the field manager is slipway" is "$(api GET \
        /api/v1/namespaces/things/configmaps/values | jq -r '.metadata.managedFields[].manager')" slipway
    ok "people are told" is_told_to_people AddonApplied
}

check_files() {
    config_map second y things | file second/map.yaml
    soon "a file that changes is applied" value_is second y things
    { config_map second z things && config_map more 1; } | file second/map.yaml
    soon "what comes into a file, too" value_is more 1
    config_map late 1 | file second/late.yaml
    soon "a file that comes is applied" value_is late 1
    rm "$addons/second/late.yaml"
    soon "what was in a file that goes is pruned" gone configmap late
    config_map second z things | file second/map.yaml
    soon "what goes out of a file, too" gone configmap more
    ok "the rest stays" value_is second z things
}

check_foreign() {
    config_map taken 1 | file second/taken.yaml
    soon "an object comes" value_is taken 1
    kubectl label --overwrite configmap taken slipway.dev/addon=other >/dev/null
    config_map asked 1 | sed 's/namespace: default/&, annotations: {slipway.dev\/prune: "false"}/' |
        file second/asked.yaml
    soon "an object that is to stay comes" value_is asked 1
    kubectl label --overwrite configmap taken slipway.dev/addon=other >/dev/null
    rm "$addons/second/taken.yaml" "$addons/second/asked.yaml"
    config_map mark 1 | file second/mark.yaml
    soon "a pass comes behind it" value_is mark 1
    rm "$addons/second/mark.yaml"
    soon "and prunes" gone configmap mark
    ok "what others took over is not pruned" value_is taken 1
    ok "nor what is asked to stay" value_is asked 1
    kubectl delete configmap taken asked >/dev/null
}

check_broken() {
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: [\n' | file second/broken.yaml
    soon "a broken manifest is named" applied False "$addons/second/broken.yaml:"
    config_map good 1 | file second/good.yaml
    soon "the rest goes on" value_is good 1
    mv "$addons/second/map.yaml" "$addons/map"
    sleep 2
    ok "what such a file may have brought is not pruned" value_is second z things
    mv "$addons/map" "$addons/second/map.yaml"
    config_map '{{ .unknown }}' 1 | file second/broken.yaml
    soon "an unknown variable is named" applied False 'no variable .unknown'
    printf 'apiVersion: v1\nkind: Nothing\nmetadata: {name: a}\n' | file second/broken.yaml
    soon "a kind that does not exist is named" applied False \
        'second: Nothing a: the API server has no Nothing in v1'
    printf 'apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: default}\nspec: {ports: [{port: 99999, protocol: TCP}]}\n' |
        file second/broken.yaml
    soon "what the API server says is told" applied False 'spec.ports[0].port'
    config_map 'my app' 1 | file second/broken.yaml
    soon "a name that cannot be is named" applied False 'has blanks'
    config_map good 2 | file second/good.yaml
    soon "and nobody else waits for it" value_is good 2
    rm "$addons/second/broken.yaml"
    : | file second/map.yaml
    soon "a file that is empty is named: it may be about to be written" applied False 'map.yaml: is empty'
    config_map good 3 | file second/good.yaml
    soon "the rest goes on" value_is good 3
    ok "and what it brought stays" value_is second z things
    config_map second z things | file second/map.yaml
    soon "and it is well again" applied True
}

ingress() { # APIVERSION HOST
    printf 'apiVersion: %s\nkind: Ingress\nmetadata: {name: moved, namespace: default}\nspec: {rules: [{host: %s}]}\n' "$@"
}

cluster_role() { # METADATA VERB
    printf 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: moved%s}\n' "$1"
    printf 'rules: [{apiGroups: [""], resources: [pods], verbs: [%s]}]\n' "$2"
}

uid_of() { # ARGUMENT...
    kubectl get "$@" -o 'jsonpath={.metadata.uid}'
}

host_is() {
    is "$(kubectl get ingress.networking.k8s.io moved -o 'jsonpath={.spec.rules[0].host}')" "$1"
}

verb_is() {
    is "$(kubectl get clusterrole moved -o 'jsonpath={.rules[0].verbs[0]}')" "$1"
}

# One object, by another name in its manifest: the old name is no left-over.
check_moved() {
    local ingress role
    ingress extensions/v1beta1 a.example.org | file second/ingress.yaml
    cluster_role ', namespace: things' get | file second/role.yaml
    soon "an object of an old group comes" host_is a.example.org
    soon "and one of the whole cluster, with a namespace" verb_is get
    ingress=$(uid_of ingress moved) role=$(uid_of clusterrole moved)
    ingress networking.k8s.io/v1 b.example.org | file second/ingress.yaml
    cluster_role '' list | file second/role.yaml
    soon "its group changes" host_is b.example.org
    soon "the other one loses its namespace" verb_is list
    config_map behind 1 | file second/behind.yaml
    soon "a pass comes behind them" value_is behind 1
    ok "they are the same objects" is "$(uid_of ingress moved) $(uid_of clusterrole moved)" "$ingress $role"
    rm "$addons/second/ingress.yaml" "$addons/second/role.yaml" "$addons/second/behind.yaml"
    soon "and go with their files" gone ingress moved
    soon "both of them" gone clusterrole moved
}

check_values() {
    declare_addons "${both/own: mine/own: other}"
    soon "a value that changes is applied" value_is values \
        'demo 10.244.0.0/16 other https://127.0.0.1:6443' things
    declare_addons "$both"
    soon "and back" value_is values 'demo 10.244.0.0/16 mine https://127.0.0.1:6443' things
}

serve_files() {
    mkdir -p "$work/web"
    config_map fetched 1 >"$work/web/fetched.yaml"
    python3 -u -m http.server -b 127.0.0.1 -d "$work/web" 0 >"$work/web.log" 2>&1 &
    wait_until grep -q 'port [0-9]' "$work/web.log" || return
    web=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$work/web.log")
}

check_urls() {
    local digest
    serve_files
    digest=$(sha256sum "$work/web/fetched.yaml" | cut -d' ' -f1)
    echo "$web/fetched.yaml sha256:$digest" | file second/fetched.url
    soon "a manifest is fetched" value_is fetched 1
    config_map fetched 2 >"$work/web/fetched.yaml"
    echo "$web/fetched.yaml sha256:$digest # " | tr -d '#' | file second/fetched.url
    soon "one of another digest is refused" applied False "fetched.yaml: its content has another digest"
    ok "and not applied" value_is fetched 1
    printf '%s\nhttp://127.0.0.1:9/none.yaml\n' "$web/fetched.yaml" | file second/fetched.url
    soon "an address that does not answer is told" applied False 'http://127.0.0.1:9/none.yaml: '
    ok "the others go on" value_is fetched 2
    rm "$addons/second/fetched.url"
    soon "it goes with its file" gone configmap fetched
}

check_certificate() {
    local before
    declare_addons "[{name: first, path: $addons/first, variables: {own: mine}},
        {name: second, path: $addons/second, certificates:
        [{secret: web, namespace: things, names: [web.example.org, '{{ .host }}']}]}]"
    soon "a certificate is issued" kubectl -n things get secret web
    kubectl -n things get secret web -o 'jsonpath={.data.tls\.crt}' | base64 -d >"$work/web.crt"
    kubectl -n things get secret web -o 'jsonpath={.data.tls\.key}' | base64 -d >"$work/web.key"
    ok "the cluster's authority signed it" openssl verify -CAfile "$KUBE_CA" "$work/web.crt"
    ok "for its names" names_are "$work/web.crt" "DNS:web.example.org, IP Address:127.0.0.1"
    ok "with its key" is "$(openssl pkey -in "$work/web.key" -pubout)" \
        "$(openssl x509 -in "$work/web.crt" -noout -pubkey)"
    before=$(kubectl -n things get secret web -o 'jsonpath={.metadata.resourceVersion}')
    crash
    config_map restarted 1 | file second/restarted.yaml
    soon "after a crash the server goes on" value_is restarted 1
    ok "and keeps the certificate" is "$before" \
        "$(kubectl -n things get secret web -o 'jsonpath={.metadata.resourceVersion}')"
    declare_addons "$both"
    soon "it goes with its add-on's wish" gone -n things secret web
}

check_drift() {
    kubectl -n things delete configmap second >/dev/null
    kubectl -n things patch configmap values --type merge -p '{"data": {"value": "changed"}}' >/dev/null
    crash
    soon "what was deleted comes again when the server starts" value_is second z things
    soon "and what was changed" value_is values 'demo 10.244.0.0/16 mine https://127.0.0.1:6443' things
}

check_crash() {
    local i
    for i in $(seq 1 150); do config_map "many$i" 1; done | file second/many.yaml
    wait_until kubectl get configmap many3 >/dev/null 2>&1
    kill_server
    rm "$addons/second/many.yaml"
    ok "a server that was killed in the middle had brought some" test \
        "$(kubectl get configmaps -o name | grep -c /many)" -gt 0
    start_server
    soon "the next one prunes them, though their file is gone" none_of many
    soon "all is well" applied True
}

none_of() { # PREFIX
    is "$(kubectl get configmaps -o name | grep -c "/$1")" 0
}

check_away() {
    "$here/apiserver" --stop
    soon "the API server goes" unavailable
    config_map meanwhile 1 | file second/meanwhile.yaml
    sleep 1
    "$here/apiserver" --start
    soon "what came meanwhile is applied when it is back" value_is meanwhile 1
    soon "all is well again" applied True
}

# The example, as the documents tell to use it. Dex itself is not run here.
check_dex() {
    local example=$here/../../examples/addons config=$work/dex.yaml
    cp -r "$example/dex" "$addons/dex"
    cp "$example/dex.variables.yaml" "$work/variables"
    sed -e "s|/etc/slipway/addons/dex|$addons/dex|; s|/etc/slipway/dex.yaml|$work/variables|" \
        -e 's|^  kubernetesVersion:.*|&\n  controlPlaneEndpoint: {host: 127.0.0.1, port: 6443}\n  dns: {enabled: false}|' \
        "$example/cluster-with-dex.yaml" | "$slipway" apply -f - >/dev/null
    soon "the example of Dex is applied" applied True '10 objects of 1 add-ons'
    kubectl -n dex get secret dex-configuration -o 'jsonpath={.data.config\.yaml}' | base64 -d >"$config"
    ok "its issuer is the one that the API server is told" grep -qx 'issuer: https://k8s.example.org:32000' "$config"
    ok "its connectors are JSON on one line" is "$(sed -n 's/^connectors: //p' "$config" |
        jq -r '.[0].config.groupSearch.userMatchers[0].groupAttr')" member
    ok "its passwords, too" is "$(sed -n 's/^staticPasswords: //p' "$config" | jq -r '.[0].username')" admin
    kubectl -n dex get secret dex-tls -o 'jsonpath={.data.tls\.crt}' | base64 -d >"$work/dex.crt"
    ok "its certificate is the authority's" openssl verify -CAfile "$KUBE_CA" "$work/dex.crt"
    ok "for its names" names_are "$work/dex.crt" 'DNS:k8s.example.org, DNS:dex.dex.svc'
    ok "the example's password is the one that it tells" is "$(sed -nE 's/.*"hash": "([^"]*)".*/\1/p' "$config")" \
        "$(python3 -W ignore -c 'import crypt, sys; print(crypt.crypt("password", sys.argv[1]))' \
            "$(sed -nE 's/.*"hash": "([^"]*)".*/\1/p' "$config")")"
    ok "its port is the issuer's" is "$(kubectl -n dex get service dex -o 'jsonpath={.spec.ports[0].nodePort}')" 32000
}

check_pruning() {
    declare_addons "[{name: first, path: $addons/first, variables: {own: mine}}]"
    soon "an add-on that is removed is pruned" gone -n things configmap second
    soon "its inventory, too" gone -n kube-system configmap slipway-addon-second
    declare_addons
    soon "the last one, too" gone -n things configmap values
    soon "and its cluster-wide objects" gone clusterrole things
    soon "custom resources as well" gone -n things things.example.org one
    soon "people are told that there is none" applied True '0 objects'
    ok "a namespace stays" kubectl get namespace things
    ok "and a definition" kubectl get crd things.example.org
}

prepare || { echo "Bail out! $(cat "$work/out")" && exit 1; }
check_order
check_files
check_foreign
check_broken
check_moved
check_values
check_urls
check_certificate
check_drift
check_crash
check_away
check_pruning
check_dex
check_end
echo "1..$count"
[ $failed -eq 0 ]
