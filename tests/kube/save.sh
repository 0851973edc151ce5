#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: save.sh [SLIPWAY [NODE_PEER]]
#
# A cluster with one control plane gets another Image: what its etcd holds goes to the server, and
# comes back, with a real kube-apiserver and etcd. node-peer plays the machines, and saves and restores
# by slipway-node's own code; this script is the kubelet of the control plane. The server is killed
# between the steps. Speaks TAP; exit status 77 when there is no Kubernetes to run.

# shellcheck source=tests/kube/lib.bash
. "$(dirname "$(realpath "$0")")/lib.bash"
address=([cp1]=$own [w1]=10.9.0.21)
machine=$work/cp1/machine
manifests=$machine/etc/kubernetes/manifests

prepare() {
    prepare_rack
    declare_cluster demo $version 6443
    declare_machine cp1 controlPlane demo kube
    declare_machine w1 worker demo kube
    another_image new $version
    spec cluster demo '{"rollout": {"minReadySeconds": 1}}'
} >"$work/out" 2>&1

form() {
    wait_until gets cp1 init || return 1
    hello cp1 'done'
    wait_until initialized && start_apiserver --etcd cp1=$own && wait_until available || return 1
    make_node cp1 >/dev/null && wait_until phase_is cp1 Ready || return 1
    joins w1
}

# ---- the control plane's disk, and its kubelet ----

runs() { # PROCESS
    kill -0 "$(cat "$KUBE_FOLDER/$1.pid")" 2>/dev/null
}

# Its etcd's data are on the disk that slipway-node knows.
make_disk() {
    mkdir -p "$machine/var/lib/etcd" "$manifests"
    mount --bind "$KUBE_FOLDER/etcd-cp1" "$machine/var/lib/etcd"
    touch "$manifests/etcd.yaml" "$manifests/kube-apiserver.yaml"
}

stop_pods() {
    runs etcd-cp1 || return 0
    kill "$(cat "$KUBE_FOLDER/kube-apiserver.pid")" "$(cat "$KUBE_FOLDER/etcd-cp1.pid")"
}

start_pods() {
    runs etcd-cp1 && return
    "$here/apiserver" --start-etcd cp1 && "$here/apiserver" --start
}

# Static Pods run as long as their manifests are there.
kubelet() {
    while true; do
        if [ -e "$manifests/etcd.yaml" ]; then start_pods; else stop_pods; fi
        sleep 0.2
    done >>"$work/kubelet.log" 2>&1
}

new_disk() {
    umount "$machine/var/lib/etcd"
    rm -rf "$KUBE_FOLDER/etcd-cp1" "$machine"
}

# What was brought back is where the fixture's etcd looks for it.
start_restored() {
    mv "$machine/var/lib/etcd" "$KUBE_FOLDER/etcd-cp1" && make_disk
}

# ---- what is checked ----

saved() { # JQ
    object cluster demo ".status.saved$1 // \"nothing\""
}

saves() {
    say cp1 save "${generation[cp1]:-1}"
}

check_told() {
    ok "a rollout begins" "$slipway" rollout image new
    soon "with the only control plane" image_is cp1 new
    ok "which says what that means" rollout_is Progressing
    soon "it is told to save what its etcd holds" gets cp1 save
    first=$(answer cp1 .task.id)
    ok "and again as long as it has not said that it does" gets cp1 save
    ok "by the same name" is "$(answer cp1 .task.id)" "$first"
    crash
    soon "a new server tells it anew" gets cp1 save
    ok "by another name" not is "$(answer cp1 .task.id)" "$first"
    ok "its API server still runs" kubectl get --raw /readyz
}

# small_disk OPTIONS: what the server keeps is on a disk of its own
small_disk() {
    mkdir -p "$state/saved" && chmod 700 "$state/saved" && mount -t tmpfs -o "mode=700,$1" tmpfs "$state/saved"
}

save_is_refused() { # TEXT
    refused "$1" "$peer" "http://$own:8080" "$key" "$work/cp1" save 1
}

check_no_room() {
    small_disk size=200m
    pid=$(cat "$KUBE_FOLDER/etcd-cp1.pid")
    ok "a server that has no room for it says so" save_is_refused "make room on the server's disk"
    ok "before anything stops" test ! -e "$machine/etc/kubernetes/slipway-stopped"
    ok "etcd runs on" kill -0 "$pid"
    ok "the machine tells that it failed" told_failure
    ok "which is an event of it" tells cp1 'EtcdNotSaved.*tried again in 10 s'
    umount "$state/saved"
}

