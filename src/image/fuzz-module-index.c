/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a modalias up to its NUL, then an index. */
#include <string.h>

#include "base/rd.h"
#include "image/module-index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r = rd_init(data, size);
    const char *modalias = rd_cstr(&r);
    if (!modalias)
        return 0;
    struct module_index index;
    if (module_index_open(&index, data + r.pos, size - r.pos) < 0)
        return 0;
    uint16_t found[8];
    size_t count = module_index_match(&index, modalias, found, 8);
    for (size_t i = 0; i < count; i++) {
        struct module_view view;
        if (module_index_get(&index, found[i], &view) < 0)
            continue;
        uint16_t dep;
        for (uint16_t n = 0; n < view.dep_count && n < 64; n++) {
            if (module_index_dep(&index, &view, n, &dep) < 0)
                break;
        }
    }
    (void)!module_index_find(&index, modalias, found);
    return 0;
}
