/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>

#include "base/test.h"
#include "net/udp.h"

enum { LOOPBACK = 0x7f000001 };

static int open_loopback(void)
{
    struct udp_options options = {.address = LOOPBACK};
    struct err err = ERR_INIT;
    int fd = -1;
    assert_int_equal(udp_open(&options, &fd, &err), 0);
    return fd;
}

static void await(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
}

static void test_where_a_datagram_came_in(void **state)
{
    (void)state;
    _autofd_ int a = open_loopback();
    _autofd_ int b = open_loopback();
    char buf[16];
    struct udp_info info;
    assert_int_equal(udp_receive(a, buf, sizeof(buf), &info), -EAGAIN);
    assert_int_equal(udp_send(b, "hello", 5, LOOPBACK, udp_port(a), 0, 0), 0);
    await(a);
    assert_int_equal(udp_receive(a, buf, sizeof(buf), &info), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(info.source, LOOPBACK);
    assert_int_equal(info.source_port, udp_port(b));
    assert_int_equal(info.dest, LOOPBACK);
    assert_int_equal(info.ifindex, 1);
    assert_false(info.truncated);
}

/* A host with several addresses answers from the one that was asked. */
static void test_send_from_the_address_asked(void **state)
{
    (void)state;
    struct udp_options any = {.address = 0};
    _autofd_ int a = -1;
    _autofd_ int b = open_loopback();
    char buf[16];
    struct udp_info info;
    assert_int_equal(udp_open(&any, &a, NULL), 0);
    assert_int_equal(udp_send(a, "x", 1, LOOPBACK, udp_port(b), 0x7f000002, 0), 0);
    await(b);
    assert_int_equal(udp_receive(b, buf, sizeof(buf), &info), 1);
    assert_int_equal(info.source, 0x7f000002);
}

static void test_truncation_is_told(void **state)
{
    (void)state;
    _autofd_ int a = open_loopback();
    char buf[4];
    struct udp_info info;
    assert_int_equal(udp_send(a, "too long", 8, LOOPBACK, udp_port(a), 0, 0), 0);
    await(a);
    assert_int_equal(udp_receive(a, buf, sizeof(buf), &info), 4);
    assert_true(info.truncated);
}

static void test_port_in_use(void **state)
{
    (void)state;
    _autofd_ int a = open_loopback();
    struct udp_options options = {.address = LOOPBACK, .port = udp_port(a)};
    struct err err = ERR_INIT;
    int b = -1;
    assert_int_equal(udp_open(&options, &b, &err), -EADDRINUSE);
    assert_int_equal(b, -1);
    assert_non_null(strstr(err.text, "127.0.0.1"));
}

UNIT_MAIN(cmocka_unit_test(test_where_a_datagram_came_in),
          cmocka_unit_test(test_send_from_the_address_asked),
          cmocka_unit_test(test_truncation_is_told), cmocka_unit_test(test_port_in_use))
