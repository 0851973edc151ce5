/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DHCP server, the client and a network boot ROM as small programs, for tests against other
 * people's clients and servers in network namespaces. Prints one line for each thing that happens.
 *
 *   dhcp-tool serve [--proxy] [--probe] [--strangers-ignored] [--lease SECONDS] [--journal FILE]
 *       [--host MAC=ADDRESS] [--relay SUBNET=FIRST-LAST] INTERFACE SUBNET SERVER FIRST-LAST
 *   dhcp-tool client [--no-probe] [--renewals N] [--release] INTERFACE
 *   dhcp-tool rom INTERFACE [4011 SERVER]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "dhcp/client-link.h"
#include "dhcp/server.h"
#include "net/packet.h"
#include "net/raw.h"
#include "net/udp.h"

static void die(const char *what, const char *why)
{
    fprintf(stderr, "dhcp-tool: %s: %s\n", what, why);
    exit(1);
}

static void must(int r, const char *what)
{
    if (r < 0)
        die(what, strerror(-r));
}

struct args {
    char **next;
};

static const char *take(struct args *a)
{
    if (!*a->next)
        die("arguments", "too few");
    return *a->next++;
}

static ipv4 take_address(const char *text)
{
    ipv4 address = 0;
    must(ipv4_parse(text, &address), text);
    return address;
}

/* "A=B" or "A-B" cut in two; the text is the program's own argument. */
static char *cut(const char *text, char at)
{
    char *rest = strchr(text, at);
    if (!rest)
        die(text, "no separator");
    *rest = '\0';
    return rest + 1;
}

static struct dhcp_range take_range(const char *text)
{
    const char *last = cut(text, '-');
    return (struct dhcp_range){.first = take_address(text), .last = take_address(last)};
}

struct serve {
    struct dhcp_server *server;
    struct dhcp_network networks[2];
    size_t network_count;
    struct mac host;
    ipv4 host_address;
    const char *journal;
    int journal_fd;
};

static enum dhcp_lookup find_host(void *data, const struct dhcp_query *q, struct dhcp_host *ret)
{
    const struct serve *s = data;
    if (!s->host_address || !mac_eq(q->mac, s->host))
        return DHCP_HOST_UNKNOWN;
    *ret = (struct dhcp_host){.name = "known", .hostname = "known"};
    if (cidr_contains(q->network->subnet, s->host_address))
        ret->address = s->host_address;
    return DHCP_HOST_FOUND;
}

static void plan_boot(void *data, const struct dhcp_query *q, const struct dhcp_host *host,
                      struct dhcp_boot *ret)
{
    (void)data;
    (void)host;
    *ret = (struct dhcp_boot){.boot = true};
    (void)snprintf(ret->file, sizeof(ret->file), "boot-%s",
                   dhcp_platform_text(q->firmware->platform));
}

/* Appends and flushes to the disk, then lets the ACKs go. */
static void write_journal(void *data, uint64_t batch, const struct dhcp_lease *leases, size_t count,
                          int64_t wall_offset)
{
    struct serve *s = data;
    int r = 0;
    for (size_t i = 0; i < count; i++) {
        char line[DHCP_RECORD_TEXT_SIZE + 1];
        int len = dhcp_lease_print(&leases[i], wall_offset, line, DHCP_RECORD_TEXT_SIZE);
        must(len, "print a lease");
        line[len] = '\n';
        r = fd_write_full(s->journal_fd, line, (size_t)len + 1);
    }
    if (r == 0 && fdatasync(s->journal_fd) < 0)
        r = -errno;
    dhcp_server_durable(s->server, batch, r);
}

static void read_journal(struct serve *s)
{
    _autofree_ char *text = NULL;
    int64_t offset = clock_wall(&clock_system) - clock_now(&clock_system);
    if (file_read(s->journal, 1 << 20, &text, NULL, NULL) == 0) {
        char *rest = NULL;
        for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            struct dhcp_lease lease;
            must(dhcp_lease_parse(line, offset, &lease), line);
            must(dhcp_leases_restore(dhcp_server_leases(s->server), &lease), "restore");
        }
    }
    s->journal_fd = open(s->journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (s->journal_fd < 0)
        die(s->journal, strerror(errno));
}

