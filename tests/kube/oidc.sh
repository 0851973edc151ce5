#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Usage: oidc.sh [SLIPWAY [NODE_PEER]]
#
# Users by OpenID Connect: a real kube-apiserver with the flags that Slipway renders for a Cluster,
# and a real OpenID provider (npm's oidc-provider) whose certificate the cluster's authority signed.
# Speaks TAP; exit status 77 when there is no Kubernetes or no provider to be had.

here=$(dirname "$(realpath "$0")")
if [ -z "${OIDC_MODULES:-}" ] && [ -z "${CONTROLLER_TEST_INSIDE:-}" ]; then
    # before the namespaces, which have no way out
    OIDC_MODULES=$(mktemp -d "${TMPDIR:-/tmp}/oidc-modules.XXXXXX")
    export OIDC_MODULES
    cp "$here"/oidc/* "$here/oidc/.npmrc" "$OIDC_MODULES"
    if ! (cd "$OIDC_MODULES" && npm ci --ignore-scripts) >"$OIDC_MODULES/npm.log" 2>&1; then
        echo "1..0 # SKIP npm cannot get the OpenID provider: $(tail -n 1 "$OIDC_MODULES/npm.log")"
        rm -rf "$OIDC_MODULES"
        exit 77
    fi
    status=0
    "$here/oidc.sh" "$@" || status=$?
    rm -rf "$OIDC_MODULES"
    exit $status
fi

# shellcheck source-path=SCRIPTDIR source=lib.bash
. "$here/lib.bash"

address=([cp1]=$own)
issuer=https://127.0.0.1:32000

prepare() {
    prepare_rack
    declare_machine cp1 controlPlane demo kube
    "$slipway" apply -f - <<YAML
apiVersion: slipway.dev/v1alpha1
kind: Cluster
metadata: {name: demo}
spec:
  kubernetesVersion: $version
  controlPlaneEndpoint: {host: 127.0.0.1, port: 6443}
  dns: {enabled: false}
  oidc: {clientID: kubernetes}
YAML
} >"$work/out" 2>&1

form() {
    install_all cp1
    hello cp1
    wait_until elected demo cp1 && wait_until gets cp1 init && hello cp1 "done" &&
        wait_until initialized
}

# The flags about OIDC that kubeadm was told, as tests/kube/apiserver takes them.
rendered_flags() {
    sed -nE 's/^ *"?(oidc-[a-z-]+)"?: *"?([^"]*)"?$/--apiserver-flag\n--\1=\2/p' \
        "$work/cp1/root/var/lib/slipway-node/cluster/kubeadm.yaml"
}

start_provider() {
    local pki=$work/cp1/root/etc/kubernetes/pki
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/provider.key" \
        -subj /CN=provider -config <(printf '[req]\ndistinguished_name = dn\n[dn]\n') \
        -out "$work/provider.csr" 2>/dev/null
    openssl x509 -req -in "$work/provider.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial \
        -CAserial "$work/serial" -days 1 -extfile <(echo 'subjectAltName = IP:127.0.0.1') \
        -out "$work/provider.crt" 2>/dev/null
    node "$OIDC_MODULES/provider.js" $issuer "$work/provider.crt" "$work/provider.key" \
        >"$work/provider.log" 2>&1 &
    wait_until grep -q ready "$work/provider.log"
}

web() { # ARGUMENT...: prints where it ended
    curl -s -L --cacert "$work/cp1/root/etc/kubernetes/pki/ca.crt" -c "$work/jar" -b "$work/jar" \
        -o "$work/page" -w '%{url_effective}' "$@"
}

# log_in NAME CLIENT: the token is in NAME.token
log_in() {
    local place code
    rm -f "$work/jar"
    place=$(web "$issuer/auth?client_id=$2&response_type=code&scope=openid%20email%20groups&nonce=n&redirect_uri=https://client.example.org/callback")
    place=$(web --data-urlencode "login=$1" -d prompt=login -d password=any "$place")
    place=$(web -d prompt=consent "$place")
    code=$(sed -n 's/.*[?&]code=\([^&]*\).*/\1/p' <<<"$place")
    curl -s --cacert "$work/cp1/root/etc/kubernetes/pki/ca.crt" -u "$2:secret" "$issuer/token" \
        -d grant_type=authorization_code -d "code=$code" \
        -d redirect_uri=https://client.example.org/callback | jq -er .id_token >"$work/$1.token"
}

as() { # NAME ARGUMENT...: kubectl with that token
    local name=$1
    shift
    as_token "$(cat "$work/$name.token")" "$@"
}

is_told() { # TEXT COMMAND...: the command fails with that
    local text=$1
    shift
    ! "$@" >"$work/told" 2>&1
    cat "$work/told"
    grep -qF "$text" "$work/told"
}

knows_the_provider() {
    is_told 'User "alice@example.org"' as alice get namespaces
}

prepare || { echo "Bail out! $(cat "$work/out")" && exit 1; }
ok "the cluster forms" form
mapfile -t flags < <(rendered_flags)
ok "the issuer is the endpoint's port 32000, unless the Cluster says otherwise" \
    grep -qx -- "--oidc-issuer-url=$issuer" <(printf '%s\n' "${flags[@]}")
ok "five flags were rendered" is ${#flags[@]} 10
# the file is where kubeadm will have it on the machine
flags=("${flags[@]//\/etc\/kubernetes\/pki\//$work/cp1/root/etc/kubernetes/pki/}")
ok "a provider with a certificate of the cluster's authority runs" start_provider
start_apiserver "${flags[@]}" >"$work/out" 2>&1 || { echo "Bail out! $(cat "$work/out")" && exit 1; }
ok "alice logs in" log_in alice kubernetes
soon "the API server knows her by her email" knows_the_provider
kubectl create clusterrolebinding viewers --clusterrole view --group viewers >/dev/null
ok "bob, who is of a group, logs in" log_in bob+viewers kubernetes
soon "he may what his group may" as bob+viewers get configmaps
ok "alice may not" is_told 'forbidden' as alice get configmaps
ok "a token for another client" log_in carol+viewers other
ok "is refused" is_told Unauthorized as carol+viewers get configmaps
ok "a token that ends after a second" log_in brief+viewers kubernetes
sleep 3
ok "is refused then" is_told Unauthorized as brief+viewers get configmaps
ok "an email that was not verified" log_in unverified+viewers kubernetes
ok "is refused" is_told Unauthorized as unverified+viewers get configmaps
# bob's groups under carol's signature
printf '%s.%s\n' "$(cut -d. -f1,2 "$work/bob+viewers.token")" "$(cut -d. -f3 "$work/carol+viewers.token")" \
    >"$work/forged.token"
ok "a token with another one's signature is refused" is_told Unauthorized as forged get configmaps
check_stop
echo "1..$count"
[ $failed -eq 0 ]
