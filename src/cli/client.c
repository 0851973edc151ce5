/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/client.h"

#include <curl/curl.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/connect.h"

#define ANSWER_MAX ((size_t)512 << 20)
#define LINE_MAX_BYTES ((size_t)16 << 20)
#define CONNECT_TIMEOUT_S 10L
#define REQUEST_TIMEOUT_S 60L

struct client {
    struct connection connection;
    CURL *curl;
    int authority_fd; /* a memory file: curl takes the CA only from a path */
    long timeout_s;
};

void client_free(struct client *client)
{
    if (!client)
        return;
    connection_clear(&client->connection);
    if (client->curl)
        curl_easy_cleanup(client->curl);
    cleanup_fd(&client->authority_fd);
    free(client);
}

static int load_authority(struct client *c, struct err *err)
{
    const char *pem = c->connection.authority;
    if (!pem)
        return 0;
    c->authority_fd = memfd_create("authority", MFD_CLOEXEC);
    if (c->authority_fd < 0)
        return err_errno(err, -errno, "certificate authority");
    return fd_write_full(c->authority_fd, pem, strlen(pem));
}

int client_open(const struct cli *cli, const struct args *args, struct client **ret,
                struct err *err)
{
    _cleanup_(client_freep) struct client *c = calloc(1, sizeof(*c));
    if (!c)
        return err_errno(err, -ENOMEM, "client");
    c->authority_fd = -1;
    int r = args_number(args, "request-timeout", 1, 86400, REQUEST_TIMEOUT_S, &c->timeout_s, err);
    if (r == 0)
        r = connection_find(cli, args, &c->connection, err);
    if (r == 0)
        r = load_authority(c, err);
    if (r < 0)
        return r;
    c->curl = curl_easy_init();
    if (!c->curl)
        return err_errno(err, -ENOMEM, "client");
    *ret = TAKE_PTR(c);
    return 0;
}

/* ---- one exchange ---- */

/* What an exchange does with the body: collects it, and hands lines on while they come. */
struct sink {
    struct buf data;
    int (*on_value)(void *data, json_t *value); /* NULL: only collect */
    void *user;
    int stopped; /* what on_value returned */
    CURL *curl;
};

static int take_lines(struct sink *s)
{
    char *newline;
    while (s->data.len > 0 && (newline = memchr(s->data.data, '\n', s->data.len))) {
        size_t n = (size_t)(newline - s->data.data);
        json_auto_t *value = json_loadb(s->data.data, n, 0, NULL);
        buf_consume(&s->data, n + 1);
        if (value && (s->stopped = s->on_value(s->user, value)) != 0)
            return -1;
    }
    return 0;
}

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
    struct sink *s = user;
    size_t len = size * count;
    long status = 0;
    buf_add(&s->data, data, len);
    if (buf_error(&s->data) < 0)
        return 0;
    (void)curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
    if (s->on_value && status == 200 && take_lines(s) < 0)
        return 0;
    return len;
}

static int map_curl_error(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return -ECONNREFUSED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return -EHOSTUNREACH;
    case CURLE_OPERATION_TIMEDOUT:
        return -ETIMEDOUT;
    case CURLE_OUT_OF_MEMORY:
        return -ENOMEM;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return -ECONNRESET;
    default:
        return -EIO;
    }
}

static int connect_error(const struct client *c, CURLcode code, const char *text, struct err *err)
{
    int r = map_curl_error(code);
    const char *socket = c->connection.socket;
    if (r == -ECONNREFUSED && socket && access(socket, F_OK) < 0)
        return err_set(err, errno == EACCES ? -EACCES : r,
                       errno == EACCES ? "no permission to use %s (try sudo)"
                                       : "no server runs here: %s is not there (see slipway serve, "
                                         "--state, --kubeconfig)",
                       socket);
    if (r == -ECONNREFUSED && socket && access(socket, W_OK) < 0)
        return err_set(err, -EACCES, "no permission to use %s (try sudo)", socket);
    return err_set(err, r, "%s: %s", c->connection.where, *text ? text : curl_easy_strerror(code));
}

static struct curl_slist *headers_of(const struct client *c, const struct client_request *request)
{
    _autofree_ char *accept =
        str_format("Accept: %s", request->accept ? request->accept : "application/json");
    _autofree_ char *type = str_format("Content-Type: %s", request->type ? request->type : "");
    _autofree_ char *token =
        str_format("Authorization: Bearer %s", c->connection.token ? c->connection.token : "");
    struct curl_slist *list = accept ? curl_slist_append(NULL, accept) : NULL;
    if (request->type && type)
        list = curl_slist_append(list, type);
    if (c->connection.token && token)
        list = curl_slist_append(list, token);
    return curl_slist_append(list, "Expect:");
}

