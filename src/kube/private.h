/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the client share: the client, and a request under way. */
#pragma once

#include "base/buf.h"
#include "base/list.h"
#include "kube/client.h"
#include "kube/transport.h"

struct kube_urls {
    char *text[KUBE_URLS_MAX]; /* owned */
    size_t n;
};

struct kube_client {
    uv_loop_t *loop;
    const struct clock *clock;
    struct rng *rng;
    struct kube_urls urls;
    size_t url; /* the one that is used now */
    char *authority;
    char *token;
    char *user_agent;
    uint32_t connect_timeout_ms;
    uint32_t request_timeout_ms;
    size_t response_max;
    unsigned concurrent_max;
    unsigned queue_max;
    struct kube_transport *transport; /* of the present credentials */
    unsigned open;                    /* transports and the kick that are not closed yet */
    uv_timer_t kick;                  /* brings requests on that wait, outside of any callback */
    struct list waiting;              /* requests by `item` */
    struct list running;              /* likewise; streams, too */
    struct list ready;                /* requests by `ready`, that have something to hand over */
    unsigned n_waiting;
    unsigned n_running;           /* without streams */
    struct list followers;        /* struct kube_follower */
    struct kube_request *current; /* whose data() is being called; NULL when it was ended inside */
    bool closing;
    void (*freed)(void *user);
    void *freed_user;
};

struct kube_request {
    struct kube_client *client;
    struct list item;  /* in client->waiting or client->running */
    struct list ready; /* in client->ready, or alone */
    struct kube_then then;
    void (*release)(void *user);                            /* see kube_call_owned() */
    void (*data)(void *user, const char *data, size_t len); /* of a stream; NULL: no stream */
    char *method;
    char *path;
    char *content_type;
    char *body;
    size_t body_len;
    bool plain;
    uint32_t timeout_ms;
    int64_t deadline; /* of the monotonic clock */
    /* while it is started */
    struct kube_transport *transport;
    CURL *easy;
    struct curl_slist *headers;
    size_t url;    /* that it was sent to */
    size_t n_urls; /* that were tried */
    /* the answer */
    struct buf answer;
    char error_text[CURL_ERROR_SIZE];
    CURLcode code;
    int os_error;
    int http;
    int retry_after;
    bool sent;
    bool ended;
};

/* Somebody who keeps the client's address and has to forget it when the client ends. */
struct kube_follower {
    struct list item;
    void (*client_gone)(struct kube_follower *follower);
};

/*
 * As kube_call(), and release(then.user) is called when the request ends without done having been
 * called: cancelled. For a user that the request itself has to free.
 */
int kube_call_owned(struct kube_client *client, const struct kube_call *call, struct kube_then then,
                    void (*release)(void *user)) _must_check_;

/* Transport hooks. */
void kube_requests_ended(void *client, void *request, CURLcode code);
void kube_requests_settle(void *client);

/* Ends the streams that run at another address than url, from the loop: it is to be the first one.
 */
void kube_requests_move_streams(struct kube_client *c, const char *url);

/* Ends all requests with -ECANCELED. */
void kube_requests_end_all(struct kube_client *client);
