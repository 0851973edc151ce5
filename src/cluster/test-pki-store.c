/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/pki-store.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "base/test.h"

/* One PKI for all tests: making RSA keys takes its time. */
static struct pki shared;

struct place {
    char root[32], folder[64], state[64], key[64], other_key[64], file[96];
};

static void write_key(const char *path, uint8_t fill)
{
    uint8_t key[PKI_STORE_KEY_SIZE];
    memset(key, fill, sizeof(key));
    _autofree_ char *text = str_base64(key, sizeof(key));
    _autofree_ char *line = str_format("%s\n", text);
    struct err err = ERR_INIT;
    assert_int_equal(file_write_atomic(path, line, strlen(line), 0600, &err), 0);
}

static int enter(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    (void)snprintf(p->root, sizeof(p->root), "/tmp/test-pki-store.XXXXXX");
    assert_non_null(mkdtemp(p->root));
    (void)snprintf(p->state, sizeof(p->state), "%s/state", p->root);
    (void)snprintf(p->folder, sizeof(p->folder), "%s/keys/pki", p->state);
    (void)snprintf(p->key, sizeof(p->key), "%s/pki.key", p->root);
    (void)snprintf(p->other_key, sizeof(p->other_key), "%s/other.key", p->root);
    (void)snprintf(p->file, sizeof(p->file), "%s/demo.pki", p->folder);
    write_key(p->key, 1);
    write_key(p->other_key, 2);
    *state = p;
    return 0;
}

static int leave(void **state)
{
    struct place *p = *state;
    struct err err = ERR_INIT;
    assert_int_equal(tree_remove(p->root, &err), 0);
    free(p);
    return 0;
}

static int make_shared(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    return pki_create(&shared, PKI_EC, &clock_system, &err);
}

static int clear_shared(void **state)
{
    (void)state;
    pki_clear(&shared);
    return 0;
}

static struct pki_store *opened(const struct place *p, const char *key)
{
    const struct pki_store_config config = {
        .folder = p->folder, .key_file = key, .state_folder = p->state};
    struct pki_store *store = NULL;
    struct err err = ERR_INIT;
    if (pki_store_open(&config, &store, &err) < 0)
        fail_msg("%s", err.text);
    return store;
}

static void save(const struct place *p, const char *key)
{
    _autopkistore_ struct pki_store *store = opened(p, key);
    struct err err = ERR_INIT;
    assert_int_equal(pki_store_save(store, "demo", &shared, &err), 0);
}

static int load(const struct place *p, const char *key, struct err *err)
{
    _autopkistore_ struct pki_store *store = opened(p, key);
    _autopki_ struct pki pki = PKI_INIT;
    int r = pki_store_load(store, "demo", &pki, err);
    if (r == 0) {
        struct pki_file a[PKI_FILE_COUNT], b[PKI_FILE_COUNT];
        pki_files(&pki, a);
        pki_files(&shared, b);
        for (size_t i = 0; i < PKI_FILE_COUNT; i++)
            assert_string_equal(a[i].data, b[i].data);
    }
    return r;
}

