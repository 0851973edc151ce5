/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/seed.h"

#include "base/str.h"
#include "base/test.h"

static void assert_same(const struct seed *a, const struct seed *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->bytes, b->bytes);
    for (size_t i = 0; i < a->count; i++) {
        assert_string_equal(a->files[i].path, b->files[i].path);
        assert_int_equal(a->files[i].mode, b->files[i].mode);
        assert_int_equal(a->files[i].len, b->files[i].len);
        assert_memory_equal(a->files[i].data, b->files[i].data, a->files[i].len);
    }
}

static void test_build_and_parse(void **state)
{
    (void)state;
    _autoseed_ struct seed seed = SEED_INIT, back = SEED_INIT;
    uint8_t all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    assert_int_equal(seed_put(&seed, "meta-data", 0644, "x: 1\n", 5, NULL), 0);
    assert_int_equal(seed_put(&seed, "slipway/identity.json", 0600, all, 256, NULL), 0);
    assert_int_equal(seed_put(&seed, "vendor-data", 0644, NULL, 0, NULL), 0);
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(seed_build(&seed, &text, &len), 0);
    assert_int_equal(strlen(text), len);
    struct err err = ERR_INIT;
    assert_int_equal(seed_parse(text, len, &back, &err), 0);
    assert_same(&seed, &back);
    seed_text_free(text);
}

static void test_largest_seed_fits(void **state)
{
    (void)state;
    _autoseed_ struct seed seed = SEED_INIT, back = SEED_INIT;
    _autofree_ uint8_t *data = calloc(1, SEED_BYTES_MAX);
    for (int i = 0; i < SEED_FILES_MAX; i++) {
        char path[SEED_PATH_MAX + 1];
        snprintf(path, sizeof(path), "a/%0*d", SEED_PATH_MAX - 2, i);
        assert_int_equal(seed_put(&seed, path, 0600, data, SEED_BYTES_MAX / SEED_FILES_MAX, NULL),
                         0);
    }
    assert_int_equal(seed.bytes, SEED_BYTES_MAX);
    assert_int_equal(seed_put(&seed, "b", 0600, NULL, 0, NULL), -EFBIG);
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(seed_build(&seed, &text, &len), 0);
    assert_int_equal(seed_parse(text, len, &back, NULL), 0);
    assert_same(&seed, &back);
    seed_text_free(text);
}

static void test_put_replaces_without_case(void **state)
{
    (void)state;
    _autoseed_ struct seed seed = SEED_INIT;
    assert_int_equal(seed_put(&seed, "User-Data", 0644, "old", 3, NULL), 0);
    assert_int_equal(seed_put(&seed, "user-data", 0600, "newer", 5, NULL), 0);
    assert_int_equal(seed.count, 1);
    assert_int_equal(seed.bytes, 5);
    const struct seed_file *file = seed_find(&seed, "user-data");
    assert_non_null(file);
    assert_int_equal(file->mode, 0600);
    assert_memory_equal(file->data, "newer", 5);
}

static void test_bad_paths_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",   "/etc/passwd", "..",   "../x", "a/../b",      "a//b", "a/b/c", ".hidden",
        "a/", "a b",         "a\\b", "a:b",  "caf\xc3\xa9", "a.",   "a\nb",
    };
    _autoseed_ struct seed seed = SEED_INIT;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(seed_put(&seed, bad[i], 0600, "", 0, NULL), -EINVAL);
    assert_int_equal(seed_put(&seed, "suid", 04755, "", 0, NULL), -EINVAL);
    assert_int_equal(seed.count, 0);
}

static void test_bad_json_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "{\"version\":2,\"files\":[]}",
        "{\"version\":1,\"files\":{}}",
        "{\"version\":1,\"files\":[],\"more\":1}",
        "{\"version\":1,\"version\":1,\"files\":[]}",
        "{\"version\":1,\"files\":[{\"path\":\"../a\",\"mode\":\"0600\",\"data\":\"\"}]}",
        "{\"version\":1,\"files\":[{\"path\":\"a\",\"mode\":\"600\",\"data\":\"\"}]}",
        "{\"version\":1,\"files\":[{\"path\":\"a\",\"mode\":\"0900\",\"data\":\"\"}]}",
        "{\"version\":1,\"files\":[{\"path\":\"a\",\"mode\":\"0600\",\"data\":\"!\"}]}",
        "{\"version\":1,\"files\":[{\"path\":\"a\",\"mode\":\"0600\"}]}",
        ("{\"version\":1,\"files\":[{\"path\":\"a\",\"mode\":\"0600\",\"data\":\"\"},"
         "{\"path\":\"A\",\"mode\":\"0600\",\"data\":\"\"}]}"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct seed seed = SEED_INIT;
        struct err err = ERR_INIT;
        assert_int_equal(seed_parse(bad[i], strlen(bad[i]), &seed, &err), -EINVAL);
        assert_true(err.text[0] != '\0');
        assert_int_equal(seed.count, 0);
    }
}

UNIT_MAIN(cmocka_unit_test(test_build_and_parse), cmocka_unit_test(test_largest_seed_fits),
          cmocka_unit_test(test_put_replaces_without_case),
          cmocka_unit_test(test_bad_paths_are_refused), cmocka_unit_test(test_bad_json_is_refused))
