/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By which addresses others reach this machine. Once it is a node there are more: of bridges that
 * only pods are on, of tunnels between nodes, of Services. These say nothing about the machine, and
 * change all the time.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "net/link.h"

/* Whether addresses of link are the machine's; links[count] are all there are. Pure. */
bool addresses_link_counts(const struct net_link *link, const struct net_link *links, size_t count);

/*
 * IPv4 addresses with their prefix lengths ("10.0.0.5/24"), without loopback's and link-local ones,
 * in the kernel's order: a new array. fd is of net_open(). 0 or a negative errno.
 */
int addresses_list(int fd, json_t **ret) _must_check_;
