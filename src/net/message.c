/* SPDX-License-Identifier: Apache-2.0 */
#include "net/message.h"

#include <errno.h>

static ssize_t result(ssize_t n)
{
    if (n >= 0)
        return n;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ssize_t message_receive(int fd, struct msghdr *message)
{
    ssize_t n;
    do
        n = recvmsg(fd, message, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return result(n);
}

int message_send(int fd, const struct msghdr *message)
{
    ssize_t n;
    do
        n = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? (int)result(n) : 0;
}
