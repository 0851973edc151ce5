/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "agent/cmdline.h"
#include "agent/console.h"
#include "agent/modules.h"
#include "agent/retry.h"
#include "base/buf.h"
#include "base/str.h"

static char key_text[TRUST_PUBLIC_TEXT_SIZE];

static int setup(void **state)
{
    (void)state;
    struct trust_key key;
    if (trust_init() < 0)
        return -1;
    trust_key_generate(&key);
    (void)trust_public_text(&key.public, key_text);
    return 0;
}

static int parse(const char *format, struct cmdline *c, struct err *err)
{
    char text[1024];
    (void)snprintf(text, sizeof(text), "%s slipway.key=%s", format, key_text);
    *err = ERR_INIT;
    return cmdline_parse(text, c, err);
}

static void test_words_of_the_boot_script(void **state)
{
    (void)state;
    struct cmdline c;
    struct err err;
    assert_int_equal(parse("quiet slipway.server=http://10.0.0.1:8080/ BOOTIF=01-52-54-00-aa-bb-0c "
                           "slipway.machine=rack1-node3 console=ttyS0,115200",
                           &c, &err),
                     0);
    assert_string_equal(c.server, "http://10.0.0.1:8080");
    assert_string_equal(c.machine, "rack1-node3");
    assert_true(c.has_boot_mac && c.has_key);
    assert_int_equal(c.boot_mac.b[5], 0x0c);
    assert_false(c.debug || c.verify);
}

static void test_last_word_counts_and_quotes_go(void **state)
{
    (void)state;
    struct cmdline c;
    struct err err;
    assert_int_equal(parse("slipway.machine=a \"slipway.machine=b\" slipway.debug "
                           "slipway.server=\"http://10.0.0.9:80\"\n",
                           &c, &err),
                     0);
    assert_string_equal(c.machine, "b");
    assert_string_equal(c.server, "http://10.0.0.9:80");
    assert_true(c.debug);
}

static void test_bad_words_are_named(void **state)
{
    (void)state;
    struct cmdline c;
    struct err err;
    assert_int_equal(parse("slipway.server=https://10.0.0.1", &c, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "https://10.0.0.1"));
    assert_int_equal(parse("slipway.server=http://10.0.0.1:80 BOOTIF=zz", &c, &err), -EINVAL);
    assert_non_null(strstr(err_text(&err), "BOOTIF"));
    assert_string_equal(c.server, "http://10.0.0.1:80");
}

static void test_missing_words_are_told_apart(void **state)
{
    (void)state;
    struct cmdline c;
    struct err err = ERR_INIT;
    assert_int_equal(cmdline_parse("quiet", &c, &err), -EDESTADDRREQ);
    assert_non_null(strstr(err_text(&err), "slipway.server"));
    assert_int_equal(cmdline_parse("slipway.server=http://10.0.0.1:1", &c, &err), -EDESTADDRREQ);
    assert_non_null(strstr(err_text(&err), "slipway.key"));
}

static void test_console_names(void **state)
{
    (void)state;
    char names[8][32];
    assert_int_equal(console_names("tty0 ttyS0\n", names, 8), 2);
    assert_string_equal(names[1], "ttyS0");
    assert_int_equal(console_names("ttyS0 ttyS0 hvc0\n", names, 8), 3);
    assert_string_equal(names[2], "tty0");
    assert_int_equal(console_names("", names, 8), 1);
    assert_int_equal(console_names("a b c", names, 2), 2);
}

static void test_module_parameters(void **state)
{
    (void)state;
    char text[MODULE_PARAMETERS_MAX];
    modules_parameters("quiet e1000e.IntMode=1 usb-storage.quirks=1:2:u e1000e.EEE=0 x=e1000e.Z",
                       "e1000e", text);
    assert_string_equal(text, "IntMode=1 EEE=0");
    modules_parameters("usb-storage.quirks=1:2:u", "usb_storage", text);
    assert_string_equal(text, "quirks=1:2:u");
    modules_parameters("e1000.x=1", "e1000e", text);
    assert_string_equal(text, "");
}

static void test_retry_doubles_up_to_its_limits(void **state)
{
    (void)state;
    struct retry retry = RETRY(100, 1000, 6);
    uint32_t wait = 0;
    uint32_t expected[] = {100, 200, 400, 800, 1000};
    for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
        assert_true(retry_failed(&retry, 0, &wait));
        assert_int_equal(wait, expected[i]);
    }
    assert_false(retry_failed(&retry, 0, &wait));
    retry_succeeded(&retry);
    assert_true(retry_failed(&retry, UINT32_MAX, &wait));
    assert_in_range(wait, 75, 100);
    struct retry endless = RETRY(1, 8, 0);
    for (int i = 0; i < 100; i++)
        assert_true(retry_failed(&endless, 0, &wait));
    assert_int_equal(wait, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_the_boot_script),
        cmocka_unit_test(test_last_word_counts_and_quotes_go),
        cmocka_unit_test(test_bad_words_are_named),
        cmocka_unit_test(test_missing_words_are_told_apart),
        cmocka_unit_test(test_console_names),
        cmocka_unit_test(test_module_parameters),
        cmocka_unit_test(test_retry_doubles_up_to_its_limits),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
