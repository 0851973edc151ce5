#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images for Kubernetes: containerd imports container images while they are built, with root's rights
# and without, where the programs come from packages, too. Both images are kept under XDG_CACHE_HOME until what they were made of changes.

setup_file() {
    bats_require_minimum_version 1.5.0
    export BATS_TEST_TIMEOUT=900
    here=$BATS_TEST_DIRNAME
    sources=$here/../../src/image
    export SLIPWAY=${SLIPWAY:-$here/../../build/release/src/cli/slipway}
    export WORK=$BATS_FILE_TMPDIR
    make_parts
    key=$({
        declare -f make_parts program layer archive repository control
        cat "$here/kubernetes.yaml" "$sources"/build{,-fd,-kubernetes}.c "$sources"/customize{,-kubernetes}.sh
    } | sha256sum | cut -c1-16)
    export IMAGES=${XDG_CACHE_HOME:-$here/../../build/cache}/test-kubernetes-$key
    [ "$(id -u)" = 0 ] || return 0
    keep root "$SLIPWAY" image build "$WORK/kubernetes.yaml" -o "$WORK/root" -q
    [ -x /usr/bin/newuidmap ] || return 0
    prepare_user
    repository "$WORK/repository" >&2
    sed "s,^  binaries: .*,  repository: deb copy:$WORK/repository /\\n  key: repository.asc," \
        "$WORK/kubernetes.yaml" >"$WORK/user/kubernetes.yaml"
    mv "$WORK/repository.asc" "$WORK/user/"
    chown -R 21999:21999 "$WORK/user"
    ! as_user true || keep user as_user env TMPDIR=/tmp "$WORK/slipway" image build \
        "$WORK/user/kubernetes.yaml" -o "$WORK/user/out" -q
}

# keep NAME COMMAND...: runs the command that builds an image, unless IMAGES has its disk NAME.raw.
keep() {
    local name=$1 made
    shift
    [ ! -f "$IMAGES/$name.raw" ] || return 0
    mkdir -p "$IMAGES"
    "$@" >&2
    for made in "$WORK/$name" "$WORK/user/out"; do
        [ -f "$made/kubernetes.json" ] || continue
        "$SLIPWAY" image export -q "$made/kubernetes" "$IMAGES/$name.part"
        "$SLIPWAY" image inspect -o json "$made/kubernetes" >"$IMAGES/$name.json"
        rm -r "$made"
    done
    mv "$IMAGES/$name.part" "$IMAGES/$name.raw"
}

# control PACKAGE: what such a package says of itself
control() {
    printf 'Package: %s\nVersion: 1.20.2-1.1\nArchitecture: amd64\nMaintainer: nobody\nDescription: test\n' "$1"
}

# repository FOLDER: packages of the programs in the layout of pkgs.k8s.io, and newer ones beside
# them; the key is FOLDER.asc.
repository() {
    local name file tree=$WORK/tree
    mkdir -p "$1"
    for name in kubeadm kubelet kubectl; do
        rm -rf "$tree"
        mkdir -p "$tree"/{DEBIAN,usr/bin}
        cp "$WORK/bin/$name" "$tree/usr/bin/"
        control "$name" >"$tree/DEBIAN/control"
        dpkg-deb -Zgzip -b "$tree" "$1/${name}_1.20.2-1.1_amd64.deb"
        control "$name" | sed 's/1.20.2/1.20.3/' >"$tree/DEBIAN/control"
        dpkg-deb -Zgzip -b "$tree" "$1/${name}_1.20.3-1.1_amd64.deb"
    done
    (
        cd "$1" || exit
        for file in *.deb; do
            dpkg-deb -f "$file"
            printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(stat -c %s "$file")" \
                "$(sha256sum <"$file" | cut -d' ' -f1)"
        done >Packages
        printf 'Date: %s\nSHA256:\n %s %s Packages\n' "$(date -Ru)" \
            "$(sha256sum <Packages | cut -d' ' -f1)" "$(stat -c %s Packages)" >Release
        export GNUPGHOME=$WORK/gnupg
        mkdir -m 700 "$GNUPGHOME"
        gpg --batch --quiet --passphrase '' --quick-gen-key repository@example.test ed25519 sign
        gpg --batch --quiet --clearsign -o InRelease Release
        gpg --batch --quiet --armor --export >"$1.asc"
        gpgconf --kill gpg-agent
    )
}

