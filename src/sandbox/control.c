/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/control.h"

#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/file.h"
#include "sandbox/paths.h"

enum { MESSAGE_MAX = 1 << 20 };

int control_receive(int fd, json_t **ret)
{
    _autobuf_ struct buf text = BUF_INIT_MAX(MESSAGE_MAX);
    for (;;) {
        char *room = buf_room(&text, 4096);
        if (!room)
            return buf_error(&text);
        ssize_t n = recv(fd, room, 4096, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n == 0)
            break;
        buf_commit(&text, (size_t)n);
    }
    json_t *object = json_loads(buf_str(&text), 0, NULL);
    if (!object)
        return text.len == 0 ? -ECONNRESET : -EPROTO;
    *ret = object;
    return 0;
}

int control_send(int fd, const json_t *object)
{
    _autofree_ char *text = json_dumps(object, JSON_COMPACT);
    if (!text)
        return -ENOMEM;
    int r = fd_write_full(fd, text, strlen(text));
    if (r == 0 && shutdown(fd, SHUT_WR) < 0)
        r = -errno;
    return r;
}

static int answer_error(const json_t *answer, struct err *err)
{
    const char *text = json_string_value(json_object_get(answer, "error"));
    json_int_t code = json_integer_value(json_object_get(answer, "code"));
    return err_set(err, code < 0 && code > -4096 ? (int)code : -EIO, "%s",
                   text ? text : "the sandbox gave no reason");
}

int control_request(const char *state, json_t *request, json_t **ret_answer, struct err *err)
{
    json_auto_t *owned = request;
    if (!owned)
        return err_set(err, -ENOMEM, "out of memory");
    _autofd_ int fd = sandbox_connect(state, "control.sock");
    if (fd == -ENOENT || fd == -ECONNREFUSED)
        return err_set(err, fd, "no sandbox is up in %s", state);
    if (fd < 0)
        return err_errno(err, fd, "the sandbox in %s cannot be reached", state);
    json_auto_t *answer = NULL;
    int r = control_send(fd, owned);
    if (r == 0)
        r = control_receive(fd, &answer);
    if (r < 0)
        return err_errno(err, r, "the sandbox in %s does not answer", state);
    if (!json_is_true(json_object_get(answer, "ok")))
        return answer_error(answer, err);
    if (ret_answer)
        *ret_answer = TAKE_PTR(answer);
    return 0;
}

pid_t control_supervisor(const char *state)
{
    _autofd_ int fd = sandbox_connect(state, "control.sock");
    struct ucred peer;
    socklen_t len = sizeof(peer);
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
        return 0;
    return peer.pid;
}
