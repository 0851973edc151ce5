/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/imaging.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/disk-key.h"
#include "agent/fetch.h"
#include "agent/retry.h"
#include "agent/schedule.h"
#include "agent/signature.h"
#include "agent/zero.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "image/chunk.h"

enum {
    PAGE = 4096,
    HEAD_WIPE = 64 << 10,
    TAIL_WIPE = 1 << 20,
    THREADS_MIN = 2,
    THREADS_MAX = 16,
    CHUNK_TRIES = 4,   /* fetches of a chunk that arrives damaged */
    FETCH_TRIES = 12,  /* in a row without one success: about a minute */
    REFUSED_TRIES = 3, /* the server answers, but not with the data */
    FETCH_FIRST_MS = 100,
    FETCH_MAX_MS = 10000,
};

/* What the threads share. */
struct pool {
    struct imaging *imaging;
    pthread_mutex_t lock;
    struct schedule schedule;
    struct reuse reuse;
    atomic_int failed; /* the first failure; the others stop then */
    const char *reason;
    struct err err;
};

/* A thread's own. */
struct lane {
    struct pool *pool;
    pthread_t thread;
    struct fetch *fetch;
    struct image_unpacker *unpacker;
    uint8_t *raw;    /* one chunk, page-aligned */
    uint8_t *frames; /* one range */
    size_t frames_size;
    bool started;
};

void *imaging_memory(size_t size)
{
    size_t rounded = (size + PAGE - 1) / PAGE * PAGE;
    return aligned_alloc(PAGE, rounded ? rounded : PAGE);
}

/* Keeps the first failure of all threads; -ECANCELED for those that come later. */
static int fail(struct pool *pool, int code, const char *reason, const struct err *err)
{
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->failed == 0) {
        pool->failed = code;
        pool->reason = reason;
        if (err)
            pool->err = *err;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return code;
}

static bool next_job(struct pool *pool, struct job *job)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool there = pool->failed == 0 && schedule_next(&pool->schedule, job);
    (void)pthread_mutex_unlock(&pool->lock);
    return there;
}

static bool may_reuse(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    bool yes = reuse_worthwhile(&pool->reuse);
    (void)pthread_mutex_unlock(&pool->lock);
    return yes;
}

static void note_reuse(struct pool *pool, bool hit)
{
    (void)pthread_mutex_lock(&pool->lock);
    reuse_note(&pool->reuse, hit);
    (void)pthread_mutex_unlock(&pool->lock);
}

static void note_request(struct imaging *imaging)
{
    int_fast64_t never = 0;
    (void)atomic_compare_exchange_strong(&imaging->first_request_ms, &never,
                                         clock_now(&clock_system));
}

/* Fetches a range, again and again while the server cannot be reached. */
static int fetch_patiently(struct lane *lane, uint64_t offset, size_t len, void *dst)
{
    struct pool *pool = lane->pool;
    struct retry retry = RETRY(FETCH_FIRST_MS, FETCH_MAX_MS, FETCH_TRIES);
    for (;;) {
        struct err err = ERR_INIT;
        uint32_t wait_ms = 0;
        note_request(pool->imaging);
        int r = fetch_range(lane->fetch, pool->imaging->data_path, offset, len, dst, &err);
        if (r == 0) {
            (void)atomic_fetch_add(&pool->imaging->bytes_fetched, len);
            return 0;
        }
        uint32_t random;
        rng_fill(&rng_system, &random, sizeof(random));
        bool refused = r == -EPROTO && retry.tries + 1 >= REFUSED_TRIES;
        if (pool->failed || refused || !retry_failed(&retry, random, &wait_ms))
            return fail(pool, r, IMAGING_REASON_FETCH, &err);
        clock_sleep_ms(wait_ms);
    }
}

/* Checks and unpacks a frame; a damaged one is fetched again. Only a checked one is unpacked. */
static int unpack(struct lane *lane, size_t index, const uint8_t *frame, void *raw)
{
    struct pool *pool = lane->pool;
    const struct image_manifest *m = pool->imaging->manifest;
    const struct image_chunk *chunk = &m->chunks[index];
    for (int tries = 1; image_chunk_check(chunk, frame, chunk->length) < 0; tries++) {
        struct err err = ERR_INIT;
        if (tries == CHUNK_TRIES) {
            (void)err_set(&err, -EBADMSG,
                          "chunk %zu (bytes %" PRIu64 " to %" PRIu64 " of the data file) does not "
                          "match its digest after %d fetches",
                          index, chunk->offset, chunk->offset + chunk->length, tries);
            return fail(pool, -EBADMSG, IMAGING_REASON_CHUNK, &err);
        }
        int r = fetch_patiently(lane, chunk->offset, chunk->length, lane->frames);
        if (r < 0)
            return r;
        frame = lane->frames;
    }
    int r = image_chunk_unpack(lane->unpacker, frame, chunk->length, raw,
                               image_chunk_raw_length(m, index));
    struct err err = ERR_INIT;
    if (r < 0)
        (void)err_set(&err, r, "chunk %zu has its digest but cannot be unpacked", index);
    return r < 0 ? fail(pool, r, IMAGING_REASON_CHUNK, &err) : 0;
}

