/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever parses as a head is printed canonically, and must then parse to the same values. */
#include <assert.h>

#include "base/buf.h"
#include "base/str.h"
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef int (*parser)(const void *data, size_t len, struct http_head *ret);

static void print(const struct http_head *h, struct buf *out)
{
    if (h->method)
        buf_printf(out, "%s %s HTTP/1.%u\r\n", h->method, h->target, h->minor);
    else
        buf_printf(out, "HTTP/1.%u %u\r\n", h->minor, h->status);
    for (size_t i = 0; i < h->count; i++)
        buf_printf(out, "%s:%s\r\n", h->fields[i].name, h->fields[i].value);
    buf_adds(out, "\r\n");
}

static void check(parser parse, const uint8_t *data, size_t size)
{
    static struct http_head first, second;
    if (parse(data, size, &first) < 0)
        return;
    assert(first.size <= size && first.size <= HTTP_HEAD_MAX && first.count <= HTTP_FIELDS_MAX);
    _autobuf_ struct buf text = BUF_INIT;
    print(&first, &text);
    assert(parse(buf_str(&text), text.len, &second) == 0 && second.size == text.len);
    assert(second.count == first.count && second.minor == first.minor);
    assert(second.status == first.status && str_eq(second.target, first.target));
    for (size_t i = 0; i < first.count; i++) {
        assert(str_eq(first.fields[i].name, second.fields[i].name));
        assert(str_eq(first.fields[i].value, second.fields[i].value));
        assert(http_head_find(&first, first.fields[i].name) != NULL);
        (void)http_value_has(first.fields[i].value, "close");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(http_head_parse_request, data, size);
    check(http_head_parse_response, data, size);
    return 0;
}
