/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the devices that are there and loads what drives them: buses first, then network adapters,
 * then disks. Loading a driver makes further devices appear, so passes repeat until nothing new
 * comes; a thread goes on looking, because USB, SAS and hot plugging take their time.
 */
#pragma once

#include "agent/modules.h"

/* A set of enum module_class. */
#define CLASS_BIT(class) (1u << (class))
#define CLASS_ALL (~0u)

/*
 * One look at all buses below `sys` ("/sys"): loads what matches and is in `classes`. The number of
 * modules that were newly loaded.
 */
size_t coldplug_pass(struct modules *modules, const char *sys, unsigned classes);

/* Passes over `classes` until one loads nothing. */
void coldplug_settle(struct modules *modules, const char *sys, unsigned classes);
