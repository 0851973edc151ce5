/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The links of a provision as files of systemd-networkd (systemd.network(5), systemd.netdev(5)).
 * Ethernets are matched by their permanent MAC address: a bond gives its members another one.
 */
#pragma once

#include "provision/provision.h"

struct networkd_file {
    char name[48]; /* "10-slipway-0.network" */
    char *text;
};

struct networkd_files {
    ITEMS_OF(struct networkd_file) list;
};

void networkd_files_free(struct networkd_files *files);
#define _autonetworkd_ _cleanup_(networkd_files_free)

/*
 * The files for p; without links, one that does DHCP on every ethernet. p has passed
 * provision_check(). Pure. 0 or -ENOMEM; *ret is untouched on failure.
 */
int networkd_render(const struct provision *p, struct networkd_files *ret) _must_check_;
