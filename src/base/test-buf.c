/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/test.h"

static void test_grows_and_terminates(void **state)
{
    (void)state;
    _autobuf_ struct buf b = BUF_INIT;
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i % 10);
    assert_int_equal(buf_error(&b), 0);
    assert_int_equal(b.len, 2000);
    assert_int_equal(b.data[2000], 0);
    buf_consume(&b, 1998);
    assert_string_equal(buf_str(&b), "9,");
}

static void test_limit_sticks(void **state)
{
    (void)state;
    _autobuf_ struct buf b = BUF_INIT_MAX(4);
    buf_adds(&b, "1234");
    assert_int_equal(buf_error(&b), 0);
    buf_addc(&b, '5');
    assert_int_equal(buf_error(&b), -EMSGSIZE);
    assert_string_equal(buf_str(&b), "1234");
    assert_null(buf_steal(&b));
}

static void test_steal_of_nothing_is_empty_text(void **state)
{
    (void)state;
    _autobuf_ struct buf b = BUF_INIT;
    _autofree_ char *text = buf_steal(&b);
    assert_string_equal(text, "");
}

UNIT_MAIN(cmocka_unit_test(test_grows_and_terminates), cmocka_unit_test(test_limit_sticks),
          cmocka_unit_test(test_steal_of_nothing_is_empty_text))
