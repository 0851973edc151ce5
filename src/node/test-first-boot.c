/* SPDX-License-Identifier: Apache-2.0 */
/* First boot on a scratch root folder, with a seed on a FAT file system in a file. */
#include "node/first-boot.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/test.h"
#include "image/fat.h"
#include "node/state.h"
#include "provision/identity.h"
#include "provision/render.h"

struct scratch {
    char folder[64];
    char root[80];
    char seed[80];
    struct node node;
};

static void put(const struct scratch *s, const char *path, const char *text, mode_t mode)
{
    struct err err = ERR_INIT;
    if (node_write_text(&s->node, path, text, mode, &err) < 0)
        fail_msg("%s", err_text(&err));
}

/* As much of an installed Debian as first boot looks at. */
static int setup(void **state)
{
    struct scratch *s = calloc(1, sizeof(*s));
    log_init(LOG_LEVEL_ERROR - 1, LOG_STYLE_PLAIN);
    (void)snprintf(s->folder, sizeof(s->folder), "/tmp/test-first-boot.XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    (void)snprintf(s->root, sizeof(s->root), "%s/root", s->folder);
    (void)snprintf(s->seed, sizeof(s->seed), "%s/seed", s->folder);
    s->node = (struct node){.root = s->root, .clock = &clock_system};
    put(s, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n", 0644);
    put(s, "/etc/shadow", "root:*:19000:0:99999:7:::\n", 0640);
    put(s, "/etc/group", "root:x:0:\nadm:x:4:\nsystemd-journal:x:101:\n", 0644);
    put(s, "/etc/gshadow", "root:*::\nadm:*::\n", 0640);
    put(s, "/etc/hosts", "127.0.0.1 localhost\n127.0.1.1 image\n::1 ip6-localhost\n", 0644);
    put(s, "/etc/ssh/ssh_host_rsa_key", "the image's", 0600);
    put(s, "/etc/skel/.profile", "# profile\n", 0644);
    put(s, "/etc/systemd/network/10-slipway-9.network", "old", 0644);
    put(s, "/usr/share/zoneinfo/Europe/Berlin", "TZif", 0644);
    put(s, "/root/.ssh/authorized_keys", "ssh-ed25519 OLD kept", 0600);
    put(s, "/home/.keep", "", 0600);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scratch *s = *state;
    assert_int_equal(tree_remove(s->folder, NULL), 0);
    free(s);
    return 0;
}

static void add_identity(struct seed *seed)
{
    struct provision_identity identity = {
        .machine = (char *)(uintptr_t) "node1",
        .server = (char *)(uintptr_t) "http://10.0.0.1:8080",
        .server_key = (char *)(uintptr_t) "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
        .private_key = (char *)(uintptr_t) "U0VDUkVULVBSSVZBVEUtS0VZ",
    };
    assert_int_equal(provision_identity_put(&identity, seed, NULL), 0);
}

/* Renders the provision as the server does, adds the identity as stage2 does, writes the FAT. */
static void write_seed(const struct scratch *s, const char *json)
{
    _autoprovision_ struct provision p = {0};
    _autoseed_ struct seed seed = SEED_INIT;
    struct err err = ERR_INIT;
    if (provision_parse(json, strlen(json), &p, &err) < 0 || provision_render(&p, &seed, &err) < 0)
        fail_msg("%s", err_text(&err));
    add_identity(&seed);
    struct fat_file files[SEED_FILES_MAX];
    for (size_t i = 0; i < seed.count; i++)
        files[i] = (struct fat_file){seed.files[i].path, seed.files[i].data, seed.files[i].len};
    struct fat_options options = {.size = 8 << 20, .label = "CIDATA"};
    _autofree_ uint8_t *data = NULL;
    if (fat_build(&options, files, seed.count, &data, &err) < 0 ||
        file_write_atomic(s->seed, data, options.size, 0600, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static int boot(const struct scratch *s, bool force, enum first_boot_result *result,
                struct err *err)
{
    _autosource_ struct seed_source source = SEED_SOURCE_INIT;
    assert_int_equal(seed_source_open(s->seed, &source, err), 0);
    return first_boot(&s->node, &source, force, result, err);
}

static void assert_boots(const struct scratch *s, enum first_boot_result expected)
{
    struct err err = ERR_INIT;
    enum first_boot_result result = FIRST_BOOT_NO_SEED;
    if (boot(s, false, &result, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_int_equal(result, expected);
}

static char *content(const struct scratch *s, const char *path)
{
    char *text = NULL;
    struct err err = ERR_INIT;
    if (node_read(&s->node, path, 1 << 20, &text, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
    return text;
}

static void assert_content(const struct scratch *s, const char *path, const char *expected)
{
    _autofree_ char *text = content(s, path);
    assert_string_equal(text, expected);
}

static void assert_mode(const struct scratch *s, const char *path, mode_t mode)
{
    struct stat st;
    _autofree_ char *full = node_path(&s->node, path);
    if (lstat(full, &st) < 0)
        fail_msg("%s: %s", path, strerror(errno));
    assert_int_equal(st.st_mode & 0777, mode);
}

static bool seed_holds(const struct scratch *s, const char *text)
{
    _autofree_ char *data = NULL;
    size_t len = 0;
    assert_int_equal(file_read(s->seed, 16 << 20, &data, &len, NULL), 0);
    return memmem(data, len, text, strlen(text)) != NULL;
}

static const char everything[] =
    "{\"machine\":\"node1\",\"generation\":1,\"hostname\":\"n1\",\"fqdn\":\"n1.example.org\","
    "\"machineId\":\"0123456789abcdef0123456789abcdef\",\"timezone\":\"Europe/Berlin\","
    "\"users\":[{\"name\":\"root\",\"sshAuthorizedKeys\":[\"ssh-ed25519 NEW a\"],"
    "\"passwordHash\":\"$6$salt$hash\"},"
    "{\"name\":\"admin\",\"groups\":[\"adm\"],\"sudo\":true,"
    "\"sshAuthorizedKeys\":[\"ssh-ed25519 ADMIN b\"]}],"
    "\"hostKeys\":[{\"type\":\"ed25519\",\"private\":\"-----BEGIN X\\nSECRET-HOST-KEY\\n\","
    "\"public\":\"ssh-ed25519 AAAA root@n1\"}],"
    "\"files\":[{\"path\":\"/srv/a/b\",\"mode\":\"0600\",\"content\":\"aGk=\"},"
    "{\"path\":\"/home/admin/mine\",\"owner\":\"admin\",\"content\":\"aGk=\"}],"
    "\"ntp\":[\"10.0.0.1\"],"
    "\"links\":[{\"macAddress\":\"52:54:00:00:00:01\",\"addresses\":[\"10.0.0.5/24\"],"
    "\"dns\":[\"10.0.0.1\"],\"search\":[\"example.org\"]}]}";

static void assert_everything(const struct scratch *s)
{
    assert_content(s, "/etc/hostname", "n1\n");
    assert_content(s, "/etc/hosts",
                   "127.0.0.1 localhost\n::1 ip6-localhost\n127.0.1.1 n1.example.org n1\n");
    assert_content(s, "/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    assert_content(s, "/etc/timezone", "Europe/Berlin\n");
    assert_content(s, "/etc/resolv.conf", "search example.org\nnameserver 10.0.0.1\n");
    assert_content(s, "/etc/systemd/timesyncd.conf.d/50-slipway.conf", "[Time]\nNTP=10.0.0.1\n");
    assert_content(s, "/etc/ssh/ssh_host_ed25519_key", "-----BEGIN X\nSECRET-HOST-KEY\n");
    assert_mode(s, "/etc/ssh/ssh_host_ed25519_key", 0600);
    assert_content(s, "/etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAA root@n1\n");
    assert_false(node_exists(&s->node, "/etc/ssh/ssh_host_rsa_key"));
    assert_false(node_exists(&s->node, "/etc/systemd/network/10-slipway-9.network"));
    assert_true(node_exists(&s->node, "/etc/systemd/network/10-slipway-0.network"));
    assert_content(s, "/root/.ssh/authorized_keys", "ssh-ed25519 OLD kept\nssh-ed25519 NEW a\n");
    assert_content(s, "/srv/a/b", "hi");
    assert_mode(s, "/srv/a/b", 0600);
}

static void assert_accounts(const struct scratch *s)
{
    assert_content(s, "/etc/passwd",
                   "root:x:0:0:root:/root:/bin/bash\nadmin:x:1000:1000::/home/admin:/bin/bash\n");
    assert_content(s, "/etc/group",
                   "root:x:0:\nadm:x:4:admin\nsystemd-journal:x:101:\nadmin:x:1000:\n");
    assert_content(s, "/etc/gshadow", "root:*::\nadm:*::admin\nadmin:!::\n");
    assert_mode(s, "/etc/shadow", 0640);
    _autofree_ char *shadow = content(s, "/etc/shadow");
    assert_non_null(strstr(shadow, "root:$6$salt$hash:19000:0:99999:7:::\nadmin:*:"));
    assert_content(s, "/etc/sudoers.d/90-slipway-admin", "admin ALL=(ALL) NOPASSWD:ALL\n");
    assert_mode(s, "/etc/sudoers.d/90-slipway-admin", 0440);
    assert_content(s, "/home/admin/.ssh/authorized_keys", "ssh-ed25519 ADMIN b\n");
    assert_mode(s, "/home/admin/.ssh/authorized_keys", 0600);
    assert_mode(s, "/home/admin/.ssh", 0700);
    assert_content(s, "/home/admin/.profile", "# profile\n");
    struct stat st;
    _autofree_ char *mine = node_path(&s->node, "/home/admin/mine");
    assert_int_equal(stat(mine, &st), 0);
    assert_int_equal(st.st_uid, 1000);
}

static void test_everything_is_applied_once(void **state)
{
    struct scratch *s = *state;
    if (geteuid() != 0)
        skip(); /* files are given to other users */
    write_seed(s, everything);
    assert_true(seed_holds(s, "U0VDUkVULVBSSVZBVEUtS0VZ"));
    assert_boots(s, FIRST_BOOT_DONE);
    assert_everything(s);
    assert_accounts(s);
    /* The secrets moved. */
    assert_false(seed_holds(s, "U0VDUkVULVBSSVZBVEUtS0VZ"));
    assert_false(seed_holds(s, "SECRET-HOST-KEY"));
    _autofree_ char *identity = content(s, NODE_IDENTITY_FILE);
    assert_non_null(strstr(identity, "U0VDUkVULVBSSVZBVEUtS0VZ"));
    assert_mode(s, NODE_IDENTITY_FILE, 0600);
    assert_mode(s, NODE_STATE_DIR, 0700);
    /* What people change afterwards stays. */
    put(s, "/etc/hostname", "changed\n", 0644);
    assert_boots(s, FIRST_BOOT_BEFORE);
    assert_content(s, "/etc/hostname", "changed\n");
}

static void test_force_repeats_from_what_was_kept(void **state)
{
    struct scratch *s = *state;
    write_seed(s, "{\"machine\":\"node1\",\"generation\":1}");
    assert_boots(s, FIRST_BOOT_DONE);
    put(s, "/etc/hostname", "changed\n", 0644);
    struct err err = ERR_INIT;
    enum first_boot_result result;
    assert_int_equal(boot(s, true, &result, &err), 0);
    assert_int_equal(result, FIRST_BOOT_DONE);
    assert_content(s, "/etc/hostname", "node1\n");
}

static void test_a_new_generation_is_applied(void **state)
{
    struct scratch *s = *state;
    write_seed(s, "{\"machine\":\"node1\",\"generation\":1,\"hostname\":\"one\"}");
    assert_boots(s, FIRST_BOOT_DONE);
    write_seed(s, "{\"machine\":\"node1\",\"generation\":2,\"hostname\":\"two\"}");
    assert_boots(s, FIRST_BOOT_DONE);
    assert_content(s, "/etc/hostname", "two\n");
    assert_boots(s, FIRST_BOOT_BEFORE);
}

static void test_a_host_key_is_made(void **state)
{
    struct scratch *s = *state;
    write_seed(s, "{\"machine\":\"node1\",\"generation\":1}");
    assert_boots(s, FIRST_BOOT_DONE);
    _autofree_ char *public = content(s, "/etc/ssh/ssh_host_ed25519_key.pub");
    assert_non_null(str_after(public, "ssh-ed25519 AAAA"));
    assert_true(str_ends_with(public, " root@node1\n"));
    assert_mode(s, "/etc/ssh/ssh_host_ed25519_key", 0600);
}

/* One step fails: the others are applied, nothing is wiped, and the next boot tries again. */
static void test_a_failed_step_is_repeated(void **state)
{
    struct scratch *s = *state;
    write_seed(s, "{\"machine\":\"node1\",\"generation\":1,\"timezone\":\"Mars/Base\","
                  "\"files\":[{\"path\":\"/srv/x\"}]}");
    struct err err = ERR_INIT;
    enum first_boot_result result;
    assert_int_equal(boot(s, false, &result, &err), -ENOENT);
    assert_string_equal(err_text(&err), "timezone: the image has no time zone Mars/Base");
    assert_true(node_exists(&s->node, "/srv/x"));
    assert_true(node_exists(&s->node, NODE_IDENTITY_FILE));
    assert_true(seed_holds(s, "U0VDUkVULVBSSVZBVEUtS0VZ"));
    _autostate_ struct node_state kept = {0};
    assert_int_equal(node_state_load(&s->node, &kept), 0);
    assert_false(kept.configured);
    put(s, "/usr/share/zoneinfo/Mars/Base", "TZif", 0644);
    assert_boots(s, FIRST_BOOT_DONE);
    assert_false(seed_holds(s, "U0VDUkVULVBSSVZBVEUtS0VZ"));
}

/* The power went after the state was saved and before the secrets were wiped. */
static void test_a_wipe_that_was_cut_off_is_finished(void **state)
{
    struct scratch *s = *state;
    static const char json[] = "{\"machine\":\"node1\",\"generation\":1}";
    write_seed(s, json);
    assert_boots(s, FIRST_BOOT_DONE);
    write_seed(s, json);
    assert_true(seed_holds(s, "U0VDUkVULVBSSVZBVEUtS0VZ"));
    assert_boots(s, FIRST_BOOT_BEFORE);
    assert_false(seed_holds(s, "U0VDUkVULVBSSVZBVEUtS0VZ"));
}

static void test_a_seed_for_cloud_init_is_left_alone(void **state)
{
    struct scratch *s = *state;
    write_seed(s, "{\"style\":\"cloud-init\",\"machine\":\"node1\",\"generation\":1}");
    assert_boots(s, FIRST_BOOT_NO_SEED);
    assert_true(seed_holds(s, "U0VDUkVULVBSSVZBVEUtS0VZ"));
    assert_false(node_exists(&s->node, "/etc/hostname"));
}

/* A state file that a power cut or a person damaged. */
static void test_a_damaged_state_counts_as_none(void **state)
{
    struct scratch *s = *state;
    write_seed(s, "{\"machine\":\"node1\",\"generation\":1}");
    put(s, NODE_STATE_FILE, "{\"instance\":", 0600);
    assert_boots(s, FIRST_BOOT_DONE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

UNIT_MAIN(TEST(test_everything_is_applied_once), TEST(test_force_repeats_from_what_was_kept),
          TEST(test_a_new_generation_is_applied), TEST(test_a_host_key_is_made),
          TEST(test_a_failed_step_is_repeated), TEST(test_a_wipe_that_was_cut_off_is_finished),
          TEST(test_a_seed_for_cloud_init_is_left_alone), TEST(test_a_damaged_state_counts_as_none))
