/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/qmp.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "sandbox/paths.h"

enum { ANSWER_TIMEOUT_MS = 5000, ANSWER_MAX = 1 << 20 };

struct qmp {
    int fd;
    int64_t deadline;
    struct buf in;
};

static void qmp_close(struct qmp *q)
{
    cleanup_fd(&q->fd);
    buf_free(&q->in);
}

static int fill(struct qmp *q)
{
    int64_t left = q->deadline - clock_now(&clock_system);
    struct pollfd p = {.fd = q->fd, .events = POLLIN};
    int r = poll(&p, 1, left > 0 ? (int)left : 0);
    if (r < 0)
        return errno == EINTR ? 0 : -errno;
    if (r == 0)
        return -ETIMEDOUT;
    char *room = buf_room(&q->in, 4096);
    if (!room)
        return buf_error(&q->in);
    ssize_t n = recv(q->fd, room, 4096, 0);
    if (n < 0)
        return -errno;
    if (n == 0)
        return -ECONNRESET;
    buf_commit(&q->in, (size_t)n);
    return 0;
}

/* The next object that QEMU sends; one per line. */
static int next_object(struct qmp *q, json_t **ret)
{
    const char *end;
    while (!(end = memchr(buf_str(&q->in), '\n', q->in.len))) {
        int r = fill(q);
        if (r < 0)
            return r;
    }
    size_t len = (size_t)(end - q->in.data);
    json_t *object = json_loadb(q->in.data, len, 0, NULL);
    buf_consume(&q->in, len + 1);
    if (!object)
        return -EPROTO;
    *ret = object;
    return 0;
}

/* Sends a command and waits for its answer; events in between are of no interest. */
static int ask(struct qmp *q, const char *command, json_t *arguments, json_t **ret_value,
               struct err *err)
{
    json_auto_t *request = json_pack("{s:s, s:o*}", "execute", command, "arguments", arguments);
    _autofree_ char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    if (!text)
        return err_set(err, -ENOMEM, "out of memory");
    int r = fd_write_full(q->fd, text, strlen(text));
    if (r == 0)
        r = fd_write_full(q->fd, "\n", 1);
    if (r < 0)
        return err_errno(err, r, "%s: cannot be sent to QEMU", command);
    for (;;) {
        json_auto_t *answer = NULL;
        r = next_object(q, &answer);
        if (r < 0)
            return err_errno(err, r, "%s: no answer from QEMU", command);
        json_t *failure = json_object_get(answer, "error");
        if (failure)
            return err_set(err, -EIO, "%s: %s", command,
                           json_string_value(json_object_get(failure, "desc")));
        json_t *value = json_object_get(answer, "return");
        if (value) {
            if (ret_value)
                *ret_value = json_incref(value);
            return 0;
        }
    }
}

int qmp_execute(const char *folder, const char *command, json_t *arguments, json_t **ret_value,
                struct err *err)
{
    _cleanup_(qmp_close) struct qmp q = {.fd = sandbox_connect(folder, "qmp.sock"),
                                         .deadline = clock_now(&clock_system) + ANSWER_TIMEOUT_MS,
                                         .in = BUF_INIT_MAX(ANSWER_MAX)};
    if (q.fd < 0) {
        json_decref(arguments);
        return err_errno(err, q.fd, "the machine's QEMU does not answer");
    }
    int r = ask(&q, "qmp_capabilities", NULL, NULL, err);
    if (r < 0) {
        json_decref(arguments);
        return r;
    }
    return ask(&q, command, arguments, ret_value, err);
}