# More than two pieces of it, however well they are compressed.
fill_etcd() {
    local i
    for i in 1 2 3; do
        head -c 600000 /dev/urandom | base64 >"$work/noise"
        kubectl create configmap "noise$i" --from-file="$work/noise" >/dev/null || return 1
    done
}

check_disk_fills() {
    ok "etcd holds some data" fill_etcd
    soon "after a pause it is told once more" gets cp1 save
    small_disk size=2g,nr_inodes=5
    ok "a disk that fills up meanwhile is told of" save_is_refused 'there is no room'
    ok "the control plane has its Pods again" test -e "$manifests/etcd.yaml"
    soon "and runs" kubectl get --raw /readyz
    soon "what had come is gone" not test -e "$state/saved/demo"
    umount "$state/saved"
    ok "the machine tells that it failed" told_failure
    ok "and is asked later than before" tells cp1 'EtcdNotSaved.*tried again in 20 s'
    ok "nothing is saved" is "$(saved .machine)" nothing
    ok "its disk is not written" image_installed cp1 kube
}

# It is killed after the last piece, before it could write down that it is done.
check_interrupted() {
    soon "after a longer pause it is told once more" gets cp1 save
    ok "it saves" saves
    first=$(saved .id)
    ok "the server has it" test -d "$state/saved/demo/$first"
    ok "but the machine has started its control plane again" say cp1 again 1
    soon "so it has to save anew" says_and_saves failed 'the task was interrupted'
    ok "under another name" not is "$(answer cp1 .task.id)" "$first"
}

# Somebody wants it once more while it saves.
check_asked_anew() {
    ok "it saves, for an installation" saves
    soon "what was saved before is gone" is_alone
    first=$(saved .id)
    spec machine cp1 '{"installGeneration": 3}'
    soon "but by then it is for another one: it has to save anew" says_and_saves 'done' etcd-saved
    ok "under another name again" not is "$(answer cp1 .task.id)" "$first"
}

# Nobody wants it any more: before all of it has come, and after that.
check_taken_back() {
    spec machine cp1 '{"installGeneration": 1}'
    soon "it stays after all, and nothing more is taken" told cp1 ok
    ok "what it sends is refused" save_is_refused 'it was not asked for'
    ok "the control plane has its Pods again" test -e "$manifests/etcd.yaml"
    soon "and runs" kubectl get --raw /readyz
    hello cp1 failed 'it was not asked for'
    spec machine cp1 '{"installGeneration": 4}'
    soon "it is wanted once more" gets cp1 save
    ok "it saves" saves
    spec machine cp1 '{"installGeneration": 1}'
    crash
    soon "it does not need to: it is told to start again" resumes
    ok "and nothing of it can come back" is "$(saved .machine)" nothing
    soon "nor takes any room" not test -e "$state/saved/demo"
    ok "it starts again" say cp1 again 1
    soon "it runs" kubectl get --raw /readyz
    soon "it goes on" told_resumed
    soon "its Node takes Pods again" schedulable cp1
    kubectl create configmap late --from-literal=word=late >/dev/null
    spec machine cp1 '{"installGeneration": 4}'
    soon "what it has saved before is worth nothing" gets cp1 save
}

resumes() {
    hello cp1 'done' etcd-saved && is "$(answer cp1 .task.kind)" resume
}

told_resumed() {
    hello cp1 'done' && is "$(answer cp1 .action)" ok
}

# says_and_saves STATE TEXT: it says so, as long as it gets nothing else to do.
says_and_saves() {
    hello cp1 "$@" && cat "$work/cp1.answer" && is "$(answer cp1 .task.kind)" save
}

is_alone() {
    is "$(ls "$state/saved/demo")" "$(saved .id)"
}

told_failure() {
    hello cp1 failed 'the server cannot keep it' && is "$(answer cp1 .action)" wait
}

image_installed() { # MACHINE IMAGE
    is "$(object machine "$1" .status.installedImage)" "$2"
}

