/* SPDX-License-Identifier: Apache-2.0 */
/* A template in the first line, and the JSON that it is applied to behind it. */
#include <assert.h>
#include <string.h>

#include "cli/jsonpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
    if (!end)
        return 0;
    _autofree_ char *template = strndup((const char *)data, (size_t)(end - data));
    json_auto_t *value =
        json_loadb((const char *)end + 1, size - (size_t)(end + 1 - data), JSON_DECODE_ANY, NULL);
    _autobuf_ struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    if (template && jsonpath_write(template, value, &out, &err) < 0)
        assert(err.text[0]);
    return 0;
}
