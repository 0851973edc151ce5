/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/pki-provide.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "base/test.h"

/* Two PKIs for all tests: making RSA keys takes its time. */
static struct pki mine, other;

struct place {
    char root[40], folder[64], store[64];
};

static void put(const struct place *p, const char *name, const char *text, mode_t mode)
{
    _autofree_ char *path = str_format("%s/%s", p->folder, name);
    struct err err = ERR_INIT;
    assert_int_equal(file_write_atomic(path, text, strlen(text), mode, &err), 0);
}

static void take_away(const struct place *p, const char *name)
{
    _autofree_ char *path = str_format("%s/%s", p->folder, name);
    assert_int_equal(unlink(path), 0);
}

static void put_all(const struct place *p, const struct pki *pki)
{
    struct pki_file files[PKI_FILE_COUNT];
    pki_files(pki, files);
    for (size_t i = 0; i < PKI_FILE_COUNT; i++)
        put(p, files[i].path, files[i].data, files[i].mode);
}

static int enter(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    struct err err = ERR_INIT;
    (void)snprintf(p->root, sizeof(p->root), "/tmp/test-pki-provide.XXXXXX");
    assert_non_null(mkdtemp(p->root));
    (void)snprintf(p->folder, sizeof(p->folder), "%s/mine", p->root);
    (void)snprintf(p->store, sizeof(p->store), "%s/store", p->root);
    _autofree_ char *etcd = str_format("%s/etcd", p->folder);
    assert_int_equal(dir_make(etcd, 0700, &err), 0);
    put_all(p, &mine);
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
    int r = pki_create(&mine, PKI_RSA, &clock_system, &err);
    return r < 0 ? r : pki_create(&other, PKI_EC, &clock_system, &err);
}

static int clear_shared(void **state)
{
    (void)state;
    pki_clear(&mine);
    pki_clear(&other);
    return 0;
}

static int provide(const struct place *p, const char *from, const char *hash,
                   struct pki_provided *ret, struct err *err)
{
    const struct pki_store_config config = {.folder = p->store};
    const struct pki_wanted wanted = {.cluster = "demo", .from = from, .hash = hash};
    _autopkistore_ struct pki_store *store = NULL;
    *ret = (struct pki_provided){.pki = PKI_INIT};
    *err = ERR_INIT;
    assert_int_equal(pki_store_open(&config, &store, err), 0);
    return pki_provide(store, &wanted, &clock_system, ret, err);
}

