/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/fetch.h"

#include <string.h>

#include "base/str.h"
#include "http/client.h"

enum { PORT_DEFAULT = 80 };

struct fetch {
    struct http_client client;
};

int fetch_new(const char *server, struct fetch **ret, struct err *err)
{
    const char *host = str_after(server, "http://");
    char address[IPV4_TEXT_SIZE];
    uint64_t port = PORT_DEFAULT;
    struct http_client_options options = {.user_agent = "slipway-agent"};
    size_t n = host ? strcspn(host, ":/") : 0;
    if (!host || n >= sizeof(address))
        return err_set(err, -EINVAL, "not http://ADDRESS:PORT: \"%s\"", server);
    memcpy(address, host, n);
    address[n] = '\0';
    if (ipv4_parse(address, &options.address) < 0 ||
        (host[n] == ':' && str_parse_u64(host + n + 1, 1, UINT16_MAX, &port) < 0))
        return err_set(err, -EINVAL, "not http://ADDRESS:PORT: \"%s\"", server);
    struct fetch *fetch = calloc(1, sizeof(*fetch));
    if (!fetch)
        return err_set(err, -ENOMEM, "out of memory");
    options.port = (uint16_t)port;
    http_client_init(&fetch->client, &options);
    *ret = fetch;
    return 0;
}

void fetch_free(struct fetch *fetch)
{
    http_client_close(&fetch->client);
    free(fetch);
}

/* Sends and accepts one status only; the connection of a refusal is not used again. */
static int call(struct fetch *fetch, const struct http_call *what, unsigned status,
                struct http_answer *ret, struct err *err)
{
    int r = http_client_call(&fetch->client, what, ret, err);
    if (r < 0)
        return err_wrap(err, "%s", what->target);
    if (ret->status == status)
        return 0;
    http_client_close(&fetch->client);
    return err_set(err, -EPROTO, "%s: the server answers %u", what->target, ret->status);
}

static int read_into(struct fetch *fetch, const struct http_answer *answer, size_t max,
                     struct buf *out, struct err *err)
{
    size_t len = 0, size = answer->length < max ? (size_t)answer->length : max;
    char *room = buf_room(out, size);
    if (!room)
        return err_set(err, buf_error(out), "no room for %zu bytes", size);
    int r = http_client_read_all(&fetch->client, room, size, &len, err);
    if (r == 0)
        buf_commit(out, len);
    return r;
}

int fetch_get(struct fetch *fetch, const char *path, size_t max, struct buf *out, struct err *err)
{
    struct http_call what = {.target = path};
    struct http_answer answer;
    int r = call(fetch, &what, 200, &answer, err);
    return r < 0 ? r : read_into(fetch, &answer, max, out, err);
}

int fetch_range(struct fetch *fetch, const char *path, uint64_t offset, size_t len, void *dst,
                struct err *err)
{
    struct http_call what = {.target = path, .offset = offset, .length = len};
    struct http_answer answer;
    size_t got = 0;
    int r = call(fetch, &what, 206, &answer, err);
    if (r == 0)
        r = http_client_read_all(&fetch->client, dst, len, &got, err);
    if (r == 0 && got != len)
        r = err_set(err, -EPIPE, "%s: %zu bytes came instead of %zu", path, got, len);
    return r;
}

int fetch_post(struct fetch *fetch, const char *path, const char *body, size_t len, size_t max,
               struct buf *out, struct err *err)
{
    struct http_call what = {
        .target = path, .body = body, .body_len = len, .body_type = "application/json"};
    struct http_answer answer;
    int r = call(fetch, &what, 200, &answer, err);
    return r < 0 ? r : read_into(fetch, &answer, max, out, err);
}