# What kubernetes.yaml names, beside a copy of it.
make_parts() {
    local name
    cp "$BATS_TEST_DIRNAME/kubernetes.yaml" "$WORK/"
    mkdir -p "$WORK"/{bin,more}
    program kubeadm 'case "$1 $2" in "version -o") echo v1.20.2 ;;
        "config images") printf "registry.test/pause:3.2\nregistry.test/absent:1\n" ;; esac'
    program kubelet 'echo "Kubernetes v1.20.2"'
    program kubectl 'echo "{\"clientVersion\": {\"gitVersion\": \"v1.20.2\"}}"'
    layer 1 run=first kept/a gone/a replaced/a emptied/a
    layer 2 run=second .wh.gone emptied/ emptied/.wh..wh..opq emptied/b
    # overlayfs hides what was in this folder; containerd by itself, which root has it do, does not
    layer 3 .wh.replaced replaced/ replaced/b
    archive "$WORK/layers.tar" registry.test/layers:1 1 2 3
    layer 4 pause
    archive "$WORK/pause" registry.test/pause:3.2 4
    gzip -c "$WORK/pause" >"$WORK/more/pause.tar.gz"
    archive "$WORK/other" registry.test/pause:3.9 4
    zstd -q "$WORK/other" -o "$WORK/more/zz.tar.zst"
}

program() {
    printf '#!/bin/sh\n%s\n' "$2" >"$WORK/bin/$1"
    chmod 755 "$WORK/bin/$1"
}

# layer NUMBER PATH[=TEXT]...: a tar archive of files and FOLDER/s in this order
layer() {
    local number=$1 tree=$WORK/tree path
    shift
    rm -rf "$tree"
    for path; do
        mkdir -p "$(dirname "$tree/${path%%=*}x")"
        [ -d "$tree/${path%%=*}" ] || printf '%s' "${path#*=}" >"$tree/${path%%=*}"
    done
    tar --owner=0 --group=0 --mtime=@1600000000 -C "$tree" -cf "$WORK/$number.layer" \
        --no-recursion "${@%%=*}"
}

# archive FILE NAME LAYER...: as `docker save` writes it
archive() {
    local file=$1 name=$2 digests=() files=() number
    shift 2
    rm -rf "$WORK/archive"
    mkdir "$WORK/archive"
    for number; do
        cp "$WORK/$number.layer" "$WORK/archive/$number.tar"
        digests+=("\"sha256:$(sha256sum <"$WORK/$number.layer" | cut -d' ' -f1)\"")
        files+=("\"$number.tar\"")
    done
    local IFS=,
    printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
        "${digests[*]}" >"$WORK/archive/config.json"
    printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":[%s]}]' "$name" "${files[*]}" \
        >"$WORK/archive/manifest.json"
    tar -C "$WORK/archive" -cf "$file" .
}

# A user that only a private mount namespace knows, so that nothing is changed on this machine.
prepare_user() {
    mkdir -m 700 "$WORK/user"
    chmod 755 "$WORK" "${WORK%/*}" "${WORK%/*/*}"
    cp "$SLIPWAY" "$WORK/slipway"
    cp -r "$WORK"/{layers.tar,more} "$WORK/user/"
    # what nobody else may read gets into the image all the same
    chmod 600 "$WORK/user/layers.tar"
    printf 'slipwaytest:x:21999:21999::%s:/bin/sh\n' "$WORK/user" | cat /etc/passwd - >"$WORK/passwd"
    echo "slipwaytest:900000:65536" >"$WORK/subid"
}

as_user() {
    unshare --mount --propagation private sh -c '
        touch /etc/subuid /etc/subgid
        mount --bind "$0/passwd" /etc/passwd
        mount --bind "$0/subid" /etc/subuid
        mount --bind "$0/subid" /etc/subgid
        exec setpriv --reuid 21999 --regid 21999 --clear-groups env HOME="$0/user" "$@"' "$WORK" "$@"
}

