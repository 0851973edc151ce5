/* SPDX-License-Identifier: Apache-2.0 */
/* Names of enum protocol_program on the wire. */
#pragma once

enum { PROGRAM_COUNT = 2 };

extern const char *const program_names[PROGRAM_COUNT];
