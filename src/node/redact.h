/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other programs say may hold secrets: before it goes to the journal or the server, whatever
 * looks like one is replaced. Too much is taken rather than too little. Pure; thread safe.
 */
#pragma once

#define REDACTED "[redacted]"

/*
 * A copy of one line with bootstrap tokens ("abcdef.0123456789abcdef", also where other letters
 * stand around them), JSON web tokens, and runs of 40 or more base64 or hex digits (keys, but not
 * digests behind "sha256:") replaced by REDACTED. malloc'd; NULL when out of memory.
 */
char *redact_line(const char *line);
