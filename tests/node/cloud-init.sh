#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: cloud-init.sh RENDER_SEED GOLDEN_DIR CACHE_DIR
# Debian's own cloud-init must accept the seeds that are rendered from GOLDEN_DIR/*.json: its schema
# check, its NoCloud data source, and its network renderers. The package is unpacked into CACHE_DIR
# and nothing is installed. Exit status 77 (skipped) when the packages cannot be had.
set -eu
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
render=$1 golden=$2 cache=$3
packages='cloud-init python3-attr python3-certifi python3-chardet python3-charset-normalizer
python3-configobj python3-idna python3-jinja2 python3-json-pointer python3-jsonpatch
python3-jsonschema python3-markupsafe python3-netifaces python3-oauthlib python3-pyrsistent
python3-requests python3-serial python3-six python3-urllib3 python3-yaml'

if ! [ -e "$cache/complete" ]; then
    mkdir -p "$cache/packages" "$cache/root"
    # shellcheck disable=SC2086
    if ! (cd "$cache/packages" && apt-get -qq -o APT::Sandbox::User=root download $packages); then
        echo "skipped: cannot download Debian's cloud-init"
        exit 77
    fi
    for package in "$cache"/packages/*.deb; do
        dpkg-deb -x "$package" "$cache/root"
    done
    rm -r "$cache/packages"
    touch "$cache/complete"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for input in "$golden"/*.json; do
    name=$(basename "$input" .json)
    "$render" "$input" "$work/$name"
done
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$cache/root/usr/lib/python3/dist-packages \
    python3 "$here/cloud-init-accepts.py" "$cache/root" "$work"/*
