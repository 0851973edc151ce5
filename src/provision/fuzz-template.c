/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/template.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct template_variable items[] = {{"hostname", "node1"}, {"a.b", "x"}};
    static const struct template_variables variables = {items, ARRAY_SIZE(items)};
    _autobuf_ struct buf out = BUF_INIT_MAX(1 << 16);
    struct err err = ERR_INIT;
    int r = template_render((const char *)data, size, &variables, &out, &err);
    if (r < 0 && !err.text[0])
        abort();
    return 0;
}
