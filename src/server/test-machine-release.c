/* SPDX-License-Identifier: Apache-2.0 */
/* Machines are released, and restarted into stage2, by machine_step(). */
#include "server/test-machine-fixture.h"

static int64_t number(const struct fixture *f, const char *path)
{
    return json_integer_value(object_get(f->object, path));
}

static bool has_event(const struct fixture *f, const char *event)
{
    const json_t *item;
    size_t i;
    json_array_foreach (object_get(f->object, "status.timeline"), i, item) {
        if (str_eq(json_string_value(json_object_get(item, "event")), event))
            return true;
    }
    return false;
}

static bool has_condition(const struct fixture *f, const char *type, const char *status)
{
    const json_t *item;
    size_t i;
    json_array_foreach (object_get(f->object, "status.conditions"), i, item) {
        if (str_eq(json_string_value(json_object_get(item, "type")), type) &&
            str_eq(json_string_value(json_object_get(item, "status")), status))
            return true;
    }
    return false;
}

static void spec(struct fixture *f)
{
    int64_t generation = number(f, "metadata.generation") + 1;
    assert_int_equal(object_set(f->object, "metadata.generation", json_integer(generation)), 0);
    step(f, (struct machine_event){.type = MACHINE_EVENT_SPEC});
}

static void set(struct fixture *f, const char *path, int value)
{
    assert_int_equal(object_set(f->object, path, json_integer(value)), 0);
    spec(f);
}

static void release(struct fixture *f, int generation)
{
    assert_int_equal(
        object_set(f->object, "spec.release", json_pack("{s:i}", "generation", generation)), 0);
    spec(f);
}

/* A machine whose system runs. */
static void run_machine(struct fixture *f, const char *text)
{
    fixture_init(f, text);
    hello(f, PROTOCOL_AGENT, 0);
    report(f, PROTOCOL_STEP_INSTALLED, NULL, false);
    hello(f, PROTOCOL_NODE, 1);
    assert_phase(f, "Running");
}

static void test_release(void **state)
{
    (void)state;
    struct fixture f;
    run_machine(&f, APPROVED);
    _autofree_ char *key = strdup(object_text(f.object, "status.identity.publicKey"));
    release(&f, 1);
    assert_phase(&f, "Releasing");
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_REBOOT);
    assert_true(has_event(&f, "Restarting"));
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WIPE);
    assert_int_equal(number(&f, "status.wipingGeneration"), 1);
    assert_null(object_get(f.object, "status.restartedAt"));
    report(&f, PROTOCOL_STEP_WIPING, NULL, false);
    assert_phase(&f, "Releasing");
    report(&f, PROTOCOL_STEP_RELEASED, NULL, false);
    assert_phase(&f, "Released");
    assert_int_equal(number(&f, "status.releasedGeneration"), 1);
    assert_string_equal(object_text(f.object, "status.revokedKey"), key);
    static const char *const gone[] = {"identity",         "installedImage", "join",
                                       "wipingGeneration", "progress",       "addresses"};
    for (size_t i = 0; i < ARRAY_SIZE(gone); i++)
        assert_null(json_object_get(object_get(f.object, "status"), gone[i]));
    fixture_free(&f);
}

static void release_machine(struct fixture *f, const char *text)
{
    run_machine(f, text);
    release(f, 1);
    hello(f, PROTOCOL_AGENT, 0);
    report(f, PROTOCOL_STEP_RELEASED, NULL, false);
    assert_phase(f, "Released");
}

static void test_released_machine_waits(void **state)
{
    (void)state;
    struct fixture f;
    release_machine(&f, APPROVED);
    struct trust_key old = f.key;
    trust_key_generate(&f.key);
    for (int i = 0; i < 3; i++) {
        hello(&f, PROTOCOL_AGENT, 0);
        assert_int_equal(f.change.action, PROTOCOL_WAIT);
        assert_non_null(strstr(f.change.reason, "slipway reinstall node1"));
        spec(&f);
        assert_phase(&f, "Released");
    }
    assert_non_null(object_text(f.object, "status.candidate.publicKey"));
    assert_null(object_get(f.object, "status.identity"));
    /* asked for again: the key from before is worth nothing, a new one is taken */
    set(&f, "spec.installGeneration", 2);
    assert_phase(&f, "Available");
    struct trust_key new = f.key;
    f.key = old;
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_REJECT);
    f.key = new;
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    assert_int_equal(number(&f, "status.attempts"), 1);
    fixture_free(&f);
}

static void test_release_of_an_approved_key(void **state)
{
    (void)state;
    struct fixture f;
    char text[TRUST_PUBLIC_TEXT_SIZE];
    run_machine(&f, APPROVED);
    const char *known = trust_public_text(&f.key.public, text);
    assert_int_equal(object_set(f.object, "spec.approvedKey", json_string(known)), 0);
    release(&f, 1);
    struct trust_key approved = f.key;
    trust_key_generate(&f.key);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WAIT); /* a stranger can neither wipe nor say so */
    report(&f, PROTOCOL_STEP_RELEASED, NULL, false);
    assert_phase(&f, "Releasing");
    f.key = approved;
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WIPE);
    report(&f, PROTOCOL_STEP_RELEASED, NULL, false);
    assert_phase(&f, "Released");
    /* spec.approvedKey still names the key that was given up */
    set(&f, "spec.installGeneration", 2);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    fixture_free(&f);
}

