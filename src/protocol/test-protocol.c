/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/str.h"
#include "base/test.h"
#include "protocol/guard.h"
#include "protocol/message.h"
#include "protocol/session.h"

struct pair {
    struct trust_key server, machine;
    struct protocol_guard *guard;
    struct protocol_session session;
};

static void pair_init(struct pair *p, size_t keys_max)
{
    trust_key_generate(&p->server);
    trust_key_generate(&p->machine);
    p->guard = protocol_guard_new(&p->server, &rng_system, keys_max);
    protocol_session_init(&p->session, &p->machine, &p->server.public, &rng_system);
}

/* One round trip; what the session made of the answer. */
static int exchange(struct pair *p, char **ret_request)
{
    json_auto_t *body = json_pack("{s:s}", "step", "x");
    json_auto_t *ok = json_pack("{s:s}", "action", "ok");
    json_auto_t *got = NULL;
    struct protocol_request request = {0};
    _autofree_ char *text = NULL;
    _autofree_ char *answer = NULL;
    assert_int_equal(protocol_session_wrap(&p->session, body, &text), 0);
    int r = protocol_guard_open(p->guard, text, strlen(text), &request);
    assert_true(r == 0 || r == -ESTALE);
    answer = r == 0 ? protocol_guard_answer(p->guard, &request, ok)
                    : protocol_guard_resync(p->guard, &request);
    protocol_request_free(&request);
    r = protocol_session_unwrap(&p->session, answer, strlen(answer), &got);
    if (ret_request)
        *ret_request = TAKE_PTR(text);
    return r;
}

static void test_first_contact_resyncs_once(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 100);
    assert_int_equal(exchange(&p, NULL), -EAGAIN);
    assert_int_equal(exchange(&p, NULL), 0);
    assert_int_equal(exchange(&p, NULL), 0);
    protocol_guard_free(p.guard);
}

static void test_replays_are_refused(void **state)
{
    (void)state;
    struct pair p;
    struct protocol_request request = {0};
    _autofree_ char *recorded = NULL;
    pair_init(&p, 100);
    assert_int_equal(exchange(&p, NULL), -EAGAIN);
    assert_int_equal(exchange(&p, &recorded), 0);
    assert_int_equal(protocol_guard_open(p.guard, recorded, strlen(recorded), &request), -ESTALE);
    protocol_request_free(&request);
    /* A restarted server has a new epoch: neither the recording nor the session is current. */
    protocol_guard_free(p.guard);
    p.guard = protocol_guard_new(&p.server, &rng_system, 100);
    assert_int_equal(protocol_guard_open(p.guard, recorded, strlen(recorded), &request), -ESTALE);
    protocol_request_free(&request);
    assert_int_equal(exchange(&p, NULL), -EAGAIN);
    assert_int_equal(exchange(&p, NULL), 0);
    protocol_guard_free(p.guard);
}

static void test_restarted_machine_continues(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 100);
    assert_int_equal(exchange(&p, NULL), -EAGAIN);
    for (int i = 0; i < 5; i++)
        assert_int_equal(exchange(&p, NULL), 0);
    protocol_session_init(&p.session, &p.machine, &p.server.public, &rng_system);
    assert_int_equal(exchange(&p, NULL), -EAGAIN);
    /* The epoch is right now, the sequence is told by a second resync. */
    int r = exchange(&p, NULL);
    if (r == -EAGAIN)
        r = exchange(&p, NULL);
    assert_int_equal(r, 0);
    protocol_guard_free(p.guard);
}

static void test_guard_is_bounded(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 4);
    for (int i = 0; i < 20; i++) {
        trust_key_generate(&p.machine);
        int r = -EAGAIN;
        for (int tries = 0; tries < 4 && r == -EAGAIN; tries++)
            r = exchange(&p, NULL);
        assert_int_equal(r, 0);
    }
    protocol_guard_free(p.guard);
}

static void test_wrong_server_is_refused(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, 4);
    struct trust_key impostor;
    trust_key_generate(&impostor);
    p.session.server = impostor.public;
    assert_int_equal(exchange(&p, NULL), -EKEYREJECTED);
    protocol_guard_free(p.guard);
}

static void test_hello_round_trip(void **state)
{
    (void)state;
    struct protocol_hello hello = {.program = PROTOCOL_NODE,
                                   .name = strdup("node1"),
                                   .uuid = strdup("u-1"),
                                   .mac_count = 1,
                                   .macs = {{{0x52, 0x54, 0, 1, 2, 3}}},
                                   .install_generation = 3};
    hello.inventory = json_pack("{s:i}", "memoryBytes", 5);
    hello.addresses = json_pack("[s]", "10.0.0.4/24");
    struct protocol_hello back;
    json_auto_t *body = protocol_hello_to_json(&hello);
    struct err err = ERR_INIT;
    assert_int_equal(protocol_hello_parse(body, &back, &err), 0);
    json_auto_t *again = protocol_hello_to_json(&back);
    assert_true(json_equal(body, again));
    protocol_hello_free(&hello);
    protocol_hello_free(&back);
    json_auto_t *bad =
        json_pack("{s:s, s:{s:[s]}}", "program", "slipway-agent", "machine", "macAddresses", "zz");
    assert_int_equal(protocol_hello_parse(bad, &back, &err), -EBADMSG);
    assert_non_null(strstr(err.text, "macAddresses[0]"));
}

