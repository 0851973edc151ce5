/* SPDX-License-Identifier: Apache-2.0 */
#include "net/nftables.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "net/exchange.h"

enum { REQUEST_SIZE = 256 };

int nftables_has_table(const char *name)
{
    _autofd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0)
        return -errno;
    uint8_t bytes[REQUEST_SIZE];
    struct wr w = wr_init(bytes, sizeof(bytes));
    struct nfgenmsg h = {.nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0};
    nl_begin(&w, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE, NLM_F_REQUEST | NLM_F_ACK, &h,
             sizeof(h));
    nl_put(&w, NFTA_TABLE_NAME, name, strlen(name) + 1);
    int r = nl_exchange(fd, &w, NULL, NULL);
    if (r == -ENOENT)
        return 0;
    return r < 0 ? r : 1;
}
