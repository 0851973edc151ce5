/* SPDX-License-Identifier: Apache-2.0 */
/* The server on loopback: odd clients made by hand, and curl and tftp-hpa as real ones. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <uv.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/test.h"
#include "tftp/server.h"

static uv_loop_t loop;
static struct tftp_server *server;
static char folder[64];
static struct tftp_event last;
static char last_name[TFTP_NAME_MAX + 1];
static bool closed;
static bool any_address;

static void on_event(void *data, const struct tftp_event *event)
{
    (void)data;
    last = *event;
    assert_int_equal(str_copy(last_name, sizeof(last_name), event->name), 0);
}

static int generate(void *data, const struct tftp_peer *peer, const char *name, void **ret_bytes,
                    size_t *ret_len)
{
    (void)data;
    if (str_eq(name, "forbidden"))
        return -EACCES;
    if (!str_eq(name, "autoexec.ipxe"))
        return -ENOENT;
    assert_int_equal(peer->address, INADDR_LOOPBACK);
    assert_int_equal(peer->local, INADDR_LOOPBACK);
    char *text = strdup("#!ipxe\nshell\n");
    *ret_bytes = text;
    *ret_len = strlen(text);
    return 0;
}

static void put(const char *name, const void *data, size_t len)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(file_write_atomic(path, data, len, 0644, NULL), 0);
}

static char big[300001];

static void start(struct tftp_server_options o)
{
    struct err err = ERR_INIT;
    closed = false;
    last = (struct tftp_event){0};
    (void)!str_copy(folder, sizeof(folder), "/tmp/slipway-tftp-XXXXXX");
    assert_non_null(mkdtemp(folder));
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (char)(i * 7 + i / 511);
    put("big", big, sizeof(big));
    put("exact", big, 1024);
    put("text", "a\nb\rc", 5);
    put(".hidden", "x", 1);
    put("empty", "", 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    o.loop = &loop;
    if (!any_address)
        o.address = INADDR_LOOPBACK;
    o.root = folder;
    o.generate = generate;
    o.on_event = on_event;
    if (tftp_server_new(&o, &server, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static void on_closed(void *data)
{
    *(bool *)data = true;
}

static void stop(void)
{
    tftp_server_close(server, on_closed, &closed);
    while (!closed)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(tree_remove(folder, NULL), 0);
}

static int setup(void **state)
{
    (void)state;
    start((struct tftp_server_options){0});
    return 0;
}

static int setup_single_port(void **state)
{
    (void)state;
    start((struct tftp_server_options){.single_port = true});
    return 0;
}

static int setup_any_address(void **state)
{
    (void)state;
    any_address = true;
    start((struct tftp_server_options){0});
    any_address = false;
    return 0;
}

static int setup_limited(void **state)
{
    (void)state;
    start((struct tftp_server_options){.per_client_max = 2});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stop();
    return 0;
}

/* ---- clients by hand ---- */

static int client_new(void)
{
    const struct sockaddr_in in = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
    return fd;
}

static void send_to(int fd, uint16_t port, const void *data, size_t len)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(sendto(fd, data, len, 0, (const struct sockaddr *)&to, sizeof(to)), len);
}

static void request(int fd, const char *name, enum tftp_mode mode, struct tftp_options options)
{
    uint8_t data[512];
    size_t n = tftp_build_request(data, sizeof(data), TFTP_RRQ, name, mode, &options);
    send_to(fd, tftp_server_port(server), data, n);
}

static uint8_t received[65536];
static uint16_t sender;

