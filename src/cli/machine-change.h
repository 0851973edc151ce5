/* SPDX-License-Identifier: Apache-2.0 */
/* Changing Machines one by one by a decision on what they are now: approve, reject, reinstall. */
#pragma once

#include <jansson.h>

#include "cli/command.h"

enum { MACHINE_SAID_SIZE = 160 };

/*
 * Decides what to do with a Machine: a merge patch (new reference) in *ret_patch, or NULL there
 * when nothing is to be done; ret_said gets what to tell about it ("approved"). 0, or a negative
 * errno with err.
 */
typedef int machine_decision(const struct args *args, const json_t *machine, json_t **ret_patch,
                             char ret_said[static MACHINE_SAID_SIZE], struct err *err);

/* Sets what to tell, cut where it does not fit. */
void machine_say(char said[static MACHINE_SAID_SIZE], const char *format, ...) _printf_(2, 3);

/*
 * Reads each Machine that the operands name, decides, and patches it on the condition that it did
 * not change meanwhile (then it decides again). Reports each; goes on after a failure. Returns the
 * exit status of the first failure.
 */
int machines_change(const struct cli *cli, const struct args *args, machine_decision *decide);
