#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: cli.sh API_SERVER SLIPWAY. The built-in client over the Unix socket and over TLS.
server=$1 slipway=$2
# shellcheck source=tests/api/lib.sh
. "$(dirname "$0")/lib.sh"
start_server
export SLIPWAY_STATE="$state"
s() { timeout 60 "$slipway" "$@"; }

cat >"$work/rack.yaml" <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: node1, labels: {rack: a}}
spec: {macAddresses: ["52:54:00:00:00:01"], image: debian}
---
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: node2, labels: {rack: b}}
spec:
  macAddresses: ["52:54:00:00:00:02"]
  image: debian
---
apiVersion: slipway.dev/v1alpha1
kind: Profile
metadata: {name: small}
spec: {image: debian}
YAML

ok "apply" s apply -f "$work/rack.yaml"
shows '^machine.slipway.dev/node2 created$' "created"
ok "apply again" s apply -f "$work/rack.yaml"
shows '^profile.slipway.dev/small unchanged$' "unchanged"
sed -i 's/  image: debian/  image: other/' "$work/rack.yaml"
ok "apply from standard input" sh -c "timeout 60 '$slipway' apply -f - <'$work/rack.yaml'"
shows '^machine.slipway.dev/node2 configured$' "configured"
mkdir "$work/folder"
cp "$work/rack.yaml" "$work/folder/"
ok "apply of a folder" s apply -f "$work/folder"
lacks 'configured|created' "nothing new"

cat >"$work/bad.yaml" <<'YAML'
apiVersion: slipway.dev/v1alpha1
kind: Machine
metadata: {name: bad}
spec:
  macAddresses: ["zz"]
  rol: worker
YAML
status 5 "apply of a bad file" s apply -f "$work/rack.yaml" -f "$work/bad.yaml"
shows 'bad.yaml:5: spec.macAddresses\[0\]: not a MAC address: "zz"' "file, line, field"
shows 'bad.yaml:6: spec.rol: unknown field' "all problems at once"
status 2 "apply without a file" s apply
status 3 "apply of a file that is not there" s apply -f "$work/none.yaml"

ok "get" s get machines
shows '^NAME +PHASE +IMAGE' "headings"
shows '^node1 ' "a row"
ok "get by short name" s get mach node1
ok "get KIND/NAME" s get machine/node1 profile/small
ok "get all" s get all
shows '^machine.slipway.dev/node1 ' "names with kinds"
ok "get -o name" s get machines -o name
shows '^machine.slipway.dev/node1$' "names"
ok "get -o wide" s get machines -o wide
shows '52:54:00:00:00:01' "more columns"
ok "get -o yaml" s get machine node1 -o yaml
shows '^kind: Machine$' "an object"
lacks managedFields "without noise"
s get machine node1 -o yaml >"$work/again.yaml"
ok "what get prints can be applied" s apply --dry-run --force-conflicts -f "$work/again.yaml"
ok "get -o json" s get machines -o json
shows '"kind": "List"' "a list"
ok "get -o jsonpath" s get machine node1 -o 'jsonpath={.spec.image}{"\n"}'
shows '^debian$' "a value"
ok "get -l" s get machines -l rack=b -o name
lacks node1 "selects"
ok "get --field-selector" s get machines --field-selector spec.image=other --no-headers
lacks 'node1|NAME' "selects"
status 3 "get of nothing" s get machine nope
status 5 "get of an unknown kind" s get things
shows 'expected one of machines' "lists the kinds"
status 2 "an unknown option" s get machines --frob
status 2 "an unknown command" s frob

ok "describe" s describe machine node1
shows 'Discovered' "with Events"
ok "events" s events machine node1
shows 'Machine/node1 +seen for the first time' "an Event"

# heard NAME JSON: what the server would write when a machine says hello
heard() {
    curl -sf --unix-socket "$state/api.sock" -X PATCH -H 'Content-Type: application/merge-patch+json' \
        -d "{\"status\":$2}" "http://x/apis/slipway.dev/v1alpha1/machines/$1/status"
}
# bound NAME: the key that its approval is for
bound() { s get machine "$1" -o 'jsonpath={.spec.approved} {.spec.approvedKey}{"\n"}'; }
first=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8
second=ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8
status 3 "approve with a fingerprint before there is one" s approve node1 --fingerprint 'a b c'
ok "the machine reports a key" heard node1 \
    "{\"identity\":{\"publicKey\":\"$first\",\"words\":\"able baker charlie\"}}"
