#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: wire.sh API_SERVER. What clients rely on, byte by byte, with curl and jq.
server=$1
command -v curl >/dev/null && command -v jq >/dev/null || exit 77
# shellcheck source=tests/api/lib.sh
. "$(dirname "$0")/lib.sh"
start_server
root=/apis/slipway.dev/v1alpha1
c() { path=$1; shift; curl -s --max-time 60 --unix-socket "$state/api.sock" "$@" "http://x$path"; }
code() { c "$@" -o /dev/null -w '%{http_code}\n'; }
patch() { c "$root/machines/$1" -X PATCH -H "Content-Type: application/$2" -d "$3"; }
# is EXPRESSION DESCRIPTION: jq's expression holds for the last output
is() { jq -e "$1" "$work/out" >/dev/null 2>&1; result $? "$2"; }
post() {
    c "$root/machines" -H 'Content-Type: application/json' -d \
        "{\"apiVersion\":\"slipway.dev/v1alpha1\",\"kind\":\"Machine\",\"metadata\":{\"name\":\"$1\"},\"spec\":{\"serial\":\"$1\"}}"
}

ok "/api" c /api
is '.versions == ["v1"]' "versions"
ok "aggregated discovery" c /apis -H 'Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json'
is '.kind == "APIGroupDiscoveryList" and .items[0].metadata.name == "slipway.dev"' "the group"
ok "resources" c "$root"
is '[.resources[].name] | index("machines/status")' "with subresources"
ok "/openapi/v3" c /openapi/v3
is '.paths["apis/slipway.dev/v1alpha1"].serverRelativeURL' "an index"
ok "/openapi/v2" c /openapi/v2
is '.definitions["dev.slipway.v1alpha1.Machine"].properties.spec' "definitions"
ok "/openapi/v2 as protobuf" c /openapi/v2 -H 'Accept: application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
shows 'dev.slipway.v1alpha1.Machine' "holds them"

for name in a b c d e; do post $name >"$work/out"; done
is '.metadata.uid and .metadata.resourceVersion and .spec.installGeneration == 1' "create answers with the object"
ok "list" c "$root/machines"
is '.kind == "MachineList" and (.items | length) == 5' "everything"
is '.metadata.continue == null' "with no more to come"
ok "limit" c "$root/machines?limit=2"
is '[.items[].metadata.name] == ["a","b"]' "the first piece"
token=$(jq -r .metadata.continue "$work/out")
ok "continue" c "$root/machines?limit=2&continue=$token"
is '[.items[].metadata.name] == ["c","d"]' "the second piece"
token=$(jq -r .metadata.continue "$work/out")
ok "continue" c "$root/machines?limit=2&continue=$token"
is '[.items[].metadata.name] == ["e"] and .metadata.continue == null' "the last piece"
ok "Table" c "$root/machines?includeObject=None" -H 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io'
is '.kind == "Table" and (.rows | length) == 5 and .rows[0].object == null' "rows without objects"
is '(.columnDefinitions | length) == (.rows[0].cells | length)' "a cell for each column"
ok "PartialObjectMetadata" c "$root/machines/a" -H 'Accept: application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io'
is '.kind == "PartialObjectMetadata" and .spec == null' "only metadata"

ok "watch with initial events" c "$root/machines?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1"
jq -s . "$work/out" >"$work/events" && mv "$work/events" "$work/out"
is '[.[0:5][].type] == ["ADDED","ADDED","ADDED","ADDED","ADDED"]' "what is there"
is '.[5].type == "BOOKMARK" and .[5].object.metadata.annotations["k8s.io/initial-events-end"] == "true"' "and the bookmark behind it"
cluster() { c "$root/clusters$1" -X "$2" -H "Content-Type: $3" -d "$4"; }
ok "a Cluster" cluster "" POST application/json \
    '{"apiVersion":"slipway.dev/v1alpha1","kind":"Cluster","metadata":{"name":"k"},"spec":{"kubernetesVersion":"v1.20.2","networking":{},"features":{"featureGates":{"A":true}}}}'
is '.spec.networking.serviceSubnet == "10.96.0.0/12" and .spec.features.featureGates.A == true' "with defaults where it says something"
ok "subnets that overlap" cluster /k PATCH application/merge-patch+json '{"spec":{"networking":{"podSubnet":"10.100.0.0/16"}}}'
is '.code == 422 and .details.causes[0].field == "spec.networking.serviceSubnet"' "are refused with the field"
ok "another subnet" cluster /k PATCH application/merge-patch+json '{"spec":{"networking":{"podSubnet":"10.200.0.0/16"}}}'
is '.spec.networking.podSubnet == "10.200.0.0/16"' "before anybody initialises it"
ok "a status" cluster /k/status PATCH application/merge-patch+json '{"status":{"phase":"Initializing","initializedBy":"a"}}'
is '.status.initializedBy == "a"' "says who does"
ok "another subnet" cluster /k PATCH application/merge-patch+json '{"spec":{"networking":{"podSubnet":"10.201.0.0/16"}}}'
is '.code == 422 and .details.causes[0].field == "spec.networking.podSubnet"' "comes too late then"
ok "phases can be selected by" c "$root/clusters?fieldSelector=status.phase%3DInitializing"
is '[.items[].metadata.name] == ["k"]' "this one"

