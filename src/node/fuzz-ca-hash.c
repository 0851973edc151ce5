/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "node/ca-hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char hash[CA_HASH_SIZE];
    if (ca_hash((const char *)data, size, hash) == 0 && strlen(hash) != CA_HASH_SIZE - 1)
        abort();
    return 0;
}
