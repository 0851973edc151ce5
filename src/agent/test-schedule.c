/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "agent/schedule.h"

enum { CHUNK = 4 << 20 };

/* Chunks by letter: 'z' zero, 's' small frame, 'm' one MiB, 'l' three MiB. */
static void make(struct image_manifest *m, struct image_chunk *chunks, const char *kinds)
{
    uint64_t offset = 0;
    *m = (struct image_manifest){.chunk_size = CHUNK, .chunks = chunks};
    for (size_t i = 0; kinds[i]; i++) {
        uint32_t length = kinds[i] == 'z'   ? 140
                          : kinds[i] == 's' ? 1000
                          : kinds[i] == 'm' ? 1 << 20
                                            : 3 << 20;
        chunks[i] =
            (struct image_chunk){.offset = offset, .length = length, .zero = kinds[i] == 'z'};
        offset += length;
        m->chunk_count++;
    }
    m->disk_size = m->chunk_count * (uint64_t)CHUNK;
}

static void expect(struct schedule *s, enum job_kind kind, size_t first, size_t count)
{
    struct job job;
    assert_true(schedule_next(s, &job));
    assert_int_equal(job.kind, kind);
    assert_int_equal(job.first, first);
    assert_int_equal(job.count, count);
    if (kind == JOB_ZERO)
        return;
    const struct image_chunk *c = s->manifest->chunks;
    assert_int_equal(job.offset, c[first].offset);
    assert_int_equal(job.offset + job.length,
                     c[first + count - 1].offset + c[first + count - 1].length);
}

static void test_first_chunk_is_left_for_the_end(void **state)
{
    (void)state;
    struct image_chunk chunks[8];
    struct image_manifest m;
    struct schedule s;
    struct job job;
    make(&m, chunks, "lll");
    schedule_init(&s, &m);
    expect(&s, JOB_FETCH, 1, 1);
    expect(&s, JOB_FETCH, 2, 1);
    assert_false(schedule_next(&s, &job));
    schedule_init_first(&s, &m);
    expect(&s, JOB_FETCH, 0, 1);
    assert_false(schedule_next(&s, &job));
}

static void test_small_neighbours_join(void **state)
{
    (void)state;
    struct image_chunk chunks[16];
    struct image_manifest m;
    struct schedule s;
    make(&m, chunks, "sssszsml");
    schedule_init(&s, &m);
    /* Small frames, the zero chunk between them, and one of a MiB; the large one is alone. */
    expect(&s, JOB_FETCH, 1, 6);
    expect(&s, JOB_FETCH, 7, 1);
}

static void test_requests_stay_within_their_limit(void **state)
{
    (void)state;
    struct image_chunk chunks[16];
    struct image_manifest m;
    struct schedule s;
    make(&m, chunks, "smmmm");
    schedule_init(&s, &m);
    expect(&s, JOB_FETCH, 1, 2);
    expect(&s, JOB_FETCH, 3, 2);
}

static void test_runs_of_zeros_are_one_job_up_to_a_limit(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct image_chunk chunks[COUNT + 1];
    char kinds[COUNT + 1];
    struct image_manifest m;
    struct schedule s;
    for (size_t i = 0; i < COUNT; i++)
        kinds[i] = 'z';
    kinds[COUNT] = '\0';
    make(&m, chunks, kinds);
    schedule_init(&s, &m);
    expect(&s, JOB_ZERO, 1, SCHEDULE_ZERO_MAX / CHUNK);
    expect(&s, JOB_ZERO, 1 + SCHEDULE_ZERO_MAX / CHUNK, COUNT - 1 - SCHEDULE_ZERO_MAX / CHUNK);
}

/* Whatever the image looks like: every chunk but the first is in exactly one job, in order. */
static void test_every_chunk_comes_once(void **state)
{
    (void)state;
    struct image_chunk chunks[200];
    char kinds[201];
    struct image_manifest m;
    struct schedule s;
    struct job job;
    uint32_t random = 1;
    for (int round = 0; round < 200; round++) {
        size_t count = 1 + (size_t)round;
        for (size_t i = 0; i < count; i++) {
            random = random * 1103515245u + 12345u;
            kinds[i] = "zsml"[(random >> 16) & 3];
        }
        kinds[count] = '\0';
        make(&m, chunks, kinds);
        schedule_init(&s, &m);
        size_t next = 1;
        while (schedule_next(&s, &job)) {
            assert_int_equal(job.first, next);
            assert_true(job.count > 0);
            if (job.kind == JOB_FETCH)
                assert_true(job.count == 1 || job.length <= SCHEDULE_FETCH_MAX);
            for (size_t i = job.first; job.kind == JOB_ZERO && i < job.first + job.count; i++)
                assert_true(chunks[i].zero);
            next = job.first + job.count;
        }
        assert_int_equal(next, count);
    }
}

static void test_reuse_ends_after_many_misses(void **state)
{
    (void)state;
    struct reuse r = {.on = true};
    for (int i = 0; i < REUSE_MISSES_MAX - 1; i++)
        reuse_note(&r, false);
    assert_true(reuse_worthwhile(&r));
    reuse_note(&r, true);
    for (int i = 0; i < REUSE_MISSES_MAX; i++)
        reuse_note(&r, false);
    assert_false(reuse_worthwhile(&r));
    assert_false(reuse_worthwhile(&(struct reuse){.on = false}));
}

UNIT_MAIN(cmocka_unit_test(test_first_chunk_is_left_for_the_end),
          cmocka_unit_test(test_small_neighbours_join),
          cmocka_unit_test(test_requests_stay_within_their_limit),
          cmocka_unit_test(test_runs_of_zeros_are_one_job_up_to_a_limit),
          cmocka_unit_test(test_every_chunk_comes_once),
          cmocka_unit_test(test_reuse_ends_after_many_misses))
