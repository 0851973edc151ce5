/* SPDX-License-Identifier: Apache-2.0 */
/* The grub.cfg of an imported image: what is taken from it are paths that a manifest accepts. */
#include <assert.h>

#include "base/str.h"
#include "image/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autofree_ char *text = strndup((const char *)data, size);
    struct image_boot boot;
    if (!text || image_boot_from_grub(text, &boot) < 0)
        return 0;
    assert(boot.kernel[0] == '/' && strlen(boot.kernel) <= IMAGE_PATH_MAX);
    assert(strlen(boot.initrd) <= IMAGE_PATH_MAX);
    assert(!strchr(boot.cmdline, '$') && !strchr(boot.cmdline, '\n'));
    return 0;
}
