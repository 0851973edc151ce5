/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client of one cluster's API servers: HTTPS with libcurl's multi interface on a libuv loop.
 * Nothing blocks; every function is called on the loop's thread and every callback comes there.
 *
 * Trust: only the given CA is believed, the host name or address must be in the certificate, no
 * proxy is taken from the environment, no redirect is followed, TLS is at least 1.2. Certificates
 * and keys stay in memory (anonymous files that no path on a disk names).
 *
 * Rules for callbacks: none comes from inside the function that starts a request, each request
 * calls back exactly once unless it is cancelled, and whatever this interface offers may be called
 * from inside a callback (also cancelling others and kube_client_free()).
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "kube/status.h"

struct kube_client;
struct kube_request;

/* Who we are. Copied. A certificate with its key, or a bearer token, or both, or nothing. */
struct kube_credentials {
    const char *certificate; /* PEM, the leaf first */
    const char *key;         /* PEM; both or neither */
    const char *token;
};

struct kube_options {
    uv_loop_t *loop;
    const char *const *urls; /* "https://10.0.0.1:6443"; more than one: the API servers of one
                                cluster. A request that cannot connect goes to the next one */
    size_t n_urls;           /* 1 .. KUBE_URLS_MAX */
    const char *authority;   /* PEM of the cluster's CA, or several; needed */
    struct kube_credentials credentials;
    const char *user_agent;      /* NULL: "slipway/VERSION" */
    const struct clock *clock;   /* NULL: clock_system */
    struct rng *rng;             /* NULL: rng_system; for jitter */
    uint32_t connect_timeout_ms; /* TCP and TLS; 0: 10 s */
    uint32_t request_timeout_ms; /* a whole request, from its start; 0: 30 s */
    size_t response_max;         /* bytes of one answer; 0: 64 MiB */
    unsigned concurrent_max;     /* requests under way; more wait in line; 0: 16. Streams do not
                                    count */
    unsigned queue_max;          /* requests that wait; beyond it -ENOBUFS; 0: 4096 */
};

#define KUBE_URLS_MAX 16

/*
 * Everything in options is copied. 0, -EINVAL (with the reason in err), -ENOMEM, ... (then the loop
 * may have to run once more before it can be closed).
 */
int kube_client_new(const struct kube_options *options, struct kube_client **ret, struct err *err)
    _must_check_;

/*
 * Other credentials (renewed) for all requests that start from now on, on new connections. What is
 * under way ends with the old ones. 0, -EINVAL, -ENOMEM.
 */
int kube_client_set_credentials(struct kube_client *client,
                                const struct kube_credentials *credentials, struct err *err)
    _must_check_;

/*
 * Other addresses of the same cluster's API servers (copied). Streams that run at another one than
 * the first of them end, as if the API server had ended them: it may be on its way out, and say
 * nothing more. 0, -EINVAL, -ENOMEM.
 */
int kube_client_set_urls(struct kube_client *client, const char *const *urls, size_t n_urls,
                         struct err *err) _must_check_;

/*
 * Ends everything: requests that are under way call back with -ECANCELED before this returns, later
 * ones are refused with -ESHUTDOWN, watches end silently (their owners still free them). When all
 * of the loop's handles are closed freed(user) (may be NULL) is called, from the loop, as the last
 * thing. NULL allowed: nothing happens, freed is not called.
 */
void kube_client_free(struct kube_client *client, void (*freed)(void *user), void *user);

uv_loop_t *kube_client_loop(const struct kube_client *client);
const struct clock *kube_client_clock(const struct kube_client *client);
struct rng *kube_client_rng(const struct kube_client *client);
/* The address that is used now. Borrowed until it changes. */
const char *kube_client_url(const struct kube_client *client);

/* How a request ended. Borrowed: json_incref() the object to keep it. */
struct kube_answer {
    int error;        /* 0, or a negative errno: see status.h; and without an answer
                         -ECONNREFUSED, -EHOSTUNREACH (no such host), -ECONNRESET,
                         -ETIMEDOUT, -EKEYREJECTED (not the CA's certificate, or for
                         another host), -EMSGSIZE, -EBADMSG (no JSON), -ECANCELED, -ENOMEM */
    json_t *object;   /* the answer; of a failure: its Status; NULL when there is none */
    const char *text; /* the answer's bytes with a NUL behind, also when they are no JSON */
    size_t len;
    struct kube_status status; /* of a failure; code is set always */
};

/* What to do with an answer. */
struct kube_then {
    void (*done)(void *user, const struct kube_answer *answer); /* NULL: nobody wants to know */
    void *user;
    /*
     * May be NULL. Holds the request while it is under way, NULL again before done is called, so
     * it never dangles. Must live as long as the request.
     */
    struct kube_request **slot;
};

/* A request in full; request.h makes the usual ones. Everything is copied. */
struct kube_call {
    const char *method;       /* NULL: GET */
    const char *path;         /* from "/", with its query, encoded */
    const char *content_type; /* of the body */
    const char *body;         /* NULL: none; len bytes */
    size_t len;
    uint32_t timeout_ms; /* 0: the client's */
    bool plain;          /* the answer is no JSON (/readyz): only text and len */
};

/* 0, -EINVAL, -ESHUTDOWN, -ENOBUFS (queue_max) or -ENOMEM; after a failure done is not called. */
int kube_call(struct kube_client *client, const struct kube_call *call, struct kube_then then)
    _must_check_;

/*
 * A request whose answer never ends. data() gets what has arrived (borrowed) while the answer is a
 * success; anything else is collected and comes with done(). No time limit but that of connecting.
 */
struct kube_stream {
    const char *path;
    void (*data)(void *user, const char *data, size_t len);
    struct kube_then then; /* error 0: the server ended the stream in an orderly way */
};

int kube_stream(struct kube_client *client, const struct kube_stream *stream) _must_check_;

/* Ends a request; done is not called any more, its slot becomes NULL. NULL allowed. */
void kube_request_cancel(struct kube_request *request);
