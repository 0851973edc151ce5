/* SPDX-License-Identifier: Apache-2.0 */
/* A volume of any bytes: nothing outside it is touched, and every walk ends. */
#include "node/fat-volume.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    uint8_t *data;
    size_t size;
};

static int memory_read(void *data, uint64_t offset, void *dst, size_t len)
{
    struct memory *m = data;
    if (offset > m->size || len > m->size - offset)
        abort();
    memcpy(dst, m->data + offset, len);
    return 0;
}

static int memory_write(void *data, uint64_t offset, const void *src, size_t len)
{
    struct memory *m = data;
    if (offset > m->size || len > m->size - offset)
        abort();
    memcpy(m->data + offset, src, len);
    return 0;
}

/* Inputs are the start of a volume of 4 MiB, the rest of which is zero. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { VOLUME = 4 << 20 };
    struct memory m = {calloc(1, VOLUME), VOLUME};
    if (!m.data)
        return 0;
    memcpy(m.data, data, size < VOLUME ? size : VOLUME);
    struct fat_device device = {memory_read, memory_write, &m, VOLUME};
    struct fat_volume volume;
    static const char *const paths[] = {"meta-data", "slipway/node.json", "a/b"};
    for (size_t i = 0; fat_volume_open(&device, &volume) == 0 && i < ARRAY_SIZE(paths); i++) {
        struct fat_entry entry;
        _autofree_ char *text = NULL;
        size_t len = 0;
        if (fat_volume_find(&volume, paths[i], &entry) < 0)
            continue;
        if (fat_volume_read(&volume, &entry, 1 << 20, &text, &len) == 0 &&
            fat_volume_wipe(&volume, &entry) < 0)
            abort();
    }
    free(m.data);
    return 0;
}
