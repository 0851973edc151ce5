#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: up-examples.sh PART SLIPWAY_NODE SOURCE_DIR CLOUD_INIT_CACHE
# What there is for `slipway-node up` is what it says. PART is one of
#   configurations  the examples are valid to slipway-node itself
#   cloud-init      user-data is valid to Debian's cloud-init, and the configuration in it to slipway-node
#   terraform       Terraform's files to Terraform; its templates are rendered, and checked as user-data
#   unit            the container's unit to systemd
#   image           the container's image is built by buildah, and slipway-node in it finds its host
# Exit status 77 where the program is not there.
set -euo pipefail
part=$1
node=$(realpath "$2")
source=$(realpath "$3")
cache=$4
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
skip() {
    echo "skipped: $1"
    exit 77
}
bad() {
    echo "FAILED: $1"
    failed=1
}

# configuration FILE WANTED: what slipway-node makes of it
configuration() {
    local said
    said=$("$node" up --check --var cluster.kubernetesVersion=v1.31.0 --config "$1" 2>&1) || bad "$1: $said"
    [[ $said == *"$2"* ]] || bad "$1: $said"
}

need_cloud_init() {
    "$here/cloud-init-fetch.sh" "$cache" >"$work/fetch" 2>&1 || skip "$(tail -1 "$work/fetch" | sed 's/^skipped: //')"
}
python() { PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$cache/root/usr/lib/python3/dist-packages python3 "$@"; }
# user_data FILE WANTED: cloud-init takes it, and the configuration in it is one
user_data() {
    head -1 "$1" | grep -qx '#cloud-config' || bad "$1: the first line is not #cloud-config"
    python -m cloudinit.cmd.main schema --config-file "$1" >"$work/schema" 2>&1 || bad "$1: $(cat "$work/schema")"
    python - "$1" >"$work/node.yaml" <<'END'
import sys, yaml
data = yaml.safe_load(open(sys.argv[1]))
[file] = [f for f in data["write_files"] if f["path"] == "/etc/slipway/node.yaml"]
assert file["permissions"] == "0600", "others read the token"
assert ["systemctl", "enable", "--now", "--no-block", "slipway-node-up.service"] in data["runcmd"]
for file_ in data["write_files"]:
    if file_["path"].endswith(".key"):
        assert file_["permissions"] == "0600"
sys.stdout.write(file["content"])
END
    configuration "$work/node.yaml" "$2"
}

check_configurations() {
    configuration "$source/examples/node/seeder.yaml" 'seeds a cluster of Kubernetes v1.31.0'
    configuration "$source/examples/node/joiner.yaml" 'joins 192.0.2.10:6443'
}

check_cloud-init() {
    need_cloud_init
    user_data "$source/examples/cloud-init/seeder.yaml" 'seeds a cluster'
    user_data "$source/examples/cloud-init/joiner.yaml" 'joins 192.0.2.10:6443'
}

# render TEMPLATE VARIABLES
render() {
    printf 'templatefile("%s", %s)\n' "$source/examples/terraform/$1" "$2" >"$work/expression"
    (cd "$work" && terraform console <expression >console) || bad "$1 cannot be rendered"
    sed '1{/^<<EOT$/d}; /^EOT$/d' "$work/console"
}

check_terraform() {
    command -v terraform >/dev/null || skip "there is no terraform, which Debian does not have"
    need_cloud_init
    export TF_CLI_CONFIG_FILE=/dev/null CHECKPOINT_DISABLE=1
    terraform fmt -check -diff "$source/examples/terraform" || bad "terraform fmt"
    cp "$source/tests/corpus/ca-hash/rsa" "$work/ca.crt"
    openssl genrsa -out "$work/ca.key" 2048 2>/dev/null
    local common="hostname = \"n\", ssh_keys = [\"ssh-ed25519 AAAA x\"], token = \"01234a.0123456789abcdef\", authority = file(\"$work/ca.crt\")"
    render seeder.yaml.tftpl "{$common, address = \"10.17.0.10\", pod_subnet = \"10.1.0.0/16\", authority_key = file(\"$work/ca.key\")}" >"$work/seeder.yaml"
    render joiner.yaml.tftpl "{$common, seeder = \"10.17.0.10\"}" >"$work/joiner.yaml"
    user_data "$work/seeder.yaml" 'seeds a cluster'
    user_data "$work/joiner.yaml" 'joins 10.17.0.10:6443'
}

# podman need not be installed for this.
check_unit() {
    command -v systemd-analyze >/dev/null || skip "there is no systemd-analyze"
    mkdir "$work/units"
    sed 's,/usr/bin/podman,/bin/true,' "$source/deploy/container/slipway-node-up.service" >"$work/units/slipway-node-up.service"
    if ! (cd "$work/units" && systemd-analyze verify --man=no ./slipway-node-up.service) >"$work/verify" 2>&1 || [ -s "$work/verify" ]; then
        bad "deploy/container/slipway-node-up.service: $(cat "$work/verify")"
    fi
}

# in_container ROOT: runs the image's program as podman would, with the process ids of a host whose
# files only that host sees.
in_container() {
    mkdir "$work/host" "$1/proc"
    # shellcheck disable=SC2016  # the inner shells expand these
    unshare --pid --fork --mount --propagation private --mount-proc sh -c '
        mount -t tmpfs none "$2"
        printf "apiVersion: slipway.dev/v1alpha1\nkind: NodeConfiguration\n" >"$2/node.yaml"
        unshare --mount --propagation private sh -c "
            umount \"\$2\"
            mount -t proc none \"\$1/proc\"
            exec chroot \"\$1\" /usr/bin/slipway-node up --host --check --config \"\$2/node.yaml\" --var cluster.kubernetesVersion=v1.31.0" - "$1" "$2"' - "$1" "$work/host"
}

# The program that users put in the image: one with sanitizers needs libraries.
find_static() {
    local file
    for file in "$node" "$source/build/release/src/node/slipway-node"; do
        [ -x "$file" ] && [[ $(ldd "$file" 2>/dev/null) != *'=>'* ]] && echo "$file" && return 0
    done
    return 1
}

# the image holds one file, which runs in it with nothing beside it
check_image() {
    local static container mount b
    command -v buildah >/dev/null || skip "there is no buildah"
    [ "$(id -u)" = 0 ] || skip "buildah needs root here"
    static=$(find_static) || skip "no slipway-node is static: build/release has one when make has run"
    mkdir "$work/context"
    cp "$static" "$work/context/slipway-node"
    b=(buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs)
    if ! "${b[@]}" bud --isolation chroot --tag slipway-node --file "$source/deploy/container/Containerfile" "$work/context" >"$work/bud" 2>&1; then
        bad "the image: $(tail -3 "$work/bud")"
        return
    fi
    container=$("${b[@]}" from slipway-node)
    mount=$("${b[@]}" mount "$container")
    [ "$(cd "$mount" && find . -type f)" = ./usr/bin/slipway-node ] || bad "the image holds other files too"
    in_container "$mount" | grep -qx 'seeds a cluster of Kubernetes v1.31.0' || bad "slipway-node does not find its host"
    "${b[@]}" rm --all >/dev/null
}

"check_$part"
exit $failed
