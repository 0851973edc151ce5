/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTP/1.1 client for stage2: one kept-alive connection to an IPv4 address (or a Unix
 * socket), blocking with time-outs, no names, no TLS, no allocation. Bodies are received straight
 * into the caller's memory. Several threads use several clients.
 *
 *     struct http_client c;
 *     http_client_init(&c, &options);
 *     r = http_client_call(&c, &(struct http_call){.target = "/images/a.zst", .length = 4096},
 * &answer, &err); while (r == 0 && (n = http_client_read(&c, buffer, sizeof(buffer), &err)) > 0)
 * ... http_client_close(&c);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"
#include "base/err.h"
#include "http/chunked.h"
#include "http/head.h"

struct http_client_options {
    ipv4 address;
    uint16_t port;
    const char *unix_path; /* instead of address and port; borrowed */
    const char *link; /* bind to this network interface (SO_BINDTODEVICE); borrowed; NULL: any */
    const char *user_agent; /* borrowed; NULL: none sent */
    int connect_timeout_ms; /* 0: 5000 */
    int idle_timeout_ms;    /* no byte comes or goes; 0: 15000 */
    int cancel_fd;          /* whatever makes it readable ends a call with -ECANCELED; 0: none */
};

struct http_call {
    const char *method;  /* NULL: GET, or POST when there is a body */
    const char *target;  /* "/path?query", already escaped */
    const char *headers; /* further "Name: value\r\n" lines, or NULL */
    const void *body;
    size_t body_len;
    const char *body_type; /* Content-Type of body */
    /*
     * Asks for the bytes [offset, offset+length); length 0: the whole. An answer of class 2xx is
     * then only accepted when it is 206 and has exactly these bytes.
     */
    uint64_t offset;
    uint64_t length;
    int total_timeout_ms; /* for head and body together; 0: none */
};

enum http_framing { HTTP_NO_BODY, HTTP_BY_LENGTH, HTTP_BY_CHUNKS, HTTP_BY_CLOSE };

#define HTTP_LENGTH_UNKNOWN UINT64_MAX

struct http_answer {
    unsigned status;
    uint64_t length;              /* of the body, or HTTP_LENGTH_UNKNOWN */
    uint64_t total;               /* 206: the whole file's length, or HTTP_LENGTH_UNKNOWN */
    const struct http_head *head; /* borrowed until the next call */
};

/* Fields are private. */
struct http_client {
    struct http_client_options options;
    int fd; /* -1: not connected */
    bool reusable;
    bool used; /* answered at least once on this connection */
    enum http_framing framing;
    uint64_t left; /* of a body by length */
    struct http_chunked chunked;
    bool finished;       /* the body was read to its end */
    int64_t deadline_ms; /* of the call; 0: none */
    size_t start, end;   /* what is received but not used, in buffer */
    uint8_t buffer[2 * HTTP_HEAD_MAX];
    struct http_head head;
};

void http_client_init(struct http_client *client, const struct http_client_options *options);

/* Closes the connection; the client may be used again. */
void http_client_close(struct http_client *client);

/*
 * Connects if needed, sends a request and receives the answer's head. An answer with any status is
 * success (0); read its body, or the connection is closed before the next call. A GET whose
 * kept-alive connection turns out to be closed is sent again on a new one. Errors: -ETIMEDOUT,
 * -ECANCELED, -ECONNREFUSED and what else connect(2) gives, -EPIPE (closed before the answer),
 * -EPROTO (not acceptable HTTP, or not the range that was asked for), -EMSGSIZE (head or request
 * too long), -EINVAL (control characters or blanks in target).
 */
int http_client_call(struct http_client *client, const struct http_call *call,
                     struct http_answer *ret, struct err *err) _must_check_;

/*
 * Receives up to max bytes of the body. The count; 0 at its end; -EPIPE when the connection closed
 * before the end, -ETIMEDOUT, -ECANCELED, -EPROTO. After a failure the connection is closed.
 */
ssize_t http_client_read(struct http_client *client, void *dst, size_t max, struct err *err)
    _must_check_;

/*
 * Receives the rest of the body, which must have at most max bytes: 0 and its length, or -EMSGSIZE
 * or what http_client_read() gives.
 */
int http_client_read_all(struct http_client *client, void *dst, size_t max, size_t *ret_len,
                         struct err *err) _must_check_;
