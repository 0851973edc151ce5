/* SPDX-License-Identifier: Apache-2.0 */
#include "node/post.h"

#include <string.h>

#include "base/str.h"
#include "http/client.h"

enum { CONNECT_MS = 3000, IDLE_MS = 10000, TOTAL_MS = 20000, ANSWER_MAX = 4 << 20, PORT = 80 };

struct post {
    char address[IPV4_TEXT_SIZE + 8]; /* "10.0.0.1:8080", for messages */
    struct http_client client;
};

/* "http://ADDRESS", "http://ADDRESS:PORT", with or without a slash behind it. */
static int parse_server(const char *server, struct post *post, struct http_client_options *options)
{
    const char *rest = str_after(server, "http://");
    char address[IPV4_TEXT_SIZE];
    uint64_t port = PORT;
    size_t len = rest ? strcspn(rest, "/") : 0;
    if (!rest || len >= sizeof(post->address))
        return -EINVAL;
    memcpy(post->address, rest, len);
    post->address[len] = '\0';
    size_t n = strcspn(post->address, ":");
    if (n >= sizeof(address) ||
        (post->address[n] && str_parse_u64(post->address + n + 1, 1, UINT16_MAX, &port) < 0))
        return -EINVAL;
    memcpy(address, post->address, n);
    address[n] = '\0';
    options->port = (uint16_t)port;
    return ipv4_parse(address, &options->address);
}

int post_new(const char *server, struct post **ret, struct err *err)
{
    struct http_client_options options = {
        .user_agent = "slipway-node", .connect_timeout_ms = CONNECT_MS, .idle_timeout_ms = IDLE_MS};
    _autofree_ struct post *post = calloc(1, sizeof(*post));
    if (!post)
        return err_set(err, -ENOMEM, "out of memory");
    if (parse_server(server, post, &options) < 0)
        return err_set(err, -EINVAL, "not http://ADDRESS:PORT: \"%s\"", server);
    http_client_init(&post->client, &options);
    *ret = TAKE_PTR(post);
    return 0;
}

void post_free(struct post *post)
{
    http_client_close(&post->client);
    free(post);
}

static int read_answer(struct post *post, const struct http_answer *answer, char **ret_text,
                       size_t *ret_len, struct err *err)
{
    if (answer->status != 200)
        return err_set(err, -EPROTO, "the server answers %u", answer->status);
    if (answer->length > ANSWER_MAX)
        return err_set(err, -EMSGSIZE, "the answer has no length, or too much of it");
    size_t len = 0;
    _autofree_ char *text = malloc((size_t)answer->length + 1);
    if (!text)
        return err_set(err, -ENOMEM, "out of memory");
    int r = http_client_read_all(&post->client, text, (size_t)answer->length, &len, err);
    if (r < 0)
        return r;
    text[len] = '\0';
    *ret_text = TAKE_PTR(text);
    *ret_len = len;
    return 0;
}

/* What a connection that the server closed while it was idle gives. */
static bool is_closed(int r)
{
    return r == -EPIPE || r == -ECONNRESET;
}

int post_send(void *data, const char *path, const char *text, size_t len, char **ret_text,
              size_t *ret_len, struct err *err)
{
    struct post *post = data;
    struct http_call call = {.target = path,
                             .body = text,
                             .body_len = len,
                             .body_type = "application/json",
                             .total_timeout_ms = TOTAL_MS};
    struct http_answer answer = {0};
    bool kept = post->client.fd >= 0;
    int r = http_client_call(&post->client, &call, &answer, err);
    /* Messages carry a sequence number: one that arrived after all is not taken twice. */
    if (kept && is_closed(r)) {
        http_client_close(&post->client);
        if (err)
            *err = ERR_INIT;
        r = http_client_call(&post->client, &call, &answer, err);
    }
    if (r == 0)
        r = read_answer(post, &answer, ret_text, ret_len, err);
    if (r < 0)
        http_client_close(&post->client);
    return r < 0 ? err_wrap(err, "%s%s", post->address, path) : 0;
}
