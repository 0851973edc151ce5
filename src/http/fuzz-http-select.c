/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of input are the conditional headers and Range; the selection must lie inside the file. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "http/select.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct http_conditions *conditions, uint64_t size)
{
    const struct http_representation file = {
        .size = size, .etag = "\"a-1\"", .last_modified = "Sun, 06 Nov 1994 08:49:37 GMT"};
    const struct http_selection s = http_select(conditions, &file);
    switch (s.status) {
    case 200:
        assert(s.offset == 0 && s.length == size);
        return;
    case 206:
        assert(s.length > 0 && s.length <= size && s.offset <= size - s.length);
        return;
    case 304:
    case 412:
    case 416:
        assert(s.length == 0);
        return;
    default:
        abort(); /* no other status may come out */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 1, 10, (uint64_t)1 << 40, UINT64_MAX};
    char text[512], *rest = text, *value[6] = {NULL};
    size_t n = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
    memcpy(text, data, n);
    text[n] = 0;
    for (size_t i = 0; i < ARRAY_SIZE(value) && rest; i++) {
        char *line = strsep(&rest, "\n");
        value[i] = line[0] ? line : NULL;
    }
    const struct http_conditions conditions = {.range = value[0],
                                               .if_range = value[1],
                                               .if_match = value[2],
                                               .if_none_match = value[3],
                                               .if_modified_since = value[4],
                                               .if_unmodified_since = value[5]};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        check(&conditions, sizes[i]);
    return 0;
}
