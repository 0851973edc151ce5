/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/reporter.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/retry.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/str.h"

enum {
    QUEUE_MAX = 32,
    TEXT_SIZE = 1024,
    WORD_SIZE = 64,
    PROGRESS_EVERY_MS = 1000,
    RETRY_FIRST_MS = 250,
    RETRY_MAX_MS = 5000,
};

struct item {
    char step[WORD_SIZE], reason[WORD_SIZE], message[TEXT_SIZE];
    bool final;
    uint64_t done, total, generation;
};

struct reporter {
    struct talk *talk;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* for the thread and for those who flush */
    struct item queue[QUEUE_MAX];
    size_t first, count;
    struct item progress;
    bool has_progress;
    int64_t progress_after; /* clock: not before */
    uint64_t generation;
};

static void copy_text(char *dst, size_t size, const char *src)
{
    (void)snprintf(dst, size, "%s", src ? src : "");
}

static int send_item(struct reporter *reporter, struct item *item)
{
    struct protocol_report report = {
        .program = PROTOCOL_AGENT,
        .step = item->step,
        .message = item->message[0] ? item->message : NULL,
        .failure = item->reason[0] ? item->reason : NULL,
        .final = item->final,
        .bytes_done = item->done,
        .bytes_total = item->total,
        .install_generation = item->generation,
    };
    struct protocol_answer answer = {0};
    struct err err = ERR_INIT;
    int r = talk_report(reporter->talk, &report, &answer, &err);
    if (r < 0)
        log_debug("report: %s", err_text(&err));
    else
        protocol_answer_free(&answer);
    return r;
}

/* A milestone is repeated until it arrives; it may be long before the server is back. */
static void send_first(struct reporter *reporter)
{
    struct item item = reporter->queue[reporter->first];
    struct retry retry = RETRY(RETRY_FIRST_MS, RETRY_MAX_MS, 0);
    (void)pthread_mutex_unlock(&reporter->lock);
    for (uint32_t pause; send_item(reporter, &item) < 0;) {
        uint32_t random;
        rng_fill(&rng_system, &random, sizeof(random));
        (void)retry_failed(&retry, random, &pause);
        clock_sleep_ms(pause);
    }
    (void)pthread_mutex_lock(&reporter->lock);
    reporter->first = (reporter->first + 1) % QUEUE_MAX;
    reporter->count--;
    (void)pthread_cond_broadcast(&reporter->changed);
}

static void send_progress(struct reporter *reporter)
{
    struct item item = reporter->progress;
    reporter->has_progress = false;
    (void)pthread_mutex_unlock(&reporter->lock);
    (void)send_item(reporter, &item);
    (void)pthread_mutex_lock(&reporter->lock);
    reporter->progress_after = clock_now(&clock_system) + PROGRESS_EVERY_MS;
}

/* Until something is queued, or the next progress may go out. */
static void wait_for_work(struct reporter *reporter, int64_t now)
{
    if (!reporter->has_progress) {
        (void)pthread_cond_wait(&reporter->changed, &reporter->lock);
        return;
    }
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (reporter->progress_after - now) * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_cond_timedwait(&reporter->changed, &reporter->lock, &until);
}

static void *run(void *data)
{
    struct reporter *reporter = data;
    (void)pthread_mutex_lock(&reporter->lock);
    for (;;) {
        int64_t now = clock_now(&clock_system);
        if (reporter->count)
            send_first(reporter);
        else if (reporter->has_progress && now >= reporter->progress_after)
            send_progress(reporter);
        else
            wait_for_work(reporter, now);
    }
    return NULL;
}

struct reporter *reporter_new(struct talk *talk)
{
    _autofree_ struct reporter *reporter = calloc(1, sizeof(*reporter));
    if (!reporter)
        return NULL;
    reporter->talk = talk;
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&reporter->lock, NULL);
    (void)pthread_cond_init(&reporter->changed, &attributes);
    if (pthread_create(&reporter->thread, NULL, run, reporter) != 0)
        return NULL;
    return TAKE_PTR(reporter);
}

void reporter_set_generation(struct reporter *reporter, uint64_t generation)
{
    (void)pthread_mutex_lock(&reporter->lock);
    reporter->generation = generation;
    (void)pthread_mutex_unlock(&reporter->lock);
}

void reporter_say(struct reporter *reporter, const char *step, const char *reason, bool final,
                  const char *message)
{
    (void)pthread_mutex_lock(&reporter->lock);
    /* A full queue loses the newest but one: the last word is what matters. */
    size_t i = reporter->count < QUEUE_MAX ? reporter->count++ : QUEUE_MAX - 1;
    struct item *item = &reporter->queue[(reporter->first + i) % QUEUE_MAX];
    *item = (struct item){.final = final, .generation = reporter->generation};
    copy_text(item->step, sizeof(item->step), step);
    copy_text(item->reason, sizeof(item->reason), reason);
    copy_text(item->message, sizeof(item->message), message);
    reporter->has_progress = false;
    (void)pthread_cond_broadcast(&reporter->changed);
    (void)pthread_mutex_unlock(&reporter->lock);
}

void reporter_progress(struct reporter *reporter, const char *step, uint64_t done, uint64_t total)
{
    (void)pthread_mutex_lock(&reporter->lock);
    struct item *item = &reporter->progress;
    *item = (struct item){.done = done, .total = total, .generation = reporter->generation};
    copy_text(item->step, sizeof(item->step), step);
    reporter->has_progress = true;
    (void)pthread_cond_broadcast(&reporter->changed);
    (void)pthread_mutex_unlock(&reporter->lock);
}

int reporter_flush(struct reporter *reporter, int timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    int r = 0;
    (void)pthread_mutex_lock(&reporter->lock);
    while (reporter->count && r == 0)
        r = pthread_cond_timedwait(&reporter->changed, &reporter->lock, &until);
    bool empty = reporter->count == 0;
    (void)pthread_mutex_unlock(&reporter->lock);
    return empty ? 0 : -ETIMEDOUT;
}
