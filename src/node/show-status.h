/* SPDX-License-Identifier: Apache-2.0 */
/* `slipway-node status`: what first boot did, for people or as JSON. */
#pragma once

#include "node/node.h"

/* Prints to standard output. *ret_configured: first boot and its commands are finished. */
int show_status(const struct node *node, bool json, bool *ret_configured, struct err *err)
    _must_check_;
