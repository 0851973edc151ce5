/* SPDX-License-Identifier: Apache-2.0 */
/* One blocking request to the kernel's rtnetlink and its whole answer: what the calls of link.h,
 * route.h and neighbour.h share. */
#pragma once

#include "net/netlink.h"

/* What a caller collects of an answer, message by message; a negative return ends it. */
typedef int nl_on_message(void *data, const struct nl_message *message);

/*
 * Finishes and sends the request (begun with nl_begin()) on an rtnetlink socket and reads until the
 * kernel is done. each may be NULL. 0, the kernel's negative errno, or -EMSGSIZE when the request
 * did not fit its buffer.
 */
int nl_exchange(int fd, struct wr *request, nl_on_message *each, void *data) _must_check_;

/* A growing array of equal items: set size, add, and take over (or free()) items. */
struct nl_items {
    void *items;
    size_t count, room, size;
};

int nl_items_add(struct nl_items *list, const void *item) _must_check_;