check_saved() {
    ok "it saves what is there" saves
    ok "etcd has stopped" not runs etcd-cp1
    ok "the server has it" is "$(saved .machine)" cp1
    chunks=$(saved .chunks) id=$(saved .id)
    ok "all of it" is "$(find "$state/saved/demo/$id" -type f | wc -l)" "$chunks"
    ok "for nobody else" is "$(find "$state/saved" -perm /077)" ''
    ok "and sealed" not grep -rq '^H4sI' "$state/saved" # as what gzip writes begins, in base64
    crash
    ok "it has not left before it knows that" not tells cp1 'goes on with it'
    soon "it tells that it does" hello cp1 'done' etcd-saved
    soon "it has left" tells cp1 'goes on with it'
    ok "the control plane stays as it is" test ! -e "$manifests/etcd.yaml"
}

check_restored() {
    new_disk
    soon "it is installed anew" is_installed_anew cp1
    crash
    soon "it is told to begin with what was saved" gets cp1 init
    ok "by its name" is "$(jq -r .saved "$work/cp1/task.json")" "$id"
    ok "and not to make the add-ons again" grep -q 'skip-phases=[^"]*addon' "$work/cp1/task.json"
    cp "$work/cp1/task.json" "$work/w1/task.json"
    ok "another machine does not get it" refused 'nothing of that name is saved for this machine' \
        "$peer" "http://$own:8080" "$key" "$work/w1" restore 1
    key_of_another=$(object machine w1 .status.identity.publicKey)
    ok "another key is approved" spec machine cp1 "{\"approvedKey\": \"$key_of_another\"}"
    ok "this one gets nothing any more" restore_is_refused
    ok "it is the right one" spec machine cp1 '{"approvedKey": null}'
    ok "the machine is rejected" spec machine cp1 '{"approved": false}'
    ok "and gets nothing" restore_is_refused
    soon "it has left" tells cp1 'Rejected'
    ok "it is approved again" spec machine cp1 '{"approved": true}'
    soon "and told anew" gets cp1 init
    ok "to begin with what was saved" is "$(jq -r .saved "$work/cp1/task.json")" "$id"
    ok "it gets it" say cp1 restore "${generation[cp1]}"
    ok "and starts" start_restored
    soon "the API server is there" kubectl get --raw /readyz
    ok "with what was written last" is "$(kubectl get configmap late -o 'jsonpath={.data.word}')" late
    ok "and the worker" kubectl get node w1
    spec machine cp1 '{"installGeneration": 5}'
    soon "what it came from is not what it holds now: that has to be saved" says_and_saves 'done'
    spec machine cp1 '{"installGeneration": 4}'
    soon "it stays" told cp1 ok
    soon "it is Ready" phase_is cp1 Ready
    soon "its Node takes Pods again" schedulable cp1
    soon "nothing is kept any more" is_forgotten
}

restore_is_refused() {
    refused 'speaks for no machine' "$peer" "http://$own:8080" "$key" "$work/cp1" restore \
        "${generation[cp1]}"
}

schedulable() { # NODE
    is "$(kubectl get node "$1" -o 'jsonpath={.spec.unschedulable}')" ''
}

is_forgotten() {
    is "$(saved .machine)" nothing && test ! -e "$state/saved/demo"
}

check_worker() {
    soon "then comes the worker" image_is w1 new
    soon "it leaves the cluster" node_gone w1
    soon "is installed anew" is_installed_anew w1
    soon "and joins the one that was brought back" joins w1
    soon "all have it" rollout_is Complete 'all have Image new'
}

# As a server leaves it that is killed before it has removed what nobody needs.
check_deleted() {
    mkdir -p "$state/saved/demo/old" && touch "$state/saved/demo/old/00000"
    ok "the Cluster is deleted" "$slipway" delete cluster demo
    soon "and what was kept for it" not test -e "$state/saved/demo"
}

prepare || { echo "Bail out! $(cat "$work/out")" && exit 1; }
install_all cp1 w1
form >"$work/out" 2>&1 || { echo "Bail out! $(cat "$work/out")" && tail -n 20 "$log" && exit 1; }
make_disk
kubelet &
kubelet=$!
check_told
check_no_room
check_disk_fills
check_interrupted
check_asked_anew
check_taken_back
check_saved
check_restored
check_worker
check_deleted
kill "$kubelet"
umount "$machine/var/lib/etcd"
check_end
echo "1..$count"
[ $failed -eq 0 ]
