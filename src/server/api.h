/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API: group slipway.dev/v1alpha1 in the shape of the Kubernetes REST API, served from
 * the store, so that kubectl works against it. One object answers the requests of any number of
 * listeners; who may do what depends on the connection: a Unix socket by the caller's credentials,
 * TLS by a bearer token. Plain TCP is refused. Loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "resource/kind.h"
#include "resource/problem.h"

struct uv_loop_s;
struct http_request;
struct store;
struct api;

struct api_setup {
    struct uv_loop_s *loop;
    struct store *store;
    const struct clock *clock;
    const char *version; /* of the program, for /version */
    const char
        *users_path;   /* file of api-users.h, read again when it changes; NULL: no TLS users */
    gid_t admin_group; /* its members are admins on Unix sockets; (gid_t)-1: none */
    /* Appends Prometheus' text format for /metrics. May be NULL. */
    void (*metrics)(void *data, struct buf *out);
    /*
     * For /readyz: whether the server does its work; NULL: always. Appends one line per check,
     * "[+]store ok" or "[-]store failed: WHY", the reason only when asked for.
     */
    bool (*ready)(void *data, bool reasons, struct buf *out);
    /*
     * A kubeconfig of that Cluster for so many seconds; *ret is malloc'd and secret. -ENOENT: there
     * is none; -EAGAIN: not yet. NULL: no Clusters here.
     */
    int (*kubeconfig)(void *data, const char *cluster, int64_t seconds, char **ret,
                      struct err *err);
    /*
     * Adds what is wrong with an object that is about to be written (not its status), seen together
     * with others; live is NULL when it is being created. NULL: nothing ever is.
     */
    void (*admit)(void *data, const struct kind *kind, const json_t *live, const json_t *candidate,
                  struct problems *problems);
    void *data;
};

/* Watches that may be open at the same time. */
#define API_WATCHES_MAX 512
/* Largest request body; the route's body_max. */
#define API_BODY_MAX ((size_t)3 << 20)

/* Strings and the objects pointed to must outlive the API. 0 or a negative errno. */
int api_new(const struct api_setup *setup, struct api **ret, struct err *err) _must_check_;

/*
 * Ends all watches and frees everything once the loop has run again; then calls on_closed (may be
 * NULL). Call it before http_server_close() and while the store is still open; requests whose
 * writes are on their way to the disk are answered by the store's callbacks, so let the store
 * become idle before the server closes.
 */
void api_close(struct api *api, void (*on_closed)(void *data), void *data);

/* The handler for the route "/" of an API site; data is the struct api. */
void api_handle(struct http_request *request, void *data);

struct api_counters {
    size_t watches; /* open now */
};
void api_get_counters(const struct api *api, struct api_counters *ret);