/* Runs the loop until a packet came. */
static struct tftp_packet next_packet(int fd)
{
    struct tftp_packet p;
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    ssize_t n;
    while ((n = recvfrom(fd, received, sizeof(received), 0, (struct sockaddr *)&from, &len)) < 0) {
        assert_int_equal(errno, EAGAIN);
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
    sender = ntohs(from.sin_port);
    assert_int_equal(tftp_parse(received, (size_t)n, &p), 0);
    return p;
}

static void check_error(int fd, enum tftp_error code)
{
    struct tftp_packet p = next_packet(fd);
    assert_int_equal(p.op, TFTP_ERROR);
    assert_int_equal(p.code, code);
}

static void acknowledge(int fd, uint16_t block)
{
    uint8_t data[4];
    size_t len = tftp_build_ack(data, sizeof(data), block);
    send_to(fd, sender, data, len);
}

static void run_until(enum tftp_event_kind kind)
{
    while (last.kind != kind || !last.name)
        (void)uv_run(&loop, UV_RUN_ONCE);
}

/* Everything of a transfer with windows of `window`, whose first DATA is on its way. */
static void check_transfer(int fd, const char *want, size_t size, size_t block, unsigned window)
{
    size_t got = 0;
    for (unsigned n = 1;; n++) {
        struct tftp_packet p = next_packet(fd);
        assert_int_equal(p.op, TFTP_DATA);
        assert_int_equal(p.block, n);
        assert_true(got + p.len <= size);
        assert_memory_equal(p.data, want + got, p.len);
        got += p.len;
        if (p.len < block || n % window == 0)
            acknowledge(fd, (uint16_t)n);
        if (p.len < block)
            break;
    }
    assert_int_equal(got, size);
    run_until(TFTP_EVENT_COMPLETED);
}

static void test_plain_512(void **state)
{
    int fd = client_new();
    (void)state;
    request(fd, "/exact", TFTP_OCTET, (struct tftp_options){0});
    check_transfer(fd, big, 1024, 512, 1);
    assert_int_not_equal(sender, tftp_server_port(server));
    assert_string_equal(last_name, "exact");
    assert_int_equal(last.bytes, 1024);
    request(fd, "empty", TFTP_OCTET, (struct tftp_options){0});
    check_transfer(fd, big, 0, 512, 1);
    (void)close(fd);
}

static void test_options_and_window(void **state)
{
    struct tftp_options asked = {
        .has_block = true, .block = 65000, .has_size = true, .has_window = true, .window = 100};
    int fd = client_new(), other = client_new();
    (void)state;
    request(other, "big", TFTP_OCTET, asked);
    struct tftp_packet p = next_packet(other);
    assert_int_equal(p.op, TFTP_OACK);
    assert_int_equal(p.options.size, sizeof(big));
    assert_int_equal(p.options.window, TFTP_WINDOW_MAX);
    assert_int_equal(p.options.block, 65000); /* loopback's MTU is 65536 */
    (void)close(other);
    asked.block = 8192;
    asked.window = 8; /* what a socket's buffer holds */
    request(fd, "big", TFTP_OCTET, asked);
    assert_int_equal(next_packet(fd).options.window, 8);
    acknowledge(fd, 0);
    check_transfer(fd, big, sizeof(big), 8192, 8);
    assert_int_equal(last.resent, 0);
    (void)close(fd);
}

static void test_netascii_and_generated(void **state)
{
    int fd = client_new();
    (void)state;
    request(fd, "text", TFTP_NETASCII, (struct tftp_options){.has_size = true});
    struct tftp_packet p = next_packet(fd);
    assert_int_equal(p.options.size, 7);
    acknowledge(fd, 0);
    check_transfer(fd, "a\r\nb\r\0c", 7, 512, 1);
    request(fd, "\\autoexec.ipxe", TFTP_OCTET, (struct tftp_options){0});
    check_transfer(fd, "#!ipxe\nshell\n", 13, 512, 1);
    (void)close(fd);
}

static void test_refusals(void **state)
{
    static const char *const missing[] = {
        "none", "../etc/passwd", "/..//../etc/passwd", "a/../big", ".hidden", "..\\..\\x", "big/",
        "/"};
    uint8_t data[64];
    int fd = client_new();
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
        request(fd, missing[i], TFTP_OCTET, (struct tftp_options){0});
        check_error(fd, TFTP_E_NOT_FOUND);
        assert_int_equal(last.kind, TFTP_EVENT_REFUSED);
    }
    request(fd, "forbidden", TFTP_OCTET, (struct tftp_options){0});
    check_error(fd, TFTP_E_ACCESS);
    size_t n = tftp_build_request(data, sizeof(data), TFTP_WRQ, "big", TFTP_OCTET,
                                  &(struct tftp_options){0});
    send_to(fd, tftp_server_port(server), data, n);
    check_error(fd, TFTP_E_ACCESS);
    (void)close(fd);
}

