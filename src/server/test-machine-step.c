/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "base/test.h"
#include "server/machine-step.h"

/* A machine whose JSON lives on from step to step, as in the store. */
struct fixture {
    json_t *object;
    struct trust_key key;
    struct clock_fake clock;
    bool image_ready;
    struct machine_change change;
};

static void fixture_init(struct fixture *f, const char *spec)
{
    *f = (struct fixture){.image_ready = true};
    f->object = object_new(&kind_machine, "node1");
    assert_int_equal(object_set(f->object, "spec", json_loads(spec, 0, NULL)), 0);
    assert_int_equal(object_set(f->object, "metadata.generation", json_integer(1)), 0);
    assert_int_equal(trust_init(), 0);
    trust_key_generate(&f->key);
    clock_fake_init(&f->clock, 0, 1700000000000);
}

static void fixture_free(struct fixture *f)
{
    json_decref(f->object);
}

static void step(struct fixture *f, struct machine_event event)
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
    event.now_ms = clock_wall(&f->clock.clock);
    event.key = &f->key.public;
    machine_step(&view, &event, &f->change);
    assert_int_equal(machine_change_apply(&f->change, &view, &event, f->object), 0);
}

static void hello(struct fixture *f, enum protocol_program program, uint64_t generation)
{
    struct protocol_hello h = {.program = program, .install_generation = generation};
    h.inventory =
        program == PROTOCOL_AGENT ? json_pack("{s:I}", "memoryBytes", (json_int_t)1 << 30) : NULL;
    step(f, (struct machine_event){.type = MACHINE_EVENT_HELLO, .hello = &h});
    json_decref(h.inventory);
}

static void report(struct fixture *f, const char *name, const char *failure, bool final)
{
    struct protocol_report r = {.program = PROTOCOL_AGENT, .final = final, .install_generation = 1};
    r.step = strdup(name);
    r.failure = failure ? strdup(failure) : NULL;
    step(f, (struct machine_event){.type = MACHINE_EVENT_REPORT, .report = &r});
    protocol_report_free(&r);
}

static void tick(struct fixture *f, int64_t ms)
{
    clock_fake_advance(&f->clock, ms);
    step(f, (struct machine_event){.type = MACHINE_EVENT_TICK});
}

#define APPROVED "{\"approved\": true, \"image\": \"debian\", \"installGeneration\": 1}"

#define assert_phase(f, text) assert_string_equal(object_text((f)->object, "status.phase"), text)

static void test_whole_life(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, "{\"image\": \"debian\", \"installGeneration\": 1}");
    hello(&f, PROTOCOL_AGENT, 0);
    assert_phase(&f, "Discovered");
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_int_equal(object_set(f.object, "spec.approved", json_true()), 0);
    step(&f, (struct machine_event){.type = MACHINE_EVENT_SPEC});
    assert_phase(&f, "Available");
    hello(&f, PROTOCOL_AGENT, 0);
    assert_phase(&f, "Provisioning");
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    report(&f, PROTOCOL_STEP_IMAGING, NULL, false);
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    assert_phase(&f, "Installed");
    assert_int_equal(json_integer_value(object_get(f.object, "status.installedGeneration")), 1);
    hello(&f, PROTOCOL_NODE, 1);
    assert_phase(&f, "Running");
    assert_int_equal(f.change.action, PROTOCOL_OK);
    fixture_free(&f);
}

static void test_installed_machine_is_not_reinstalled(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, APPROVED);
    hello(&f, PROTOCOL_AGENT, 0);
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    struct trust_key installed = f.key;
    trust_key_generate(&f.key);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_BOOT);
    f.key = installed;
    hello(&f, PROTOCOL_NODE, 1);
    assert_phase(&f, "Running");
    assert_int_equal(object_set(f.object, "spec.installGeneration", json_integer(2)), 0);
    trust_key_generate(&f.key);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    fixture_free(&f);
}

static void test_lost_installed_report(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, APPROVED);
    hello(&f, PROTOCOL_AGENT, 0);
    hello(&f, PROTOCOL_NODE, 1);
    assert_phase(&f, "Running");
    assert_int_equal(json_integer_value(object_get(f.object, "status.installedGeneration")), 1);
    fixture_free(&f);
}

static void test_other_keys_change_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, APPROVED);
    hello(&f, PROTOCOL_AGENT, 0);
    trust_key_generate(&f.key);
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    assert_phase(&f, "Provisioning");
    assert_int_equal(f.change.action, PROTOCOL_REJECT);
    hello(&f, PROTOCOL_NODE, 1);
    assert_phase(&f, "Provisioning");
    fixture_free(&f);
}

static void test_failure_needs_a_change_to_go_on(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, APPROVED);
    hello(&f, PROTOCOL_AGENT, 0);
    report(&f, PROTOCOL_STEP_DISK, "NoDisk", false);
    assert_phase(&f, "Provisioning");
    report(&f, PROTOCOL_STEP_DISK, "NoDisk", true);
    assert_phase(&f, "Failed");
    assert_string_equal(object_text(f.object, "status.failure.reason"), "NoDisk");
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_non_null(strstr(f.change.reason, "NoDisk"));
    assert_int_equal(object_set(f.object, "metadata.generation", json_integer(2)), 0);
    step(&f, (struct machine_event){.type = MACHINE_EVENT_SPEC});
    assert_null(object_get(f.object, "status.failure"));
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    fixture_free(&f);
}

static void test_attempts_are_limited(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, APPROVED);
    for (int i = 0; i < 3; i++) {
        trust_key_generate(&f.key);
        hello(&f, PROTOCOL_AGENT, 0);
        assert_int_equal(f.change.action, PROTOCOL_INSTALL);
        /* The same stage2 asking again is not another attempt. */
        hello(&f, PROTOCOL_AGENT, 0);
        assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    }
    trust_key_generate(&f.key);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_phase(&f, "Failed");
    fixture_free(&f);
}

static void test_rejected(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, "{\"approved\": false, \"image\": \"debian\", \"installGeneration\": 1}");
    hello(&f, PROTOCOL_AGENT, 0);
    assert_phase(&f, "Rejected");
    assert_int_equal(f.change.action, PROTOCOL_REJECT);
    fixture_free(&f);
}

static void test_image_not_ready(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, APPROVED);
    f.image_ready = false;
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_non_null(strstr(f.change.reason, "debian"));
    f.image_ready = true;
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    fixture_free(&f);
}

static void test_deadlines(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, APPROVED);
    hello(&f, PROTOCOL_AGENT, 0);
    tick(&f, 59000);
    assert_phase(&f, "Provisioning");
    tick(&f, 2000);
    assert_phase(&f, "Failed");
    assert_string_equal(object_text(f.object, "status.failure.reason"), "Silent");
    /* A late word from the same stage2 is welcome. */
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    assert_phase(&f, "Installed");
    tick(&f, 121000);
    assert_phase(&f, "Failed");
    hello(&f, PROTOCOL_NODE, 1);
    assert_phase(&f, "Running");
    fixture_free(&f);
}

UNIT_MAIN(cmocka_unit_test(test_whole_life),
          cmocka_unit_test(test_installed_machine_is_not_reinstalled),
          cmocka_unit_test(test_lost_installed_report),
          cmocka_unit_test(test_other_keys_change_nothing),
          cmocka_unit_test(test_failure_needs_a_change_to_go_on),
          cmocka_unit_test(test_attempts_are_limited), cmocka_unit_test(test_rejected),
          cmocka_unit_test(test_image_not_ready), cmocka_unit_test(test_deadlines))
