#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# tools/kubernetes where it must not go on: it says why, and leaves nothing that looks finished.

setup() {
    bats_require_minimum_version 1.5.0
    tool=$BATS_TEST_DIRNAME/../../tools/kubernetes
    dir=$BATS_TEST_TMPDIR
    made=$dir/made/kubernetes
    mkdir "$dir/made"
}

# A folder of releases on loopback, in which every program is the same few bytes.
release() {
    local name folder
    folder=$dir/releases/v1.99.0/bin/linux/$(dpkg --print-architecture)
    mkdir -p "$folder"
    for name in kubeadm kubelet kubectl kube-{apiserver,controller-manager,scheduler,proxy}; do
        printf '#!/bin/sh\n' >"$folder/$name"
        sha256sum "$folder/$name" | cut -d' ' -f1 >"$folder/$name.sha256"
    done
    echo "more" >>"$folder/kubelet"
    python3 -u -m http.server -b 127.0.0.1 -d "$dir/releases" 0 >"$dir/http.log" 2>&1 3>&- &
    server=$!
    until grep -q 'port [0-9]' "$dir/http.log"; do sleep 0.05; done
    export KUBERNETES_URL
    KUBERNETES_URL=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$dir/http.log")
}

teardown() {
    [ -z "${server:-}" ] || kill "$server"
}

# skopeo that must not be called, for machines without it.
no_skopeo() {
    mkdir "$dir/bin"
    printf '#!/bin/sh\necho "skopeo was called" >&2\nexit 1\n' >"$dir/bin/skopeo"
    chmod +x "$dir/bin/skopeo"
    PATH=$dir/bin:$PATH
}

@test "what is there is kept" {
    mkdir "$made"
    echo v1.20.2 >"$made/VERSION"
    run "$tool" "$made"
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    [ "$(ls "$made")" = VERSION ]
}

@test "a folder that something else made is not touched" {
    mkdir "$made"
    echo precious >"$made/file"
    run "$tool" "$made"
    [ "$status" -eq 1 ]
    [[ $output == *"remove it"* ]]
    [ "$(cat "$made/file")" = precious ]
}

@test "without package sources it says what is missing" {
    run unshare --map-root-user --net "$tool" "$made"
    [ "$status" -eq 1 ]
    [[ $output == *"have no kubernetes 1.20.2"* ]]
    [ -z "$(ls -A "$dir/made")" ]
}

@test "a release needs an address, and what it gives must have its digest" {
    no_skopeo
    KUBERNETES=v1.99.0 KUBERNETES_URL='' run "$tool" "$made"
    [ "$status" -eq 1 ]
    [[ $output == *"KUBERNETES_URL, the folder of releases"* ]]

    release
    KUBERNETES=v1.99.0 run "$tool" "$made"
    [ "$status" -eq 1 ]
    [[ $output == *"kubelet does not have the digest"* ]]
    [ -z "$(ls -A "$dir/made")" ]
}
