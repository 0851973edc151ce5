#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The container images that tools/kubernetes makes: named as kubeadm wants them, whole, and each
# runs with nothing but what is in it.

setup() {
    bats_require_minimum_version 1.5.0
    : "${KUBERNETES_FOLDER:=$BATS_TEST_DIRNAME/../../build/kubernetes/v1.20.2}"
    [ -f "$KUBERNETES_FOLDER/VERSION" ] || skip "no Kubernetes: tools/kubernetes makes it"
    [ "$(cat "$KUBERNETES_FOLDER/VERSION")" = v1.20.2 ] || skip "images of a release are its maker's"
    images=$KUBERNETES_FOLDER/images
}

# file_of IMAGE NAME: a file of its archive.
file_of() {
    tar -xOf "$images/$1.tar" "./$2"
}

unpack() {
    file_of "$1" layer.tar | tar -x -C "$BATS_TEST_TMPDIR"
}

# inside COMMAND...: with the unpacked image as the root.
inside() {
    unshare --map-root-user chroot "$BATS_TEST_TMPDIR" "$@"
}

@test "every image that kubeadm wants is there, but CoreDNS" {
    local reference
    HOME=$BATS_TEST_TMPDIR "$KUBERNETES_FOLDER/bin/kubeadm" config images list \
        --kubernetes-version v1.20.2 2>/dev/null | grep -v coredns | sort >"$BATS_TEST_TMPDIR/wanted"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/wanted")" -eq 6 ]
    echo slipway.dev/busybox:demo >>"$BATS_TEST_TMPDIR/wanted"
    for reference in "$images"/*.tar; do
        tar -xOf "$reference" ./manifest.json | jq -r '.[].RepoTags[]'
    done | sort | diff "$BATS_TEST_TMPDIR/wanted" -
}

@test "digests are those of the content" {
    local name config
    for name in $(basename -s .tar "$images"/*.tar); do
        config=$(file_of "$name" manifest.json | jq -r '.[0].Config')
        [ "$(file_of "$name" "$config" | sha256sum | cut -d' ' -f1).json" = "$config" ]
        [ "sha256:$(file_of "$name" layer.tar | sha256sum | cut -d' ' -f1)" = \
            "$(file_of "$name" "$config" | jq -r '.rootfs.diff_ids[0]')" ]
    done
}

@test "etcd finds its libraries in its image" {
    unpack etcd
    inside /usr/local/bin/etcd --version | grep 'etcd Version'
}

@test "kube-proxy finds iptables and conntrack in its image" {
    unpack kube-proxy
    inside /usr/local/bin/kube-proxy --version | grep -x 'Kubernetes v1.20.2'
    inside /usr/sbin/iptables --version | grep nf_tables
    inside /usr/sbin/conntrack --version
    # matches and targets are libraries of their own
    inside /usr/sbin/iptables -j MASQUERADE --help | grep random-fully
    inside /usr/sbin/iptables -m conntrack --help | grep ctstate
}

@test "the control plane's images hold static programs" {
    local name
    for name in kube-apiserver kube-controller-manager kube-scheduler; do
        unpack $name
        inside /usr/local/bin/$name --version | grep -x 'Kubernetes v1.20.2'
    done
}

@test "busybox has a shell and a web server" {
    unpack busybox
    inside /bin/sh -c 'echo hello >/tmp/index.html && cat /tmp/index.html' | grep -x hello
    inside /bin/httpd --help 2>&1 | grep -i 'httpd '
}

@test "pause reaps what ends in its pod, and ends when told" {
    local signal pause
    unpack pause
    for signal in TERM INT; do
        # the shell leaves a child behind that ends later; what is exec'ed has to reap it
        unshare --map-root-user --pid --fork --kill-child bash -c "
            (sleep 0.2 & echo >$BATS_TEST_TMPDIR/begun)
            exec $BATS_TEST_TMPDIR/pause" 3>&- &
        until [ -e "$BATS_TEST_TMPDIR/begun" ] && pause=$(pgrep -P $!) &&
            [ "$(cat "/proc/$pause/comm")" = pause ]; do
            sleep 0.02
        done
        # its child ends, and is not left as a zombie
        while [ -n "$(pgrep -P "$pause")" ]; do
            sleep 0.02
        done
        kill -0 "$pause"
        kill -$signal "$pause"
        wait $!
        rm "$BATS_TEST_TMPDIR/begun"
    done
}
