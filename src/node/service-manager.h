/* SPDX-License-Identifier: Apache-2.0 */
/* Telling systemd how the service stands (sd_notify(3)), without its library. */
#pragma once

/*
 * Sends lines such as "READY=1\nSTATUS=..." to $NOTIFY_SOCKET. Does nothing when that is not set;
 * failures are ignored, for nothing depends on being heard.
 */
void service_manager_tell(const char *state);