/* EDK2 asks for the size, says ERROR 8 to the answer, and asks again from the same port or not. */
static void test_size_probe(void **state)
{
    uint8_t data[64];
    int fd = client_new();
    (void)state;
    request(fd, "exact", TFTP_OCTET, (struct tftp_options){.has_size = true});
    assert_int_equal(next_packet(fd).options.size, 1024);
    size_t n = tftp_build_error(data, sizeof(data), TFTP_E_OPTIONS, "User aborted the transfer");
    send_to(fd, sender, data, n);
    run_until(TFTP_EVENT_PROBED);
    request(fd, "exact", TFTP_OCTET, (struct tftp_options){0});
    check_transfer(fd, big, 1024, 512, 1);
    (void)close(fd);
}

/* A third party guesses the port: it is told off and changes nothing. */
static void test_stranger(void **state)
{
    int fd = client_new(), other = client_new();
    (void)state;
    request(fd, "exact", TFTP_OCTET, (struct tftp_options){0});
    assert_int_equal(next_packet(fd).block, 1);
    acknowledge(other, 1);
    uint16_t tid = sender;
    check_error(other, TFTP_E_UNKNOWN_TID);
    sender = tid;
    acknowledge(fd, 1);
    assert_int_equal(next_packet(fd).block, 2);
    (void)close(fd);
    (void)close(other);
}

static void test_repeated_request(void **state)
{
    int fd = client_new();
    struct tftp_counters c;
    (void)state;
    request(fd, "exact", TFTP_OCTET, (struct tftp_options){0});
    request(fd, "exact", TFTP_OCTET, (struct tftp_options){0});
    assert_int_equal(next_packet(fd).block, 1);
    tftp_server_counters(server, &c);
    assert_int_equal(c.requests, 1);
    assert_int_equal(c.running, 1);
    request(fd, "text", TFTP_OCTET, (struct tftp_options){0}); /* another file: begins anew */
    assert_memory_equal(next_packet(fd).data, "a\nb\rc", 5);
    tftp_server_counters(server, &c);
    assert_int_equal(c.running, 1);
    (void)close(fd);
}

static void test_limit_per_client(void **state)
{
    int fd[3];
    struct tftp_counters c = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fd); i++) {
        fd[i] = client_new();
        request(fd[i], "exact", TFTP_OCTET, (struct tftp_options){0});
        if (i < 2)
            assert_int_equal(next_packet(fd[i]).block, 1);
    }
    while (c.dropped == 0) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
        tftp_server_counters(server, &c);
    }
    assert_int_equal(c.running, 2);
    for (size_t i = 0; i < ARRAY_SIZE(fd); i++)
        (void)close(fd[i]);
}

static void test_single_port(void **state)
{
    int fd = client_new();
    (void)state;
    request(fd, "exact", TFTP_OCTET, (struct tftp_options){0});
    check_transfer(fd, big, 1024, 512, 1);
    assert_int_equal(sender, tftp_server_port(server));
    (void)close(fd);
}

/* The answer comes from the address that was asked, whichever the routing table would choose. */
static void test_source_address(void **state)
{
    static const struct tftp_options none;
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(tftp_server_port(server)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 8)};
    struct sockaddr_in from = {0};
    socklen_t len = sizeof(from);
    uint8_t data[64];
    int fd = client_new();
    (void)state;
    size_t n = tftp_build_request(data, sizeof(data), TFTP_RRQ, "exact", TFTP_OCTET, &none);
    assert_int_equal(sendto(fd, data, n, 0, (const struct sockaddr *)&to, sizeof(to)), n);
    while (recvfrom(fd, received, sizeof(received), 0, (struct sockaddr *)&from, &len) < 0)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(ntohl(from.sin_addr.s_addr), INADDR_LOOPBACK + 8);
    (void)close(fd);
}

static void test_file_cut_short(void **state)
{
    char path[PATH_MAX];
    int fd = client_new();
    (void)state;
    request(fd, "big", TFTP_OCTET, (struct tftp_options){0});
    assert_int_equal(next_packet(fd).block, 1);
    (void)snprintf(path, sizeof(path), "%s/big", folder);
    assert_int_equal(truncate(path, 600), 0);
    acknowledge(fd, 1);
    check_error(fd, TFTP_E_UNDEFINED);
    assert_int_equal(last.kind, TFTP_EVENT_FAILED);
    (void)close(fd);
}

