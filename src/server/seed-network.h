/* SPDX-License-Identifier: Apache-2.0 */
/* From spec.network to the links that slipway-node or cloud-init configures. Pure. */
#pragma once

#include "base/err.h"
#include "provision/provision.h"
#include "resource/machine.h"
#include "resource/network.h"

/*
 * Adds the links, or none where all that is wanted is DHCP on every card. `network` is the one that
 * the Machine's address is of, or NULL. 0, -ENOMEM, or -EINVAL with the text set: the cards of a
 * bond are not among those that stage2 found.
 */
int seed_network(const struct machine_spec *spec, const struct machine_inventory *inventory,
                 const struct network *network, struct provision *p, struct err *err) _must_check_;
