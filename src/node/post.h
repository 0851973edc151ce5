/* SPDX-License-Identifier: Apache-2.0 */
/* POSTs to the server over one connection that is kept open and opened again when it broke. */
#pragma once

#include "base/err.h"

struct post;

/* server is "http://ADDRESS:PORT"; nothing is connected yet. 0, -EINVAL or -ENOMEM. */
int post_new(const char *server, struct post **ret, struct err *err) _must_check_;
void post_free(struct post *post);
DEFINE_CLEANUP(struct post *, post_free)

/* As struct node_transport wants it; data is a struct post. Waits at most a few seconds. */
int post_send(void *data, const char *path, const char *text, size_t len, char **ret_text,
              size_t *ret_len, struct err *err) _must_check_;
