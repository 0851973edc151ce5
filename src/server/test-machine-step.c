/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "resource/validate.h"
#include "server/test-machine-fixture.h"

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

/* ---- approval is bound to a key ---- */

static void bind_to(struct fixture *f, const struct trust_key *key)
{
    char text[TRUST_PUBLIC_TEXT_SIZE];
    assert_int_equal(object_set(f->object, "spec.approvedKey",
                                json_string(trust_public_text(&key->public, text))),
                     0);
    step(f, (struct machine_event){.type = MACHINE_EVENT_SPEC});
}

static bool key_at(const struct fixture *f, const char *path, const struct trust_key *key)
{
    char text[TRUST_PUBLIC_TEXT_SIZE];
    return str_eq(object_text(f->object, path), trust_public_text(&key->public, text));
}

static void hello_with(struct fixture *f, const struct trust_key *key)
{
    struct trust_key own = f->key;
    f->key = *key;
    hello(f, PROTOCOL_AGENT, 0);
    f->key = own;
}

static void assert_condition(const struct fixture *f, const char *type, const char *status,
                             const char *reason)
{
    size_t i;
    json_t *condition;
    json_array_foreach (object_get(f->object, "status.conditions"), i, condition) {
        if (!str_eq(object_text(condition, "type"), type))
            continue;
        assert_string_equal(object_text(condition, "status"), status);
        assert_string_equal(object_text(condition, "reason"), reason);
        return;
    }
    fail_msg("no condition %s", type);
}

static size_t count_events(const struct fixture *f, const char *event)
{
    size_t i, count = 0;
    json_t *entry;
    json_array_foreach (object_get(f->object, "status.timeline"), i, entry)
        count += str_eq(object_text(entry, "event"), event);
    return count;
}

/* What the follower of the store does after each change must come to rest. */
static void assert_settled(struct fixture *f)
{
    step(f, (struct machine_event){.type = MACHINE_EVENT_SPEC});
    json_t *before = json_deep_copy(f->object);
    step(f, (struct machine_event){.type = MACHINE_EVENT_SPEC});
    assert_true(json_equal(before, f->object));
    json_decref(before);
}

static void test_stranger_gets_nothing_while_an_installation_is_open(void **state)
{
    (void)state;
    struct fixture f;
    struct trust_key own, stranger;
    fixture_init(&f, APPROVED);
    bind_to(&f, &f.key);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    _autofree_ char *seen = strdup(object_text(f.object, "status.lastSeen"));
    trust_key_generate(&stranger);
    clock_fake_advance(&f.clock, 20000);
    hello_with(&f, &stranger);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_non_null(strstr(f.change.reason, "slipway approve node1"));
    assert_true(key_at(&f, "status.identity.publicKey", &f.key));
    assert_true(key_at(&f, "status.candidate.publicKey", &stranger));
    assert_non_null(object_text(f.object, "status.candidate.words"));
    assert_non_null(object_text(f.object, "status.candidate.seen"));
    assert_string_equal(object_text(f.object, "status.lastSeen"), seen);
    assert_condition(&f, "Approved", "False", "KeyChanged");
    assert_int_equal(count_events(&f, "KeyChanged"), 1);
    assert_int_equal(json_integer_value(object_get(f.object, "status.attempts")), 1);
    assert_settled(&f);
    /* Neither can it report, nor pass for the installed system. */
    own = f.key;
    f.key = stranger;
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    assert_int_equal(f.change.action, PROTOCOL_REJECT);
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_REJECT);
    assert_phase(&f, "Provisioning");
    /* The machine itself goes on as if nothing had happened. */
    f.key = own;
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    assert_condition(&f, "Approved", "False", "KeyChanged");
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    assert_phase(&f, "Installed");
    assert_null(object_get(f.object, "status.candidate"));
    assert_settled(&f);
    assert_condition(&f, "Approved", "True", "Approved");
    fixture_free(&f);
}

static void test_key_that_was_approved_beforehand(void **state)
{
    (void)state;
    struct fixture f;
    struct trust_key other;
    fixture_init(&f, APPROVED);
    bind_to(&f, &f.key);
    trust_key_generate(&other);
    hello_with(&f, &other);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_null(object_get(f.object, "status.identity"));
    assert_null(object_get(f.object, "status.inventory"));
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    assert_true(key_at(&f, "status.identity.publicKey", &f.key));
    fixture_free(&f);
}

