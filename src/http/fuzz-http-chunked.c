/* SPDX-License-Identifier: Apache-2.0 */
/* A chunked body must decode to the same bytes whether it comes at once or byte by byte. */
#include <assert.h>

#include "http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    int end; /* HTTP_CHUNKED_MORE, HTTP_CHUNKED_DONE or an errno */
    uint64_t bytes;
    uint32_t sum;
    size_t used;
};

static struct outcome decode(const uint8_t *data, size_t size, size_t piece)
{
    struct outcome o = {.end = HTTP_CHUNKED_MORE};
    struct http_chunked c = {0};
    while (o.used < size && o.end == HTTP_CHUNKED_MORE) {
        size_t n = size - o.used < piece ? size - o.used : piece;
        struct rd r = rd_init(data + o.used, n);
        while ((o.end = http_chunked_step(&c, &r)) == HTTP_CHUNKED_HAVE && rd_left(&r)) {
            size_t take = rd_left(&r) < c.left ? rd_left(&r) : (size_t)c.left;
            assert(take > 0);
            for (size_t i = 0; i < take; i++)
                o.sum = o.sum * 31 + rd_u8(&r);
            o.bytes += take;
            http_chunked_taken(&c, take);
        }
        if (o.end == HTTP_CHUNKED_HAVE)
            o.end = HTTP_CHUNKED_MORE;
        o.used += r.pos;
    }
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole = decode(data, size, size ? size : 1);
    for (size_t piece = 1; piece <= 7; piece += 3) {
        struct outcome split = decode(data, size, piece);
        assert(split.end == whole.end && split.bytes == whole.bytes && split.sum == whole.sum);
        assert(split.used == whole.used);
    }
    return 0;
}
