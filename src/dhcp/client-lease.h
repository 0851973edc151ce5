/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a server granted out of its ACK. Part of dhcp/client.h. */
#pragma once

#include "dhcp/client.h"

/* 0, or -EBADMSG when there is no usable lease in it (no address, no server, no lease time). */
int dhcp_client_lease_read(const struct dhcp_message *ack, int64_t now,
                           struct dhcp_client_lease *ret) _must_check_;