static void test_candidate_that_is_approved_takes_over(void **state)
{
    (void)state;
    struct fixture f;
    struct trust_key old;
    fixture_init(&f, APPROVED);
    bind_to(&f, &f.key);
    hello(&f, PROTOCOL_AGENT, 0);
    old = f.key;
    trust_key_generate(&f.key);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    bind_to(&f, &f.key);
    assert_condition(&f, "Approved", "True", "Approved");
    /* From now on the old key is nobody's, though it is the identity still. */
    struct trust_key new = f.key;
    f.key = old;
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    assert_int_equal(f.change.action, PROTOCOL_REJECT);
    assert_phase(&f, "Provisioning");
    f.key = new;
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    assert_true(key_at(&f, "status.identity.publicKey", &f.key));
    assert_null(object_get(f.object, "status.candidate"));
    assert_int_equal(json_integer_value(object_get(f.object, "status.attempts")), 2);
    hello_with(&f, &old);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_true(key_at(&f, "status.candidate.publicKey", &old));
    fixture_free(&f);
}

static void test_strangers_write_seldom(void **state)
{
    (void)state;
    struct fixture f;
    struct trust_key stranger;
    size_t writes = 0;
    fixture_init(&f, APPROVED);
    bind_to(&f, &f.key);
    hello(&f, PROTOCOL_AGENT, 0);
    /* Ever new keys, ten times a second, for two minutes. */
    for (int i = 0; i < 1200; i++) {
        trust_key_generate(&stranger);
        hello_with(&f, &stranger);
        assert_int_equal(f.change.action, PROTOCOL_WAIT);
        writes += machine_change_writes(&f.change);
        clock_fake_advance(&f.clock, 100);
    }
    assert_in_range(writes, 2, 12);
    assert_in_range(count_events(&f, "KeyChanged"), 1, 2);
    /* One key that asks and asks. */
    clock_fake_advance(&f.clock, 100000);
    writes = 0;
    for (int i = 0; i < 1200; i++) {
        hello_with(&f, &stranger);
        writes += machine_change_writes(&f.change);
        clock_fake_advance(&f.clock, 100);
    }
    assert_int_equal(writes, 2);
    /* Others keep their chance to be seen. */
    trust_key_generate(&stranger);
    hello_with(&f, &stranger);
    assert_true(key_at(&f, "status.candidate.publicKey", &stranger));
    fixture_free(&f);
}

static void test_candidate_that_went_away_is_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    struct trust_key stranger;
    fixture_init(&f, APPROVED);
    f.image_ready = false;
    bind_to(&f, &f.key);
    trust_key_generate(&stranger);
    hello_with(&f, &stranger);
    clock_fake_advance(&f.clock, 60000);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_non_null(object_get(f.object, "status.candidate"));
    clock_fake_advance(&f.clock, 600000);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_null(object_get(f.object, "status.candidate"));
    assert_condition(&f, "Approved", "True", "Approved");
    /* Without a key that is approved there are no candidates. */
    hello_with(&f, &stranger);
    assert_non_null(object_get(f.object, "status.candidate"));
    (void)json_object_del(object_get(f.object, "spec"), "approvedKey");
    assert_settled(&f);
    assert_condition(&f, "Approved", "True", "Approved");
    hello_with(&f, &stranger);
    assert_null(object_get(f.object, "status.candidate"));
    assert_true(key_at(&f, "status.identity.publicKey", &stranger));
    fixture_free(&f);
}

static void test_rejected_with_a_key(void **state)
{
    (void)state;
    struct fixture f;
    struct trust_key stranger;
    fixture_init(&f, APPROVED);
    bind_to(&f, &f.key);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(object_set(f.object, "spec.approved", json_false()), 0);
    step(&f, (struct machine_event){.type = MACHINE_EVENT_SPEC});
    assert_phase(&f, "Rejected");
    trust_key_generate(&stranger);
    hello_with(&f, &stranger);
    assert_int_equal(f.change.action, PROTOCOL_REJECT);
    assert_false(machine_change_writes(&f.change));
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_REJECT);
    fixture_free(&f);
}