static void on_server_event(void *data, const struct dhcp_event *event)
{
    static const char *const kinds[] = {"answered", "dropped",     "conflict",
                                        "other",    "send-failed", "interface"};
    (void)data;
    printf("%s %s\n", kinds[event->kind], event->text);
}

static bool serve_option(struct serve *s, const char *option, struct args *a)
{
    struct dhcp_network *n = &s->networks[0];
    uint64_t seconds = 0;
    if (str_eq(option, "--proxy")) {
        n->mode = DHCP_MODE_PROXY;
    } else if (str_eq(option, "--probe")) {
        n->probe = true;
    } else if (str_eq(option, "--strangers-ignored")) {
        n->answer_unknown = false;
    } else if (str_eq(option, "--lease")) {
        must(str_parse_u64(take(a), 1, 100000, &seconds), option);
        n->lease_seconds = (uint32_t)seconds;
    } else if (str_eq(option, "--journal")) {
        s->journal = take(a);
    } else if (str_eq(option, "--host")) {
        const char *mac = take(a);
        s->host_address = take_address(cut(mac, '='));
        must(mac_parse(mac, &s->host), mac);
    } else if (str_eq(option, "--relay")) {
        struct dhcp_network *relayed = &s->networks[s->network_count++];
        const char *subnet = take(a);
        *relayed = (struct dhcp_network){
            .name = "remote", .mode = DHCP_MODE_AUTHORITATIVE, .answer_unknown = true};
        relayed->ranges[0] = take_range(cut(subnet, '='));
        relayed->range_count = 1;
        must(cidr_parse(subnet, &relayed->subnet), subnet);
    } else {
        return false;
    }
    return true;
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct serve *s = signal->data;
    (void)number;
    uv_close((uv_handle_t *)signal, NULL);
    dhcp_server_close(s->server, NULL, NULL);
}

static int serve(struct args a)
{
    struct serve s = {.network_count = 1, .journal_fd = -1};
    struct dhcp_network *n = &s.networks[0];
    struct err err = ERR_INIT;
    uv_loop_t loop;
    uv_signal_t term;
    *n = (struct dhcp_network){
        .name = "local", .mode = DHCP_MODE_AUTHORITATIVE, .answer_unknown = true};
    while (*a.next && str_after(*a.next, "--")) {
        const char *option = take(&a);
        if (!serve_option(&s, option, &a))
            die(option, "unknown option");
    }
    n->interface = take(&a);
    const char *subnet = take(&a);
    must(cidr_parse(subnet, &n->subnet), subnet);
    n->server = n->router = n->dns[0] = take_address(take(&a));
    n->dns_count = 1;
    n->domain = "example.test";
    s.networks[1].server = n->server;
    s.networks[1].lease_seconds = n->lease_seconds;
    s.networks[1].router = cidr_first(s.networks[1].subnet) + 1;
    n->ranges[0] = take_range(take(&a));
    n->range_count = 1;
    must(uv_loop_init(&loop), "loop");
    struct dhcp_server_options options = {.loop = &loop,
                                          .hooks = {.data = &s,
                                                    .find_host = find_host,
                                                    .plan_boot = plan_boot,
                                                    .journal = s.journal ? write_journal : NULL,
                                                    .event = on_server_event}};
    if (dhcp_server_new(&options, &s.server, &err) < 0)
        die("server", err_text(&err));
    if (s.journal)
        read_journal(&s);
    if (dhcp_server_set_networks(s.server, s.networks, s.network_count, &err) < 0)
        die("server", err_text(&err));
    must(uv_signal_init(&loop, &term), "signal");
    term.data = &s;
    must(uv_signal_start(&term, on_signal, SIGTERM), "signal");
    puts("ready");
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    must(uv_loop_close(&loop), "close the loop");
    cleanup_fd(&s.journal_fd);
    puts("closed");
    return 0;
}

static void print_lease(const char *what, const struct dhcp_client_lease *l)
{
    char address[CIDR_TEXT_SIZE], router[IPV4_TEXT_SIZE], server[IPV4_TEXT_SIZE];
    printf("%s %s router %s server %s hostname %s lease %u\n", what, cidr_text(l->address, address),
           ipv4_text(l->router, router), ipv4_text(l->server, server), l->hostname,
           l->lease_seconds);
}

