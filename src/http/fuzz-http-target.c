/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever target parses has a path that cannot climb or hide, and decoding it again is harmless.
 */
#include <assert.h>

#include "base/str.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    for (; *text; text++)
        assert((unsigned char)*text >= 0x20 && *text != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_target t;
    if (http_target_parse((const char *)data, size, &t) < 0)
        return 0;
    assert(t.path[0] == '/' && !strstr(t.path, "//") && !strstr(t.path, "/../"));
    assert(!strstr(t.path, "/./") && !str_ends_with(t.path, "/..") && !str_ends_with(t.path, "/."));
    assert(t.count <= HTTP_TARGET_ARGS_MAX);
    check_text(t.path);
    for (size_t i = 0; i < t.count; i++) {
        check_text(t.args[i].name);
        check_text(t.args[i].value);
        assert(http_target_arg(&t, t.args[i].name) != NULL);
    }
    http_target_free(&t);
    return 0;
}