static void provided(const struct place *p, const char *from, enum pki_origin origin,
                     struct pki_provided *ret)
{
    struct err err;
    if (provide(p, from, NULL, ret, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(ret->origin, origin);
    assert_int_equal(pki_check(&ret->pki, &err), 0);
}

/* Nothing was made either: what is put right is taken the next time. */
static void refused(const struct place *p, int code, const char *text)
{
    _autofree_ char *path = str_format("%s/demo.pki", p->store);
    struct pki_provided got;
    struct err err;
    assert_int_equal(provide(p, p->folder, NULL, &got, &err), code);
    assert_null(got.pki.ca.key);
    if (!strstr(err.text, text) || !strstr(err.text, p->folder))
        fail_msg("\"%s\" says nothing of \"%s\"", err.text, text);
    if (strstr(err.text, "PRIVATE"))
        fail_msg("\"%s\" holds a key", err.text);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_new_one_is_made_once(void **state)
{
    const struct place *p = *state;
    struct pki_provided first, second;
    provided(p, NULL, PKI_CREATED, &first);
    assert_int_equal(first.ends, INT64_MAX);
    provided(p, NULL, PKI_KEPT, &second);
    assert_string_equal(first.pki.ca.key, second.pki.ca.key);
    pki_clear(&first.pki);
    pki_clear(&second.pki);
}

static void all_of_a_folder_is_taken(void **state)
{
    const struct place *p = *state;
    struct pki_file files[PKI_FILE_COUNT], had[PKI_FILE_COUNT];
    struct pki_provided got;
    int64_t end;
    provided(p, p->folder, PKI_IMPORTED, &got);
    pki_files(&got.pki, files);
    pki_files(&mine, had);
    for (size_t i = 0; i < PKI_FILE_COUNT; i++)
        assert_string_equal(files[i].data, had[i].data);
    assert_int_equal(pki_not_after(mine.ca.certificate, &end), 0);
    assert_int_equal(got.ends, end);
    pki_clear(&got.pki);
    provided(p, p->folder, PKI_KEPT, &got);
    pki_clear(&got.pki);
}

static void what_is_not_there_is_made(void **state)
{
    const struct place *p = *state;
    static const char *const names[] = {"front-proxy-ca.crt", "front-proxy-ca.key", "etcd/ca.crt",
                                        "etcd/ca.key", "sa.pub"};
    struct pki_provided got;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        take_away(p, names[i]);
    provided(p, p->folder, PKI_IMPORTED, &got);
    assert_string_equal(got.pki.ca.key, mine.ca.key);
    assert_string_equal(got.pki.sa_key, mine.sa_key);
    assert_string_equal(got.pki.sa_pub, mine.sa_pub);
    assert_string_not_equal(got.pki.etcd_ca.key, mine.etcd_ca.key);
    assert_string_not_equal(got.pki.front_proxy_ca.key, mine.front_proxy_ca.key);
    pki_clear(&got.pki);
}

static void half_a_pair_is_refused(void **state)
{
    const struct place *p = *state;
    take_away(p, "ca.key");
    refused(p, -EINVAL, "/ca.crt is there without ca.key");
    put(p, "ca.key", mine.ca.key, 0600);
    take_away(p, "etcd/ca.crt");
    refused(p, -EINVAL, "/etcd/ca.key is there without etcd/ca.crt");
    put(p, "etcd/ca.crt", mine.etcd_ca.certificate, 0644);
    take_away(p, "sa.key");
    refused(p, -EINVAL, "/sa.pub is there without sa.key");
}

static void what_does_not_fit_is_refused(void **state)
{
    const struct place *p = *state;
    put(p, "ca.key", other.ca.key, 0600);
    refused(p, -EINVAL, "/ca.{crt,key}: the private key is not this certificate's");
    put(p, "ca.key", mine.ca.key, 0600);
    put(p, "sa.pub", other.sa_pub, 0644);
    refused(p, -EINVAL, "/sa.pub is not the public half");
    put(p, "sa.pub", "nonsense", 0644);
    refused(p, -EINVAL, "/sa.pub is not the public half");
    put(p, "sa.key", other.ca.key, 0600);
    refused(p, -EINVAL, "/sa.key: expected an RSA key");
}

static void what_others_may_read_is_no_secret(void **state)
{
    const struct place *p = *state;
    static const char *const names[] = {"ca.key", "front-proxy-ca.key", "etcd/ca.key", "sa.key"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        _autofree_ char *path = str_format("%s/%s", p->folder, names[i]);
        _autofree_ char *said =
            str_format("%s holds secrets but others may access it: chmod 600", path);
        assert_int_equal(chmod(path, 0640), 0);
        refused(p, -EPERM, said);
        assert_int_equal(chmod(path, 0600), 0);
    }
}

static void a_folder_without_authorities_is_a_mistake(void **state)
{
    const struct place *p = *state;
    struct err err = ERR_INIT;
    assert_int_equal(tree_remove(p->folder, &err), 0);
    refused(p, -ENOENT, "holds no authority: expected ca.crt and ca.key");
    assert_int_equal(dir_make(p->folder, 0700, &err), 0);
    refused(p, -ENOENT, "holds no authority: expected ca.crt and ca.key");
    /* nor does anybody wait for what a pipe says */
    _autofree_ char *pipe = str_format("%s/ca.crt", p->folder);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    refused(p, -EINVAL, "/ca.crt is not a regular file");
}

static void a_cluster_keeps_its_authority(void **state)
{
    const struct place *p = *state;
    char right[PKI_HASH_TEXT_SIZE], wrong[PKI_HASH_TEXT_SIZE];
    struct pki_provided got;
    struct err err;
    assert_int_equal(pki_hash(mine.ca.certificate, right), 0);
    assert_int_equal(pki_hash(other.ca.certificate, wrong), 0);
    assert_int_equal(provide(p, p->folder, right, &got, &err), -ENOENT);
    assert_non_null(strstr(err.text, "cannot be made anew"));
    assert_non_null(strstr(err.text, "/store/demo.pki"));
    provided(p, p->folder, PKI_IMPORTED, &got);
    pki_clear(&got.pki);
    assert_int_equal(provide(p, p->folder, wrong, &got, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, right));
    assert_non_null(strstr(err.text, wrong));
    /* and does not need the folder any more */
    assert_int_equal(tree_remove(p->folder, &err), 0);
    assert_int_equal(provide(p, p->folder, right, &got, &err), 0);
    pki_clear(&got.pki);
}

static void a_folder_does_not_replace_what_is_kept(void **state)
{
    const struct place *p = *state;
    struct pki_provided got;
    struct err err;
    provided(p, NULL, PKI_CREATED, &got);
    pki_clear(&got.pki);
    assert_int_equal(provide(p, p->folder, NULL, &got, &err), -EKEYREJECTED);
    assert_non_null(strstr(err.text, "another ca.crt"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_one_is_made_once),
        TEST(all_of_a_folder_is_taken),
        TEST(what_is_not_there_is_made),
        TEST(half_a_pair_is_refused),
        TEST(what_does_not_fit_is_refused),
        TEST(what_others_may_read_is_no_secret),
        TEST(a_folder_without_authorities_is_a_mistake),
        TEST(a_cluster_keeps_its_authority),
        TEST(a_folder_does_not_replace_what_is_kept),
    };
    return cmocka_run_group_tests(tests, make_shared, clear_shared);
}
