#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: up-examples.sh SLIPWAY_NODE SOURCE_DIR CLOUD_INIT_CACHE
# What there is for `slipway-node up` is what it says: configurations are valid to slipway-node
# itself, user-data to Debian's cloud-init, Terraform's files to Terraform (whose templates are
# rendered, and what comes out is checked in turn), units to systemd, and the container's image is
# built by podman or buildah. Parts whose program is not there are left out, and said.
set -euo pipefail
node=$(realpath "$1")
source=$(realpath "$2")
cache=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
left_out() { echo "left out: $1"; }
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

# user_data FILE WANTED: cloud-init takes it, and the configuration in it is one
if "$here/cloud-init-fetch.sh" "$cache" >"$work/fetch" 2>&1; then
    cloud_init=1
else
    cloud_init=
    left_out "user-data: $(tail -1 "$work/fetch")"
fi
python() { PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$cache/root/usr/lib/python3/dist-packages python3 "$@"; }
user_data() {
    [ -n "$cloud_init" ] || return 0
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

configuration "$source/examples/node/seeder.yaml" 'seeds a cluster of Kubernetes v1.31.0'
configuration "$source/examples/node/joiner.yaml" 'joins 192.0.2.10:6443'
user_data "$source/examples/cloud-init/seeder.yaml" 'seeds a cluster'
user_data "$source/examples/cloud-init/joiner.yaml" 'joins 192.0.2.10:6443'

# render TEMPLATE VARIABLES
render() {
    printf 'templatefile("%s", %s)\n' "$source/examples/terraform/$1" "$2" >"$work/expression"
    (cd "$work" && terraform console <expression >console) || bad "$1 cannot be rendered"
    sed '1{/^<<EOT$/d}; /^EOT$/d' "$work/console"
}
if command -v terraform >/dev/null; then
    export TF_CLI_CONFIG_FILE=/dev/null CHECKPOINT_DISABLE=1
    terraform fmt -check -diff "$source/examples/terraform" || bad "terraform fmt"
    cp "$source/tests/corpus/ca-hash/rsa" "$work/ca.crt"
    openssl genrsa -out "$work/ca.key" 2048 2>/dev/null
    common="hostname = \"n\", ssh_keys = [\"ssh-ed25519 AAAA x\"], token = \"01234a.0123456789abcdef\", authority = file(\"$work/ca.crt\")"
    render seeder.yaml.tftpl "{$common, address = \"10.17.0.10\", pod_subnet = \"10.1.0.0/16\", authority_key = file(\"$work/ca.key\")}" >"$work/seeder.yaml"
    render joiner.yaml.tftpl "{$common, seeder = \"10.17.0.10\"}" >"$work/joiner.yaml"
    user_data "$work/seeder.yaml" 'seeds a cluster'
    user_data "$work/joiner.yaml" 'joins 10.17.0.10:6443'
else
    left_out "Terraform's files: there is no terraform"
fi

if command -v systemd-analyze >/dev/null; then
    mkdir "$work/units"
    sed 's,/usr/bin/podman,/bin/true,' "$source/deploy/container/slipway-node-up.service" >"$work/units/slipway-node-up.service"
    if ! (cd "$work/units" && systemd-analyze verify --man=no ./slipway-node-up.service) >"$work/verify" 2>&1 || [ -s "$work/verify" ]; then
        bad "deploy/container/slipway-node-up.service: $(cat "$work/verify")"
    fi
else
    left_out "the container's unit: there is no systemd-analyze"
fi

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

# the image holds one file, which runs in it with nothing beside it
if ! command -v buildah >/dev/null; then
    left_out "the container's image: there is no buildah"
elif ldd "$node" 2>/dev/null | grep -q '=>'; then
    left_out "the container's image: this slipway-node is not static"
elif [ "$(id -u)" != 0 ]; then
    left_out "the container's image: needs root"
else
    mkdir "$work/context"
    cp "$node" "$work/context/slipway-node"
    b=(buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs)
    if "${b[@]}" bud --isolation chroot --tag slipway-node --file "$source/deploy/container/Containerfile" "$work/context" >"$work/bud" 2>&1; then
        container=$("${b[@]}" from slipway-node)
        mount=$("${b[@]}" mount "$container")
        [ "$(cd "$mount" && find . -type f)" = ./usr/bin/slipway-node ] || bad "the image holds other files too"
        in_container "$mount" | grep -qx 'seeds a cluster of Kubernetes v1.31.0' || bad "slipway-node does not find its host"
        "${b[@]}" rm --all >/dev/null
    else
        bad "the image: $(tail -3 "$work/bud")"
    fi
fi
exit $failed
