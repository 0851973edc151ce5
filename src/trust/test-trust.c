/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "base/test.h"
#include "trust/chunk.h"
#include "trust/envelope.h"

static void test_envelope_round_trip(void **state)
{
    (void)state;
    struct trust_key key, other;
    struct trust_public signer;
    trust_key_generate(&key);
    trust_key_generate(&other);
    json_t *body = json_pack("{s:s}", "step", "imaging \"quoted\"");
    _autofree_ char *text = trust_envelope_sign("report", body, &key);
    json_t *back = NULL;
    assert_int_equal(trust_envelope_open("report", text, strlen(text), &key.public, &signer, &back),
                     0);
    assert_true(json_equal(body, back));
    assert_memory_equal(signer.b, key.public.b, sizeof(signer.b));
    json_decref(back);
    assert_int_equal(trust_envelope_open("hello", text, strlen(text), NULL, NULL, &back),
                     -EKEYREJECTED);
    assert_int_equal(trust_envelope_open("report", text, strlen(text), &other.public, NULL, &back),
                     -EKEYREJECTED);
    char *where = strstr(text, "imaging");
    where[0] = 'I';
    assert_int_equal(trust_envelope_open("report", text, strlen(text), NULL, NULL, &back),
                     -EKEYREJECTED);
    assert_int_equal(trust_envelope_open("report", "{}", 2, NULL, NULL, &back), -EBADMSG);
    json_decref(body);
}

static void test_seal(void **state)
{
    (void)state;
    struct trust_key key, other;
    trust_key_generate(&key);
    trust_key_generate(&other);
    _autofree_ char *sealed = NULL;
    _autofree_ char *plain = NULL;
    size_t len;
    assert_int_equal(trust_seal(&key.public, "secret", 6, &sealed), 0);
    assert_null(strstr(sealed, "secret"));
    assert_int_equal(trust_unseal(&other, sealed, 100, &plain, &len), -EBADMSG);
    assert_int_equal(trust_unseal(&key, sealed, 3, &plain, &len), -EMSGSIZE);
    assert_int_equal(trust_unseal(&key, sealed, 100, &plain, &len), 0);
    assert_int_equal(len, 6);
    assert_string_equal(plain, "secret");
}

static void test_key_file(void **state)
{
    (void)state;
    char root[] = "/tmp/test-trust.XXXXXX";
    assert_non_null(mkdtemp(root));
    _autofree_ char *path = str_format("%s/server.key", root);
    struct err err = ERR_INIT;
    struct trust_key first, second;
    assert_int_equal(trust_key_load_or_create(path, &first, &err), 0);
    assert_int_equal(trust_key_load_or_create(path, &second, &err), 0);
    assert_memory_equal(&first, &second, sizeof(first));
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(trust_key_load_or_create(path, &second, &err), -EPERM);
    assert_int_equal(tree_remove(root, &err), 0);
}

static void test_texts(void **state)
{
    (void)state;
    struct trust_key key;
    struct trust_public back;
    trust_key_generate(&key);
    char text[TRUST_PUBLIC_TEXT_SIZE], words[TRUST_FINGERPRINT_TEXT_SIZE];
    assert_int_equal(trust_public_parse(trust_public_text(&key.public, text), &back), 0);
    assert_memory_equal(back.b, key.public.b, sizeof(back.b));
    assert_int_equal(trust_public_parse("short", &back), -EINVAL);
    text[7] = '\xb1'; /* another spelling of the same key would be a second name for a machine */
    assert_int_equal(trust_public_parse(text, &back), -EINVAL);
    assert_int_equal(strlen(trust_fingerprint(&key.public, words)), 29);
}

static void test_chunks(void **state)
{
    uint8_t key[TRUST_CHUNK_KEY_SIZE], other[TRUST_CHUNK_KEY_SIZE];
    _autofree_ char *sealed = NULL, *again = NULL, *plain = NULL, *empty = NULL, *none = NULL;
    size_t len = 0;
    (void)state;
    trust_chunk_key("secret", "etcd", "1", key);
    trust_chunk_key("secret", "etcd", "2", other);
    assert_memory_not_equal(key, other, sizeof(key));
    assert_int_equal(trust_chunk_seal(key, 300, false, "a\0b", 3, &sealed), 0);
    assert_int_equal(trust_chunk_seal(key, 300, false, "a\0b", 3, &again), 0);
    assert_string_equal(sealed, again);
    assert_int_equal(trust_chunk_open(other, 300, false, sealed, 3, &plain, &len), -EBADMSG);
    assert_int_equal(trust_chunk_open(key, 301, false, sealed, 3, &plain, &len), -EBADMSG);
    assert_int_equal(trust_chunk_open(key, 300, true, sealed, 3, &plain, &len), -EBADMSG);
    assert_int_equal(trust_chunk_open(key, 300, false, sealed, 2, &plain, &len), -EBADMSG);
    assert_int_equal(trust_chunk_open(key, 300, false, sealed + 4, 3, &plain, &len), -EBADMSG);
    assert_int_equal(trust_chunk_open(key, 300, false, "", 3, &plain, &len), -EBADMSG);
    assert_int_equal(trust_chunk_open(key, 300, false, sealed, 3, &plain, &len), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(plain, "a\0b", 4);
    assert_int_equal(trust_chunk_seal(key, 0, true, NULL, 0, &empty), 0);
    assert_int_equal(trust_chunk_open(key, 0, true, empty, 0, &none, &len), 0);
    assert_int_equal(len, 0);
}

static int setup(void **state)
{
    (void)state;
    return trust_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_envelope_round_trip),
        cmocka_unit_test(test_seal),
        cmocka_unit_test(test_key_file),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_chunks),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