status 6 "approve with a wrong fingerprint" s approve node1 --fingerprint 'able baker delta'
shows 'was not approved: .*"able baker charlie"' "tells the right one"
ok "get" s get machine node1 -o 'jsonpath={.spec.approved}{.spec.approvedKey}'
lacks . "did not approve"
ok "approve with the right one" s approve node1 --fingerprint 'Able-Baker Charlie'
shows '^machine.slipway.dev/node1 approved$' "approved"
ok "the approval" bound node1
shows "^true $first$" "is for that key"
ok "approve again" s approve node1
shows 'already approved$' "says so"
ok "another key asks" heard node1 \
    "{\"candidate\":{\"publicKey\":\"$second\",\"words\":\"delta echo\",\"seen\":\"2026-01-01T00:00:00Z\"}}"
ok "describe" s describe machine node1
shows 'Words: +delta echo$' "shows the words of the key that asks"
ok "approve with the words of the first" s approve node1 --fingerprint 'able baker charlie'
shows 'already approved$' "changes nothing"
status 6 "approve with words of nobody" s approve node1 --fingerprint 'delta baker'
shows 'was not approved: .*"delta echo"' "tells those of the key that asks"
ok "the approval" bound node1
shows "^true $first$" "is still for the first key"
ok "approve the key that asks" s approve node1
shows 'approved again, with another key: delta echo$' "says so"
ok "the approval" bound node1
shows "^true $second$" "is for the second key"
ok "approve again" s approve node1
shows 'already approved$' "once is enough"
ok "the second key is the machine's" heard node1 \
    "{\"candidate\":null,\"identity\":{\"publicKey\":\"$second\",\"words\":\"delta echo\"}}"
ok "reject" s reject node1
ok "the approval" bound node1
shows "^false $second$" "keeps its key"
ok "approve after all" s approve node1
ok "the approval" bound node1
shows "^true $second$" "is for the same key"
sed 's/image: debian}/image: debian, approved: true}/' "$work/rack.yaml" | sed '/^---/,$d' |
    sed 's/node1/node9/; s/00:01/00:09/' >"$work/approved.yaml"
ok "a Machine that is approved beforehand" s apply -f "$work/approved.yaml"
ok "approve before it spoke" s approve node9
shows 'already approved$' "binds no key"
ok "it speaks" heard node9 "{\"identity\":{\"publicKey\":\"$first\",\"words\":\"able baker\"}}"
ok "approve" s approve node9
shows 'already approved, now for one key only: able baker$' "binds it"
ok "the approval" bound node9
shows "^true $first$" "is for that key"
sed 's/approved: true/approvedKey: AAECAwQ/' "$work/approved.yaml" >"$work/no-key.yaml"
status 5 "a key that is none" s apply -f "$work/no-key.yaml"
shows 'spec.approvedKey: not an Ed25519 public key' "is refused"
ok "delete" s delete machine node9
ok "reject" s reject machine/node2
shows 'node2 rejected' "rejected"
ok "reinstall of what was never installed" s reinstall node1
shows 'already asked for' "is due already"
ok "it is installed" curl -sf --unix-socket "$state/api.sock" -X PATCH \
    -H 'Content-Type: application/merge-patch+json' -d '{"status":{"installedGeneration":1}}' \
    http://x/apis/slipway.dev/v1alpha1/machines/node1/status
ok "reinstall" s reinstall node1
shows 'will be reinstalled' "asked for"
ok "reinstall again" s reinstall node1
shows 'already asked for' "only once"
ok "get" s get machine node1 -o 'jsonpath={.spec.installGeneration}'
shows '^2$' "one generation more"
ok "it fails" curl -sf --unix-socket "$state/api.sock" -X PATCH \
    -H 'Content-Type: application/merge-patch+json' -d '{"status":{"phase":"Failed"}}' \
    http://x/apis/slipway.dev/v1alpha1/machines/node1/status
ok "reinstall of what failed" s reinstall node1
shows 'will try to install again' "tries again"
ok "get" s get machine node1 -o 'jsonpath={.spec.installGeneration}'
shows '^3$' "with a new generation"

ok "reinstall later" s reinstall node1 --at-next-boot
ok "get" s get machine node1 -o 'jsonpath={.spec.installWhen}'
shows '^nextBoot$' "waits for somebody to restart it"

