/* SPDX-License-Identifier: Apache-2.0 */
/* The client against servers that say exactly what a script tells them, and against our own. */
#include <sys/eventfd.h>

#include "http/test-fixture.h"
#include "http/client.h"

/* Each answer is sent after one request was read; hang_up closes behind it. */
struct line {
    const char *answer;
    bool hang_up;
};

struct script {
    const struct line *lines;
    size_t count;
    int listener;
    uint16_t port;
    pthread_t thread;
    struct buf requests; /* all that was received */
    int connections;
};

static bool read_request(struct script *s, int fd)
{
    char data[4096];
    size_t start = s->requests.len;
    do {
        ssize_t n = recv(fd, data, sizeof(data), 0);
        if (n <= 0)
            return false;
        buf_add(&s->requests, data, (size_t)n);
    } while (!strstr(buf_str(&s->requests) + start, "\r\n\r\n"));
    return true;
}

static void *script_main(void *data)
{
    struct script *s = data;
    int fd = -1;
    for (size_t i = 0; i < s->count; i++) {
        if (fd < 0) {
            fd = accept(s->listener, NULL, NULL);
            s->connections++;
        }
        if (fd < 0 || !read_request(s, fd))
            break;
        (void)send(fd, s->lines[i].answer, strlen(s->lines[i].answer), MSG_NOSIGNAL);
        if (s->lines[i].hang_up) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (fd >= 0) {
        char byte;
        (void)!recv(fd, &byte, 1, 0); /* until the client closes */
        (void)close(fd);
    }
    return NULL;
}

static void script_start(struct script *s, const struct line *lines, size_t count,
                         struct http_client *client)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    *s = (struct script){.lines = lines, .count = count};
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&in, len), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&in, &len), 0);
    s->port = ntohs(in.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, script_main, s), 0);
    const struct http_client_options options = {.address = INADDR_LOOPBACK, .port = s->port};
    http_client_init(client, &options);
}

static void script_end(struct script *s, struct http_client *client)
{
    http_client_close(client);
    (void)shutdown(s->listener, SHUT_RDWR);
    (void)pthread_join(s->thread, NULL);
    (void)close(s->listener);
    buf_free(&s->requests);
}

#define START(...)                                                                                 \
    static struct http_client client;                                                              \
    static const struct line lines[] = {__VA_ARGS__};                                              \
    struct script s;                                                                               \
    struct http_answer answer;                                                                     \
    char body[64];                                                                                 \
    size_t len = 0;                                                                                \
    (void)state, (void)body, (void)len;                                                            \
    script_start(&s, lines, ARRAY_SIZE(lines), &client)

static const struct http_call get = {.target = "/x"};

static void test_keep_alive(void **state)
{
    START({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false},
          {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", false},
          {"HTTP/1.1 204 None\r\n\r\n", false});
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), 0);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.length, 5);
    assert_int_equal(http_client_read_all(&client, body, sizeof(body), &len, NULL), 0);
    assert_int_equal(len, 5);
    assert_memory_equal(body, "hello", 5);
    const struct http_call post = {.target = "/y", .body = "{}", .body_len = 2, .body_type = "a/b"};
    assert_int_equal(http_client_call(&client, &post, &answer, NULL), 0);
    assert_int_equal(answer.status, 404);
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), 0);
    assert_int_equal(answer.status, 204);
    assert_int_equal(http_client_read(&client, body, sizeof(body), NULL), 0);
    assert_int_equal(s.connections, 1);
    assert_non_null(strstr(buf_str(&s.requests), "POST /y HTTP/1.1\r\n"));
    assert_non_null(
        strstr(buf_str(&s.requests), "Content-Type: a/b\r\nContent-Length: 2\r\n\r\n{}"));
    script_end(&s, &client);
}

static void test_chunked(void **state)
{
    START({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
           false},
          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabX", false});
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), 0);
    assert_true(answer.length == HTTP_LENGTH_UNKNOWN);
    assert_int_equal(http_client_read_all(&client, body, sizeof(body), &len, NULL), 0);
    assert_int_equal(len, 5);
    assert_memory_equal(body, "abcde", 5);
    script_end(&s, &client);
}

static void test_until_close(void **state)
{
    START({"HTTP/1.0 200 OK\r\n\r\nhello", true},
          {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell", true});
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), 0);
    assert_int_equal(http_client_read_all(&client, body, sizeof(body), &len, NULL), 0);
    assert_int_equal(len, 5);
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), 0);
    assert_int_equal(http_client_read_all(&client, body, sizeof(body), &len, NULL), -EPIPE);
    script_end(&s, &client);
}

/* The server closed the kept-alive connection: the request goes out again on a new one. */
static void test_retry_on_stale(void **state)
{
    START({"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false}, {"", true},
          {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", false});
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), 0);
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), 0);
    assert_int_equal(answer.length, 1);
    assert_int_equal(s.connections, 2);
    script_end(&s, &client);
}

/* Body left unread: the next call does not see it. */
static void test_unread_body(void **state)
{
    START({"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true},
          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", false});
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), 0);
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), 0);
    assert_int_equal(http_client_read_all(&client, body, sizeof(body), &len, NULL), 0);
    assert_int_equal(len, 2);
    script_end(&s, &client);
}

