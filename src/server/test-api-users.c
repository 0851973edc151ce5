/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "server/api-users.h"

static void test_tokens(void **state)
{
    (void)state;
    struct rng_seeded rng;
    rng_seeded_init(&rng, 1);
    _cleanup_(api_users_freep) struct api_users *users = NULL;
    assert_int_equal(api_users_load("/nonexistent/users", &users, NULL), 0);
    char alice[API_TOKEN_SIZE], bob[API_TOKEN_SIZE], again[API_TOKEN_SIZE];
    assert_int_equal(api_users_set(users, "alice", API_ROLE_ADMIN, &rng.rng, alice, NULL), 0);
    assert_int_equal(api_users_set(users, "bob", API_ROLE_READER, &rng.rng, bob, NULL), 0);
    assert_int_equal(strlen(alice), 43);
    assert_string_not_equal(alice, bob);
    assert_string_equal(api_users_authenticate(users, alice)->name, "alice");
    assert_int_equal(api_users_authenticate(users, bob)->role, API_ROLE_READER);
    assert_null(api_users_authenticate(users, ""));
    assert_null(api_users_authenticate(users, "alice"));
    assert_int_equal(api_users_set(users, "alice", API_ROLE_ADMIN, &rng.rng, again, NULL), 0);
    assert_null(api_users_authenticate(users, alice));
    assert_string_equal(api_users_authenticate(users, again)->name, "alice");
    static const char *const bad[] = {"", "a b", "a/b", "a\n"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(api_users_set(users, bad[i], API_ROLE_ADMIN, &rng.rng, again, NULL),
                         -EINVAL);
}

static void test_file(void **state)
{
    (void)state;
    char dir[] = "/tmp/slipway-users-XXXXXX";
    assert_non_null(mkdtemp(dir));
    _autofree_ char *path = str_format("%s/users.json", dir);
    struct rng_seeded rng;
    rng_seeded_init(&rng, 2);
    _cleanup_(api_users_freep) struct api_users *users = NULL, *read = NULL;
    assert_int_equal(api_users_load(path, &users, NULL), 0);
    char token[API_TOKEN_SIZE];
    assert_int_equal(api_users_set(users, "alice", API_ROLE_READER, &rng.rng, token, NULL), 0);
    assert_int_equal(api_users_save(users, path, NULL), 0);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(api_users_load(path, &read, NULL), 0);
    assert_string_equal(api_users_authenticate(read, token)->name, "alice");
    _autofree_ char *text = NULL;
    assert_int_equal(file_read(path, 4096, &text, NULL, NULL), 0);
    assert_null(strstr(text, token));

    static const char bad[] = "[{\"name\":\"x\",\"role\":\"god\",\"tokenHash\":\"\"}]";
    assert_int_equal(file_write_atomic(path, bad, strlen(bad), 0600, NULL), 0);
    struct err err = ERR_INIT;
    struct api_users *none = NULL;
    assert_int_equal(api_users_load(path, &none, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "entry 0: role of \"x\": expected admin or reader"));
    assert_int_equal(tree_remove(dir, NULL), 0);
}

UNIT_MAIN(cmocka_unit_test(test_tokens), cmocka_unit_test(test_file))
