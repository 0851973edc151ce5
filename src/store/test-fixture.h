/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a folder of its own, with a fake clock and repeatable randomness. */
#pragma once

#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "store/store.h"

struct fixture {
    char folder[64];
    char path[80];
    struct clock_fake clock;
    struct rng_seeded rng;
    struct store_options options;
    struct store *store;
};

static inline void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    (void)snprintf(f->folder, sizeof(f->folder), "%s", "/tmp/slipway-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    (void)snprintf(f->path, sizeof(f->path), "%s/slipway.db", f->folder);
    clock_fake_init(&f->clock, 0, 1769860800000); /* 2026-01-31T12:00:00Z */
    rng_seeded_init(&f->rng, 1);
    f->options =
        (struct store_options){.path = f->path, .clock = &f->clock.clock, .rng = &f->rng.rng};
}

static inline void fixture_open(struct fixture *f)
{
    struct err err = ERR_INIT;
    if (store_open(&f->options, &f->store, &err) < 0)
        fail_msg("%s", err_text(&err));
}

static inline void fixture_reopen(struct fixture *f)
{
    store_close(TAKE_PTR(f->store));
    fixture_open(f);
}

static inline void fixture_done(struct fixture *f)
{
    store_close(TAKE_PTR(f->store));
    assert_int_equal(tree_remove(f->folder, NULL), 0);
}

/* What an operation came to. */
struct outcome {
    int calls;
    int rc;
    json_t *object;
    char text[1024];
};

static inline void outcome_done(void *data, int rc, json_t *object, const struct err *err)
{
    struct outcome *o = data;
    o->calls++;
    o->rc = rc;
    json_decref(o->object);
    o->object = json_incref(object);
    (void)snprintf(o->text, sizeof(o->text), "%s", rc < 0 ? err_text(err) : "");
}

static inline void outcome_free(struct outcome *o)
{
    json_decref(o->object);
    o->object = NULL;
}

static inline json_t *load_json(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    if (!json)
        fail_msg("%s: %s", error.text, text);
    return json;
}

static inline json_t *machine_json(const char *name, const char *spec)
{
    _autofree_ char *text =
        str_format("{\"metadata\":{\"name\":\"%s\"},\"spec\":%s}", name, spec ? spec : "{}");
    return load_json(text);
}

/* Creates a Machine and returns the result's code. */
static inline int create_machine(struct store *store, const char *name, const char *spec)
{
    struct outcome o = {0};
    assert_int_equal(
        store_create(store, &kind_machine, STORE_ALL, machine_json(name, spec), outcome_done, &o),
        0);
    assert_int_equal(o.calls, 1);
    outcome_free(&o);
    return o.rc;
}

/* For store_mutate(): sets a path ("spec.image") to a JSON value. */
struct setter {
    const char *path, *value;
    struct outcome outcome;
};

static inline int set_value(void *data, json_t *object, struct err *err)
{
    const struct setter *s = data;
    (void)err;
    return object_set(object, s->path, json_loads(s->value, JSON_DECODE_ANY, NULL));
}

static inline void set_done(void *data, int rc, json_t *object, const struct err *err)
{
    struct setter *s = data;
    outcome_done(&s->outcome, rc, object, err);
}
