/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outbound access for a sandbox, when asked. As root: a pair of virtual interfaces, one nftables
 * table and IPv4 forwarding on the host, all written down in host-changes.json before they are made
 * and undone by nat_host_down(). Otherwise: slirp4netns, which changes nothing on the host.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Names and addresses that differ from sandbox to sandbox, from the state folder's path. */
struct nat_plan {
    char veth[16];   /* the host's end */
    char table[32];  /* nftables table on the host */
    char host[20];   /* the host's end's address, CIDR */
    char inside[20]; /* the sandbox's end's address, CIDR */
    char gateway[16];
    char subnet[20];
};

/* Pure. */
struct nat_plan nat_plan(const char *state);

/* On the host, as root, for the namespaces of process `pid`. */
int nat_host_up(const char *state, pid_t pid, struct err *err) _must_check_;

/* Undoes what host-changes.json lists. 0 also when there is nothing to undo. */
int nat_host_down(const char *state, struct err *err);

/*
 * On the host, not as root: starts slirp4netns for the namespaces of `pid`. It ends when the
 * descriptor *ret_lifeline is closed in every process that has it.
 */
int nat_user_up(pid_t pid, int *ret_lifeline, struct err *err) _must_check_;

/* Inside: the uplink's address and route (as root only, slirp4netns sets its own), masquerading. */
int nat_inside_up(const char *state, bool configure_uplink, struct err *err) _must_check_;
