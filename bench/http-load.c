/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Load for an HTTP server that serves one big file, shaped like stage2's: each of N connections
 * asks, one request at a time, for byte ranges of the size of compressed 4 MiB chunks (0.5 to 2.5
 * MiB, 1.5 MiB in the middle), and every 43rd time for the whole file, so that about half of the
 * bytes come either way with a 64 MiB file. Bodies are thrown away inside the kernel
 * (MSG_TRUNC), so that the load costs little of the CPU that it shares with the server.
 *
 * Usage: http-load PORT PATH FILE_SIZE CONNECTIONS TOTAL_BYTES. Prints the body bytes received and
 * the seconds it took. Any answer that is not exactly what was asked for ends it with status 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RANGE_MIN = 512 << 10, RANGE_SPAN = 2 << 20, WHOLE_EVERY = 43, HEAD_MAX = 4096 };

struct load {
    const char *path;
    uint64_t file_size;
    uint64_t wanted, received, requests;
    uint32_t random;
};

struct connection {
    int fd;
    uint64_t expected; /* body bytes of the request in progress */
    uint64_t left;
    char head[HEAD_MAX + 1];
    size_t head_len;
    bool in_body;
};

static void die(const char *what)
{
    fprintf(stderr, "http-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint32_t next_random(struct load *l)
{
    l->random = l->random * 1664525u + 1013904223u;
    return l->random >> 8;
}

static void ask(struct load *l, struct connection *c)
{
    char request[512], range[64] = "";
    c->expected = l->file_size;
    if (++l->requests % WHOLE_EVERY != 0) {
        c->expected = RANGE_MIN + next_random(l) % RANGE_SPAN;
        uint64_t offset = next_random(l) * (uint64_t)64 % (l->file_size - c->expected);
        (void)snprintf(range, sizeof(range), "Range: bytes=%" PRIu64 "-%" PRIu64 "\r\n", offset,
                       offset + c->expected - 1);
    }
    int n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: bench\r\n%s\r\n", l->path,
                     range);
    c->left = c->expected;
    c->head_len = 0;
    c->in_body = false;
    if (send(c->fd, request, (size_t)n, MSG_NOSIGNAL) != n)
        die("send");
}

/* Reads the head; what came behind it counts as body. False: needs more. */
static bool read_head(struct connection *c)
{
    ssize_t n = recv(c->fd, c->head + c->head_len, HEAD_MAX - c->head_len, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0)
        die("connection closed in a head");
    c->head_len += (size_t)n;
    c->head[c->head_len] = 0;
    const char *end = strstr(c->head, "\r\n\r\n");
    if (!end)
        return false;
    const char *length = strcasestr(c->head, "\r\nContent-Length: ");
    bool ok = strncmp(c->head, "HTTP/1.1 20", 11) == 0 && length &&
              strtoull(length + 18, NULL, 10) == c->expected;
    if (!ok)
        die("unexpected answer");
    c->left -= c->head_len - (size_t)(end + 4 - c->head);
    c->in_body = true;
    return true;
}

/* False: nothing more to read now. */
static bool step(struct load *l, struct connection *c)
{
    if (!c->in_body && !read_head(c))
        return false;
    if (c->left > 0) {
        size_t most = c->left < (8u << 20) ? (size_t)c->left : 8u << 20;
        ssize_t n = recv(c->fd, NULL, most, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno == EAGAIN)
            return false;
        if (n <= 0)
            die("connection closed in a body");
        c->left -= (uint64_t)n;
    }
    if (c->left == 0) {
        l->received += c->expected;
        ask(l, c);
    }
    return true;
}

static void open_connection(struct connection *c, uint16_t port)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
        die("connect");
}

static void run(struct load *l, struct connection *connections, size_t count)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event) < 0)
            die("epoll_ctl");
        ask(l, &connections[i]);
    }
    while (l->received < l->wanted) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, 64, 10000);
        if (n <= 0)
            die("no answer for 10 s");
        for (int i = 0; i < n; i++)
            (void)step(l, events[i].data.ptr);
    }
    (void)close(epoll);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: http-load PORT PATH FILE_SIZE CONNECTIONS TOTAL_BYTES\n");
        return 2;
    }
    struct load l = {.path = argv[2],
                     .file_size = strtoull(argv[3], NULL, 10),
                     .wanted = strtoull(argv[5], NULL, 10),
                     .random = 1};
    size_t count = strtoul(argv[4], NULL, 10);
    struct connection *connections = calloc(count, sizeof(*connections));
    if (!connections || !count || l.file_size < (16u << 20))
        return 2;
    for (size_t i = 0; i < count; i++)
        open_connection(&connections[i], (uint16_t)strtoul(argv[1], NULL, 10));
    struct timespec start, end;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    run(&l, connections, count);
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%" PRIu64 " %.6f\n", l.received,
           (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    free(connections);
    return 0;
}