/* Whether any line of a private key is in the file. */
static bool holds_secrets(const char *path)
{
    _autofree_ char *data = NULL;
    size_t len = 0;
    struct err err = ERR_INIT;
    assert_int_equal(file_read(path, PKI_STORE_FILE_MAX, &data, &len, &err), 0);
    const char *line = strchr(shared.ca.key, '\n') + 1;
    return memmem(data, len, line, strcspn(line, "\n")) || memmem(data, len, "PRIVATE KEY", 11);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void test_plain(void **state)
{
    const struct place *p = *state;
    struct err err = ERR_INIT;
    assert_int_equal(load(p, NULL, &err), -ENOENT);
    save(p, NULL);
    assert_int_equal(mode_of(p->file), 0600);
    assert_int_equal(mode_of(p->folder), 0700);
    assert_true(holds_secrets(p->file));
    assert_int_equal(load(p, NULL, &err), 0);
}

static void test_encrypted(void **state)
{
    const struct place *p = *state;
    struct err err = ERR_INIT;
    save(p, p->key);
    assert_int_equal(mode_of(p->file), 0600);
    assert_false(holds_secrets(p->file));
    assert_int_equal(load(p, p->key, &err), 0);
}

static void test_a_key_given_later(void **state)
{
    const struct place *p = *state;
    struct err err = ERR_INIT;
    save(p, NULL);
    assert_true(holds_secrets(p->file));
    assert_int_equal(load(p, p->key, &err), 0);
    assert_false(holds_secrets(p->file));
    assert_int_equal(load(p, p->key, &err), 0);
    assert_int_equal(load(p, NULL, &err), -EKEYREJECTED);
}

static void test_wrong_key(void **state)
{
    const struct place *p = *state;
    struct err err = ERR_INIT;
    save(p, p->key);
    assert_int_equal(load(p, p->other_key, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, p->file));
    assert_non_null(strstr(err.text, p->other_key));
    assert_int_equal(load(p, NULL, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, p->file));
    assert_non_null(strstr(err.text, "is encrypted"));
    assert_int_equal(load(p, p->key, &err), 0);
}

/* Every byte counts; a file under another cluster's name is refused. */
static void test_damage(void **state)
{
    const struct place *p = *state;
    struct err err = ERR_INIT;
    const uint8_t key[PKI_STORE_KEY_SIZE] = {7};
    _autofree_ uint8_t *data = NULL;
    size_t len = 0;
    assert_int_equal(pki_store_encode("demo", &shared, key, &data, &len), 0);
    for (size_t i = 0; i < len; i += i < 100 ? 1 : 97) {
        _autopki_ struct pki pki = PKI_INIT;
        bool encrypted;
        data[i] ^= 1;
        assert_true(pki_store_decode("demo", data, len, key, &pki, &encrypted) < 0);
        data[i] ^= 1;
        assert_true(pki_store_decode("demo", data, i, key, &pki, &encrypted) < 0);
        assert_null(pki.ca.key);
    }
    _autopki_ struct pki pki = PKI_INIT;
    bool encrypted;
    assert_int_equal(pki_store_decode("other", data, len, key, &pki, &encrypted), -EBADMSG);
    assert_int_equal(pki_store_decode("demo", data, len, key, &pki, &encrypted), 0);
    assert_true(encrypted);

    assert_int_equal(dir_make(p->folder, 0700, &err), 0);
    assert_int_equal(file_write_atomic(p->file, "slipway-pki-1 plain\nx", 21, 0600, &err), 0);
    assert_int_equal(load(p, NULL, &err), -EBADMSG);
    assert_non_null(strstr(err.text, p->file));
    assert_int_equal(file_write_atomic(p->file, data, len, 0644, &err), 0);
    assert_int_equal(load(p, NULL, &err), -EPERM);
    assert_non_null(strstr(err.text, "chmod 600"));
}

/* A plain file whose members do not belong together. */
static void test_members_that_do_not_fit(void **state)
{
    const struct place *p = *state;
    struct err err = ERR_INIT;
    struct pki mixed = shared;
    mixed.etcd_ca.key = shared.ca.key;
    _autofree_ uint8_t *data = NULL;
    size_t len = 0;
    assert_int_equal(pki_store_encode("demo", &mixed, NULL, &data, &len), 0);
    assert_int_equal(dir_make(p->folder, 0700, &err), 0);
    assert_int_equal(file_write_atomic(p->file, data, len, 0600, &err), 0);
    assert_int_equal(load(p, NULL, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "etcd/ca.key"));
    _autopkistore_ struct pki_store *store = opened(p, NULL);
    assert_int_equal(pki_store_save(store, "demo", &mixed, &err), -EINVAL);
    struct pki incomplete = shared;
    incomplete.sa_pub = NULL;
    assert_int_equal(pki_store_save(store, "demo", &incomplete, &err), -EINVAL);
    assert_int_equal(pki_store_encode("demo", &incomplete, NULL, &data, &len), -EINVAL);
}

/* Members twice, unknown, empty, with a NUL byte, missing, and one more than there are. */
static void test_forged_members(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"\6ca.crt\0\0\0\1x\6ca.crt\0\0\0\1x", 24},
        {"\6ca.cra\0\0\0\1x", 12},
        {"\6ca.crt\0\0\0\0", 11},
        {"\6ca.crt\0\0\0\2x\0", 13},
        {"\6ca.crt\377\377\377\377x", 12},
        {"", 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static const uint8_t plain[] = "slipway-pki-1 plain\n";
        const size_t head = sizeof(plain) - 1;
        uint8_t file[128];
        memcpy(file, plain, head);
        memcpy(file + head, cases[i].bytes, cases[i].len);
        _autopki_ struct pki pki = PKI_INIT;
        bool encrypted;
        assert_int_equal(
            pki_store_decode("demo", file, head + cases[i].len, NULL, &pki, &encrypted), -EBADMSG);
    }
    _autofree_ uint8_t *data = NULL;
    size_t len = 0;
    assert_int_equal(pki_store_encode("demo", &shared, NULL, &data, &len), 0);
    static const uint8_t one_more[] = {6, 'c', 'a', '.', 'c', 'r', 't', 0, 0, 0, 1, 'x'};
    _autofree_ uint8_t *longer = malloc(len + sizeof(one_more));
    memcpy(longer, data, len);
    memcpy(longer + len, one_more, sizeof(one_more));
    _autopki_ struct pki pki = PKI_INIT;
    bool encrypted;
    assert_int_equal(
        pki_store_decode("demo", longer, len + sizeof(one_more), NULL, &pki, &encrypted), -EBADMSG);
    sodium_memzero(data, len);
    sodium_memzero(longer, len);
}

