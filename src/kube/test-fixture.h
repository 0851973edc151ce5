/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small HTTPS server with certificates of its own, in threads, whose answers a test scripts: slow
 * ones, endless ones, torn ones. And a loop with a client, which is run until something is true.
 */
#pragma once

#include <microhttpd.h>
#include <pthread.h>

#include "base/str.h"
#include "base/test.h"
#include "kube/client.h"

/* PEM texts, owned. */
struct fake_pki {
    char *authority;
    char *certificate; /* of the server, for 127.0.0.1 */
    char *key;
    char *client_certificate; /* of CN "tester" */
    char *client_key;
};

void fake_pki_make(struct fake_pki *ret);
void fake_pki_clear(struct fake_pki *pki);

enum fake_end {
    FAKE_END,  /* the answer ends as it should */
    FAKE_DROP, /* the connection ends in the middle of it */
    FAKE_HANG, /* nothing more comes, until the server stops */
};

struct fake_reply {
    int http;          /* 0: 200 */
    const char *text;  /* borrowed until the server stops; NULL: "" */
    size_t len;        /* 0: of text */
    size_t chunk;      /* bytes at a time; 0: as they come */
    unsigned pause_ms; /* between chunks */
    enum fake_end end;
    const char *retry_after;
};

struct fake_request {
    const char *method;
    const char *target; /* path and query */
    const char *authorization;
    const char *content_type;
    const char *body;
    const char *peer; /* subject of the client's certificate, or "" */
};

struct fake_server {
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stopping;
    /* Called in the server's threads, one at a time. */
    struct fake_reply (*handle)(void *user, const struct fake_request *request);
    void *user;
    unsigned requests;
    unsigned connections;
    char url[64];
};

/* Serves with that certificate, on a free port of 127.0.0.1 or on `port`. */
void fake_server_start(struct fake_server *server, const struct fake_pki *pki, uint16_t port,
                       struct fake_reply (*handle)(void *user, const struct fake_request *request),
                       void *user);
void fake_server_stop(struct fake_server *server);
uint16_t fake_server_port(const struct fake_server *server);

/* A port on which nobody accepts; the kernel does, so that TLS begins and nothing comes. Its
 * socket. */
int fake_silent_port(char *url, size_t size);

/* ---- the loop's side ---- */

struct test_loop {
    uv_loop_t loop;
    struct kube_client *client;
    bool freed;
};

/* A client of the server's address; options may be NULL. */
void test_loop_start(struct test_loop *l, const char *url, const struct fake_pki *pki,
                     const struct kube_options *options);
/* Frees the client, runs the loop empty and checks that nothing is left on it. */
void test_loop_stop(struct test_loop *l);
/* Turns the loop until *value >= at_least; fails the test after half a minute. */
void test_loop_until(struct test_loop *l, const unsigned *value, unsigned at_least);
/* Turns the loop for that long. */
void test_loop_for(struct test_loop *l, uint64_t ms);

/* ---- answers ---- */

/* The last answer of requests whose kube_then is {test_done, &seen, ...}. */
struct test_answer {
    unsigned count;
    int error;
    struct kube_status status;
    json_t *object; /* owned */
    char text[256];
    size_t len;
};

void test_done(void *user, const struct kube_answer *answer);
void test_answer_clear(struct test_answer *answer);
