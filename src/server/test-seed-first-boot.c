/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/str.h"
#include "base/test.h"
#include "provision/render.h"
#include "server/seed-first-boot.h"

static const struct first_boot_file files[] = {
    {.path = "/etc/plain", .content = "{{ .hostname }} and {{ range }}\n"},
    {.path = "/etc/made", .content = "{{ .hostname }}\n", .template = true, .permissions = "0600"},
    {.path = "/etc/bytes", .content = "e3t9fQ==", .encoding = FILE_ENCODING_BASE64},
};

static void filled(const struct first_boot *from, struct provision *ret)
{
    *ret = (struct provision){0};
    assert_int_equal(text_set(&ret->machine, "node1"), 0);
    assert_int_equal(seed_first_boot(from, ret), 0);
}

static void expect_content(const struct provision_file *file, const char *content)
{
    assert_int_equal(file->content.len, strlen(content));
    assert_memory_equal(file->content.data, content, strlen(content));
}

static void files_are_templates_only_when_they_say_so(void **state)
{
    (void)state;
    _autoprovision_ struct provision p;
    struct err err = ERR_INIT;
    filled(&(struct first_boot){.files = files, .n_files = 3}, &p);
    assert_int_equal(provision_expand(&p, &err), 0);
    expect_content(&p.files.items[0], "{{ .hostname }} and {{ range }}\n");
    assert_int_equal(p.files.items[0].mode, 0644);
    expect_content(&p.files.items[1], "node1\n");
    assert_int_equal(p.files.items[1].mode, 0600);
    expect_content(&p.files.items[2], "{{}}");
}

static void accounts_and_commands(void **state)
{
    (void)state;
    static const char *const keys[] = {"ssh-ed25519 AAAA a"}, *const commands[] = {"true"};
    static const struct first_boot_user user = {.name = "ann", .sudo = true};
    _autoprovision_ struct provision p;
    filled(&(struct first_boot){.hostname = "one",
                                .ssh_authorized_keys = keys,
                                .n_ssh_authorized_keys = 1,
                                .users = &user,
                                .n_users = 1,
                                .commands = commands,
                                .n_commands = 1},
           &p);
    assert_string_equal(p.hostname, "one");
    assert_int_equal(p.users.count, 2);
    assert_string_equal(p.users.items[0].name, "root");
    assert_string_equal(p.users.items[0].ssh_authorized_keys.items[0], "ssh-ed25519 AAAA a");
    assert_string_equal(p.users.items[1].name, "ann");
    assert_true(p.users.items[1].sudo);
    assert_string_equal(p.commands.items[0], "true");
}

UNIT_MAIN(cmocka_unit_test(files_are_templates_only_when_they_say_so),
          cmocka_unit_test(accounts_and_commands))
