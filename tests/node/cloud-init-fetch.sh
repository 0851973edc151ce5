#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Usage: cloud-init-fetch.sh CACHE_DIR
# Unpacks Debian's cloud-init and what it needs into CACHE_DIR/root, once. Nothing is installed. Exit
# status 77 (skipped) when the packages cannot be had.
set -eu
cache=$1
packages='cloud-init python3-attr python3-certifi python3-chardet python3-charset-normalizer
python3-configobj python3-idna python3-jinja2 python3-json-pointer python3-jsonpatch
python3-jsonschema python3-markupsafe python3-netifaces python3-oauthlib python3-pyrsistent
python3-requests python3-serial python3-six python3-urllib3 python3-yaml'

# Tests that run at once share the folder.
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
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
