/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "base/test.h"
#include "server/timeline-gate.h"

struct written {
    unsigned writes;
    int64_t count; /* of everything that was handed out */
    size_t items;  /* in the last write */
    char machine[32], message[32];
    int64_t seen_ms, message_count; /* of the last item */
};

static void on_write(void *data, const char *machine, struct timeline_item *items, size_t count)
{
    struct written *w = data;
    w->writes++;
    w->items = count;
    for (size_t i = 0; i < count; i++)
        w->count += items[i].count;
    (void)snprintf(w->machine, sizeof(w->machine), "%s", machine);
    (void)snprintf(w->message, sizeof(w->message), "%s", items[count - 1].message);
    w->seen_ms = items[count - 1].seen_ms;
    w->message_count = items[count - 1].count;
    timeline_items_free(items, count);
}

static void note(struct timeline_gate *gate, const char *machine, const char *message, int64_t now)
{
    assert_int_equal(timeline_gate_note(gate, machine, "DHCP", message, now, now + 1000000), 0);
}

static void one_write_for_one_start(void **state)
{
    (void)state;
    struct timeline_gate *gate = timeline_gate_new();
    struct written w = {0};
    note(gate, "n1", "DISCOVER", 0);
    note(gate, "n1", "REQUEST", 200);
    note(gate, "n1", "DISCOVER", 400);
    timeline_gate_flush(gate, 900, on_write, &w);
    assert_int_equal(w.writes, 0);
    timeline_gate_flush(gate, 1000, on_write, &w);
    assert_int_equal(w.writes, 1);
    assert_int_equal(w.items, 2);
    assert_string_equal(w.machine, "n1");
    assert_string_equal(w.message, "DISCOVER"); /* the newest comes last */
    assert_int_equal(w.message_count, 2);
    assert_int_equal(w.seen_ms, 1000400);
    timeline_gate_free(gate);
}

/* One packet every 100 ms for an hour. */
static void a_boot_loop_is_two_writes_a_minute(void **state)
{
    (void)state;
    struct timeline_gate *gate = timeline_gate_new();
    struct written w = {0};
    int64_t hour = 3600000;
    for (int64_t now = 0; now < hour; now += 100) {
        note(gate, "n1", now / 100 % 2 ? "DISCOVER" : "REQUEST", now);
        if (now % 1000 == 0)
            timeline_gate_flush(gate, now, on_write, &w);
    }
    assert_in_range(w.writes, hour / TIMELINE_GAP_MAX_MS, hour / TIMELINE_GAP_MAX_MS + 6);
    timeline_gate_flush(gate, hour + TIMELINE_GAP_MAX_MS, on_write, &w);
    assert_int_equal(w.count, hour / 100); /* and nothing was lost */
    timeline_gate_free(gate);
}

/* Forged packets that all differ cost no more. */
static void variety_does_not_help(void **state)
{
    (void)state;
    struct timeline_gate *gate = timeline_gate_new();
    struct written w = {0};
    char message[32];
    for (int64_t now = 0; now < 600000; now += 10) {
        (void)snprintf(message, sizeof(message), "%lld", (long long)now);
        note(gate, "n1", message, now);
        if (now % 1000 == 0)
            timeline_gate_flush(gate, now, on_write, &w);
    }
    assert_in_range(w.writes, 1, 600000 / TIMELINE_GAP_MAX_MS + 6);
    assert_true(w.items <= TIMELINE_ITEMS_MAX);
    timeline_gate_free(gate);
}

static void many_machines_take_turns(void **state)
{
    (void)state;
    struct timeline_gate *gate = timeline_gate_new();
    struct written w = {0};
    char name[16];
    unsigned machines = TIMELINE_WRITES_MAX * 4;
    for (unsigned i = 0; i < machines; i++) {
        (void)snprintf(name, sizeof(name), "n%u", i);
        note(gate, name, "DISCOVER", 0);
    }
    timeline_gate_flush(gate, 1000, on_write, &w);
    assert_int_equal(w.writes, TIMELINE_WRITES_MAX);
    for (int64_t now = 2000; now <= 4000; now += 1000)
        timeline_gate_flush(gate, now, on_write, &w);
    assert_int_equal(w.writes, machines);
    assert_int_equal(w.count, machines);
    timeline_gate_free(gate);
}

static void a_calm_machine_is_forgotten(void **state)
{
    (void)state;
    struct timeline_gate *gate = timeline_gate_new();
    struct written w = {0};
    note(gate, "n1", "DISCOVER", 0);
    timeline_gate_flush(gate, 1000, on_write, &w);
    timeline_gate_flush(gate, 60000, on_write, &w);
    assert_false(timeline_gate_is_empty(gate));
    timeline_gate_flush(gate, 3000 + TIMELINE_CALM_MS, on_write, &w);
    assert_true(timeline_gate_is_empty(gate));
    note(gate, "n1", "DISCOVER", 500000);
    timeline_gate_flush(gate, 501000, on_write, &w);
    assert_int_equal(w.writes, 2);
    note(gate, "n1", "unwritten", 502000);
    timeline_gate_free(gate);
}

UNIT_MAIN(cmocka_unit_test(one_write_for_one_start),
          cmocka_unit_test(a_boot_loop_is_two_writes_a_minute),
          cmocka_unit_test(variety_does_not_help), cmocka_unit_test(many_machines_take_turns),
          cmocka_unit_test(a_calm_machine_is_forgotten))
