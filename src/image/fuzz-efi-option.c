/* SPDX-License-Identifier: Apache-2.0 */
/* Input: the bytes of a Boot#### variable. What is parsed with a partition is built again. */
#include <stdlib.h>
#include <string.h>

#include "image/efi-option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct efi_option option, again;
    uint8_t built[EFI_OPTION_MAX];
    size_t len = 0;
    if (efi_option_parse(data, size, &option) < 0)
        return 0;
    struct efi_target target = {.description = option.description,
                                .loader = option.loader,
                                .number = 1,
                                .partition = option.partition};
    if (efi_option_build(&target, built, sizeof(built), &len) < 0)
        return 0;
    if (efi_option_parse(built, len, &again) < 0 || strcmp(again.loader, option.loader) != 0 ||
        strcmp(again.description, option.description) != 0 || !efi_option_is(&again, &target))
        abort();
    struct efi_entry entry = {.number = 7, .option = option};
    static const uint16_t order[] = {7, 3};
    _autofree_ struct efi_plan *plan = malloc(sizeof(*plan));
    if (plan && efi_plan(&entry, 1, order, 2, &target, plan) < 0)
        abort();
    return 0;
}