need() {
    [ -f "$IMAGES/$1.raw" ] || skip "no image was built here: needs root, and for some user namespaces"
}

# fs NAME REQUEST: debugfs on the root file system of that image
fs() {
    debugfs -R "$2" "$IMAGES/$1.raw?offset=67108864" 2>/dev/null
}

# What containerd showed of the image of three layers.
merged() {
    fs "$1" "cat /root/merged" | grep -v -x ./replaced/a
}

store=/var/lib/containerd
snapshots=$store/io.containerd.snapshotter.v1.overlayfs/snapshots

@test "the image says which Kubernetes it holds" {
    need root
    [ "$(jq -r .kubernetes.version "$IMAGES/root.json")" = v1.20.2 ]
}

@test "containerd finds all images, unpacked, and their layers merge" {
    need root
    run -0 fs root "cat /root/images"
    for name in layers:1 pause:3.2 pause:3.9; do
        grep -q "^registry.test/$name .* true *$" <<<"$output"
    done
    [ "$(merged root)" = "$(printf './%s\n' emptied emptied/b kept kept/a replaced replaced/b run)" ]
    [ "$(fs root "cat /root/run")" = second ]
}

@test "the store holds nothing twice, and nothing of the containerd that made it" {
    need root
    # manifests and configurations only, of which two images have the same, and no layer
    [ "$(fs root "ls -p $store/io.containerd.content.v1.content/blobs/sha256" | grep -c '/[0-9a-f]\{64\}/')" = 4 ]
    [ "$(fs root "ls $store" | grep -c -e tmpmounts -e introspection)" = 0 ]
    [ "$(fs root "ls /run" | grep -c slipway)" = 0 ]
    fs root "stat $store/io.containerd.metadata.v1.bolt/meta.db" | grep -q "Type: regular"
}

# What overlayfs reads on a node: whiteouts, and attributes that only the machine's root may set.
check_layers() {
    fs "$1" "stat $snapshots/2/fs/gone" | grep -q "Type: character special"
    fs "$1" "stat $snapshots/3/fs/replaced/b" | grep -q "Type: regular"
    fs "$1" "stat $snapshots/2/fs/emptied/b" | grep -q "User: *0 *Group: *0 "
    [ "$(fs "$1" "ls -p $snapshots/2/work" | grep -vc '/\.*/[0-9]*/$')" -le 1 ]
}

opaque='trusted.overlay.opaque (1) = "y"'

@test "layers lie there as overlayfs reads them" {
    need root
    check_layers root
    fs root "ea_list $snapshots/2/fs/emptied" | grep -q -F "$opaque"
}

@test "an image built without root has the same layers" {
    need user
    check_layers user
    fs user "ea_list $snapshots/3/fs/replaced" | grep -q -F "$opaque"
    fs user "stat $snapshots/2/fs/emptied/a" | grep -q "Type: character special"
    for folder in 2/fs 2/fs/emptied 3/fs 3/fs/replaced; do
        [ "$(fs user "ea_list $snapshots/$folder" | grep -c user.overlay)" = 0 ]
    done
    [ "$(merged user)" = "$(merged root)" ]
    [ "$(fs user "cat /root/images" | wc -l)" = "$(fs root "cat /root/images" | wc -l)" ]
    [ "$(fs user "cat /etc/containerd/config.toml")" = "$(fs root "cat /etc/containerd/config.toml")" ]
}

@test "a file system that holds imported layers is clean" {
    need root
    for image in root user; do
        [ -f "$IMAGES/$image.raw" ] || continue
        dd if="$IMAGES/$image.raw" of="$WORK/fs" bs=1M skip=64 conv=sparse status=none \
            count=$(($(stat -c %s "$IMAGES/$image.raw") / 1048576 - 65))
        e2fsck -fn "$WORK/fs"
        rm "$WORK/fs"
    done
}

