#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: kubectl.sh API_SERVER KUBECTL. The real kubectl, old or new, against the API over TLS.
server=$1 kubectl=$2
command -v "$kubectl" >/dev/null || exit 77
# shellcheck source=tests/api/lib.sh
. "$(dirname "$0")/lib.sh"
start_server
export KUBECONFIG="$state/kubeconfig"
k() { timeout 60 "$kubectl" "$@"; }
minor=$(k version --client -o json | sed -n 's/.*"minor": "\([0-9]*\).*/\1/p')

cat >"$work/machine.yaml" <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata:
  name: node1
  labels: {rack: a}
spec:
  macAddresses: ["52:54:00:00:00:01"]
  role: worker
  image: debian
YAML

ok "api-resources" k api-resources
shows '^machines +mach +slipway.dev/v1alpha1 +false +Machine' "machines are listed with their short name"
ok "api-versions" k api-versions
ok "version" k version
ok "get of nothing" k get machines
shows 'No resources found' "says so"

ok "apply creates" k apply -f "$work/machine.yaml"
shows '^machine.slipway.dev/node1 created$' "created"
ok "apply again" k apply -f "$work/machine.yaml"
shows 'unchanged$' "unchanged"
ok "diff without a difference" k diff -f "$work/machine.yaml"
sed -i 's/worker/none/' "$work/machine.yaml"
status 1 "diff with a difference" k diff -f "$work/machine.yaml"
shows '^\+  role: none' "shows it"
ok "apply changes" k apply -f "$work/machine.yaml"
shows 'configured$' "configured"
ok "apply --dry-run=server" k apply --dry-run=server -f "$work/machine.yaml"
shows 'server dry run' "is one"

ok "get" k get machines
shows '^NAME +PHASE +IMAGE +ROLE +ADDRESS +AGE$' "the columns"
shows '^node1 ' "the row"
ok "get -o wide" k get mach -o wide
shows '52:54:00:00:00:01' "wide columns"
ok "get -o yaml" k get machine node1 -o yaml
shows '^  role: none$' "the specification"
shows '^  installGeneration: 1$' "a default"
ok "get -o json" k get machine node1 -o json
ok "get -o name" k get machines -o name
shows '^machine.slipway.dev/node1$' "the name"
ok "get of a category" k get slipway
shows 'machine.slipway.dev/node1' "has the machine"
ok "get -o jsonpath" k get machine node1 -o 'jsonpath={.spec.image}'
shows '^debian$' "the value"
ok "get --sort-by" k get machines --sort-by=.metadata.name
ok "get -l" k get machines -l 'rack in (a,b)' -o name
shows node1 "selects by label"
ok "get -l other" k get machines -l rack=b -o name
lacks node1 "does not select others"
ok "get --field-selector" k get machines --field-selector metadata.name=node1 -o name
shows node1 "selects by field"
status 1 "get of what is not there" k get machine nope
shows 'machines.slipway.dev "nope" not found' "in Kubernetes' words"

ok "describe" k describe machine node1
shows '^Name: +node1$' "name"
shows 'Mac Addresses:' "specification"
shows 'Normal +Discovered .* slipway +seen for the first time' "Events"
ok "get events" k get events
shows 'Discovered' "has it"
ok "explain" k explain machine.spec.rootDisk
shows 'Which disk the image is written to' "documentation"
ok "explain --recursive" k explain machine --recursive
shows 'macAddresses' "fields"

ok "patch --type=merge" k patch machine node1 --type=merge -p '{"spec":{"image":"second"}}'
ok "patch --type=json" k patch machine node1 --type=json \
    -p '[{"op":"test","path":"/spec/image","value":"second"},{"op":"replace","path":"/spec/image","value":"third"}]'
ok "then" k get machine node1 -o 'jsonpath={.spec.image}'
shows '^third$' "both happened"
status 1 "a strategic patch is refused" k patch machine node1 -p '{"spec":{"image":"x"}}'
status 1 "a json patch whose test fails" k patch machine node1 --type=json \
    -p '[{"op":"test","path":"/spec/image","value":"second"}]'
