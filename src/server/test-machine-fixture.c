/* SPDX-License-Identifier: Apache-2.0 */
#include "server/test-machine-fixture.h"

#include <string.h>

void fixture_init(struct fixture *f, const char *spec)
{
    *f = (struct fixture){.image_ready = true};
    f->object = object_new(&kind_machine, "node1");
    assert_int_equal(object_set(f->object, "spec", json_loads(spec, 0, NULL)), 0);
    assert_int_equal(object_set(f->object, "metadata.generation", json_integer(1)), 0);
    assert_int_equal(trust_init(), 0);
    trust_key_generate(&f->key);
    clock_fake_init(&f->clock, 0, 1700000000000);
}

void fixture_free(struct fixture *f)
{
    json_decref(f->object);
}

void step(struct fixture *f, struct machine_event event)
{
    _cleanup_(machine_freep) struct machine *machine = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(machine_decode(f->object, &machine, &err), 0);
    struct machine_spec effective = machine_effective(machine, NULL);
    struct machine_view view = {.machine = machine,
                                .effective = &effective,
                                .image_ready = f->image_ready,
                                .provisioning_deadline_ms = 60000,
                                .first_boot_deadline_ms = 120000,
                                .attempts_max = 3};
    (void)snprintf(view.hold, sizeof(view.hold), "%s", f->hold ? f->hold : "");
    event.now_ms = clock_wall(&f->clock.clock);
    event.key = &f->key.public;
    machine_step(&view, &event, &f->change);
    assert_int_equal(machine_change_apply(&f->change, &view, &event, f->object), 0);
}

void hello(struct fixture *f, enum protocol_program program, uint64_t generation)
{
    struct protocol_hello h = {.program = program, .install_generation = generation};
    h.inventory =
        program == PROTOCOL_AGENT ? json_pack("{s:I}", "memoryBytes", (json_int_t)1 << 30) : NULL;
    h.system = f->boot_id ? json_pack("{s:s}", "bootID", f->boot_id) : NULL;
    step(f, (struct machine_event){.type = MACHINE_EVENT_HELLO, .hello = &h});
    json_decref(h.inventory);
    json_decref(h.system);
}

void report(struct fixture *f, const char *name, const char *failure, bool final)
{
    struct protocol_report r = {.program = PROTOCOL_AGENT, .final = final, .install_generation = 1};
    r.step = strdup(name);
    r.failure = failure ? strdup(failure) : NULL;
    step(f, (struct machine_event){.type = MACHINE_EVENT_REPORT, .report = &r});
    protocol_report_free(&r);
}

void tick(struct fixture *f, int64_t ms)
{
    clock_fake_advance(&f->clock, ms);
    step(f, (struct machine_event){.type = MACHINE_EVENT_TICK});
}
