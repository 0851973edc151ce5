#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: units.sh DEPLOY_DIR
# systemd must find nothing to complain about in the units, and their exposure (systemd-analyze
# security: 0 is locked in, 10 is open) must stay below what is written here, times ten.
set -eu
deploy=$1
if ! command -v systemd-analyze >/dev/null; then
    echo "skipped: no systemd-analyze"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# The programs need not be installed for this.
for unit in "$deploy"/*.service "$deploy"/*.path; do
    sed -E 's,^(ExecStart=)/usr/bin/slipway(-node|-podnet)?,\1/bin/true,' "$unit" >"$work/${unit##*/}"
done
cd "$work"
if ! systemd-analyze verify --man=no ./*.service ./*.path >verify 2>&1 || [ -s verify ]; then
    cat verify
    failed=1
fi

exposure() {
    if ! systemd-analyze security --offline=yes --threshold="$2" "$1" >table 2>&1; then
        grep -v '^✓' table
        failed=1
    fi
    tail -1 table
}
exposure slipway.service 20
exposure slipway-node.service 35
exposure slipway-node-grow.service 45
exposure slipway-node-cluster.service 80
exposure slipway-node-up.service 80
exposure slipway-podnet.service 25
exposure slipway-vip.service 45
exposure slipway-pods.service 15
exit $failed
