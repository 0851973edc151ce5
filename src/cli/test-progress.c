/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "cli/progress.h"

struct shown {
    struct clock_fake clock;
    char *text;
    size_t len;
    FILE *out;
    struct progress *p;
};

static void begin(struct shown *s, bool live)
{
    clock_fake_init(&s->clock, 1000, 0);
    s->out = open_memstream(&s->text, &s->len);
    s->p = progress_new(s->out, live, &s->clock.clock);
    assert_non_null(s->p);
}

static const char *end(struct shown *s)
{
    progress_free(s->p);
    (void)fclose(s->out);
    return s->text;
}

static void test_plain_lines(void **state)
{
    (void)state;
    struct shown s;
    begin(&s, false);
    progress_step(s.p, "installing", 0, 0);
    progress_step(s.p, "installing", 0, 0);
    for (uint64_t i = 0; i <= 100; i++)
        progress_step(s.p, "writing", i, 100);
    progress_pause(s.p);
    progress_step(s.p, "done", 0, 0);
    assert_string_equal(end(&s), "installing\nwriting\nwriting: 10%\nwriting: 20%\nwriting: 30%\n"
                                 "writing: 40%\nwriting: 50%\nwriting: 60%\nwriting: 70%\n"
                                 "writing: 80%\nwriting: 90%\nwriting: 100%\ndone\n");
    free(s.text);
}

static void test_live_line(void **state)
{
    (void)state;
    struct shown s;
    begin(&s, true);
    progress_step(s.p, "writing", 0, 4 << 20);
    clock_fake_advance(&s.clock, 1000);
    progress_step(s.p, "writing", 2 << 20, 4 << 20);
    clock_fake_advance(&s.clock, 500);
    progress_step(s.p, "next", 0, 0);
    const char *text = end(&s);
    assert_non_null(strstr(text, "[############------------] 2.0 MiB of 4.0 MiB, 2.0 MiB/s"));
    assert_non_null(strstr(text, "writing                                1.5 s\n"));
    assert_null(strstr(text, "%"));
    free(s.text);
}

static void test_redraws_are_limited(void **state)
{
    (void)state;
    struct shown s;
    begin(&s, true);
    for (uint64_t i = 1; i < 1000; i++)
        progress_step(s.p, "writing", i, 1000);
    (void)fflush(s.out);
    assert_true(s.len < 300);
    (void)end(&s);
    free(s.text);
}

static void test_none_is_fine(void **state)
{
    (void)state;
    progress_step(NULL, "x", 0, 0);
    progress_pause(NULL);
    progress_free(NULL);
}

UNIT_MAIN(cmocka_unit_test(test_plain_lines), cmocka_unit_test(test_live_line),
          cmocka_unit_test(test_redraws_are_limited), cmocka_unit_test(test_none_is_fine))
