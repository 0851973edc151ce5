/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <string.h>

#include "base/test.h"

static void test_input_and_output(void **state)
{
    (void)state;
    _autobuf_ struct buf out = BUF_INIT;
    const char *argv[] = {"tr", "a-z", "A-Z", NULL};
    struct proc_options o = {.input = "hello", .input_len = 5, .output = &out};
    assert_int_equal(proc_run(argv, &o, NULL, NULL), 0);
    assert_string_equal(buf_str(&out), "HELLO");
}

static void test_failure_says_what_it_wrote(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    int status = 0;
    const char *argv[] = {"sh", "-c", "echo first >&2; echo broken >&2; exit 3", NULL};
    assert_int_equal(proc_run(argv, NULL, &status, &err), -EIO);
    assert_int_equal(status, 3);
    assert_non_null(strstr(err.text, "first | broken"));
    const char *missing[] = {"no-such-program-at-all", NULL};
    assert_int_equal(proc_run(missing, NULL, NULL, &err), -ENOENT);
}

static void test_timeout_kills(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    const char *argv[] = {"sh", "-c", "sleep 60", NULL};
    struct proc_options o = {.timeout_ms = 100};
    assert_int_equal(proc_run(argv, &o, NULL, &err), -ETIMEDOUT);
}

static void collect_line(void *data, const char *line)
{
    buf_printf(data, "%zu;", strlen(line));
}

static void test_merged_output_comes_as_lines(void **state)
{
    (void)state;
    _autobuf_ struct buf lines = BUF_INIT;
    const char *argv[] = {"sh", "-c", "echo one; echo three >&2; printf '%04500d' 0", NULL};
    struct proc_options o = {.merge = true, .on_line = collect_line, .data = &lines};
    assert_int_equal(proc_run(argv, &o, NULL, NULL), 0);
    assert_string_equal(buf_str(&lines), "3;5;4001;499;");
}

struct cancelling {
    volatile sig_atomic_t cancel;
    bool cleaned;
};

static void cancel_when_ready(void *data, const char *line)
{
    struct cancelling *c = data;
    if (strcmp(line, "ready") == 0)
        c->cancel = 1;
    if (strcmp(line, "cleaned") == 0)
        c->cleaned = true;
}

static void test_cancel_lets_it_clean_up(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct cancelling c = {0};
    /* A shell that has forked but is no sleep(1) yet takes the signal for its parent's: it must not
     * hold the pipe. */
    const char *argv[] = {"sh", "-c",
                          "trap 'echo cleaned >&2; exit 1' TERM; "
                          "sleep 60 2>/dev/null & echo ready >&2; wait",
                          NULL};
    struct proc_options o = {.on_line = cancel_when_ready, .data = &c, .cancel = &c.cancel};
    assert_int_equal(proc_run(argv, &o, NULL, &err), -EINTR);
    assert_true(c.cleaned);
}

UNIT_MAIN(cmocka_unit_test(test_input_and_output),
          cmocka_unit_test(test_failure_says_what_it_wrote), cmocka_unit_test(test_timeout_kills),
          cmocka_unit_test(test_merged_output_comes_as_lines),
          cmocka_unit_test(test_cancel_lets_it_clean_up))
