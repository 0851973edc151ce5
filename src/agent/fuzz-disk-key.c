/* SPDX-License-Identifier: Apache-2.0 */
/* Input: what lies where a disk may hold the machine's key. What is taken comes back when written.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/disk-key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct trust_public server = {{7}};
    const struct disk_key_owner owner = {&server, "4c4c4544-0042-3510-8052-b4c04f4d3132"};
    struct trust_key key, back;
    uint8_t block[DISK_KEY_SIZE];
    if (trust_init() < 0 || disk_key_parse(data, size, &owner, &key) < 0)
        return 0;
    if (disk_key_build(&key, &owner, block) < 0 ||
        disk_key_parse(block, sizeof(block), &owner, &back) < 0 ||
        memcmp(&key, &back, sizeof(key)) != 0)
        abort();
    return 0;
}