static void test_range_is_checked(void **state)
{
    static const struct http_call range = {.target = "/x", .offset = 2, .length = 3};
    static const char *const wrong[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 206 P\r\nContent-Length: 3\r\n\r\nabc",
        "HTTP/1.1 206 P\r\nContent-Length: 3\r\nContent-Range: bytes 3-5/9\r\n\r\nabc",
        "HTTP/1.1 206 P\r\nContent-Length: 2\r\nContent-Range: bytes 2-4/9\r\n\r\nab",
        "HTTP/1.1 206 P\r\nContent-Length: 3\r\nContent-Range: bytes 2-4/x\r\n\r\nabc",
        "HTTP/1.1 206 P\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 2-4/9\r\n\r\n",
    };
    static struct http_client client;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        const struct line line = {wrong[i], true};
        struct http_answer answer;
        struct script s;
        script_start(&s, &line, 1, &client);
        assert_int_equal(http_client_call(&client, &range, &answer, NULL), -EPROTO);
        script_end(&s, &client);
    }
    const struct line right[] = {
        {"HTTP/1.1 206 P\r\nContent-Length: 3\r\nContent-Range: bytes 2-4/9\r\n\r\nabc", false},
        {"HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n", false},
    };
    struct http_answer answer;
    struct script s;
    char body[8];
    size_t len;
    script_start(&s, right, 2, &client);
    assert_int_equal(http_client_call(&client, &range, &answer, NULL), 0);
    assert_int_equal(answer.total, 9);
    assert_int_equal(http_client_read_all(&client, body, sizeof(body), &len, NULL), 0);
    assert_non_null(strstr(buf_str(&s.requests), "\r\nRange: bytes=2-4\r\n"));
    assert_int_equal(http_client_call(&client, &range, &answer, NULL), 0);
    assert_int_equal(answer.status, 404);
    script_end(&s, &client);
}

static void test_bad_answers(void **state)
{
    static const char *const bad[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n",
        "220 ftp ready\r\n\r\n",
    };
    static struct http_client client;
    struct err err = ERR_INIT;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        const struct line line = {bad[i], true};
        struct http_answer answer;
        struct script s;
        script_start(&s, &line, 1, &client);
        assert_int_equal(http_client_call(&client, &get, &answer, &err), -EPROTO);
        assert_non_null(strstr(err_text(&err), "/x"));
        script_end(&s, &client);
    }
}

static void test_limits_and_failures(void **state)
{
    START({"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n12345678901", true});
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), 0);
    assert_int_equal(http_client_read_all(&client, body, 10, &len, NULL), -EMSGSIZE);
    const struct http_call bad = {.target = "/a b"}, relative = {.target = "x"};
    assert_int_equal(http_client_call(&client, &bad, &answer, NULL), -EINVAL);
    assert_int_equal(http_client_call(&client, &relative, &answer, NULL), -EINVAL);
    script_end(&s, &client);
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), -ECONNREFUSED);
}

/* A listener that never accepts: the connection opens, no answer comes. */
static void test_silence(void **state)
{
    static struct http_client client;
    struct http_answer answer;
    struct script s;
    (void)state;
    script_start(&s, NULL, 0, &client);
    client.options.idle_timeout_ms = 60000;
    const struct http_call hurried = {.target = "/x", .total_timeout_ms = 30};
    assert_int_equal(http_client_call(&client, &hurried, &answer, NULL), -ETIMEDOUT);
    client.options.idle_timeout_ms = 20;
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), -ETIMEDOUT);
    client.options.idle_timeout_ms = 60000;
    client.options.cancel_fd = eventfd(1, EFD_CLOEXEC);
    assert_int_equal(http_client_call(&client, &get, &answer, NULL), -ECANCELED);
    (void)close(client.options.cancel_fd);
    script_end(&s, &client);
}

static void test_own_server(void **state)
{
    static const struct http_route routes[] = {{.path = "/", .folder = "."}};
    static struct http_client client;
    struct http_answer answer;
    struct fixture f;
    size_t size = 3 << 20, len;
    (void)state;
    char *data = malloc(size), *got = malloc(size);
    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 31 + i / 997);
    fixture_start(&f, (struct http_options){0}, routes, 1);
    fixture_put(f.folder, "image", data, size);
    const struct http_client_options options = {.address = INADDR_LOOPBACK,
                                                .port = http_listener_port(f.listener)};
    http_client_init(&client, &options);
    for (uint64_t offset = 0; offset < size; offset += 700001) {
        const struct http_call call = {.target = "/image",
                                       .offset = offset,
                                       .length = offset + 700001 < size ? 700001 : size - offset};
        assert_int_equal(http_client_call(&client, &call, &answer, NULL), 0);
        assert_int_equal(answer.total, size);
        assert_int_equal(http_client_read_all(&client, got, size, &len, NULL), 0);
        assert_int_equal(len, call.length);
        assert_memory_equal(got, data + offset, len);
    }
    const struct http_call whole = {.target = "/image"};
    assert_int_equal(http_client_call(&client, &whole, &answer, NULL), 0);
    assert_int_equal(http_client_read_all(&client, got, size, &len, NULL), 0);
    assert_int_equal(len, size);
    assert_memory_equal(got, data, len);
    struct http_counters counters;
    http_server_counters(f.server, &counters);
    assert_int_equal(counters.connections, 1);
    http_client_close(&client);
    fixture_stop(&f, 0);
    free(data);
    free(got);
}

UNIT_MAIN(cmocka_unit_test(test_keep_alive), cmocka_unit_test(test_chunked),
          cmocka_unit_test(test_until_close), cmocka_unit_test(test_retry_on_stale),
          cmocka_unit_test(test_unread_body), cmocka_unit_test(test_range_is_checked),
          cmocka_unit_test(test_bad_answers), cmocka_unit_test(test_limits_and_failures),
          cmocka_unit_test(test_silence), cmocka_unit_test(test_own_server))
