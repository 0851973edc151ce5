/* SPDX-License-Identifier: Apache-2.0 */
/* What parses also builds, and means the same when it is parsed again. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "protocol/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_state(const char *text, size_t size)
{
    struct protocol_task_state state;
    json_auto_t *object = json_loadb(text, size, 0, NULL);
    if (protocol_task_state_parse(object, &state, NULL) < 0)
        return;
    json_auto_t *built = protocol_task_state_to_json(&state);
    protocol_task_state_free(&state);
    if (protocol_task_state_parse(built, &state, NULL) < 0)
        abort();
    protocol_task_state_free(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct protocol_task task, again;
    char *text = NULL, *second = NULL;
    check_state((const char *)data, size);
    if (protocol_task_parse((const char *)data, size, &task, NULL) < 0)
        return 0;
    /* Escaped again, a text can be longer than it came. */
    if (protocol_task_build(&task, &text, NULL) == 0) {
        if (protocol_task_parse(text, strlen(text), &again, NULL) < 0 ||
            protocol_task_build(&again, &second, NULL) < 0 || !str_eq(text, second))
            abort();
        protocol_task_free(&again);
    }
    protocol_task_text_free(text);
    protocol_task_text_free(second);
    protocol_task_free(&task);
    return 0;
}
