/* SPDX-License-Identifier: Apache-2.0 */
#include "trust/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = NULL;
    if (trust_init() == 0 &&
        trust_envelope_open("fuzz", (const char *)data, size, NULL, NULL, &body) == 0)
        json_decref(body);
    return 0;
}
