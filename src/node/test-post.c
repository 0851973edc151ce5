/* SPDX-License-Identifier: Apache-2.0 */
/* Against a server that answers what each test scripts, on loopback. */
#include "node/post.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/str.h"
#include "base/test.h"

struct script {
    int listener;
    const char *const *answers; /* one per connection; "|" parts are answers to one request each */
    size_t count;
    char request[4096]; /* the last one */
};

/* Reads one request: its head and as much body as its Content-Length says. */
static bool read_request(int fd, char *dst, size_t size)
{
    size_t len = 0;
    while (len < size - 1) {
        ssize_t n = recv(fd, dst + len, size - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        dst[len] = '\0';
        const char *body = strstr(dst, "\r\n\r\n");
        const char *length = strstr(dst, "Content-Length: ");
        if (body && length && strlen(body + 4) >= strtoul(length + 16, NULL, 10))
            return true;
    }
    return false;
}

static void *serve(void *data)
{
    struct script *s = data;
    for (size_t i = 0; i < s->count; i++) {
        _autofd_ int fd = accept(s->listener, NULL, NULL);
        for (const char *answer = s->answers[i]; *answer;) {
            size_t n = strcspn(answer, "|");
            if (!read_request(fd, s->request, sizeof(s->request)))
                break;
            if (fd_write_full(fd, answer, n) < 0)
                break;
            answer += n + (answer[n] == '|');
        }
    }
    return NULL;
}

struct fixture {
    struct script script;
    pthread_t thread;
    struct post *post;
};

static void begin(struct fixture *f, const char *const answers[], size_t count)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    f->script = (struct script){.answers = answers, .count = count};
    f->script.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(f->script.listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(f->script.listener, 8), 0);
    assert_int_equal(getsockname(f->script.listener, (struct sockaddr *)&address, &size), 0);
    _autofree_ char *url = str_format("http://127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(post_new(url, &f->post, NULL), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, serve, &f->script), 0);
}

static void end(struct fixture *f)
{
    post_free(f->post);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    close(f->script.listener);
}

static void assert_answer(struct fixture *f, const char *expected)
{
    struct err err = ERR_INIT;
    _autofree_ char *text = NULL;
    size_t len = 0;
    if (post_send(f->post, "/v1/hello", "{\"a\":1}", 7, &text, &len, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_string_equal(text, expected);
    assert_int_equal(len, strlen(expected));
}

static void assert_failure(struct fixture *f, int expected, const char *message)
{
    struct err err = ERR_INIT;
    char *text = NULL;
    size_t len = 0;
    assert_int_equal(post_send(f->post, "/v1/hello", "{}", 2, &text, &len, &err), expected);
    if (!strstr(err_text(&err), message))
        fail_msg("\"%s\" does not say \"%s\"", err_text(&err), message);
}

#define OK(text, length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n" text

static void test_one_connection_carries_many(void **state)
{
    (void)state;
    struct fixture f;
    static const char *const answers[] = {OK("one", "3") "|" OK("", "0") "|" OK("three", "5")};
    begin(&f, answers, 1);
    assert_answer(&f, "one");
    assert_answer(&f, "");
    assert_answer(&f, "three");
    assert_non_null(strstr(f.script.request, "POST /v1/hello HTTP/1.1\r\nHost: 127.0.0.1:"));
    assert_true(str_ends_with(f.script.request, "\r\nContent-Length: 7\r\n\r\n{\"a\":1}"));
    end(&f);
}

static void test_a_closed_connection_is_opened_again(void **state)
{
    (void)state;
    struct fixture f;
    static const char *const answers[] = {
        OK("one", "3"), OK("two", "3"),
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", OK("four", "4")};
    begin(&f, answers, 4);
    assert_answer(&f, "one");
    assert_answer(&f, "two");
    assert_answer(&f, "x");
    assert_answer(&f, "four");
    end(&f);
}

static void test_bad_answers_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    static const struct {
        const char *answer;
        int error;
    } cases[] = {
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\n\r\n", -EMSGSIZE},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", -EMSGSIZE},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", -EPROTO},
        {"nonsense\r\n\r\n", -EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ncut", -EPIPE},
    };
    const char *answers[ARRAY_SIZE(cases)];
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        answers[i] = cases[i].answer;
    begin(&f, answers, ARRAY_SIZE(cases));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_failure(&f, cases[i].error, "/v1/hello: ");
    end(&f);
}

static void test_nobody_listens(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f, NULL, 0);
    assert_int_equal(shutdown(f.script.listener, SHUT_RDWR), 0);
    assert_failure(&f, -ECONNREFUSED, "127.0.0.1:");
    end(&f);
}

static void test_urls(void **state)
{
    (void)state;
    static const char *const good[] = {"http://10.0.0.1:8080", "http://10.0.0.1",
                                       "http://10.0.0.1:8080/"};
    static const char *const bad[] = {"",
                                      "https://10.0.0.1",
                                      "http://",
                                      "http://:80",
                                      "http://10.0.0.1:0",
                                      "http://10.0.0.1:99999",
                                      "http://[fd00::1]x",
                                      "http://10.0.0.1:80x"};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct post *post = NULL;
        assert_int_equal(post_new(good[i], &post, NULL), 0);
        post_free(post);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct post *post = NULL;
        assert_int_equal(post_new(bad[i], &post, NULL), -EINVAL);
        assert_null(post);
    }
}

UNIT_MAIN(cmocka_unit_test(test_one_connection_carries_many),
          cmocka_unit_test(test_a_closed_connection_is_opened_again),
          cmocka_unit_test(test_bad_answers_are_refused), cmocka_unit_test(test_nobody_listens),
          cmocka_unit_test(test_urls))
