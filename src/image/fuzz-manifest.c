/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest that is accepted must print and parse again to the same bytes. */
#include <assert.h>

#include "base/str.h"
#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _automanifest_ struct image_manifest m = {0};
    if (image_manifest_parse(data, size, &m, NULL) < 0)
        return 0;
    _autofree_ char *text = NULL;
    _autofree_ char *again = NULL;
    size_t len = 0, again_len = 0;
    assert(image_manifest_print(&m, &text, &len, NULL) == 0);
    _automanifest_ struct image_manifest copy = {0};
    assert(image_manifest_parse(text, len, &copy, NULL) == 0);
    assert(image_manifest_print(&copy, &again, &again_len, NULL) == 0);
    assert(len == again_len && memcmp(text, again, len) == 0);
    return 0;
}