/* Applies a lease; true when the program's work is done. */
static bool on_client_event(int net, const struct net_link *link,
                            const struct dhcp_client_link *client, enum dhcp_client_event event,
                            uint64_t *renewals)
{
    const struct dhcp_client *c = dhcp_client_link_client(client);
    switch (event) {
    case DHCP_CLIENT_NOTHING:
        return false;
    case DHCP_CLIENT_CONFLICT:
        printf("conflict %s\n", c->why);
        return false;
    case DHCP_CLIENT_LOST:
        printf("lost %s\n", c->why);
        return false;
    case DHCP_CLIENT_RENEWED:
        print_lease("renewed", &c->lease);
        return --*renewals == 0;
    case DHCP_CLIENT_BOUND:
        print_lease("bound", &c->lease);
        must(dhcp_lease_apply(net, link->index, &c->lease, 100, clock_now(&clock_system)), "apply");
        return *renewals == 0;
    }
    return false;
}

static int client(struct args a)
{
    struct dhcp_client_link_options options = {.probe = &arp_timing_quick};
    struct dhcp_client_link *link = NULL;
    struct net_link nic;
    struct err err = ERR_INIT;
    uint64_t renewals = 0;
    bool release = false, done = false;
    _autofd_ int net = -1;
    for (; *a.next && str_after(*a.next, "--"); a.next++) {
        if (str_eq(*a.next, "--no-probe"))
            options.probe = NULL;
        else if (str_eq(*a.next, "--release"))
            release = true;
        else if (str_eq(*a.next, "--renewals"))
            must(str_parse_u64(*++a.next, 1, 100, &renewals), "--renewals");
    }
    options.interface = take(&a);
    must(net_open(&net), "netlink");
    must(net_link_by_name(net, options.interface, &nic), options.interface);
    must(net_link_set_up(net, nic.index, true), "up");
    must(net_wait_carrier(net, &nic.index, 1, 10000, NULL), "carrier");
    options.ifindex = nic.index;
    options.mac = nic.mac;
    if (dhcp_client_link_new(&options, &link, &err) < 0)
        die("client", err_text(&err));
    while (!done) {
        enum dhcp_client_event event = DHCP_CLIENT_NOTHING;
        must(dhcp_client_link_dispatch(link, &event), "dispatch");
        done = on_client_event(net, &nic, link, event, &renewals);
        struct pollfd p = {.fd = dhcp_client_link_fd(link), .events = POLLIN};
        if (!done)
            (void)poll(&p, 1, dhcp_client_link_timeout(link));
    }
    if (release)
        dhcp_client_link_release(link);
    dhcp_client_link_free(link);
    return 0;
}

/* What a UEFI PXE ROM sends. */
static struct dhcp_message rom_message(struct mac mac, enum dhcp_type type, ipv4 ciaddr)
{
    struct dhcp_message m = {.op = DHCP_OP_REQUEST,
                             .htype = 1,
                             .hlen = 6,
                             .xid = 0x50584501,
                             .ciaddr = ciaddr,
                             .flags = ciaddr ? 0 : DHCP_FLAG_BROADCAST};
    const uint8_t uuid[17] = {0, 1, 2, 3}, arch[2] = {0, 7};
    memcpy(m.chaddr, mac.b, sizeof(mac.b));
    int r = dhcp_options_add_u8(&m.options, DHCP_OPTION_MESSAGE_TYPE, (uint8_t)type);
    r |= dhcp_options_add_text(&m.options, DHCP_OPTION_VENDOR_CLASS,
                               "PXEClient:Arch:00007:UNDI:003016");
    r |= dhcp_options_add(&m.options, DHCP_OPTION_ARCHITECTURE, arch, sizeof(arch));
    r |= dhcp_options_add(&m.options, DHCP_OPTION_MACHINE_ID, uuid, sizeof(uuid));
    must(r, "message");
    return m;
}

