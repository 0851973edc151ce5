/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a kernel command line. */
#include <stdlib.h>
#include <string.h>

#include "agent/cmdline.h"
#include "agent/modules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _autofree_ char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    struct cmdline cmdline;
    struct err err = ERR_INIT;
    (void)!cmdline_parse(text, &cmdline, &err);
    char parameters[MODULE_PARAMETERS_MAX];
    modules_parameters(text, "e1000e", parameters);
    if (strlen(cmdline.server) > SERVER_URL_MAX || strlen(parameters) >= MODULE_PARAMETERS_MAX)
        abort();
    return 0;
}
