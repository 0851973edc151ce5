/* SPDX-License-Identifier: Apache-2.0 */
/* Telling systemd how the service stands (sd_notify(3)), without its library. */
#pragma once

/*
 * Sends lines such as "READY=1" or "STOPPING=1" to $NOTIFY_SOCKET. 0 also when the variable is not
 * set (not started by systemd), else a negative errno, which a service may ignore.
 */
int notify_service_manager(const char *state);