version=$(c "$root/machines?limit=1" | jq -r .metadata.resourceVersion)
c "$root/machines?watch=1&resourceVersion=$version&fieldSelector=spec.image%3Dy&timeoutSeconds=3" >"$work/stream" &
watcher=$!
patch a merge-patch+json '{"spec":{"image":"y"}}' >/dev/null
patch b merge-patch+json '{"spec":{"image":"z"}}' >/dev/null
patch a merge-patch+json '{"spec":{"image":"z"}}' >/dev/null
wait $watcher
jq -s . "$work/stream" >"$work/out"
is '[.[].type] == ["ADDED","DELETED"] and .[0].object.metadata.name == "a"' "a watch with a selector"
ok "a watch from the future" c "$root/machines?watch=1&resourceVersion=999999&timeoutSeconds=2"
is '.type == "ERROR" and .object.code == 410' "is told to start over"

ok "resourceVersion as a condition" patch a merge-patch+json '{"metadata":{"resourceVersion":"1"}}'
is '.code == 409 and .reason == "Conflict"' "conflicts"
ok "a put for another name" c "$root/machines/a" -X PUT -H 'Content-Type: application/json' -d '{"apiVersion":"slipway.dev/v1alpha1","kind":"Machine","metadata":{"name":"b"}}'
is '.code == 400' "is refused"
ok "a kind that is not this one" c "$root/machines" -H 'Content-Type: application/json' -d '{"apiVersion":"slipway.dev/v1alpha1","kind":"Image","metadata":{"name":"b"}}'
is '.code == 400' "is refused"
ok "create from YAML" c "$root/machines" -H 'Content-Type: application/yaml' --data-binary 'apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {generateName: gen-}'
is '.metadata.name | startswith("gen-")' "with a made name"
ok "a key twice" c "$root/machines" -H 'Content-Type: application/json' -d '{"kind":"Machine","kind":"Image"}'
is '.code == 400' "is refused"
ok "unknown fields warn" c "$root/machines/a" -i -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{"spec":{"frob":1}}'
shows '^[Ww]arning: 299 - "unknown field \\"spec.frob\\""' "with a Warning header"
ok "and are strictly refused" c "$root/machines/a?fieldValidation=Strict" -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{"spec":{"frob":1}}'
is '.code == 400 and (.message | contains("strict decoding error: unknown field \"spec.frob\""))' "in Kubernetes' words"
ok "dry run" c "$root/machines/a?dryRun=All" -X DELETE
is '.status == "Success"' "succeeds"
ok "it is" code "$root/machines/a"
shows 200 "still there"
deep=$(printf '%0200d' 0 | sed 's/0/[/g')
ok "too deep" patch a merge-patch+json "{\"x\":$deep$(echo "$deep" | tr '[' ']')}"
is '.code == 400' "is refused"
ok "finalizers" patch b merge-patch+json '{"metadata":{"finalizers":["example.com/x"]}}'
ok "delete with one" c "$root/machines/b" -X DELETE
is '.metadata.deletionTimestamp' "only marks"
ok "taking it away" patch b merge-patch+json '{"metadata":{"finalizers":null}}'
ok "it is" code "$root/machines/b"
shows 404 "gone"
uid='{"preconditions":{"uid":"00000000-0000-0000-0000-000000000000"}}'
ok "a precondition that does not hold" c "$root/machines/a" -X DELETE -H 'Content-Type: application/json' -d "$uid"
is '.code == 409' "conflicts"
ok "deletecollection" c "$root/machines?labelSelector=none%3Dx" -X DELETE
is '.status == "Success"' "of nothing"
ok "it left" c "$root/machines/c"
is '.metadata.name == "c"' "the others"
ok "deletecollection" c "$root/machines" -X DELETE
ok "list" c "$root/machines"
is '.items == []' "everything is gone"

for path in / /nothing /apis/apps/v1 "$root/pods" "$root/machines/x/scale" /api/v1/nodes; do
    ok "$path" code "$path"
    shows 404 "is not there"
done
ok "events are not written by clients" code /api/v1/namespaces/default/events -d '{}'
shows 405 "405"
ok "an unknown form" code "$root/machines" -H 'Accept: application/cbor'
shows 406 "406"
ok "a bad selector" code "$root/machines?labelSelector=a+in+b"
shows 400 "400"

url=$(sed -n 's/.*server: "\(.*\)"/\1/p' "$state/kubeconfig")
token=$(sed -n 's/.*token: //p' "$state/kubeconfig")
t() { curl -s --max-time 60 --cacert "$state/keys/api-ca.crt" -o /dev/null -w '%{http_code}\n' "$@"; }
ok "TLS without a token" t "$url$root/machines"
shows 401 "401"
ok "TLS with a wrong one" t -H 'Authorization: Bearer x' "$url$root/machines"
shows 401 "401"
ok "TLS with the right one" t -H "Authorization: Bearer $token" "$url$root/machines"
shows 200 "200"
ok "a probe needs none" t "$url/readyz"
shows 200 "200"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    chmod 0711 "$work" && chmod 0755 "$state" && chmod 0666 "$state/api.sock"
    ok "another user on the socket" setpriv --reuid=65534 --regid=65534 --clear-groups \
        curl -s -o /dev/null -w '%{http_code}\n' --unix-socket "$state/api.sock" "http://x$root/machines"
    shows 403 "403"
fi
finish
