#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The search for secrets that tests with virtual machines make finds them in every form that they have
# in kubeconfigs, logs, packets and archives, and nothing else.

load ../acceptance/secrets

setup() {
    bats_require_minimum_version 1.5.0
    find_secrets=$BATS_TEST_DIRNAME/../acceptance/find-secrets
    secrets=$BATS_TEST_TMPDIR/secrets planted=$BATS_TEST_TMPDIR/planted
    mkdir "$secrets"
}

# kubeconfig KEY: in the form that kubeadm writes.
kubeconfig() {
    cat <<YAML
apiVersion: v1
kind: Config
users:
- name: kubernetes-admin
  user:
    client-certificate-data: $(echo certificate | base64 -w0)
    client-key-data: $(base64 -w0 "$1")
YAML
}

make_key() { # FILE OPENSSL_OPTION...
    local file=$1
    shift
    openssl genpkey -out "$file" "$@" 2>/dev/null
}

found() {
    run -1 "$find_secrets" search "$secrets" "$planted"
}

not_found() {
    run -0 "$find_secrets" search "$secrets" "$planted"
}

# Where a key was taken out of a kubeconfig, all that shows it is found.
finds_the_key_of_a_kubeconfig() {
    local key=$1
    kubeconfig "$key" >"$BATS_TEST_TMPDIR/admin.conf"
    kubeconfig_key admin.conf "$secrets" <"$BATS_TEST_TMPDIR/admin.conf"
    [ "$(find "$secrets" -type f | wc -l)" = 2 ]
    cmp "$key" "$secrets/admin.conf"
    cp "$BATS_TEST_TMPDIR/admin.conf" "$planted" && found
    [[ $output == *"admin.conf-base64.text"* ]]
    # the one without the other
    rm "$secrets/admin.conf-base64.text"
    found
    cp "$key" "$planted" && found
    jq -Rs '{message: .}' "$key" >"$planted" && found
    openssl pkey -in "$key" -outform DER -out "$planted" && found
    openssl pkey -in "$key" -outform DER | od -An -v -tx1 | tr -d ' \n' >"$planted" && found
    jq -n --rawfile config "$BATS_TEST_TMPDIR/admin.conf" '{data: $config}' >"$planted" && found
    tar -cf "$planted" -C "$BATS_TEST_TMPDIR" admin.conf && found
}

@test "find-secrets: an RSA key out of a kubeconfig, in every form" {
    make_key "$BATS_TEST_TMPDIR/key" -algorithm RSA -pkeyopt rsa_keygen_bits:2048
    finds_the_key_of_a_kubeconfig "$BATS_TEST_TMPDIR/key"
}

@test "find-secrets: an elliptic key out of a kubeconfig, in every form" {
    make_key "$BATS_TEST_TMPDIR/key" -algorithm EC -pkeyopt ec_paramgen_curve:P-256
    finds_the_key_of_a_kubeconfig "$BATS_TEST_TMPDIR/key"
}

@test "find-secrets: what is no secret is not found, and a kubeconfig that names a file has none" {
    make_key "$BATS_TEST_TMPDIR/key" -algorithm EC -pkeyopt ec_paramgen_curve:P-256
    make_key "$BATS_TEST_TMPDIR/other" -algorithm EC -pkeyopt ec_paramgen_curve:P-256
    kubeconfig_key admin.conf "$secrets" < <(kubeconfig "$BATS_TEST_TMPDIR/key")
    kubeconfig "$BATS_TEST_TMPDIR/other" >"$planted" && not_found
    openssl pkey -in "$BATS_TEST_TMPDIR/key" -pubout -out "$planted" && not_found
    printf '    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem\n' |
        kubeconfig_key kubelet.conf "$secrets"
    [ ! -e "$secrets/kubelet.conf" ]
}