static int disk_failed(struct pool *pool, int r, const char *what, uint64_t offset)
{
    struct err err = ERR_INIT;
    (void)err_errno(&err, r, "%s: cannot %s at byte %llu", pool->imaging->disk->name, what,
                    (unsigned long long)offset);
    return fail(pool, r, IMAGING_REASON_DISK, &err);
}

static int write_chunk(struct lane *lane, size_t index, const void *raw)
{
    struct imaging *imaging = lane->pool->imaging;
    uint64_t position = image_chunk_position(imaging->manifest, index);
    uint32_t len = image_chunk_raw_length(imaging->manifest, index);
    int r = fd_pwrite_full(imaging->fd, raw, len, position);
    if (r < 0)
        return disk_failed(lane->pool, r, "write", position);
    (void)atomic_fetch_add(&imaging->bytes_done, len);
    return 0;
}

static int zero_chunks(struct lane *lane, size_t first, size_t count)
{
    struct imaging *imaging = lane->pool->imaging;
    const struct image_manifest *m = imaging->manifest;
    uint64_t position = image_chunk_position(m, first);
    uint64_t end =
        image_chunk_position(m, first + count - 1) + image_chunk_raw_length(m, first + count - 1);
    int r = zero_range(imaging->fd, position, end - position, imaging->disk->write_zeroes,
                       lane->raw, m->chunk_size);
    if (r < 0)
        return disk_failed(lane->pool, r, "zero", position);
    (void)atomic_fetch_add(&imaging->bytes_done, end - position);
    return 0;
}

static bool disk_holds(struct lane *lane, size_t index)
{
    struct imaging *imaging = lane->pool->imaging;
    const struct image_manifest *m = imaging->manifest;
    uint32_t len = image_chunk_raw_length(m, index);
    if (fd_pread_full(imaging->fd, lane->raw, len, image_chunk_position(m, index)) != (ssize_t)len)
        return false;
    return image_chunk_holds(&m->chunks[index], lane->raw, len);
}

/* Whether the disk holds every chunk of the job with data already. */
static bool job_is_done(struct lane *lane, const struct job *job)
{
    struct pool *pool = lane->pool;
    const struct image_manifest *m = pool->imaging->manifest;
    if (!may_reuse(pool))
        return false;
    for (size_t i = job->first; i < job->first + job->count; i++) {
        if (m->chunks[i].zero)
            continue;
        bool hit = disk_holds(lane, i);
        note_reuse(pool, hit);
        if (!hit)
            return false;
    }
    return true;
}

static void note_kept(struct imaging *imaging, size_t index)
{
    uint32_t len = image_chunk_raw_length(imaging->manifest, index);
    (void)atomic_fetch_add(&imaging->bytes_kept, len);
    (void)atomic_fetch_add(&imaging->bytes_done, len);
}

static int store_chunk(struct lane *lane, size_t index, const uint8_t *frame)
{
    int r = unpack(lane, index, frame, lane->raw);
    return r < 0 ? r : write_chunk(lane, index, lane->raw);
}

static int fetch_job(struct lane *lane, const struct job *job)
{
    const struct image_manifest *m = lane->pool->imaging->manifest;
    bool held = job_is_done(lane, job);
    int r = held ? 0 : fetch_patiently(lane, job->offset, job->length, lane->frames);
    for (size_t i = job->first; r == 0 && i < job->first + job->count; i++) {
        if (m->chunks[i].zero)
            r = zero_chunks(lane, i, 1);
        else if (held)
            note_kept(lane->pool->imaging, i);
        else
            r = store_chunk(lane, i, lane->frames + (m->chunks[i].offset - job->offset));
    }
    return r;
}

