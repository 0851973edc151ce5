/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a Machine shall be to the files of its seed partition. Pure: the same input gives the
 * same bytes.
 */
#pragma once

#include <jansson.h>

#include "provision/provision.h"
#include "provision/seed.h"

/*
 * Fills seed (empty before) with
 *   meta-data       instance-id (provision_instance_id()) and local-hostname
 *   user-data       "#cloud-config" and JSON, which is YAML; empty of settings in the style
 *                   PROVISION_NODE, so that a cloud-init beside slipway-node does nothing twice
 *   vendor-data     empty
 *   network-config  version 2, interfaces matched by MAC address; left out when p has no links and
 *                   the style is PROVISION_CLOUD_INIT (cloud-init then does DHCP on what is linked)
 *   slipway/node.json  p itself, for slipway-node; only in the style PROVISION_NODE
 * slipway/identity.json is added by stage2, whose key never leaves the machine (identity.h).
 *
 * Templates (files with `template`, all commands) are rendered with the variables machine,
 * hostname, fqdn, generation, instance, server, address (the first static one) and p->variables,
 * which may replace those. 0, -EINVAL with the path of the value in err, -EFBIG or -ENOMEM.
 */
int provision_render(const struct provision *p, struct seed *seed, struct err *err) _must_check_;

/* The parts, as new JSON objects; NULL when out of memory. Templates must be rendered before. */
json_t *provision_meta_data(const struct provision *p);
json_t *provision_user_data(const struct provision *p);
json_t *provision_network_config(const struct provision *p);

/* Replaces the templates in p by what they say (the first step of provision_render()). */
int provision_expand(struct provision *p, struct err *err) _must_check_;

/* A deep copy. 0 or -ENOMEM. */
int provision_copy(const struct provision *p, struct provision *ret) _must_check_;