static void test_answer_round_trip(void **state)
{
    (void)state;
    struct protocol_answer answer = {.action = PROTOCOL_INSTALL,
                                     .machine = strdup("node1"),
                                     .poll_seconds = 5,
                                     .time_ms = 1795000000000,
                                     .kubelet_log = true,
                                     .has_plan = true};
    answer.plan = (struct protocol_plan){.image = strdup("debian"),
                                         .manifest_path = strdup("/images/debian.json"),
                                         .data_path = strdup("/images/debian.zst"),
                                         .sealed_seed = strdup("AAAA"),
                                         .install_generation = 2,
                                         .disk = {.serial = strdup("S1"), .rotational = -1}};
    struct protocol_answer back;
    struct err err = ERR_INIT;
    json_auto_t *body = protocol_answer_to_json(&answer);
    assert_int_equal(protocol_answer_parse(body, &back, &err), 0);
    json_auto_t *again = protocol_answer_to_json(&back);
    assert_true(json_equal(body, again));
    assert_true(back.time_ms == answer.time_ms);
    assert_true(back.kubelet_log);
    protocol_answer_free(&answer);
    protocol_answer_free(&back);
    json_object_del(json_object_get(body, "plan"), "sealedSeed");
    assert_int_equal(protocol_answer_parse(body, &back, &err), -EBADMSG);
}

static void test_task_answer_round_trip(void **state)
{
    (void)state;
    struct protocol_answer answer = {.action = PROTOCOL_TASK, .sealed_task = strdup("AAAA")};
    struct protocol_answer back;
    json_auto_t *body = protocol_answer_to_json(&answer);
    assert_int_equal(protocol_answer_parse(body, &back, NULL), 0);
    assert_int_equal(back.action, PROTOCOL_TASK);
    assert_string_equal(back.sealed_task, "AAAA");
    assert_false(back.kubelet_log);
    protocol_answer_free(&answer);
    protocol_answer_free(&back);
    struct err err = ERR_INIT;
    json_object_del(body, "task");
    assert_int_equal(protocol_answer_parse(body, &back, &err), -EBADMSG);
    assert_string_equal(err.text, "task: missing");
}

static void test_wipe_answer_round_trip(void **state)
{
    (void)state;
    struct protocol_answer answer = {
        .action = PROTOCOL_WIPE,
        .has_wipe = true,
        .wipe = {.generation = 3,
                 .method = PROTOCOL_WIPE_SECURE_ERASE,
                 .root_only = true,
                 .root = {.wwn = strdup("0x5000"), .rotational = 1, .allow_overwrite = true},
                 .power_off = true},
    };
    struct protocol_answer back;
    struct err err = ERR_INIT;
    json_auto_t *body = protocol_answer_to_json(&answer);
    assert_int_equal(protocol_answer_parse(body, &back, &err), 0);
    assert_int_equal(back.wipe.method, PROTOCOL_WIPE_SECURE_ERASE);
    assert_string_equal(back.wipe.root.wwn, "0x5000");
    assert_true(back.wipe.root_only && back.wipe.power_off);
    json_auto_t *again = protocol_answer_to_json(&back);
    assert_true(json_equal(body, again));
    protocol_answer_free(&answer);
    protocol_answer_free(&back);
    json_t *wipe = json_object_get(body, "wipe");
    assert_int_equal(json_object_set_new(wipe, "method", json_string("burn")), 0);
    assert_int_equal(protocol_answer_parse(body, &back, &err), -EBADMSG);
    assert_int_equal(json_object_set_new(wipe, "method", json_string("zero")), 0);
    assert_int_equal(json_object_set_new(wipe, "generation", json_integer(0)), 0);
    assert_int_equal(protocol_answer_parse(body, &back, &err), -EBADMSG);
    assert_int_equal(json_object_del(body, "wipe"), 0);
    assert_int_equal(protocol_answer_parse(body, &back, &err), -EBADMSG);
    assert_string_equal(err.text, "wipe: missing");
    assert_int_equal(json_object_set_new(body, "action", json_string("reboot")), 0);
    assert_int_equal(protocol_answer_parse(body, &back, &err), 0);
    assert_int_equal(back.action, PROTOCOL_REBOOT);
    protocol_answer_free(&back);
}

static void test_report_round_trip(void **state)
{
    (void)state;
    struct protocol_report report = {.program = PROTOCOL_AGENT,
                                     .step = strdup("imaging"),
                                     .failure = strdup("ChunkCorrupt"),
                                     .final = true,
                                     .bytes_done = 7,
                                     .bytes_total = 9};
    struct protocol_report back;
    json_auto_t *body = protocol_report_to_json(&report);
    assert_int_equal(protocol_report_parse(body, &back, NULL), 0);
    json_auto_t *again = protocol_report_to_json(&back);
    assert_true(json_equal(body, again));
    protocol_report_free(&report);
    protocol_report_free(&back);
}

static int setup(void **state)
{
    (void)state;
    return trust_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_contact_resyncs_once),
        cmocka_unit_test(test_replays_are_refused),
        cmocka_unit_test(test_restarted_machine_continues),
        cmocka_unit_test(test_guard_is_bounded),
        cmocka_unit_test(test_wrong_server_is_refused),
        cmocka_unit_test(test_hello_round_trip),
        cmocka_unit_test(test_answer_round_trip),
        cmocka_unit_test(test_task_answer_round_trip),
        cmocka_unit_test(test_wipe_answer_round_trip),
        cmocka_unit_test(test_report_round_trip),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