static void test_stranger_at_an_installed_machine(void **state)
{
    (void)state;
    struct fixture f;
    struct trust_key stranger;
    size_t writes = 0;
    fixture_init(&f, APPROVED);
    bind_to(&f, &f.key);
    hello(&f, PROTOCOL_AGENT, 0);
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    trust_key_generate(&stranger);
    for (int i = 0; i < 100; i++) {
        hello_with(&f, &stranger);
        assert_int_equal(f.change.action, PROTOCOL_BOOT);
        writes += machine_change_writes(&f.change);
    }
    assert_int_equal(writes, 1);
    assert_null(object_get(f.object, "status.candidate"));
    hello(&f, PROTOCOL_NODE, 1);
    assert_phase(&f, "Running");
    /* Asked for once more: the machine's own key is enough, another one is not. */
    assert_int_equal(object_set(f.object, "spec.installGeneration", json_integer(2)), 0);
    hello_with(&f, &stranger);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    fixture_free(&f);
}

/* A machine that keeps its key over a power cut is told from one that just asks again. */
static void test_each_start_is_an_attempt(void **state)
{
    (void)state;
    struct fixture f;
    static const char *const boots[] = {"11111111-2222-3333-4444-555555555501",
                                        "11111111-2222-3333-4444-555555555502",
                                        "11111111-2222-3333-4444-555555555503"};
    fixture_init(&f, APPROVED);
    bind_to(&f, &f.key);
    for (size_t i = 0; i < ARRAY_SIZE(boots); i++) {
        f.boot_id = boots[i];
        for (int again = 0; again < 3; again++) {
            hello(&f, PROTOCOL_AGENT, 0);
            assert_int_equal(f.change.action, PROTOCOL_INSTALL);
            assert_int_equal(json_integer_value(object_get(f.object, "status.attempts")), i + 1);
        }
    }
    assert_int_equal(count_events(&f, "InstallStarted"), 3);
    /* What is no boot ID is not kept, and is no start. */
    f.boot_id = "../../etc/passwd\n";
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    assert_string_equal(object_text(f.object, "status.bootID"), boots[2]);
    f.boot_id = boots[0];
    hello(&f, PROTOCOL_AGENT, 0);
    assert_phase(&f, "Failed");
    fixture_free(&f);
}

/* ---- giving a machine back ---- */

static size_t skew_warnings(struct fixture *f, int64_t ahead_ms)
{
    struct protocol_hello h = {.program = PROTOCOL_NODE, .install_generation = 1};
    size_t found = 0;
    h.system = json_pack("{s:I}", "clock", (json_int_t)clock_wall(&f->clock.clock) + ahead_ms);
    step(f, (struct machine_event){.type = MACHINE_EVENT_HELLO, .hello = &h});
    json_decref(h.system);
    for (size_t i = 0; i < f->change.n_notes; i++)
        found += str_eq(f->change.notes[i].reason, "ClockSkew") ? 1 : 0;
    return found;
}

static void test_wrong_clock_is_told_now_and_then(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, APPROVED);
    hello(&f, PROTOCOL_AGENT, 0);
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    assert_int_equal(skew_warnings(&f, 59000), 0);
    assert_int_equal(skew_warnings(&f, -59000), 0);
    assert_int_equal(skew_warnings(&f, -INT64_C(86400000) * 3), 1);
    assert_string_equal(f.change.notes[f.change.n_notes - 1].message,
                        "its clock is 3d behind the server's: certificates may not be valid; check "
                        "its NTP servers (spec.network.ntp) and its battery");
    assert_int_equal(skew_warnings(&f, 61000), 0);
    clock_fake_advance(&f.clock, 61000);
    assert_int_equal(skew_warnings(&f, 61000), 1);
    fixture_free(&f);
}

/* Nobody has bound it to a key, but what was installed has one, which stage2 finds on the disk. */
static void test_reinstalled_only_with_the_installed_systems_key(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, APPROVED);
    hello(&f, PROTOCOL_AGENT, 0);
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(object_set(f.object, "spec.installGeneration", json_integer(2)), 0);
    struct trust_key installed = f.key;
    trust_key_generate(&f.key);
    struct trust_key other = f.key;
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_true(key_at(&f, "status.identity.publicKey", &installed));
    assert_true(key_at(&f, "status.candidate.publicKey", &other));
    assert_condition(&f, "Approved", "False", "KeyChanged");
    assert_settled(&f);
    f.key = installed;
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    /* Its disk was replaced: somebody has to say that it is this machine. */
    f.key = other;
    bind_to(&f, &other);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_int_equal(f.change.action, PROTOCOL_INSTALL);
    assert_true(key_at(&f, "status.identity.publicKey", &other));
    assert_null(object_get(f.object, "status.candidate"));
    fixture_free(&f);
}

