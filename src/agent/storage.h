/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that finds disks while the network is being set up, and goes on looking for devices
 * that come later.
 */
#pragma once

#include <stdbool.h>

#include "agent/modules.h"

struct storage;

/* modules is borrowed for ever. NULL when out of memory or threads. */
struct storage *storage_start(struct modules *modules);

/*
 * Waits until all disks that were there at the start should have appeared: drivers are loaded and
 * no new disk came for a while (a longer one behind SAS and Fibre Channel). True when settled.
 */
bool storage_wait(struct storage *storage, int timeout_ms);

/* How long no new disk must come before they count as complete. Pure. */
enum {
    STORAGE_QUIET_MS = 0,
    STORAGE_QUIET_SCSI_MS = 300,
    STORAGE_QUIET_FABRIC_MS = 5000,
    STORAGE_NONE_MS = 3000
};
int storage_quiet_ms(bool scsi_hosts, bool fabric_hosts, size_t disks);
