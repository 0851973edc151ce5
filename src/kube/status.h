/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the API says about a failure (a meta/v1 Status) as plain values, and as an errno. Pure.
 *
 *   -ENOENT NotFound            -EEXIST AlreadyExists       -ESTALE Conflict (somebody else wrote)
 *   -EIDRM Gone, Expired        -EINVAL Invalid, BadRequest -EACCES Unauthorized (who are you?)
 *   -EPERM Forbidden            -EAGAIN TooManyRequests,    -ETIMEDOUT Timeout, ServerTimeout
 *   -EOPNOTSUPP MethodNotAllowed,       ServiceUnavailable  -E2BIG RequestEntityTooLarge
 *     NotAcceptable, UnsupportedMediaType                   -EREMOTEIO everything else
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/cleanup.h"

struct kube_status {
    int code;                /* the HTTP status, 0 when no answer came */
    int retry_after_seconds; /* what the API asks for, in its Status or a Retry-After header; or 0
                              */
    char reason[64];         /* "NotFound"; "" when the answer was no Status */
    char message[512];       /* one line for people; never empty after a failure */
};

/* Copies as much of src as fits, control characters as spaces: others wrote it. Returns dst. */
const char *kube_copy_line(char *dst, size_t size, const char *src);

/*
 * Fills *ret from an answer's HTTP status and its JSON (NULL, or no Status: then only the code
 * speaks). Returns the errno of the table above; 0 when http is 2xx.
 */
int kube_status_read(int http, const json_t *body, struct kube_status *ret);

/* A failure without an answer: its errno and a text. Returns error. */
int kube_status_set(struct kube_status *ret, int error, const char *format, ...) _printf_(3, 4);

/*
 * Whether the same request may succeed later without anybody changing anything: no connection, a
 * timeout, an overloaded or restarting server. Not: -ESTALE, -EACCES, -EKEYREJECTED.
 */
bool kube_error_is_transient(int error);
