/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Durable before promised: lease records are collected into batches, one batch at a time is at the
 * journal, and the ACKs of a batch leave when it is on disk.
 */
#include <errno.h>

#include "dhcp/server-private.h"

static int queue_records(struct dhcp_server *s, const struct dhcp_lease *records, size_t count)
{
    if (s->record_count + count > s->record_room) {
        size_t room = s->record_room ? s->record_room * 2 : 64;
        struct dhcp_lease *grown = reallocarray(s->records, room, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        s->records = grown;
        s->record_room = room;
    }
    for (size_t i = 0; i < count; i++)
        s->records[s->record_count++] = records[i];
    return 0;
}

int dhcp_commit(struct dhcp_server *s, const struct dhcp_change *change)
{
    struct dhcp_lease records[DHCP_RECORDS_MAX];
    size_t count = 0;
    if (change->kind == DHCP_CHANGE_NONE)
        return 0;
    int r = dhcp_leases_apply(s->leases, change, records, &count);
    if (r < 0 || !s->hooks.journal)
        return r;
    return queue_records(s, records, count);
}

static void drop_held(struct dhcp_server *s, struct dhcp_held *h)
{
    list_remove(&h->list);
    s->held_count--;
    s->counters.acks_held = s->held_count;
    free(h->outgoing);
    free(h);
}

void dhcp_hold(struct dhcp_server *s, struct dhcp_outgoing *o)
{
    struct dhcp_held *h = s->held_count < HELD_MAX ? calloc(1, sizeof(*h)) : NULL;
    if (!h) {
        s->counters.acks_expired++;
        free(o);
        return;
    }
    h->batch = s->batch;
    h->since = clock_now(s->clock);
    h->outgoing = o;
    list_append(&s->held, &h->list);
    s->counters.acks_held = ++s->held_count;
}

void dhcp_flush(struct dhcp_server *s)
{
    if (s->under_way || !s->record_count || s->closing)
        return;
    struct dhcp_lease *records = TAKE_PTR(s->records);
    size_t count = s->record_count;
    s->record_count = s->record_room = 0;
    s->under_way = s->batch++;
    int64_t offset = clock_wall(s->clock) - clock_now(s->clock);
    s->hooks.journal(s->hooks.data, s->under_way, records, count, offset);
    free(records);
}

void dhcp_server_durable(struct dhcp_server *s, uint64_t batch, int error)
{
    if (batch != s->under_way)
        return;
    s->under_way = 0;
    list_for_each_safe (it, &s->held) {
        struct dhcp_held *h = container_of(it, struct dhcp_held, list);
        if (h->batch > batch)
            break; /* in order: what follows is of a later batch */
        if (error)
            s->counters.acks_expired++;
        else
            dhcp_outgoing_send(s, TAKE_PTR(h->outgoing));
        drop_held(s, h);
    }
    dhcp_flush(s);
    dhcp_timer_set(s);
}

void dhcp_held_expire(struct dhcp_server *s, int64_t now)
{
    list_for_each_safe (it, &s->held) {
        struct dhcp_held *h = container_of(it, struct dhcp_held, list);
        if (now - h->since < HELD_TIMEOUT_MS)
            break;
        s->counters.acks_expired++;
        drop_held(s, h);
    }
}

void dhcp_commit_free(struct dhcp_server *s)
{
    list_for_each_safe (it, &s->held)
        drop_held(s, container_of(it, struct dhcp_held, list));
    free(s->records);
    s->records = NULL;
}
