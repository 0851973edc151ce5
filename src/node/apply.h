/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of first boot: each makes one part of a provision true below node->root. Every step may
 * be repeated, so a first boot that was cut short simply starts again. None syncs; the caller does.
 * All take a provision that has passed provision_check(), return 0 or a negative errno, and say in
 * err what could not be done.
 */
#pragma once

#include "base/random.h"
#include "node/node.h"

/* /etc/hostname, the 127.0.1.1 line of /etc/hosts, and the kernel's host name. */
int apply_hostname(const struct node *node, const struct provision *p, struct err *err);

/* /etc/machine-id, when the provision has one and the system is not running (there it has one). */
int apply_machine_id(const struct node *node, const struct provision *p, struct err *err);

/* /etc/localtime and /etc/timezone. */
int apply_timezone(const struct node *node, const struct provision *p, struct err *err);

/* /etc/systemd/network/ *-slipway-*; and /etc/resolv.conf where systemd-resolved is not installed.
 */
int apply_network(const struct node *node, const struct provision *p, struct err *err);

/* /etc/systemd/timesyncd.conf.d/50-slipway.conf */
int apply_ntp(const struct node *node, const struct provision *p, struct err *err);

/* Accounts, groups, passwords, sudo, and ~/.ssh/authorized_keys. */
int apply_users(const struct node *node, const struct provision *p, struct err *err);

/* /etc/ssh/ssh_host_*_key: those given, else a new Ed25519 one. What the image had is removed. */
int apply_host_keys(const struct node *node, const struct provision *p, struct err *err);

/* The provision's own files. */
int apply_files(const struct node *node, const struct provision *p, struct err *err);