static int try_open(const char *folder, const char *key, const char *state, struct err *err)
{
    const struct pki_store_config config = {
        .folder = folder, .key_file = key, .state_folder = state};
    _autopkistore_ struct pki_store *store = NULL;
    return pki_store_open(&config, &store, err);
}

static void test_key_files(void **state)
{
    const struct place *p = *state;
    struct err err = ERR_INIT;
    assert_int_equal(try_open(p->folder, "/nowhere/key", p->state, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nowhere/key"));
    assert_int_equal(chmod(p->key, 0640), 0);
    assert_int_equal(try_open(p->folder, p->key, p->state, &err), -EPERM);
    assert_non_null(strstr(err.text, "chmod 600"));
    assert_int_equal(file_write_atomic(p->key, "short\n", 6, 0600, &err), 0);
    assert_int_equal(try_open(p->folder, p->key, p->state, &err), -EINVAL);
    assert_non_null(strstr(err.text, "32 random bytes in base64"));
    assert_int_equal(chmod(p->root, 0700), 0);
    assert_int_equal(try_open(p->folder, p->root, p->state, &err), -EINVAL);

    assert_int_equal(dir_make(p->folder, 0700, &err), 0);
    _autofree_ char *inside = str_format("%s/pki.key", p->state);
    _autofree_ char *link = str_format("%s/link.key", p->root);
    write_key(inside, 3);
    assert_int_equal(symlink(inside, link), 0);
    assert_int_equal(try_open(p->folder, inside, p->state, &err), -EPERM);
    assert_int_equal(try_open(p->folder, link, p->state, &err), -EPERM);
    assert_non_null(strstr(err.text, "outside"));
    /* A neighbour whose name begins alike is outside. */
    _autofree_ char *neighbour = str_format("%s-key", p->state);
    write_key(neighbour, 3);
    assert_int_equal(try_open(p->folder, neighbour, p->state, &err), 0);
}

static void test_names(void **state)
{
    const struct place *p = *state;
    _autopkistore_ struct pki_store *store = opened(p, NULL);
    char long_name[300];
    memset(long_name, 'a', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    const char *const names[] = {"", "../demo", "a/b", ".hidden", "Upper", "a b", long_name};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _autopki_ struct pki pki = PKI_INIT;
        struct err err = ERR_INIT;
        assert_int_equal(pki_store_save(store, names[i], &shared, &err), -EINVAL);
        assert_int_equal(pki_store_load(store, names[i], &pki, &err), -EINVAL);
        char *aside = NULL;
        assert_int_equal(pki_store_retire(store, names[i], 0, &aside, &err), -EINVAL);
        assert_null(aside);
    }
}

static void touch(const char *folder, const char *name)
{
    _autofree_ char *path = str_format("%s/%s", folder, name);
    _autofd_ int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
}

static bool there(const char *folder, const char *name)
{
    _autofree_ char *path = str_format("%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* What a crash left is removed, and nothing else. */
static void test_leftovers(void **state)
{
    const struct place *p = *state;
    save(p, NULL);
    touch(p->folder, "demo.pki.Ab3dE6");
    touch(p->folder, "a.pki.xy.pki");
    touch(p->folder, "demo.pki.old");
    pki_store_close(opened(p, NULL));
    assert_false(there(p->folder, "demo.pki.Ab3dE6"));
    assert_true(there(p->folder, "a.pki.xy.pki"));
    assert_true(there(p->folder, "demo.pki.old"));
    assert_true(there(p->folder, "demo.pki"));
}

static void retire(const struct place *p, struct pki_store *store, const char *to)
{
    struct err err = ERR_INIT;
    _autofree_ char *aside = NULL;
    _autofree_ char *expected = str_format("%s/%s", p->folder, to);
    assert_int_equal(pki_store_retire(store, "demo", 1795305600000, &aside, &err), 0);
    assert_string_equal(aside, expected);
    assert_int_equal(mode_of(expected), 0600);
    assert_false(there(p->folder, "demo.pki"));
}

/* A deleted cluster's is out of use, kept whole, and never in the way of another one's. */
static void test_retired(void **state)
{
    const struct place *p = *state;
    struct err err = ERR_INIT;
    save(p, p->key);
    _autopkistore_ struct pki_store *store = opened(p, p->key);
    retire(p, store, "deleted-2026-11-22T00:00:00Z/demo.pki");
    assert_int_equal(load(p, p->key, &err), -ENOENT);
    char *aside = NULL;
    assert_int_equal(pki_store_retire(store, "demo", 0, &aside, &err), 0);
    assert_null(aside);
    save(p, p->key);
    retire(p, store, "deleted-2026-11-22T00:00:01Z/demo.pki");
    /* taken back */
    _autofree_ char *kept = str_format("%s/deleted-2026-11-22T00:00:00Z/demo.pki", p->folder);
    assert_int_equal(rename(kept, p->file), 0);
    assert_int_equal(load(p, p->key, &err), 0);
}

/* A server that is killed while it saves again and again leaves a whole PKI, and opening cleans up.
 */
static void test_killed_while_saving(void **state)
{
    const struct place *p = *state;
    save(p, p->key);
    for (uint32_t i = 0; i < 20; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            _autopkistore_ struct pki_store *store = opened(p, p->key);
            while (pki_store_save(store, "demo", &shared, NULL) == 0)
                continue;
            _exit(1);
        }
        clock_sleep_ms(1 + 3 * i);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status)); /* else a save failed */
        struct err err = ERR_INIT;
        assert_int_equal(load(p, p->key, &err), 0);
    }
    _autofree_ char *pattern = str_format("%s/*", p->folder);
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    globfree(&found);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain),          TEST(test_encrypted), TEST(test_a_key_given_later),
        TEST(test_wrong_key),      TEST(test_damage),    TEST(test_members_that_do_not_fit),
        TEST(test_forged_members), TEST(test_key_files), TEST(test_names),
        TEST(test_leftovers),      TEST(test_retired),   TEST(test_killed_while_saving),
    };
    return cmocka_run_group_tests(tests, make_shared, clear_shared);
}