@test "containerd is set up for kubelet, with the pause image that kubeadm wants" {
    need root
    run -0 fs root "cat /etc/containerd/config.toml"
    [[ "$output" = *'sandbox_image = "registry.test/pause:3.2"'* ]]
    [[ "$output" = *"SystemdCgroup = true"* ]]
    [[ "$output" = *'bin_dir = "/opt/cni/bin"'* ]]
    fs root "stat /opt/cni/bin/host-local" | grep -q 'link dest: "/usr/lib/cni/host-local"'
    fs root "stat /etc/systemd/system/multi-user.target.wants/containerd.service" | grep -q symlink
}

@test "kubelet is enabled, and waits for kubeadm" {
    need root
    fs root "stat /etc/systemd/system/multi-user.target.wants/kubelet.service" | grep -q symlink
    fs root "cat /usr/lib/systemd/system/kubelet.service.d/20-slipway.conf" |
        grep -q ConditionPathExists=/var/lib/kubelet/config.yaml
    fs root "cat /usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf" | grep -q bootstrap-kubeconfig
    fs root "stat /usr/bin/kubelet" | grep -q "Mode: *0755"
    fs root "stat /etc/kubernetes/manifests" | grep -q "Type: directory"
    fs root "cat /etc/modules-load.d/kubernetes.conf" | grep -q br_netfilter
    fs root "cat /etc/sysctl.d/90-kubernetes.conf" | grep -q "net.ipv4.ip_forward = 1"
    [ "$(fs root "ls /etc" | grep -c crictl.yaml)" = 0 ]
}

@test "packages of the version are installed, and stay at it" {
    need user
    run -0 fs user "cat /var/lib/dpkg/status"
    for name in kubeadm kubelet kubectl; do
        grep -A 1 "^Package: $name$" <<<"$output" | grep -q "^Status: hold ok installed"
        grep -A 8 "^Package: $name$" <<<"$output" | grep -q "^Version: 1.20.2-1.1$"
    done
    fs user "cat /etc/apt/sources.list.d/0001kubernetes.sources" | grep -q "BEGIN PGP PUBLIC KEY BLOCK"
    [ "$(fs user "ls /var/cache/apt/archives" | grep -c '\.deb')" = 0 ]
}

@test "another version than the one named ends the build" {
    [ "$(id -u)" = 0 ] || skip "needs root"
    # what is found out before a kernel is missed needs none
    sed 's/version: .*/version: v1.20.3/; /^commands:/,$d' "$WORK/kubernetes.yaml" >"$WORK/other.yaml"
    echo "kernel: zstd" >>"$WORK/other.yaml"
    run ! "$SLIPWAY" image build "$WORK/other.yaml" -o "$WORK/none" -q
    [[ "$output" = *'kubernetes.version is v1.20.3, but kubeadm says it is "v1.20.2"'* ]]
    [ -z "$(ls -A "$WORK/none")" ]
}

@test "a section that contradicts itself is refused with line and path" {
    printf 'name: x\nkubernetes:\n  version: v1.20.2\n  binaries: a\n  release: b\n  key: c\n  image: d\n' \
        >"$WORK/wrong.yaml"
    run -5 "$SLIPWAY" image build "$WORK/wrong.yaml" -o "$WORK"
    [[ "$output" = *"wrong.yaml:7: kubernetes.image: unknown field"* ]]
    sed -i '/image:/d' "$WORK/wrong.yaml"
    run -5 "$SLIPWAY" image build "$WORK/wrong.yaml" -o "$WORK"
    [[ "$output" = *"wrong.yaml:2: kubernetes: only one of binaries, release and repository"* ]]
    [[ "$output" = *"wrong.yaml:6: kubernetes.key: means nothing without repository"* ]]
}

@test "what is named and not there is refused before anything is built" {
    printf 'name: x\nkubernetes:\n  version: v1.20.2\n  binaries: nowhere\n' >"$WORK/absent.yaml"
    run ! "$SLIPWAY" image build "$WORK/absent.yaml" -o "$WORK/absent" -q
    [[ "$output" = *"kubernetes.binaries: cannot open $WORK/nowhere/kubeadm: No such file"* ]]
    [ -z "$(ls -A "$WORK/absent")" ]
}
