/* SPDX-License-Identifier: Apache-2.0 */
/* The user's terminal, connected to a machine's serial port. */
#pragma once

#include "base/err.h"

/*
 * Connects standard input and output to FOLDER/console.sock until the machine's end, the end of
 * input, or Ctrl-] at a terminal (which is raw meanwhile). 0, or a negative errno.
 */
int console_attach(const char *folder, struct err *err) _must_check_;
