/* SPDX-License-Identifier: Apache-2.0 */
/* What the installed system tells about itself. */
#pragma once

#include "node/node.h"
#include "protocol/message.h"

/*
 * Fills hello with program, MAC addresses of real NICs, UUID, serial number, addresses (of
 * addresses.h) and system {kernel, osImage, bootID, hostKeys[]}. sys is "/sys". Free with
 * protocol_hello_free() in any case. 0 or a negative errno.
 */
int facts_collect(const struct node *node, int net_fd, const char *sys,
                  struct protocol_hello *hello, struct err *err) _must_check_;
