/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nftables: what leaves the pods' subnet takes this machine's address. One table of our own,
 * replaced in one transaction, so neither kube-proxy's rules nor anybody else's are touched: of
 * several chains at the hook the first that decides on a connection's address counts, and ours
 * decides only what no Service's rule wants. Forwarding needs no rule of ours; one could not
 * overrule another table's drop anyway.
 */
#include "base/str.h"
#include "podnet/plan.h"

/* "add" first: then deleting succeeds whether or not the table is there. */
#define REMOVE "add table ip " PODNET_TABLE "\ndelete table ip " PODNET_TABLE "\n"

const char podnet_no_rules[] = REMOVE;

char *podnet_rules(struct cidr pod_subnet)
{
    char text[CIDR_TEXT_SIZE];
    cidr_text(pod_subnet, text);
    return str_format(REMOVE "table ip " PODNET_TABLE " {\n"
                             "  chain postrouting {\n"
                             "    type nat hook postrouting priority srcnat; policy accept;\n"
                             "    ip saddr %s ip daddr != { %s, 224.0.0.0/4 }"
                             " masquerade fully-random\n"
                             "  }\n"
                             "}\n",
                      text, text);
}