# node1_is STATUS: as the server would write it
node1_is() {
    curl -sf --unix-socket "$state/api.sock" -X PATCH -d "{\"status\":$1}" \
        -H 'Content-Type: application/merge-patch+json' \
        http://x/apis/slipway.dev/v1alpha1/machines/node1/status
}
status 2 "release asks first" s release node1 </dev/null
shows 'yes is needed' "and says so"
status 2 "a way to wipe that is none" s release node1 --yes --wipe fire
ok "it waits for approval" node1_is '{"phase":"Discovered"}'
status 6 "release of what was never approved" s release node1 --yes
ok "it runs" node1_is '{"phase":"Running","installedGeneration":3}'
ok "release" s release node1 --yes --wipe zero --disks root --drain-timeout 60 --stay-on
shows 'node1 will be released' "asked for"
ok "get" s get machine node1 -o 'jsonpath={.spec.release}'
shows '"drainTimeoutSeconds":60' "with a deadline"
shows '"powerOff":false' "to be left on"
shows '"generation":1' "for the first time"
ok "release again" s release node1 --yes
shows 'is being released' "once is enough"
ok "take it back" s release node1 --undo
shows 'not released after all' "told"
ok "get" s get machine node1 -o 'jsonpath={.spec.release.generation}'
shows '^0$' "as before"
ok "take it back again" s release node1 --undo
ok "release" s release node1 --yes
ok "it is wiped" node1_is '{"phase":"Releasing","wipingGeneration":1}'
status 4 "too late" s release node1 --undo
status 4 "neither is it reinstalled" s reinstall node1
ok "it fails" node1_is '{"phase":"Failed","failure":{"message":"vda: burnt"},"observedGeneration":99}'
status 1 "waiting for it" s release node1 --yes --wait
shows 'vda: burnt' "tells why"
ok "get" s get machine node1 -o 'jsonpath={.spec.release.generation}'
shows '^2$' "another try"
ok "it ends" node1_is '{"phase":"Released","releasedGeneration":2,"wipingGeneration":null}'
ok "release of what is released" s release node1 --yes --wait
shows 'is released' "nothing to do"
ok "get" s get machine node1 -o 'jsonpath={.spec.release.generation}'
shows '^2$' "and nothing was done"
ok "reinstall of a released machine" s reinstall node1
shows 'once its new key is approved' "has to be approved"
ok "get" s get machine node1 -o 'jsonpath={.spec.installGeneration}'
shows '^4$' "is due"
ok "its new key asks" node1_is \
    "{\"candidate\":{\"publicKey\":\"$first\",\"words\":\"able baker\"},\"installedGeneration\":4}"
ok "approve" s approve node1
shows 'to be used again, with another key: able baker$' "told"
ok "the approval" bound node1
shows "^true $first$" "is for the new key"
ok "get" s get machine node1 -o 'jsonpath={.spec.installGeneration}'
shows '^5$' "and is due"

timeout 60 "$slipway" get machines --watch >"$work/watch" 2>&1 &
watcher=$!
eventually "get --watch shows what is there" '^node2 ' "$work/watch"
ok "a change" s approve node2
timeout 60 "$slipway" events --watch >"$work/events" 2>&1 &
events=$!
eventually "events --watch" 'Machine/node1' "$work/events"
sed 's/node1/node3/; s/00:01/00:03/' "$work/rack.yaml" >"$work/more.yaml"
ok "a new machine" s apply -f "$work/more.yaml"
eventually "get --watch shows it" '^node3 ' "$work/watch"
eventually "events --watch shows it" 'Machine/node3' "$work/events"
kill $watcher $events

ok "kubeconfig" s kubeconfig --api
shows '^current-context: slipway$' "a kubeconfig"
status 3 "no Cluster to reach" s kubeconfig
status 2 "a user of a Cluster" s kubeconfig --user bob
s kubeconfig --api --user bob --role reader >"$work/bob"
ok "a reader reads" s get machines --kubeconfig "$work/bob"
status 6 "a reader does not write" s delete machine node1 --kubeconfig "$work/bob"
s kubeconfig --api --user bob --role admin >"$work/bob2"
status 6 "an old token is no longer good" s get machines --kubeconfig "$work/bob"
ok "an admin writes" s delete machine node3 --kubeconfig "$work/bob2"
sed 's/token: .*/token: wrong/' "$work/bob2" >"$work/forged"
status 6 "a wrong token" s get machines --kubeconfig "$work/forged"
grep -v certificate-authority-data "$work/bob2" >"$work/no-ca"
status 1 "a server that no known authority vouches for" s get machines --kubeconfig "$work/no-ca"
status 7 "no server" s get machines --state "$work/nowhere"

ok "complete commands" s complete -- descr
shows '^describe' "a command"
ok "complete names" s complete -- get machines no
shows '^node1' "a name"
for shell in bash zsh fish; do
    ok "completion $shell" s completion $shell
done
if command -v bash >/dev/null; then
    s completion bash >"$work/completion"
    ok "bash takes it" env PATH="$(dirname "$slipway"):$PATH" bash -c \
        "source '$work/completion'; COMP_WORDS=(slipway get machines node); COMP_CWORD=3; _slipway; echo \"\${COMPREPLY[@]}\""
    shows 'node1' "and completes"
fi

status 2 "delete of everything must be said" s delete machines
ok "delete -f" s delete -f "$work/rack.yaml"
ok "delete --ignore-not-found" s delete -f "$work/rack.yaml" --ignore-not-found
status 3 "delete of nothing" s delete machine node1
finish
