/* SPDX-License-Identifier: Apache-2.0 */
/* Which of systemd's units failed. */
#pragma once

#include <jansson.h>

#include "base/buf.h"

/* Sets system.failedUnits to their names; leaves it out when systemd cannot be asked. */
void units_add_failed(json_t *system);

/* The names in what `systemctl list-units --failed --plain --no-legend` prints: a new array. */
json_t *units_parse(const char *text);
