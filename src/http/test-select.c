/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"
#include "base/str.h"
#include "http/select.h"

#define ETAG "\"1-a\""
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static struct http_selection of(uint64_t size, struct http_conditions c)
{
    const struct http_representation file = {.size = size, .etag = ETAG, .last_modified = DATE};
    return http_select(&c, &file);
}

static void check_range(const char *range, uint64_t size, unsigned status, uint64_t offset,
                        uint64_t length)
{
    struct http_selection s = of(size, (struct http_conditions){.range = range});
    assert_int_equal(s.status, status);
    assert_int_equal(s.offset, offset);
    assert_int_equal(s.length, length);
}

static void test_ranges(void **state)
{
    (void)state;
    check_range(NULL, 10, 200, 0, 10);
    check_range("bytes=0-0", 10, 206, 0, 1);
    check_range("bytes=2-4", 10, 206, 2, 3);
    check_range("bytes=2-", 10, 206, 2, 8);
    check_range("bytes=2-99", 10, 206, 2, 8);
    check_range("BYTES=9-9", 10, 206, 9, 1);
    check_range("bytes=-3", 10, 206, 7, 3);
    check_range("bytes=-99", 10, 206, 0, 10);
    check_range("bytes= 1-2 ", 10, 206, 1, 2);
    check_range("bytes=0-18446744073709551615", 10, 206, 0, 10);
    check_range("bytes=10-", 10, 416, 0, 0);
    check_range("bytes=-0", 10, 416, 0, 0);
    check_range("bytes=0-", 0, 416, 0, 0);
}

/* What is not understood is ignored (RFC 9110 section 14.2). */
static void test_ignored_ranges(void **state)
{
    static const char *const ignored[] = {
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=4-2",
        "bytes=1-2,4-5",
        "lines=1-2",
        "bytes 1-2",
        "bytes=1-2x",
        "bytes=18446744073709551616-",
        "bytes=0-18446744073709551616",
        "bytes=--1",
        "",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
        check_range(ignored[i], 10, 200, 0, 10);
}

static void test_if_range(void **state)
{
    (void)state;
    struct http_conditions c = {.range = "bytes=1-2", .if_range = ETAG};
    assert_int_equal(of(10, c).status, 206);
    c.if_range = DATE;
    assert_int_equal(of(10, c).status, 206);
    c.if_range = "\"other\"";
    assert_int_equal(of(10, c).status, 200);
    c.if_range = "W/" ETAG;
    assert_int_equal(of(10, c).status, 200);
}

static unsigned none_match(const char *value)
{
    return of(10, (struct http_conditions){.if_none_match = value}).status;
}

static unsigned match(const char *value)
{
    return of(10, (struct http_conditions){.if_match = value}).status;
}

static void test_etags(void **state)
{
    (void)state;
    assert_int_equal(none_match(ETAG), 304);
    assert_int_equal(none_match("W/" ETAG), 304);
    assert_int_equal(none_match("\"x\", " ETAG), 304);
    assert_int_equal(none_match("*"), 304);
    assert_int_equal(none_match("\"x\""), 200);
    assert_int_equal(none_match("1-a"), 200);
    assert_int_equal(none_match("\"1-a"), 200);
    assert_int_equal(match(ETAG), 200);
    assert_int_equal(match("*"), 200);
    assert_int_equal(match("W/" ETAG), 412);
    assert_int_equal(match("\"x\""), 412);
}

static void test_dates(void **state)
{
    (void)state;
    assert_int_equal(of(10, (struct http_conditions){.if_modified_since = DATE}).status, 304);
    assert_int_equal(of(10, (struct http_conditions){.if_modified_since = "x"}).status, 200);
    assert_int_equal(of(10, (struct http_conditions){.if_unmodified_since = DATE}).status, 200);
    assert_int_equal(of(10, (struct http_conditions){.if_unmodified_since = "x"}).status, 412);
    /* If-None-Match wins over If-Modified-Since. */
    struct http_conditions c = {.if_modified_since = DATE, .if_none_match = "\"x\""};
    assert_int_equal(of(10, c).status, 200);
    char text[HTTP_DATE_SIZE];
    assert_string_equal(http_date_text(784111777, text), DATE);
    assert_string_equal(http_date_text(INT64_MAX, text), "Thu, 01 Jan 1970 00:00:00 GMT");
}

UNIT_MAIN(cmocka_unit_test(test_ranges), cmocka_unit_test(test_ignored_ranges),
          cmocka_unit_test(test_if_range), cmocka_unit_test(test_etags),
          cmocka_unit_test(test_dates))
