/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cluster-follow.h"

#include "base/test.h"

#define TEXT(s) ((char *)(uintptr_t)(s))

static struct protocol_task_state running = {.task = TEXT("t1"), .outcome = PROTOCOL_TASK_RUNNING};
static struct protocol_task_state done = {
    .task = TEXT("t1"), .outcome = PROTOCOL_TASK_DONE, .node_name = TEXT("node1")};
static struct protocol_task_state failed = {
    .task = TEXT("t1"), .outcome = PROTOCOL_TASK_FAILED, .node_name = TEXT("node1")};

static void assert_next(struct cluster_view view, enum cluster_move expected, int64_t until)
{
    int64_t got = 0;
    assert_int_equal(cluster_next(&view, 1000, &got), expected);
    assert_int_equal(got, until);
}

static void test_a_task_is_started_once(void **state)
{
    (void)state;
    assert_next((struct cluster_view){0}, CLUSTER_REST, INT64_MAX);
    assert_next((struct cluster_view){.task = "t1"}, CLUSTER_START, INT64_MAX);
    assert_next((struct cluster_view){.task = "t1", .state = &failed}, CLUSTER_TIDY, INT64_MAX);
    assert_next((struct cluster_view){.task = "t2", .state = &failed}, CLUSTER_START, INT64_MAX);
    assert_next((struct cluster_view){.task = "t1", .starts = 1, .started = 900}, CLUSTER_FOLLOW,
                900 + CLUSTER_PATIENCE_MS);
    assert_next((struct cluster_view){.task = "t1", .state = &running, .starts = 1, .locked = true},
                CLUSTER_FOLLOW, INT64_MAX);
    assert_next((struct cluster_view){.task = "t1", .state = &done, .starts = 1}, CLUSTER_TIDY,
                INT64_MAX);
    assert_next((struct cluster_view){.state = &done}, CLUSTER_REST, INT64_MAX);
}

static void test_an_interrupted_one_is_cleaned_up(void **state)
{
    (void)state;
    /* After a power cut, or when this daemon was restarted. */
    assert_next((struct cluster_view){.task = "t1", .state = &running}, CLUSTER_START, INT64_MAX);
    /* The unit was killed. */
    assert_next(
        (struct cluster_view){
            .task = "t1", .state = &running, .starts = 1, .seen_locked = true, .started = 900},
        CLUSTER_START, INT64_MAX);
    /* systemd never started it. */
    assert_next(
        (struct cluster_view){.task = "t1", .starts = 1, .started = 1000 - CLUSTER_PATIENCE_MS},
        CLUSTER_START, INT64_MAX);
    assert_next(
        (struct cluster_view){
            .task = "t1", .state = &running, .starts = CLUSTER_STARTS_MAX, .seen_locked = true},
        CLUSTER_GIVE_UP, INT64_MAX);
    assert_next((struct cluster_view){.state = &running}, CLUSTER_GIVE_UP, INT64_MAX);
}

static void test_what_a_failed_task_stopped_runs_again(void **state)
{
    (void)state;
    assert_next((struct cluster_view){.state = &failed, .stopped = true}, CLUSTER_START, INT64_MAX);
    assert_next((struct cluster_view){.state = &failed, .stopped = true, .locked = true},
                CLUSTER_FOLLOW, INT64_MAX);
    assert_next(
        (struct cluster_view){.state = &failed, .stopped = true, .starts = 9, .started = 900},
        CLUSTER_FOLLOW, 900 + CLUSTER_PATIENCE_MS);
    assert_next(
        (struct cluster_view){
            .state = &failed, .stopped = true, .starts = 9, .started = 1000 - CLUSTER_PATIENCE_MS},
        CLUSTER_START, INT64_MAX);
    /* a save that is done, and one that goes on */
    assert_next((struct cluster_view){.state = &done, .stopped = true}, CLUSTER_REST, INT64_MAX);
    assert_next((struct cluster_view){.task = "t1", .state = &running, .stopped = true},
                CLUSTER_START, INT64_MAX);
    assert_next((struct cluster_view){.task = "t1", .state = &failed, .stopped = true},
                CLUSTER_TIDY, INT64_MAX);
}

static void assert_accepted(struct cluster_view view, const char *id, enum protocol_task_kind kind,
                            enum cluster_answer expected)
{
    struct protocol_task task = {.id = TEXT(id), .kind = kind};
    assert_int_equal(cluster_accept(&view, &task), expected);
}

static void test_which_tasks_are_taken(void **state)
{
    (void)state;
    struct protocol_task_state left = {.task = TEXT("t1"), .outcome = PROTOCOL_TASK_DONE};
    assert_accepted((struct cluster_view){0}, "t1", PROTOCOL_TASK_JOIN, CLUSTER_TAKE);
    assert_accepted((struct cluster_view){.state = &failed}, "t2", PROTOCOL_TASK_INIT,
                    CLUSTER_TAKE);
    assert_accepted((struct cluster_view){.state = &failed}, "t1", PROTOCOL_TASK_JOIN,
                    CLUSTER_KNOWN);
    assert_accepted((struct cluster_view){.state = &done}, "t1", PROTOCOL_TASK_JOIN, CLUSTER_KNOWN);
    assert_accepted((struct cluster_view){.task = "t2", .state = &failed}, "t2", PROTOCOL_TASK_JOIN,
                    CLUSTER_KNOWN);
    assert_accepted((struct cluster_view){.task = "t1", .state = &running}, "t2",
                    PROTOCOL_TASK_RESET, CLUSTER_BUSY);
    assert_accepted((struct cluster_view){.state = &failed, .locked = true}, "t2",
                    PROTOCOL_TASK_RESET, CLUSTER_BUSY);
    assert_accepted((struct cluster_view){.state = &done}, "t2", PROTOCOL_TASK_INIT,
                    CLUSTER_MEMBER);
    assert_accepted((struct cluster_view){.state = &done}, "t2", PROTOCOL_TASK_RESET, CLUSTER_TAKE);
    assert_accepted((struct cluster_view){.state = &done}, "t2", PROTOCOL_TASK_SAVE, CLUSTER_TAKE);
    assert_accepted((struct cluster_view){.state = &done}, "t2", PROTOCOL_TASK_RESUME,
                    CLUSTER_TAKE);
    assert_accepted((struct cluster_view){.state = &left}, "t2", PROTOCOL_TASK_JOIN, CLUSTER_TAKE);
}

UNIT_MAIN(cmocka_unit_test(test_a_task_is_started_once),
          cmocka_unit_test(test_an_interrupted_one_is_cleaned_up),
          cmocka_unit_test(test_what_a_failed_task_stopped_runs_again),
          cmocka_unit_test(test_which_tasks_are_taken))
