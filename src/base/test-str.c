/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "base/test.h"

static void test_numbers(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    assert_int_equal(str_parse_u64("18446744073709551615", 0, UINT64_MAX, &u), 0);
    assert_true(u == UINT64_MAX);
    assert_int_equal(str_parse_u64("18446744073709551616", 0, UINT64_MAX, &u), -ERANGE);
    assert_int_equal(str_parse_u64("12x", 0, 100, &u), -EINVAL);
    assert_int_equal(str_parse_u64("", 0, 100, &u), -EINVAL);
    assert_int_equal(str_parse_u64("101", 0, 100, &u), -ERANGE);
    assert_int_equal(str_parse_i64("-5", -5, 5, &i), 0);
    assert_int_equal(i, -5);
    assert_int_equal(str_parse_size("4Mi", &u), 0);
    assert_int_equal(u, 4 << 20);
    assert_int_equal(str_parse_size("2G", &u), 0);
    assert_int_equal(str_parse_size("2X", &u), -EINVAL);
    assert_int_equal(str_parse_size("18446744073709551615G", &u), -ERANGE);
}

static void test_encodings(void **state)
{
    (void)state;
    uint8_t data[5] = {0, 1, 0xfe, 0xff, 7}, back[5];
    _autofree_ char *hex = str_hex(data, 5);
    assert_string_equal(hex, "0001feff07");
    assert_int_equal(str_unhex(hex, back, 5), 0);
    assert_memory_equal(back, data, 5);
    assert_int_equal(str_unhex("0001feff0", back, 5), -EINVAL);
    assert_int_equal(str_unhex("0001feff0g", back, 5), -EINVAL);
    _autofree_ char *text = str_base64(data, 5);
    assert_string_equal(text, "AAH+/wc=");
    assert_int_equal(str_unbase64_exact(text, back, 5), 0);
    assert_memory_equal(back, data, 5);
    assert_int_equal(str_unbase64_exact("AAH+/w==", back, 5), -EINVAL);
    assert_int_equal(str_unbase64_exact("!!!!", back, 3), -EINVAL);
    assert_int_equal(str_unbase64_exact("AA\xb1+", back, 3), -EINVAL);
    assert_int_equal(str_unbase64_exact("AAA+", back, 3), 0);
}

static void test_uuid(void **state)
{
    (void)state;
    const uint8_t zeros[16] = {0};
    uint8_t ones[16];
    char text[UUID_TEXT_SIZE];
    memset(ones, 0xff, sizeof(ones));
    assert_string_equal(str_uuid4(zeros, text), "00000000-0000-4000-8000-000000000000");
    assert_string_equal(str_uuid4(ones, text), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

static void test_human_sizes(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(str_human_size(text, sizeof(text), 1000), "1000 B");
    assert_string_equal(str_human_size(text, sizeof(text), 1536), "1.5 KiB");
    assert_string_equal(str_human_size(text, sizeof(text), 4ull << 30), "4.0 GiB");
    assert_string_equal(str_human_size(text, sizeof(text), 300ull << 20), "300 MiB");
}

UNIT_MAIN(cmocka_unit_test(test_numbers), cmocka_unit_test(test_encodings),
          cmocka_unit_test(test_uuid), cmocka_unit_test(test_human_sizes))
