/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/schedule.h"

static uint64_t frame_end(const struct image_chunk *chunk)
{
    return chunk->offset + chunk->length;
}

static void zero_run(struct schedule *s, struct job *job)
{
    const struct image_manifest *m = s->manifest;
    size_t most = SCHEDULE_ZERO_MAX / m->chunk_size;
    job->kind = JOB_ZERO;
    while (s->next < s->end && m->chunks[s->next].zero && job->count < (most ? most : 1)) {
        s->next++;
        job->count++;
    }
}

/* The next chunk with data behind a job that may still join it; s->end when there is none. */
static size_t joinable(const struct schedule *s, const struct job *job)
{
    const struct image_manifest *m = s->manifest;
    size_t next = job->first + job->count;
    while (next < s->end && m->chunks[next].zero)
        next++;
    if (next >= s->end || next - job->first >= SCHEDULE_JOB_CHUNKS_MAX)
        return s->end;
    uint64_t gap = m->chunks[next].offset - (job->offset + job->length);
    uint64_t length = frame_end(&m->chunks[next]) - job->offset;
    return gap <= SCHEDULE_GAP_MAX && length <= SCHEDULE_FETCH_MAX ? next : s->end;
}

static void fetch_run(struct schedule *s, struct job *job)
{
    const struct image_manifest *m = s->manifest;
    job->kind = JOB_FETCH;
    job->count = 1;
    job->offset = m->chunks[job->first].offset;
    job->length = m->chunks[job->first].length;
    for (size_t next; (next = joinable(s, job)) < s->end;) {
        job->count = next + 1 - job->first;
        job->length = frame_end(&m->chunks[next]) - job->offset;
    }
    s->next = job->first + job->count;
}

bool schedule_next(struct schedule *s, struct job *ret)
{
    if (s->next >= s->end)
        return false;
    struct job job = {.first = s->next};
    if (s->manifest->chunks[s->next].zero)
        zero_run(s, &job);
    else
        fetch_run(s, &job);
    *ret = job;
    return true;
}