static void test_hundred_at_once(void **state)
{
    int fd[100];
    size_t got[100] = {0}, open = 100;
    (void)state;
    stop();
    start((struct tftp_server_options){.per_client_max = 100});
    for (size_t i = 0; i < 100; i++) {
        fd[i] = client_new();
        request(fd[i], "big", TFTP_OCTET, (struct tftp_options){.has_block = true, .block = 8192});
    }
    while (open > 0) {
        for (size_t i = 0; i < 100; i++) {
            if (fd[i] < 0)
                continue;
            struct tftp_packet p = next_packet(fd[i]);
            acknowledge(fd[i], p.op == TFTP_OACK ? 0 : p.block);
            if (p.op == TFTP_OACK)
                continue;
            assert_memory_equal(p.data, big + got[i], p.len);
            got[i] += p.len;
            if (p.len == 8192)
                continue;
            assert_int_equal(got[i], sizeof(big));
            (void)close(fd[i]);
            fd[i] = -1;
            open--;
        }
    }
    struct tftp_counters c = {0};
    while (c.completed < 100) {
        (void)uv_run(&loop, UV_RUN_ONCE);
        tftp_server_counters(server, &c);
    }
    assert_int_equal(c.running, 0);
}

/* ---- real clients ---- */

static int64_t exit_status;

static void on_exit_status(uv_process_t *process, int64_t status, int signal)
{
    exit_status = signal ? 128 + signal : status;
    uv_close((uv_handle_t *)process, NULL);
}

static void run_program(char *const argv[])
{
    uv_process_t process;
    const uv_process_options_t options = {.exit_cb = on_exit_status,
                                          .file = argv[0],
                                          .args = (char **)(uintptr_t)argv,
                                          .cwd = folder};
    exit_status = -1;
    assert_int_equal(uv_spawn(&loop, &process, &options), 0);
    while (exit_status < 0)
        (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(exit_status, 0);
}

static void check_file(const char *name, const void *want, size_t size)
{
    char path[PATH_MAX];
    _autofree_ char *data = NULL;
    size_t len;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    assert_int_equal(file_read(path, 1 << 20, &data, &len, NULL), 0);
    assert_int_equal(len, size);
    assert_memory_equal(data, want, len);
}

static void test_curl(void **state)
{
    char url[100], path[PATH_MAX];
    (void)state;
    if (!proc_find("curl", path, sizeof(path)))
        skip();
    (void)snprintf(url, sizeof(url), "tftp://127.0.0.1:%u/big", tftp_server_port(server));
    char *plain[] = {path, (char[]){"-sf"}, (char[]){"-o"}, (char[]){"got"}, url, NULL};
    run_program(plain);
    check_file("got", big, sizeof(big));
    char *blocks[] = {path,
                      (char[]){"-sf"},
                      (char[]){"--tftp-blksize"},
                      (char[]){"1400"},
                      (char[]){"-o"},
                      (char[]){"got2"},
                      url,
                      NULL};
    run_program(blocks);
    check_file("got2", big, sizeof(big));
    assert_int_equal(last.block, 1400);
}

static void test_tftp_hpa(void **state)
{
    char port[8], path[PATH_MAX];
    (void)state;
    if (!proc_find("tftp", path, sizeof(path)))
        skip();
    (void)snprintf(port, sizeof(port), "%u", tftp_server_port(server));
    char *octet[] = {
        path, (char[]){"-4"}, (char[]){"-m"},  (char[]){"binary"}, (char[]){"127.0.0.1"},
        port, (char[]){"-c"}, (char[]){"get"}, (char[]){"big"},    (char[]){"got"},
        NULL};
    run_program(octet);
    check_file("got", big, sizeof(big));
    char *ascii[] = {
        path, (char[]){"-4"}, (char[]){"-m"},  (char[]){"ascii"}, (char[]){"127.0.0.1"},
        port, (char[]){"-c"}, (char[]){"get"}, (char[]){"text"},  (char[]){"got2"},
        NULL};
    run_program(ascii);
    check_file("got2", "a\nb\rc", 5);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

UNIT_MAIN(TEST(test_plain_512), TEST(test_options_and_window), TEST(test_netascii_and_generated),
          TEST(test_refusals), TEST(test_size_probe), TEST(test_stranger),
          TEST(test_repeated_request), TEST(test_file_cut_short), TEST(test_hundred_at_once),
          cmocka_unit_test_setup_teardown(test_limit_per_client, setup_limited, teardown),
          cmocka_unit_test_setup_teardown(test_source_address, setup_any_address, teardown),
          cmocka_unit_test_setup_teardown(test_single_port, setup_single_port, teardown),
          TEST(test_curl), TEST(test_tftp_hpa))