static void test_release_waits_for_the_cluster(void **state)
{
    (void)state;
    struct fixture f;
    run_machine(&f, APPROVED);
    assert_int_equal(
        object_set(f.object, "status.join", json_pack("{s:s, s:s}", "task", "t", "state", "Done")),
        0);
    f.hold = "leaves Cluster c first";
    release(&f, 1);
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_string_equal(f.change.reason, f.hold);
    assert_true(has_condition(&f, "Leaving", "True"));
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_string_equal(f.change.reason, f.hold);
    assert_int_equal(number(&f, "status.wipingGeneration"), 0);
    f.hold = NULL;
    step(&f, (struct machine_event){.type = MACHINE_EVENT_LEFT, .message = "left"});
    assert_phase(&f, "Releasing");
    assert_null(object_get(f.object, "status.join"));
    assert_true(has_event(&f, "Left"));
    assert_true(has_condition(&f, "Leaving", "False"));
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_REBOOT);
    fixture_free(&f);
}

static void test_member_that_stays_after_all(void **state)
{
    (void)state;
    struct fixture f;
    run_machine(&f, APPROVED);
    f.hold = "2 pods are left";
    set(&f, "spec.installGeneration", 2);
    hello(&f, PROTOCOL_NODE, 1);
    assert_true(has_condition(&f, "Leaving", "True"));
    f.hold = NULL;
    set(&f, "spec.installGeneration", 1);
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_OK);
    assert_true(has_condition(&f, "Leaving", "False"));
    fixture_free(&f);
}

static void test_release_undone(void **state)
{
    (void)state;
    struct fixture f;
    run_machine(&f, APPROVED);
    release(&f, 1);
    assert_phase(&f, "Releasing");
    release(&f, 0);
    assert_phase(&f, "Running");
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_OK);
    /* not any more once wiping began */
    release(&f, 1);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WIPE);
    release(&f, 0);
    assert_phase(&f, "Releasing");
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WIPE);
    report(&f, PROTOCOL_STEP_RELEASED, NULL, false);
    assert_phase(&f, "Released");
    fixture_free(&f);
}

static void test_release_beats_installation(void **state)
{
    (void)state;
    struct fixture f;
    run_machine(&f, APPROVED);
    set(&f, "spec.installGeneration", 2);
    release(&f, 1);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WIPE);
    report(&f, PROTOCOL_STEP_RELEASED, NULL, false);
    /* what was asked for before the release does not happen after it */
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_int_equal(number(&f, "status.installedGeneration"), 2);
    fixture_free(&f);
}

static void test_wiping_that_fails(void **state)
{
    (void)state;
    struct fixture f;
    run_machine(&f, APPROVED);
    release(&f, 1);
    hello(&f, PROTOCOL_AGENT, 0);
    report(&f, PROTOCOL_STEP_WIPING, "DiskFailed", true);
    assert_phase(&f, "Failed");
    step(&f, (struct machine_event){.type = MACHINE_EVENT_SPEC});
    hello(&f, PROTOCOL_AGENT, 0);
    assert_non_null(strstr(f.change.reason, "slipway release node1"));
    release(&f, 2);
    assert_phase(&f, "Releasing");
    assert_int_equal(number(&f, "status.attempts"), 0);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WIPE);
    /* a machine that was away goes on */
    tick(&f, 61000);
    assert_phase(&f, "Failed");
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WIPE);
    assert_phase(&f, "Releasing");
    fixture_free(&f);
}

/* ---- a running system makes way for stage2 ---- */

static void test_reinstalled_machine_restarts_once(void **state)
{
    (void)state;
    struct fixture f;
    run_machine(&f, APPROVED);
    set(&f, "spec.installGeneration", 2);
    f.image_ready = false;
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    f.image_ready = true;
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_REBOOT);
    for (int i = 0; i < 9; i++) {
        clock_fake_advance(&f.clock, 60000);
        hello(&f, PROTOCOL_NODE, 1);
        assert_int_equal(f.change.action, PROTOCOL_WAIT);
        assert_non_null(strstr(f.change.reason, "boot from the network"));
    }
    clock_fake_advance(&f.clock, 60000);
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_REBOOT);
    assert_true(has_event(&f, "NoNetworkBoot"));
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    assert_null(object_get(f.object, "status.restartedAt"));
    /* its first word after an installation whose end was not heard of is no reason to restart */
    hello(&f, PROTOCOL_NODE, 2);
    assert_int_equal(f.change.action, PROTOCOL_OK);
    assert_phase(&f, "Running");
    fixture_free(&f);
}

static void test_reinstallation_at_the_next_boot(void **state)
{
    (void)state;
    struct fixture f;
    run_machine(&f, APPROVED);
    assert_int_equal(object_set(f.object, "spec.installWhen", json_string("nextBoot")), 0);
    set(&f, "spec.installGeneration", 2);
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_phase(&f, "Running");
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    fixture_free(&f);
}

UNIT_MAIN(cmocka_unit_test(test_release), cmocka_unit_test(test_released_machine_waits),
          cmocka_unit_test(test_release_of_an_approved_key),
          cmocka_unit_test(test_release_waits_for_the_cluster),
          cmocka_unit_test(test_member_that_stays_after_all), cmocka_unit_test(test_release_undone),
          cmocka_unit_test(test_release_beats_installation),
          cmocka_unit_test(test_wiping_that_fails),
          cmocka_unit_test(test_reinstalled_machine_restarts_once),
          cmocka_unit_test(test_reinstallation_at_the_next_boot))
