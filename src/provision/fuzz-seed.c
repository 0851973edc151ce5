/* SPDX-License-Identifier: Apache-2.0 */
/* What parses must build, and parse again to the same text. */
#include "provision/seed.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autoseed_ struct seed seed = SEED_INIT, again = SEED_INIT;
    if (seed_parse((const char *)data, size, &seed, NULL) < 0)
        return 0;
    char *first = NULL, *second = NULL;
    size_t first_len = 0, second_len = 0;
    if (seed_build(&seed, &first, &first_len) < 0 || seed_parse(first, first_len, &again, NULL) < 0)
        abort();
    if (seed_build(&again, &second, &second_len) < 0 || first_len != second_len ||
        memcmp(first, second, first_len) != 0)
        abort();
    seed_text_free(first);
    seed_text_free(second);
    return 0;
}
