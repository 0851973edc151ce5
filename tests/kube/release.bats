#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# tools/kubernetes takes a release from a folder as releases have it, served over HTTP on this machine,
# and the images from docker archives. The release here is the second Kubernetes that upgrades are tried
# with. Debian's packages are fetched for it.

setup() {
    bats_require_minimum_version 1.5.0
    version=v1.21.0
    made=$BATS_TEST_DIRNAME/../../build/kubernetes/$version
    [ -f "$made/VERSION" ] || skip "no second Kubernetes: CALLED=$version tools/kubernetes makes it"
    made=$(realpath "$made")
    arch=$(dpkg --print-architecture)
    served=$BATS_TEST_TMPDIR/served
    export KUBERNETES=$version KUBERNETES_IMAGES=$made/images
    tool=$BATS_TEST_DIRNAME/../../tools/kubernetes
    folder=$BATS_TEST_TMPDIR/output/$version
}

teardown() {
    [ -z "${web:-}" ] || kill "$web"
    # it is large
    rm -rf "$BATS_TEST_TMPDIR/output"
}

serve() {
    local name releases=$served/$version/bin/linux/$arch
    mkdir -p "$releases"
    for name in kubeadm kubelet kubectl kube-{apiserver,controller-manager,scheduler,proxy}; do
        ln -s "$made/bin/$name" "$releases/$name"
        sha256sum <"$made/bin/$name" | cut -d' ' -f1 >"$releases/$name.sha256"
    done
    python3 -u -m http.server --bind 127.0.0.1 --directory "$served" 0 >"$BATS_TEST_TMPDIR/web" 2>&1 3>&- &
    web=$!
    until grep -q 'port [0-9]' "$BATS_TEST_TMPDIR/web"; do sleep 0.05; done
    export KUBERNETES_URL
    KUBERNETES_URL=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$BATS_TEST_TMPDIR/web")
}

@test "a release: programs, images, and Debian's etcd and busybox" {
    serve
    run -0 "$tool" "$folder"
    [ "$(cat "$folder/VERSION")" = $version ]
    diff <(cd "$made" && find . -type f | sort) <(cd "$folder" && find . -type f | sort)
    cmp "$made/images/busybox.tar" "$folder/images/busybox.tar"
    cmp "$made/bin/etcd" "$folder/bin/etcd"
}

@test "a release whose program or image is another one is not taken" {
    serve
    echo 0 >"$served/$version/bin/linux/$arch/kubelet.sha256"
    run -1 "$tool" "$folder"
    [[ ${lines[-1]} == *"kubelet does not have the digest that is written beside it" ]]
    sha256sum <"$made/bin/kubelet" >"$served/$version/bin/linux/$arch/kubelet.sha256"
    mkdir "$BATS_TEST_TMPDIR/images"
    KUBERNETES_IMAGES=$BATS_TEST_TMPDIR/images run -1 "$tool" "$folder"
    [[ ${lines[-1]} == *"there is no $BATS_TEST_TMPDIR/images/kube-apiserver.tar, which $version needs"* ]]
    cp "$made/images/pause.tar" "$BATS_TEST_TMPDIR/images/kube-apiserver.tar"
    KUBERNETES_IMAGES=$BATS_TEST_TMPDIR/images run -1 "$tool" "$folder"
    [[ ${lines[-1]} == *"is not a docker archive of the image"*"kube-apiserver:$version, which $version needs" ]]
    [ ! -e "$folder" ]
}

@test "what a release lacks is said at once" {
    unset KUBERNETES_URL
    KUBERNETES=v1.22.0 KUBERNETES_IMAGES=$BATS_TEST_TMPDIR/none run -1 "$tool" "$BATS_TEST_TMPDIR/output/v1.22.0"
    [[ $output == *"- KUBERNETES_URL, the folder of releases that holds v1.22.0/bin/linux/$arch"* ]]
    [[ $output == *"- the folder $BATS_TEST_TMPDIR/none (KUBERNETES_IMAGES)"* ]]
}
