/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the form that cloud-init posts: the name that is found fits and stands in it. */
#include <assert.h>
#include <string.h>

#include "server/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[32];
    uint64_t generation = 0;
    _autofree_ char *body = strndup((const char *)data, size);
    if (!body || machine_phone_home_instance(body, name, sizeof(name), &generation) < 0)
        return 0;
    assert(strlen(name) < sizeof(name) && strstr(body, name));
    assert(generation >= 1 && generation <= INT64_MAX);
    return 0;
}
