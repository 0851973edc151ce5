/* SPDX-License-Identifier: Apache-2.0 */
#include "node/units.h"

#include <string.h>

#include "base/proc.h"

enum {
    OUTPUT_MAX = 65536,
    UNITS_MAX = 64,
    NAME_SIZE = 256,
    TIMEOUT_MS = 10000,
    START_TIMEOUT_MS = 30000
};

json_t *units_parse(const char *text)
{
    json_t *units = json_array();
    while (*text && json_array_size(units) < UNITS_MAX) {
        char name[NAME_SIZE];
        text += strspn(text, " ");
        size_t n = strcspn(text, " \n");
        if (n > 0 && n < sizeof(name)) {
            memcpy(name, text, n);
            name[n] = '\0';
            (void)json_array_append_new(units, json_string(name));
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return units;
}

int units_start(const char *unit, struct err *err)
{
    const char *const command[] = {"systemctl", "start", "--no-block", unit, NULL};
    struct proc_options options = {.timeout_ms = START_TIMEOUT_MS};
    return proc_run(command, &options, NULL, err);
}

int units_restart_machine(struct err *err)
{
    static const char *const command[] = {"systemctl", "--no-wall", "reboot", NULL};
    struct proc_options options = {.timeout_ms = START_TIMEOUT_MS};
    return proc_run(command, &options, NULL, err);
}

void units_add_failed(json_t *system)
{
    static const char *const command[] = {"systemctl",   "list-units", "--failed", "--plain",
                                          "--no-legend", "--no-pager", NULL};
    _autobuf_ struct buf output = BUF_INIT_MAX(OUTPUT_MAX);
    struct proc_options options = {.output = &output, .timeout_ms = TIMEOUT_MS};
    if (proc_run(command, &options, NULL, NULL) == 0)
        (void)json_object_set_new(system, "failedUnits", units_parse(buf_str(&output)));
}