ok "label" k label machine node1 tier=x
ok "annotate" k annotate machine node1 note=hello
ok "label -" k label machine node1 tier-
ok "edit" env EDITOR='sed -i s/third/fourth/' timeout 60 "$kubectl" edit machine node1
shows 'edited$' "edited"

cat >"$work/applied.yaml" <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: node2}
spec: {macAddresses: ["52:54:00:00:00:02"], image: a, serial: S2}
YAML
ok "server-side apply creates" k apply --server-side --field-manager=one -f "$work/applied.yaml"
sed -i 's/image: a/image: b/' "$work/applied.yaml"
status 1 "server-side apply by another" k apply --server-side --field-manager=two -f "$work/applied.yaml"
shows 'conflict with "one"' "is a conflict"
shows '\.spec\.image' "that names the field"
ok "with force" k apply --server-side --field-manager=two --force-conflicts -f "$work/applied.yaml"
sed -i 's/, serial: S2//' "$work/applied.yaml"
ok "two leaves a field out" k apply --server-side --field-manager=two -f "$work/applied.yaml"
ok "get" k get machine node2 -o 'jsonpath={.spec.serial}{.spec.image}'
shows '^S2b$' "which one still has"

cat >"$work/bad.yaml" <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: bad}
spec: {macAddresses: ["zz"], uuid: nope}
YAML
status 1 "an invalid object" k apply -f "$work/bad.yaml"
shows 'spec.macAddresses\[0\]: not a MAC address: "zz"' "the first problem"
shows 'spec.uuid: ' "and the second"
sed 's/image: debian/imige: debian/' "$work/machine.yaml" >"$work/unknown.yaml"
status 1 "an unknown field" k apply -f "$work/unknown.yaml"
shows 'unknown field "?(spec.)?imige' "is named"
status 1 "create of what is there" k create -f "$work/machine.yaml"
shows 'already exists' "says so"
ok "replace" k replace -f "$work/machine.yaml"
status 1 "a MAC address of another machine" k patch machine node2 --type=merge \
    -p '{"spec":{"macAddresses":["52:54:00:00:00:01"]}}'
shows 'node1' "names its owner"

timeout 60 "$kubectl" get machines -o wide -w >"$work/watch" 2>&1 &
watcher=$!
eventually "get -w shows what is there" '^node1 ' "$work/watch"
ok "a change" k patch machine node1 --type=merge -p '{"spec":{"serial":"XYZ-77"}}'
eventually "get -w shows the change" '^node1 .*XYZ-77' "$work/watch"
kill $watcher

if [ "$minor" -ge 24 ]; then
    ok "patch --subresource=status" k patch machine node1 --subresource=status --type=merge -p \
        '{"status":{"phase":"Running","conditions":[{"type":"Approved","status":"True","reason":"Yes","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}'
    ok "wait --for=condition" k wait --for=condition=Approved machine/node1 --timeout=20s
    ok "wait --for=jsonpath" k wait '--for=jsonpath={.status.phase}=Running' machine/node1 --timeout=20s
    ok "explain of a column" k get machines
    shows '^node1 +Running' "the phase"
    ok "events" k events --for machine/node1
fi
ok "the status is no part of the object" k patch machine node1 --type=merge -p '{"status":{"phase":"Failed"}}'
ok "get" k get machine node1 -o 'jsonpath=[{.status.phase}]'
lacks 'Failed' "so it did not change"

ok "get --raw /readyz" k get --raw /readyz
ok "get --raw /metrics" k get --raw /metrics
shows '^slipway_machines 2$' "metrics"
ok "delete" k delete machine node1 --wait=true
shows 'deleted' "deleted"
status 1 "delete again" k delete machine node1
ok "delete --ignore-not-found" k delete machine node1 --ignore-not-found
ok "delete --all" k delete machines --all
ok "get" k get machines -o name
lacks node "nothing is left"
finish
