/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rd.h"
#include "base/test.h"
#include "base/wr.h"

static void test_round_trip(void **state)
{
    (void)state;
    uint8_t data[64];
    struct wr w = wr_init(data, sizeof(data));
    wr_u8(&w, 1);
    wr_u16(&w, 0x0203);
    wr_u32(&w, 0x04050607);
    wr_u64(&w, 0x08090a0b0c0d0e0full);
    wr_u16_le(&w, 0x1112);
    wr_u32_le(&w, 0x13141516);
    wr_u64_le(&w, 0x1718191a1b1c1d1eull);
    wr_cstr(&w, "text");
    assert_true(wr_ok(&w));
    struct rd r = rd_init(data, w.pos);
    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_u16(&r), 0x0203);
    assert_int_equal(rd_u32(&r), 0x04050607);
    assert_true(rd_u64(&r) == 0x08090a0b0c0d0e0full);
    assert_int_equal(rd_u16_le(&r), 0x1112);
    assert_int_equal(rd_u32_le(&r), 0x13141516);
    assert_true(rd_u64_le(&r) == 0x1718191a1b1c1d1eull);
    assert_string_equal(rd_cstr(&r), "text");
    assert_true(rd_done(&r));
}

static void test_short_read_sticks(void **state)
{
    (void)state;
    const uint8_t data[3] = {1, 2, 3};
    struct rd r = rd_init(data, sizeof(data));
    assert_int_equal(rd_u32(&r), 0);
    assert_false(rd_ok(&r));
    assert_int_equal(rd_u8(&r), 0);
    assert_int_equal(rd_left(&r), 0);
}

static void test_sub_and_cstr_stay_inside(void **state)
{
    (void)state;
    const uint8_t data[4] = {'a', 'b', 'c', 0};
    struct rd r = rd_init(data, sizeof(data));
    struct rd sub = rd_sub(&r, 2);
    assert_null(rd_cstr(&sub));
    assert_false(rd_ok(&sub));
    assert_true(rd_ok(&r));
    assert_string_equal(rd_cstr(&r), "c");
    struct rd none = rd_sub(&r, 1);
    assert_false(rd_ok(&none));
    assert_false(rd_ok(&r));
}

static void test_writer_refuses_overflow(void **state)
{
    (void)state;
    uint8_t data[3] = {9, 9, 9};
    struct wr w = wr_init(data, sizeof(data));
    wr_u16(&w, 1);
    wr_u16(&w, 2);
    assert_false(wr_ok(&w));
    assert_int_equal(w.pos, 2);
    assert_int_equal(data[2], 9);
}

UNIT_MAIN(cmocka_unit_test(test_round_trip), cmocka_unit_test(test_short_read_sticks),
          cmocka_unit_test(test_sub_and_cstr_stay_inside),
          cmocka_unit_test(test_writer_refuses_overflow))
