/* SPDX-License-Identifier: Apache-2.0 */
/* Writes what packets show of Machines into their timelines, as timeline-gate.h lets it. */
#include "base/log.h"
#include "base/str.h"
#include "server/private.h"
#include "server/timeline-gate.h"

enum { FLUSH_MS = 1000 };

struct timelines {
    struct server *server;
    struct timeline_gate *gate;
    uv_timer_t timer; /* runs while there is something to remember */
};

/* ---- one write ---- */

struct entries {
    struct timeline_item *items;
    size_t count;
};

static void entries_free(struct entries *entries)
{
    timeline_items_free(entries->items, entries->count);
    free(entries);
}

static int add_entries(void *data, json_t *object, struct err *err)
{
    const struct entries *entries = data;
    int r = 0;
    (void)err;
    for (size_t i = 0; r == 0 && i < entries->count; i++) {
        const struct timeline_item *item = &entries->items[i];
        r = machine_timeline_count(object, item->seen_ms, item->event, item->message, item->count);
    }
    return r;
}

static void entries_done(void *data, int rc, json_t *object, const struct err *err)
{
    (void)rc, (void)object, (void)err;
    entries_free(data);
}

static void write_entries(void *data, const char *machine, struct timeline_item *items,
                          size_t count)
{
    struct timelines *self = data;
    struct entries *entries = calloc(1, sizeof(*entries));
    if (!entries) {
        timeline_items_free(items, count);
        return;
    }
    *entries = (struct entries){items, count};
    if (store_mutate(self->server->store, &kind_machine, STORE_STATUS, machine, add_entries,
                     entries_done, entries) < 0)
        entries_free(entries);
}

/* ---- when ---- */

static void on_timer(uv_timer_t *timer)
{
    struct timelines *self = timer->data;
    timeline_gate_flush(self->gate, clock_now(self->server->clock), write_entries, self);
    if (timeline_gate_is_empty(self->gate))
        (void)uv_timer_stop(timer);
}

void timelines_note(struct server *server, const char *name, const char *event, const char *message)
{
    struct timelines *self = server->timelines;
    if (!self)
        return;
    if (timeline_gate_note(self->gate, name, event, message, clock_now(server->clock),
                           clock_wall(server->clock)) < 0)
        return; /* without memory the timeline lacks an entry */
    if (!uv_is_active((uv_handle_t *)&self->timer))
        (void)uv_timer_start(&self->timer, on_timer, FLUSH_MS, FLUSH_MS);
}

int timelines_new(struct server *server, struct err *err)
{
    struct timelines *self = calloc(1, sizeof(*self));
    if (self)
        self->gate = timeline_gate_new();
    if (!self || !self->gate) {
        free(self);
        return err_set(err, -ENOMEM, "out of memory");
    }
    self->server = server;
    (void)uv_timer_init(&server->loop, &self->timer);
    self->timer.data = self;
    server->timelines = self;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct timelines *self = handle->data;
    timeline_gate_free(self->gate);
    free(self);
}

void timelines_free(struct server *server)
{
    struct timelines *self = server->timelines;
    if (!self)
        return;
    server->timelines = NULL;
    uv_close((uv_handle_t *)&self->timer, on_timer_closed);
}