/* What has not been approved has nothing to report, and moves nothing. */
static void test_unapproved_reports_are_not_heard(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, "{\"image\": \"debian\", \"installGeneration\": 1}");
    hello(&f, PROTOCOL_AGENT, 0);
    assert_phase(&f, "Discovered");
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_phase(&f, "Discovered");
    assert_null(object_get(f.object, "status.installedGeneration"));
    hello(&f, PROTOCOL_NODE, 1);
    assert_int_equal(f.change.action, PROTOCOL_WAIT);
    assert_phase(&f, "Discovered");
    assert_null(object_get(f.object, "status.progress"));
    assert_int_equal(object_set(f.object, "spec.approved", json_false()), 0);
    step(&f, (struct machine_event){.type = MACHINE_EVENT_SPEC});
    report(&f, PROTOCOL_STEP_RUNNING, NULL, false);
    assert_int_equal(f.change.action, PROTOCOL_REJECT);
    assert_phase(&f, "Rejected");
    fixture_free(&f);
}

/* Of its words only those are kept that the object may hold, or nobody could change it any more. */
static void test_words_that_no_field_takes_are_left_out(void **state)
{
    (void)state;
    struct fixture f;
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    fixture_init(&f, APPROVED);
    hello(&f, PROTOCOL_AGENT, 0);
    report(&f, "two\nlines", NULL, false);
    assert_null(object_get(f.object, "status.progress.step"));
    report(&f, PROTOCOL_STEP_IMAGING, "no word!", true);
    assert_phase(&f, "Failed");
    assert_null(object_get(f.object, "status.failure.reason"));
    object_validate(&kind_machine, f.object, NULL, &problems);
    assert_false(problems_any(&problems));
    fixture_free(&f);
}

/* Another Image was asked for while this one was being written. */
static void test_installed_is_what_was_written(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, APPROVED);
    hello(&f, PROTOCOL_AGENT, 0);
    assert_string_equal(object_text(f.object, "status.installingImage"), "debian");
    assert_int_equal(object_set(f.object, "spec.image", json_string("other")), 0);
    report(&f, PROTOCOL_STEP_INSTALLED, NULL, false);
    assert_string_equal(object_text(f.object, "status.installedImage"), "debian");
    assert_null(object_get(f.object, "status.installingImage"));
    fixture_free(&f);
}

UNIT_MAIN(cmocka_unit_test(test_whole_life),
          cmocka_unit_test(test_wrong_clock_is_told_now_and_then),
          cmocka_unit_test(test_installed_machine_is_not_reinstalled),
          cmocka_unit_test(test_reinstalled_only_with_the_installed_systems_key),
          cmocka_unit_test(test_unapproved_reports_are_not_heard),
          cmocka_unit_test(test_words_that_no_field_takes_are_left_out),
          cmocka_unit_test(test_installed_is_what_was_written),
          cmocka_unit_test(test_lost_installed_report),
          cmocka_unit_test(test_other_keys_change_nothing),
          cmocka_unit_test(test_failure_needs_a_change_to_go_on),
          cmocka_unit_test(test_attempts_are_limited), cmocka_unit_test(test_rejected),
          cmocka_unit_test(test_image_not_ready), cmocka_unit_test(test_deadlines),
          cmocka_unit_test(test_stranger_gets_nothing_while_an_installation_is_open),
          cmocka_unit_test(test_key_that_was_approved_beforehand),
          cmocka_unit_test(test_candidate_that_is_approved_takes_over),
          cmocka_unit_test(test_strangers_write_seldom),
          cmocka_unit_test(test_candidate_that_went_away_is_forgotten),
          cmocka_unit_test(test_rejected_with_a_key),
          cmocka_unit_test(test_stranger_at_an_installed_machine),
          cmocka_unit_test(test_each_start_is_an_attempt))
