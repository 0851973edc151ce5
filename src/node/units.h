/* SPDX-License-Identifier: Apache-2.0 */
/* systemd's units: which failed, and starting one. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

/* Sets system.failedUnits to their names; leaves it out when systemd cannot be asked. */
void units_add_failed(json_t *system);

/* Asks systemd to start a unit, and does not wait until it has. 0 or a negative errno. */
int units_start(const char *unit, struct err *err) _must_check_;

/* The names in what `systemctl list-units --failed --plain --no-legend` prints: a new array. */
json_t *units_parse(const char *text);

/* Asks systemd to restart the machine; it has not yet when this returns. 0 or a negative errno. */
int units_restart_machine(struct err *err) _must_check_;