static void print_reply(const uint8_t *data, size_t len)
{
    struct dhcp_message m;
    char y[IPV4_TEXT_SIZE], s[IPV4_TEXT_SIZE], id[IPV4_TEXT_SIZE], class[32];
    must(dhcp_message_parse(data, len, &m), "reply");
    (void)dhcp_options_text(&m.options, DHCP_OPTION_VENDOR_CLASS, class, sizeof(class));
    printf("%s from %s yiaddr %s siaddr %s file %s class %s\n",
           dhcp_type_text(dhcp_message_type(&m)),
           ipv4_text(dhcp_options_ipv4(&m.options, DHCP_OPTION_SERVER_ID), id),
           ipv4_text(m.yiaddr, y), ipv4_text(m.siaddr, s), m.file, class[0] ? class : "-");
}

static void await(int fd, int timeout_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, timeout_ms) != 1)
        die("rom", "no answer");
}

/* Prints what comes within a second after the first answer: several servers may speak. */
static void rom_discover(const struct net_link *nic)
{
    _autofd_ int fd = -1;
    uint8_t bytes[DHCP_MESSAGE_MAX], packet[2048];
    size_t len = 0, packet_len = 0;
    must(raw_open_udp(nic->index, DHCP_CLIENT_PORT, &fd), "raw socket");
    struct dhcp_message m = rom_message(nic->mac, DHCP_DISCOVER, 0);
    must(dhcp_message_build(&m, bytes, 1472, &len), "build");
    struct udp_packet p = {.dest = UINT32_MAX,
                           .source_port = DHCP_CLIENT_PORT,
                           .dest_port = DHCP_SERVER_PORT,
                           .payload = bytes,
                           .len = len};
    must(udp_packet_build(&p, packet, sizeof(packet), &packet_len), "build");
    must(raw_send_ip(fd, nic->index, mac_broadcast, packet, packet_len), "send");
    await(fd, 10000);
    int64_t end = clock_now(&clock_system) + 1000;
    while (clock_now(&clock_system) < end) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        struct raw_info info;
        struct udp_packet u;
        (void)poll(&wait, 1, 100);
        ssize_t n = raw_receive(fd, packet, sizeof(packet), &info);
        if (n >= 0 && udp_packet_parse(packet, (size_t)n, info.checksum_pending, &u) == 0)
            print_reply(u.payload, u.len);
    }
}

static void rom_boot_server(ipv4 own, ipv4 server)
{
    _autofd_ int fd = -1;
    uint8_t bytes[DHCP_MESSAGE_MAX];
    size_t len = 0;
    struct udp_info info;
    struct udp_options options = {.port = DHCP_CLIENT_PORT};
    struct dhcp_message m = rom_message((struct mac){{2, 0, 0, 0, 0, 9}}, DHCP_REQUEST, own);
    must(udp_open(&options, &fd, NULL), "socket");
    must(dhcp_message_build(&m, bytes, 1472, &len), "build");
    must(udp_send(fd, bytes, len, server, DHCP_PXE_PORT, 0, 0), "send");
    await(fd, 10000);
    ssize_t n = udp_receive(fd, bytes, sizeof(bytes), &info);
    must((int)n, "receive");
    printf("port %u ", info.source_port); /* EDK2 takes answers from 4011 only */
    print_reply(bytes, (size_t)n);
}

static int rom(struct args a)
{
    struct net_link nic;
    _autofd_ int net = -1;
    _autofree_ struct net_address *addresses = NULL;
    size_t count = 0;
    const char *interface = take(&a);
    must(net_open(&net), "netlink");
    must(net_link_by_name(net, interface, &nic), interface);
    if (!*a.next) {
        rom_discover(&nic);
        return 0;
    }
    (void)take(&a);
    must(net_addresses(net, &addresses, &count), "addresses");
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].ifindex == nic.index)
            rom_boot_server(addresses[i].address.address, take_address(take(&a)));
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct args a);
    } commands[] = {{"serve", serve}, {"client", client}, {"rom", rom}};
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
        if (str_eq(argv[1], commands[i].name))
            return commands[i].run((struct args){.next = argv + 2});
    }
    die("usage", "dhcp-tool serve|client|rom ...");
    return 1;
}
