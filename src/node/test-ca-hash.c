/* SPDX-License-Identifier: Apache-2.0 */
#include "node/ca-hash.h"

#include <string.h>

#include "base/test.h"

/* openssl req -x509 -newkey ec ..., and what openssl x509 -pubkey | openssl pkey -pubin -outform
 * der | sha256sum says of it. */
static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIBgTCCASegAwIBAgIUJyTZqr7uiZhQYaolWJDUeMS9T30wCgYIKoZIzj0EAwIw\n"
                          "FTETMBEGA1UEAwwKa3ViZXJuZXRlczAgFw0yNjExMjExMTMzMjFaGA8yMTI2MTAy\n"
                          "ODExMzMyMVowFTETMBEGA1UEAwwKa3ViZXJuZXRlczBZMBMGByqGSM49AgEGCCqG\n"
                          "SM49AwEHA0IABGPr2l4Hr9Ok+XDdO7ph2Sw5urZpvVvNTFlx0qkJYmYWjFSDHJU3\n"
                          "4l0W8cjwm6gafzZXZgsw8NoXizAQe1qXtRajUzBRMB0GA1UdDgQWBBSlVEOz2GqT\n"
                          "2Ejcc6roX2eADoXbHTAfBgNVHSMEGDAWgBSlVEOz2GqT2Ejcc6roX2eADoXbHTAP\n"
                          "BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQCoIfN6pFV8CyexX7An\n"
                          "dU9M84lJTf+SMolB34ogZDrlWAIgfkzr+/Agec0N/pf8T2bomtFzKmECWX6kNTjH\n"
                          "Sos9+RQ=\n"
                          "-----END CERTIFICATE-----\n";
static const char want[] =
    "sha256:171726b06ce5509066328716f2d057cdf0a908a39edd4c4675301a06fac6fb23";

static void the_hash_is_openssls(void **state)
{
    (void)state;
    char hash[CA_HASH_SIZE];
    assert_int_equal(ca_hash(pem, strlen(pem), hash), 0);
    assert_string_equal(hash, want);
}

static void what_is_cut_off_is_no_certificate(void **state)
{
    (void)state;
    char hash[CA_HASH_SIZE];
    for (size_t n = 0; n + 2 < strlen(pem); n++) {
        _autofree_ char *cut = strndup(pem, n);
        assert_int_equal(ca_hash(cut, n, hash), -EBADMSG);
    }
}

/* Whatever a byte becomes, the answer is a hash or a refusal. */
static void damaged_bytes_do_no_harm(void **state)
{
    (void)state;
    char hash[CA_HASH_SIZE];
    for (size_t i = 28; i + 28 < strlen(pem); i++) {
        _autofree_ char *damaged = strdup(pem);
        damaged[i] = damaged[i] == 'A' ? '/' : 'A';
        int r = ca_hash(damaged, strlen(damaged), hash);
        assert_true(r == 0 || r == -EBADMSG);
    }
}

UNIT_MAIN(cmocka_unit_test(the_hash_is_openssls),
          cmocka_unit_test(what_is_cut_off_is_no_certificate),
          cmocka_unit_test(damaged_bytes_do_no_harm))