static void set_target(struct client *c, const struct client_request *request, const char *url)
{
    CURL *h = c->curl;
    curl_easy_reset(h);
    (void)curl_easy_setopt(h, CURLOPT_URL, url);
    (void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(h, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(h, CURLOPT_USERAGENT, "slipway/" SLIPWAY_VERSION);
    (void)curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    if (c->connection.socket)
        (void)curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->connection.socket);
    if (request->method)
        (void)curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, request->method);
    if (request->body) {
        (void)curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
        (void)curl_easy_setopt(h, CURLOPT_POSTFIELDS, request->body);
    }
    char path[32];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", c->authority_fd);
    if (c->authority_fd < 0)
        return;
    /* That authority and no other: the system's would be trusted besides. */
    (void)curl_easy_setopt(h, CURLOPT_CAINFO, path);
    (void)curl_easy_setopt(h, CURLOPT_CAPATH, (char *)NULL);
}

/* 0 and the HTTP status, or why there was no whole answer. */
static int exchange(struct client *c, const struct client_request *request, struct sink *sink,
                    long *ret_status, struct err *err)
{
    char text[CURL_ERROR_SIZE] = "";
    _autofree_ char *url = str_format("%s%s", c->connection.url, request->path);
    if (!url)
        return err_errno(err, -ENOMEM, "request");
    set_target(c, request, url);
    sink->curl = c->curl;
    struct curl_slist *headers = headers_of(c, request);
    (void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, sink);
    (void)curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, text);
    if (!sink->on_value)
        (void)curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, c->timeout_s);
    CURLcode code = curl_easy_perform(c->curl);
    (void)curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, (char *)NULL);
    curl_slist_free_all(headers);
    if (sink->stopped)
        return 0;
    if (buf_error(&sink->data) < 0)
        return err_errno(err, buf_error(&sink->data), "answer");
    if (code != CURLE_OK)
        return connect_error(c, code, text, err);
    (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return 0;
}

/* ---- Status ---- */

static const struct {
    const char *reason;
    int code;
} reasons[] = {
    {"NotFound", -ENOENT},        {"AlreadyExists", -EEXIST},
    {"Conflict", -ESTALE},        {"Expired", -ESTALE},
    {"Invalid", -EINVAL},         {"BadRequest", -EINVAL},
    {"Unauthorized", -EACCES},    {"Forbidden", -EACCES},
    {"MethodNotAllowed", -EPERM}, {"InsufficientStorage", -ENOSPC},
};

static int status_error(const struct sink *sink, long status, struct err *err)
{
    json_auto_t *value = json_loadb(buf_str(&sink->data), sink->data.len, 0, NULL);
    const char *reason = json_string_value(json_object_get(value, "reason"));
    const char *message = json_string_value(json_object_get(value, "message"));
    int code = -EIO;
    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
        if (str_eq(reason, reasons[i].reason))
            code = reasons[i].code;
    if (message)
        return err_set(err, code, "%s", message);
    return err_set(err, code, "the server answered with HTTP status %ld", status);
}

int client_call(struct client *client, const struct client_request *request, json_t **ret,
                long *ret_status, struct err *err)
{
    struct sink sink = {.data = BUF_INIT_MAX(ANSWER_MAX)};
    long status = 0;
    json_error_t error;
    int r = exchange(client, request, &sink, &status, err);
    if (r == 0 && status >= 300)
        r = status_error(&sink, status, err);
    json_t *value = r == 0 ? json_loadb(buf_str(&sink.data), sink.data.len, 0, &error) : NULL;
    buf_free(&sink.data);
    if (r < 0)
        return r;
    if (!value)
        return err_set(err, -EIO, "%s: the answer is no JSON: %s", client->connection.where,
                       error.text);
    if (ret_status)
        *ret_status = status;
    *ret = value;
    return 0;
}

int client_stream(struct client *client, const struct client_request *request,
                  int (*on_value)(void *data, json_t *value), void *data, struct err *err)
{
    struct sink sink = {.data = BUF_INIT_MAX(LINE_MAX_BYTES), .on_value = on_value, .user = data};
    long status = 0;
    int r = exchange(client, request, &sink, &status, err);
    if (r == 0 && !sink.stopped && status >= 300)
        r = status_error(&sink, status, err);
    buf_free(&sink.data);
    return r < 0 ? r : sink.stopped;
}

int client_text(struct client *client, const char *path, struct buf *ret, struct err *err)
{
    const struct client_request request = {.path = path, .accept = "*/*"};
    struct sink sink = {.data = BUF_INIT_MAX(ANSWER_MAX)};
    long status = 0;
    int r = exchange(client, &request, &sink, &status, err);
    if (r == 0 && status >= 300)
        r = status_error(&sink, status, err);
    if (r == 0)
        buf_add(ret, buf_str(&sink.data), sink.data.len);
    buf_free(&sink.data);
    return r;
}
