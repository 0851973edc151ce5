#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: cloud-init.sh RENDER_SEED GOLDEN_DIR CACHE_DIR
# Debian's own cloud-init must accept the seeds that are rendered from GOLDEN_DIR/*.json: its schema
# check, its NoCloud data source, and its network renderers. The package is unpacked into CACHE_DIR
# and nothing is installed. Exit status 77 (skipped) when the packages cannot be had.
set -eu
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
render=$1 golden=$2 cache=$3
"$here/cloud-init-fetch.sh" "$cache"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for input in "$golden"/*.json; do
    name=$(basename "$input" .json)
    "$render" "$input" "$work/$name"
done
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$cache/root/usr/lib/python3/dist-packages \
    python3 "$here/cloud-init-accepts.py" "$cache/root" "$work"/*