static void *lane_run(void *data)
{
    struct lane *lane = data;
    struct job job;
    while (next_job(lane->pool, &job)) {
        int r =
            job.kind == JOB_ZERO ? zero_chunks(lane, job.first, job.count) : fetch_job(lane, &job);
        if (r < 0)
            break;
    }
    return NULL;
}

static size_t largest_frame(const struct image_manifest *m)
{
    size_t largest = SCHEDULE_FETCH_MAX;
    for (size_t i = 0; i < m->chunk_count; i++) {
        if (m->chunks[i].length > largest)
            largest = m->chunks[i].length;
    }
    return largest;
}

static void lane_clear(struct lane *lane)
{
    if (lane->fetch)
        fetch_free(lane->fetch);
    if (lane->unpacker)
        image_unpacker_free(lane->unpacker);
    free(lane->raw);
    free(lane->frames);
}

static int lane_init(struct lane *lane, struct pool *pool)
{
    const struct image_manifest *m = pool->imaging->manifest;
    *lane = (struct lane){.pool = pool, .frames_size = largest_frame(m)};
    lane->raw = imaging_memory(m->chunk_size);
    lane->frames = malloc(lane->frames_size);
    lane->unpacker = image_unpacker_new();
    int r = fetch_new(pool->imaging->server, &lane->fetch, NULL);
    return lane->raw && lane->frames && lane->unpacker ? r : -ENOMEM;
}

static unsigned thread_count(const struct imaging *imaging)
{
    if (imaging->threads)
        return imaging->threads < THREADS_MAX ? imaging->threads : THREADS_MAX;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t memory = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t each = imaging->manifest->chunk_size + (uint64_t)largest_frame(imaging->manifest);
    uint64_t count = cpus > 0 ? (uint64_t)cpus * 2 : THREADS_MIN;
    if (count > memory / 2 / each)
        count = memory / 2 / each;
    if (count > THREADS_MAX)
        count = THREADS_MAX;
    return count < THREADS_MIN ? THREADS_MIN : (unsigned)count;
}

static void pool_init(struct pool *pool, struct imaging *imaging)
{
    *pool = (struct pool){.imaging = imaging};
    (void)pthread_mutex_init(&pool->lock, NULL);
}

static int pool_result(struct pool *pool, struct err *err)
{
    if (pool->failed) {
        pool->imaging->reason = pool->reason;
        if (err)
            *err = pool->err;
    }
    return pool->failed;
}

/* One thread is enough to go on with; with fewer than asked for it only takes longer. */
static void run_lanes(struct pool *pool, unsigned count)
{
    struct lane lanes[THREADS_MAX];
    unsigned started = 0;
    for (unsigned i = 0; i < count; i++) {
        int r = lane_init(&lanes[i], pool);
        if (r == 0)
            r = -pthread_create(&lanes[i].thread, NULL, lane_run, &lanes[i]);
        lanes[i].started = r == 0;
        started += lanes[i].started;
    }
    if (started == 0)
        (void)fail(pool, -ENOMEM, IMAGING_REASON_MEMORY, NULL);
    for (unsigned i = 0; i < count; i++) {
        if (lanes[i].started)
            (void)pthread_join(lanes[i].thread, NULL);
        lane_clear(&lanes[i]);
    }
}

static int flush(struct imaging *imaging, struct err *err)
{
    if (fsync(imaging->fd) == 0)
        return 0;
    imaging->reason = IMAGING_REASON_DISK;
    return err_errno(err, -errno, "%s: cannot flush", imaging->disk->name);
}

/* Backup tables and RAID members are known by the end of the disk. */
static int wipe_tail(const struct imaging *imaging, const uint8_t *zeros)
{
    uint64_t size = imaging->disk->size;
    if (size - imaging->manifest->disk_size < TAIL_WIPE)
        return 0;
    return fd_pwrite_full(imaging->fd, zeros, TAIL_WIPE, (size - TAIL_WIPE) / PAGE * PAGE);
}

/*
 * Marker and key first, and no other signature left that would make sense of a half-written disk.
 * again: the marker is there; the key may be an earlier start's.
 */
