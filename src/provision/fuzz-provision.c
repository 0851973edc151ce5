/* SPDX-License-Identifier: Apache-2.0 */
/* What parses must render, build, and parse again to the same text. */
#include "provision/networkd.h"
#include "provision/render.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void render(const struct provision *p)
{
    _autoseed_ struct seed seed = SEED_INIT;
    _autonetworkd_ struct networkd_files files = {0};
    struct err err = ERR_INIT;
    int r = provision_render(p, &seed, &err);
    if (r < 0 && !err.text[0])
        abort();
    if (networkd_render(p, &files) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autoprovision_ struct provision p = {0}, again = {0};
    if (provision_parse((const char *)data, size, &p, NULL) < 0)
        return 0;
    char *first = NULL, *second = NULL;
    if (provision_build(&p, &first) < 0 || provision_parse(first, strlen(first), &again, NULL) < 0)
        abort();
    if (provision_build(&again, &second) < 0 || strcmp(first, second) != 0)
        abort();
    render(&p);
    seed_text_free(first);
    seed_text_free(second);
    return 0;
}
