/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/provision.h"

#include <string.h>

#include "base/str.h"
#include "base/test.h"
#include "provision/identity.h"

static void assert_refused(const char *json, const char *message)
{
    struct provision p;
    struct err err = ERR_INIT;
    int r = provision_parse(json, strlen(json), &p, &err);
    if (r != -EINVAL)
        fail_msg("accepted: %s", json);
    if (!strstr(err_text(&err), message))
        fail_msg("\"%s\" does not say \"%s\"", err_text(&err), message);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const char text[] =
        "{\"style\":\"cloud-init\",\"machine\":\"node1\",\"generation\":3,"
        "\"server\":\"http://10.0.0.1:8080\",\"hostname\":\"n1\",\"fqdn\":\"n1.example.org\","
        "\"users\":[{\"name\":\"root\",\"sshAuthorizedKeys\":[\"ssh-ed25519 AAAA a\"]},"
        "{\"name\":\"admin\",\"groups\":[\"adm\"],\"sudo\":true}],"
        "\"files\":[{\"path\":\"/etc/"
        "x\",\"mode\":\"0600\",\"content\":\"AAE=\",\"template\":true}],"
        "\"commands\":[\"echo 'a\\nb'\"],"
        "\"links\":[{\"macAddress\":\"52:54:00:00:00:01\",\"dhcp4\":true,\"mtu\":9000},"
        "{\"kind\":\"bond\",\"name\":\"bond0\",\"members\":[\"52:54:00:00:00:02\"]},"
        "{\"kind\":\"vlan\",\"name\":\"v5\",\"parent\":\"bond0\",\"vlan\":5,"
        "\"addresses\":[\"10.5.0.2/24\",\"fd00::2/64\"],"
        "\"gateways\":[\"10.5.0.1\",\"fd00::1\"]}]}";
    _autoprovision_ struct provision p = {0};
    struct err err = ERR_INIT;
    if (provision_parse(text, strlen(text), &p, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_int_equal(p.style, PROVISION_CLOUD_INIT);
    assert_int_equal(p.files.items[0].mode, 0600);
    assert_int_equal(p.files.items[0].content.len, 2);
    assert_int_equal(p.links.items[1].members.count, 1);
    char *back = NULL;
    assert_int_equal(provision_build(&p, &back), 0);
    assert_string_equal(back, text);
    seed_text_free(back);
}

static void test_unknown_fields_are_ignored(void **state)
{
    (void)state;
    static const char text[] = "{\"machine\":\"a\",\"later\":{\"x\":1}}";
    _autoprovision_ struct provision p = {0};
    assert_int_equal(provision_parse(text, strlen(text), &p, NULL), 0);
}

static void test_errors_name_the_path(void **state)
{
    (void)state;
    assert_refused("", "not JSON");
    assert_refused("[]", "not an object");
    assert_refused("{}", "machine: missing");
    assert_refused("{\"machine\":\"A\"}", "machine: not a Machine name: \"A\"");
    assert_refused("{\"machine\":1}", "machine: not a text");
    assert_refused("{\"machine\":\"a\\u0000b\"}", "not JSON: \\u0000");
    assert_refused("{\"machine\":\"a\",\"style\":\"x\"}", "style: not one of");
    assert_refused("{\"machine\":\"a\",\"generation\":-1}", "generation: not a positive number");
    assert_refused("{\"machine\":\"a\",\"hostname\":\"-a\"}", "hostname: not a host name");
    assert_refused("{\"machine\":\"a\",\"timezone\":\"../x\"}", "timezone: not a time zone");
    assert_refused("{\"machine\":\"a\",\"users\":[{}]}", "users[0].name: missing");
    assert_refused("{\"machine\":\"a\",\"users\":[{\"name\":\"a:b\"}]}",
                   "users[0].name: not a user");
    assert_refused("{\"machine\":\"a\",\"users\":[{\"name\":\"b\"},{\"name\":\"b\"}]}",
                   "users[1].name: b was there before");
    assert_refused(
        "{\"machine\":\"a\",\"users\":[{\"name\":\"b\",\"sshAuthorizedKeys\":[\"a\\nb\"]}]}",
        "users[0].sshAuthorizedKeys[0]: not a public key");
    assert_refused("{\"machine\":\"a\",\"users\":[{\"name\":\"b\",\"passwordHash\":\"x:y\"}]}",
                   "users[0].passwordHash");
    assert_refused("{\"machine\":\"a\",\"files\":[{\"path\":\"/a/../b\"}]}", "files[0].path");
    assert_refused("{\"machine\":\"a\",\"files\":[{\"path\":\"/a\",\"mode\":\"99\"}]}",
                   "files[0].mode: not an octal");
    assert_refused("{\"machine\":\"a\",\"files\":[{\"path\":\"/a\",\"content\":\"!\"}]}",
                   "files[0].content: not base64");
    assert_refused("{\"machine\":\"a\",\"commands\":\"x\"}", "commands: not a list");
    assert_refused("{\"machine\":\"a\",\"commands\":[\"a\\u0007\"]}", "commands[0]: not a command");
    assert_refused("{\"machine\":\"a\",\"commands\":[\"a\\u2028\"]}", "commands[0]: not a command");
}

static void assert_link_refused(const char *links, const char *message)
{
    _autofree_ char *json = str_format("{\"machine\":\"a\",\"links\":[%s]}", links);
    assert_refused(json, message);
}

static void test_links_that_do_not_fit(void **state)
{
    (void)state;
    assert_link_refused("{}", "links[0].macAddress: ethernet needs one");
    assert_link_refused("{\"macAddress\":\"01:00:5e:00:00:01\"}", "links[0].macAddress");
    assert_link_refused("{\"macAddress\":\"zz\"}", "links[0].macAddress: not a MAC address");
    assert_link_refused("{\"macAddress\":\"52:54:00:00:00:01\",\"name\":\"x\"}", "keeps its name");
    assert_link_refused("{\"macAddress\":\"52:54:00:00:00:01\",\"addresses\":[\"10.0.0.1\"]}",
                        "links[0].addresses[0]: not an address with prefix length");
    assert_link_refused(
        "{\"macAddress\":\"52:54:00:00:00:01\",\"gateways\":[\"10.0.0.1\",\"10.0.0.2\"]}",
        "links[0].gateways: two of one family");
    assert_link_refused("{\"kind\":\"bond\",\"name\":\"b\"}", "links[0].members: a bond needs one");
    assert_link_refused("{\"kind\":\"bond\",\"members\":[\"52:54:00:00:00:01\"]}",
                        "links[0].name: a bond needs one");
    assert_link_refused("{\"kind\":\"bond\",\"name\":\"nic0\",\"members\":[\"52:54:00:00:00:01\"]}",
                        "names that start with nic");
    assert_link_refused("{\"kind\":\"vlan\",\"name\":\"v\",\"vlan\":5}",
                        "either macAddress or parent");
    assert_link_refused("{\"kind\":\"vlan\",\"name\":\"v\",\"vlan\":5,\"parent\":\"b\"}",
                        "no link named b");
    assert_link_refused("{\"kind\":\"vlan\",\"name\":\"v\",\"vlan\":5,\"parent\":\"v\"}",
                        "no link named v");
    assert_link_refused("{\"kind\":\"vlan\",\"name\":\"v\",\"vlan\":4095}", "more than 4094");
    assert_link_refused(
        "{\"macAddress\":\"52:54:00:00:00:01\"},{\"macAddress\":\"52:54:00:00:00:01\"}",
        "links[1]: the same interface as links[0]");
    assert_link_refused("{\"macAddress\":\"52:54:00:00:00:01\",\"mtu\":70000}", "more than 65535");
}

static void test_check_sees_what_code_filled_in(void **state)
{
    (void)state;
    _autoprovision_ struct provision p = {0};
    struct err err = ERR_INIT;
    assert_int_equal(str_replace(&p.machine, "node1"), 0);
    assert_int_equal(provision_check(&p, NULL), 0);
    struct provision_user *user = items_add(&p.users, sizeof(*user));
    assert_non_null(user);
    assert_int_equal(str_replace(&user->name, "no good"), 0);
    assert_int_equal(provision_check(&p, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "users[0].name: not a user name"));
}

static void test_names(void **state)
{
    (void)state;
    _autoprovision_ struct provision p = {0};
    assert_int_equal(str_replace(&p.machine, "node1.rack2"), 0);
    p.generation = 4;
    _autofree_ char *instance = provision_instance_id(&p);
    _autofree_ char *hostname = provision_hostname(&p);
    assert_string_equal(instance, "node1.rack2-4");
    assert_string_equal(hostname, "node1");
}

static void test_identity_round_trip(void **state)
{
    (void)state;
    static const char text[] = "{\"machine\":\"n1\",\"server\":\"http://10.0.0.1:8080\","
                               "\"serverKey\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\","
                               "\"privateKey\":\"c2VlZA==\"}";
    _autoidentity_ struct provision_identity identity = {0};
    _autoseed_ struct seed seed = SEED_INIT;
    struct err err = ERR_INIT;
    assert_int_equal(provision_identity_parse(text, strlen(text), &identity, &err), 0);
    assert_int_equal(provision_identity_put(&identity, &seed, &err), 0);
    const struct seed_file *file = seed_find(&seed, SEED_PATH_IDENTITY);
    assert_int_equal(file->len, strlen(text));
    assert_memory_equal(file->data, text, file->len);
    assert_int_equal(file->mode, 0600);
    assert_int_equal(provision_identity_parse("{}", 2, &identity, &err), -EINVAL);
    assert_string_equal(err_text(&err), "server: missing");
}

UNIT_MAIN(cmocka_unit_test(test_identity_round_trip), cmocka_unit_test(test_round_trip),
          cmocka_unit_test(test_unknown_fields_are_ignored),
          cmocka_unit_test(test_errors_name_the_path), cmocka_unit_test(test_links_that_do_not_fit),
          cmocka_unit_test(test_check_sees_what_code_filled_in), cmocka_unit_test(test_names))
