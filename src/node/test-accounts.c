/* SPDX-License-Identifier: Apache-2.0 */
#include "node/accounts.h"

#include "base/test.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
                             "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                             "admin:x:1000:1000::/home/admin:/bin/bash\n";
static const char group[] = "root:x:0:\nadm:x:4:syslog\nadmin:x:1000:\nusers:x:1001:";

static void test_find(void **state)
{
    (void)state;
    struct account account;
    gid_t gid = 0;
    assert_int_equal(account_find(passwd, "admin", &account), 0);
    assert_int_equal(account.uid, 1000);
    assert_string_equal(account.home, "/home/admin");
    assert_int_equal(account_find(passwd, "adm", &account), -ENOENT);
    assert_int_equal(account_find("broken:x\n", "broken", &account), -ENOENT);
    assert_int_equal(account_find("broken:x:-1:1::/:\n", "broken", &account), -ENOENT);
    assert_int_equal(account_find_group(group, "users", &gid), 0);
    assert_int_equal(gid, 1001);
    assert_int_equal(account_free_id(passwd, group), 1002);
    assert_int_equal(account_free_id("", ""), 1000);
}

static void test_owner(void **state)
{
    (void)state;
    uid_t uid = 9;
    gid_t gid = 9;
    assert_int_equal(account_owner(passwd, group, "admin", &uid, &gid), 0);
    assert_int_equal(uid, 1000);
    assert_int_equal(gid, 1000);
    assert_int_equal(account_owner(passwd, group, "root:adm", &uid, &gid), 0);
    assert_int_equal(uid, 0);
    assert_int_equal(gid, 4);
    assert_int_equal(account_owner(passwd, group, "12:34", &uid, &gid), 0);
    assert_int_equal(uid, 12);
    assert_int_equal(gid, 34);
    assert_int_equal(account_owner(passwd, group, "nobody", &uid, &gid), -ENOENT);
    assert_int_equal(account_owner(passwd, group, "root:nogroup", &uid, &gid), -ENOENT);
    assert_int_equal(uid, 12);
}

static void test_put_line(void **state)
{
    (void)state;
    _autobuf_ struct buf out = BUF_INIT;
    account_put_line("a:1\nb:2\nc:3", "b", "b:9", &out);
    assert_string_equal(buf_str(&out), "a:1\nb:9\nc:3\n");
    buf_reset(&out);
    account_put_line("a:1\nab:2\n", "b", "b:9", &out);
    assert_string_equal(buf_str(&out), "a:1\nab:2\nb:9\n");
    buf_reset(&out);
    account_put_line("", "b", "b:9", &out);
    assert_string_equal(buf_str(&out), "b:9\n");
    buf_reset(&out);
    account_put_line("b:1\nb:2\n", "b", "b:9", &out);
    assert_string_equal(buf_str(&out), "b:9\n");
}

static void test_set_password(void **state)
{
    (void)state;
    _autobuf_ struct buf out = BUF_INIT;
    account_set_password("root:*:19000:0:99999:7:::\n", "root", "$6$x", 20000, &out);
    assert_string_equal(buf_str(&out), "root:$6$x:19000:0:99999:7:::\n");
    buf_reset(&out);
    account_set_password("root:*:1::::::\n", "new", "*", 20000, &out);
    assert_string_equal(buf_str(&out), "root:*:1::::::\nnew:*:20000:0:99999:7:::\n");
}

static void test_members(void **state)
{
    (void)state;
    _autobuf_ struct buf out = BUF_INIT;
    assert_int_equal(account_add_member(group, "adm", "admin", &out), 0);
    assert_string_equal(buf_str(&out),
                        "root:x:0:\nadm:x:4:syslog,admin\nadmin:x:1000:\nusers:x:1001:\n");
    buf_reset(&out);
    assert_int_equal(account_add_member("g:x:5:ab,a\n", "g", "a", &out), 0);
    assert_string_equal(buf_str(&out), "g:x:5:ab,a\n");
    buf_reset(&out);
    assert_int_equal(account_add_member("g:x:5:\n", "g", "a", &out), 0);
    assert_string_equal(buf_str(&out), "g:x:5:a\n");
    assert_int_equal(account_add_member(group, "none", "a", &out), -ENOENT);
}

UNIT_MAIN(cmocka_unit_test(test_find), cmocka_unit_test(test_owner),
          cmocka_unit_test(test_put_line), cmocka_unit_test(test_set_password),
          cmocka_unit_test(test_members))
