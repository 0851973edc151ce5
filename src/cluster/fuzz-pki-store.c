/* SPDX-License-Identifier: Apache-2.0 */
/* A saved PKI with anything in it; what is read is written again and read alike. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cluster/pki-store.h"

static const uint8_t key[PKI_STORE_KEY_SIZE] = {1, 2, 3};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void compare(const struct pki *a, const struct pki *b)
{
    struct pki_file x[PKI_FILE_COUNT], y[PKI_FILE_COUNT];
    pki_files(a, x);
    pki_files(b, y);
    for (size_t i = 0; i < PKI_FILE_COUNT; i++)
        check(x[i].data && str_eq(x[i].data, y[i].data));
}

static void write_again(const struct pki *pki, const uint8_t *with)
{
    _autofree_ uint8_t *data = NULL;
    size_t len = 0;
    bool encrypted = false;
    _autopki_ struct pki again = PKI_INIT;
    int r = pki_store_encode("demo", pki, with, &data, &len);
    if (r == -EINVAL) /* so long that it would not be saved */
        return;
    check(r == 0);
    check(pki_store_decode("demo", data, len, with, &again, &encrypted) == 0);
    check(encrypted == (with != NULL));
    compare(pki, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autopki_ struct pki pki = PKI_INIT;
    bool encrypted = false;
    check(sodium_init() >= 0);
    if (pki_store_decode("demo", data, size, key, &pki, &encrypted) < 0)
        return 0;
    write_again(&pki, key);
    write_again(&pki, NULL);
    return 0;
}
