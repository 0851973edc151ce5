/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/str.h"
#include "tftp/packet.h"

#define PARSE(text, p) tftp_parse(text, sizeof(text) - 1, p)

static struct tftp_packet p;

static void test_requests(void **state)
{
    (void)state;
    assert_int_equal(PARSE("\0\1boot/x.efi\0octet\0", &p), 0);
    assert_int_equal(p.op, TFTP_RRQ);
    assert_string_equal(p.name, "boot/x.efi");
    assert_int_equal(p.mode, TFTP_OCTET);
    assert_false(p.options.has_block || p.options.has_size);
    assert_int_equal(PARSE("\0\1a\0NetASCII\0TSIZE\0"
                           "0\0BlkSize\0"
                           "1468\0windowsize\0"
                           "4\0timeout\0"
                           "5\0",
                           &p),
                     0);
    assert_int_equal(p.mode, TFTP_NETASCII);
    assert_true(p.options.has_size && p.options.has_timeout);
    assert_int_equal(p.options.block, 1468);
    assert_int_equal(p.options.window, 4);
    assert_int_equal(p.options.timeout_s, 5);
    assert_int_equal(PARSE("\0\2a\0octet\0", &p), 0);
    assert_int_equal(p.op, TFTP_WRQ);
}

static void test_tolerance(void **state)
{
    (void)state;
    /* padding behind a request, an unknown option, values that the RFCs do not allow */
    assert_int_equal(PARSE("\0\1a\0octet\0x\0y\0blksize\0"
                           "7\0windowsize\0"
                           "0\0\0\0\0\0",
                           &p),
                     0);
    assert_false(p.options.has_block || p.options.has_window);
    assert_int_equal(PARSE("\0\1a\0octet\0blksize\0"
                           "65465\0timeout\0"
                           "256\0tsize\0-1\0",
                           &p),
                     0);
    assert_int_equal(p.options.block, TFTP_BLOCK_MAX);
    assert_false(p.options.has_timeout || p.options.has_size);
    assert_int_equal(PARSE("\0\1a\0octet\0blksize\0"
                           "1024",
                           &p),
                     0); /* no NUL */
    assert_false(p.options.has_block);
    assert_int_equal(PARSE("\0\4\1\2padding", &p), 0);
    assert_int_equal(p.block, 0x102);
    assert_int_equal(PARSE("\0\5\0\10no NUL\n", &p), 0);
    assert_int_equal(p.code, TFTP_E_OPTIONS);
    assert_string_equal(p.text, "no NUL?");
}

static void test_refused(void **state)
{
    char long_name[TFTP_NAME_MAX + 20] = "\0\1";
    (void)state;
    assert_int_equal(PARSE("", &p), -EBADMSG);
    assert_int_equal(PARSE("\0", &p), -EBADMSG);
    assert_int_equal(PARSE("\0\1", &p), -EBADMSG);
    assert_int_equal(PARSE("\0\1a", &p), -EBADMSG);
    assert_int_equal(PARSE("\0\1a\0", &p), -EBADMSG);
    assert_int_equal(PARSE("\0\1a\0octet", &p), -EBADMSG);
    assert_int_equal(PARSE("\0\1\0octet\0", &p), -EBADMSG);
    assert_int_equal(PARSE("\0\1a\0mail\0", &p), -EBADMSG);
    assert_int_equal(PARSE("\0\1a\nb\0octet\0", &p), -EBADMSG);
    assert_int_equal(PARSE("\0\3\0", &p), -EBADMSG);
    assert_int_equal(PARSE("\0\4\0", &p), -EBADMSG);
    assert_int_equal(PARSE("\0\7\0\0", &p), -EBADMSG);
    assert_int_equal(PARSE("\1\1a\0octet\0", &p), -EBADMSG);
    memset(long_name + 2, 'a', TFTP_NAME_MAX + 1);
    memcpy(long_name + 2 + TFTP_NAME_MAX + 1, "\0octet", 7);
    assert_int_equal(tftp_parse(long_name, TFTP_NAME_MAX + 10, &p), -EBADMSG);
}

static void test_round_trip(void **state)
{
    const struct tftp_options o = {.has_block = true,
                                   .block = 1428,
                                   .has_size = true,
                                   .size = 5000000000,
                                   .has_timeout = true,
                                   .timeout_s = 3,
                                   .has_window = true,
                                   .window = 64};
    uint8_t data[256];
    (void)state;
    size_t n = tftp_build_request(data, sizeof(data), TFTP_RRQ, "a/b", TFTP_NETASCII, &o);
    assert_int_equal(tftp_parse(data, n, &p), 0);
    assert_string_equal(p.name, "a/b");
    assert_int_equal(p.mode, TFTP_NETASCII);
    assert_memory_equal(&p.options, &o, sizeof(o));
    n = tftp_build_oack(data, sizeof(data), &o);
    assert_int_equal(tftp_parse(data, n, &p), 0);
    assert_int_equal(p.op, TFTP_OACK);
    assert_memory_equal(&p.options, &o, sizeof(o));
    n = tftp_build_data_header(data, sizeof(data), 0xfffe);
    data[n] = 'x';
    assert_int_equal(tftp_parse(data, n + 1, &p), 0);
    assert_int_equal(p.block, 0xfffe);
    assert_int_equal(p.len, 1);
    assert_int_equal(p.data[0], 'x');
    n = tftp_build_error(data, sizeof(data), TFTP_E_NOT_FOUND, "no");
    assert_int_equal(tftp_parse(data, n, &p), 0);
    assert_int_equal(p.code, TFTP_E_NOT_FOUND);
    assert_string_equal(p.text, "no");
    assert_int_equal(tftp_build_error(data, 6, TFTP_E_NOT_FOUND, "no"), 0);
    assert_int_equal(tftp_build_oack(data, 10, &o), 0);
}

UNIT_MAIN(cmocka_unit_test(test_requests), cmocka_unit_test(test_tolerance),
          cmocka_unit_test(test_refused), cmocka_unit_test(test_round_trip))
