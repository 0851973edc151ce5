/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: the start of a disk; everything behind it is zero up to 2 MiB, and the input's last
 * 512 bytes are also the disk's last sector.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/disk-key.h"
#include "agent/signature.h"

enum { DISK_BYTES = 2 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_disk(void *data, uint64_t offset, void *dst, size_t len)
{
    if (offset > DISK_BYTES || len > DISK_BYTES - offset)
        return -EIO;
    memcpy(dst, (const uint8_t *)data + offset, len);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autofree_ uint8_t *bytes = calloc(1, DISK_BYTES);
    if (!bytes || size > DISK_BYTES)
        return 0;
    memcpy(bytes, data, size);
    size_t tail = size < 512 ? size : 512;
    memcpy(bytes + DISK_BYTES - tail, data + size - tail, tail);
    struct disk disk = {.size = DISK_BYTES, .sector_size = 512, .state = DISK_UNREADABLE};
    struct signature_reader reader = {.read = read_disk, .data = bytes};
    if (signature_examine(&reader, &disk) < 0 || disk.state == DISK_UNREADABLE ||
        memchr(disk.contents, '\0', sizeof(disk.contents)) == NULL)
        abort();
    if (disk.key_offset > DISK_BYTES - DISK_KEY_SIZE)
        abort();
    (void)signature_of(data, size);
    return 0;
}
