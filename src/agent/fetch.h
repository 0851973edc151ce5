/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One keep-alive connection to the server's boot HTTP: what the agent asks of http/client.h, with
 * reconnecting. Belongs to one thread at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct fetch;

/* `server` is "http://ADDRESS:PORT". Connects on first use. 0, -EINVAL, -ENOMEM. */
int fetch_new(const char *server, struct fetch **ret, struct err *err) _must_check_;
void fetch_free(struct fetch *fetch);
DEFINE_CLEANUP(struct fetch *, fetch_free)

/*
 * GET of a whole file of at most max bytes, appended to out. 0; -EHOSTUNREACH and other errnos of
 * the connection; -EPROTO with the status in err when the server answers something else than 200.
 */
int fetch_get(struct fetch *fetch, const char *path, size_t max, struct buf *out, struct err *err)
    _must_check_;

/* GET of exactly len bytes from offset on, into dst. Failures as above. */
int fetch_range(struct fetch *fetch, const char *path, uint64_t offset, size_t len, void *dst,
                struct err *err) _must_check_;

/* POST of JSON; the answer is appended to out. Failures as above. */
int fetch_post(struct fetch *fetch, const char *path, const char *body, size_t len, size_t max,
               struct buf *out, struct err *err) _must_check_;
