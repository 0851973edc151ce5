/* SPDX-License-Identifier: Apache-2.0 */
/* recvmsg(2) and sendmsg(2) for one datagram: without waiting, and not ended early by signals. */
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

/* The datagram's length, -EAGAIN when there is none, or another negative errno. */
ssize_t message_receive(int fd, struct msghdr *message);

/* 0, -EAGAIN when the socket's buffer is full, or another negative errno. */
int message_send(int fd, const struct msghdr *message);
