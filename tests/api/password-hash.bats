#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# slipway password-hash: what it prints verifies, and what bcrypt would cut is refused.

setup() {
    bats_require_minimum_version 1.5.0
    : "${SLIPWAY:=$BATS_TEST_DIRNAME/../../build/san/src/cli/slipway}"
}

verifies() { # PASSWORD HASH
    python3 -W ignore -c 'import crypt, sys; sys.exit(crypt.crypt(sys.argv[1], sys.argv[2]) != sys.argv[2])' "$1" "$2"
}

@test "a hash verifies its password and no other, and is another one each time" {
    local first second
    first=$(echo "a password" | "$SLIPWAY" password-hash)
    second=$(printf 'a password' | "$SLIPWAY" password-hash --cost 4)
    [[ $first == '$2b$10$'* && $second == '$2b$04$'* && ${#first} -eq 60 ]]
    verifies "a password" "$first"
    verifies "a password" "$second"
    run ! verifies "another" "$first"
    [ "${first:7}" != "${second:7}" ]
}

@test "no password, a long one and a bad cost are refused" {
    run -5 "$SLIPWAY" password-hash </dev/null
    [[ $output == *"expected a password on standard input"* ]]
    run -5 "$SLIPWAY" password-hash < <(printf 'x%.0s' {1..73})
    [[ $output == *"72 bytes"* ]]
    printf 'x%.0s' {1..72} | "$SLIPWAY" password-hash --cost 4
    run -2 "$SLIPWAY" password-hash --cost 3 <<<x
}

@test "a terminal is asked twice and shows nothing" {
    command -v script >/dev/null || skip "no script(1)"
    run script -qec "$SLIPWAY password-hash --cost 4" /dev/null < <(sleep 1; echo secret; sleep 1; echo secret; sleep 1)
    echo "$output"
    [[ $output == *"Again: "* && $output == *'$2b$04$'* ]]
}