static int place_marker(struct imaging *imaging, bool again, struct err *err)
{
    _autofree_ uint8_t *memory = imaging_memory(TAIL_WIPE);
    if (!memory)
        return err_set(err, -ENOMEM, "out of memory");
    memset(memory, 0, TAIL_WIPE);
    int r = again ? 0 : wipe_tail(imaging, memory);
    marker_build(imaging->digest, memory);
    if (imaging->key_block)
        memcpy(memory + DISK_KEY_MARKER_OFFSET, imaging->key_block, DISK_KEY_SIZE);
    uint64_t head = again || imaging->manifest->disk_size < HEAD_WIPE ? PAGE : HEAD_WIPE;
    if (r == 0)
        r = fd_pwrite_full(imaging->fd, memory, head, 0);
    explicit_bzero(memory, PAGE);
    if (r < 0) {
        imaging->reason = IMAGING_REASON_DISK;
        return err_errno(err, r, "%s: cannot write", imaging->disk->name);
    }
    return flush(imaging, err);
}

int imaging_write(struct imaging *imaging, struct err *err)
{
    const struct disk *disk = imaging->disk;
    bool same = disk->state == DISK_PARTIAL &&
                memcmp(disk->partial_digest, imaging->digest, IMAGE_DIGEST_SIZE) == 0;
    int r = place_marker(imaging, same, err);
    if (r < 0)
        return r;
    struct pool pool;
    pool_init(&pool, imaging);
    pool.reuse.on = same || disk->state == DISK_OURS;
    schedule_init(&pool.schedule, imaging->manifest);
    run_lanes(&pool, thread_count(imaging));
    r = pool_result(&pool, err);
    return r < 0 ? r : flush(imaging, err);
}

int imaging_first_chunk(struct imaging *imaging, void *dst, struct err *err)
{
    const struct image_manifest *m = imaging->manifest;
    struct pool pool;
    struct lane lane;
    if (m->chunks[0].zero) {
        memset(dst, 0, image_chunk_raw_length(m, 0));
        return 0;
    }
    pool_init(&pool, imaging);
    int r = lane_init(&lane, &pool);
    if (r == 0)
        r = fetch_patiently(&lane, m->chunks[0].offset, m->chunks[0].length, lane.frames);
    if (r == 0)
        r = unpack(&lane, 0, lane.frames, dst);
    lane_clear(&lane);
    return pool.failed ? pool_result(&pool, err) : r;
}

static int first_write_failed(struct imaging *imaging, int r, struct err *err)
{
    imaging->reason = IMAGING_REASON_DISK;
    return err_errno(err, r, "%s: cannot write the first chunk", imaging->disk->name);
}

int imaging_write_first(struct imaging *imaging, const void *first_chunk, struct err *err)
{
    const uint8_t *raw = first_chunk;
    uint32_t len = image_chunk_raw_length(imaging->manifest, 0);
    int r = len > PAGE ? fd_pwrite_full(imaging->fd, raw + PAGE, len - PAGE, PAGE) : 0;
    return r < 0 ? first_write_failed(imaging, r, err) : 0;
}

/* The whole page, also when the image ends within it: nothing of marker and key stays. */
static int write_first_page(struct imaging *imaging, const void *first_chunk, uint32_t len)
{
    _autofree_ uint8_t *page = imaging_memory(PAGE);
    if (!page)
        return -ENOMEM;
    memset(page, 0, PAGE);
    memcpy(page, first_chunk, len < PAGE ? len : PAGE);
    return fd_pwrite_full(imaging->fd, page, PAGE, 0);
}

int imaging_commit(struct imaging *imaging, const void *first_chunk, struct err *err)
{
    uint32_t len = image_chunk_raw_length(imaging->manifest, 0);
    int r = flush(imaging, err);
    if (r < 0)
        return r;
    r = write_first_page(imaging, first_chunk, len);
    if (r < 0)
        return first_write_failed(imaging, r, err);
    (void)atomic_fetch_add(&imaging->bytes_done, len);
    return flush(imaging, err);
}

int imaging_verify(struct imaging *imaging, uint64_t skip, uint64_t skip_length, struct err *err)
{
    const struct image_manifest *m = imaging->manifest;
    _autofree_ uint8_t *raw = imaging_memory(m->chunk_size);
    if (!raw)
        return err_set(err, -ENOMEM, "out of memory");
    for (size_t i = 1; i < m->chunk_count; i++) {
        uint64_t position = image_chunk_position(m, i);
        uint32_t len = image_chunk_raw_length(m, i);
        if (position < skip + skip_length && position + len > skip)
            continue;
        ssize_t n = fd_pread_full(imaging->fd, raw, len, position);
        if (n == (ssize_t)len && image_chunk_holds(&m->chunks[i], raw, len))
            continue;
        imaging->reason = IMAGING_REASON_DISK;
        return err_set(err, -EBADMSG, "%s: chunk %zu reads back differently", imaging->disk->name,
                       i);
    }
    return 0;
}
