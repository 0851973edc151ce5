/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pack.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "base/file.h"
#include "image/chunk.h"

enum { THREADS_MAX = 64, SLOTS_PER_THREAD = 3 };

/* Where a worker leaves a packed chunk for the writer; chunk i uses slot i % slot_count. */
struct slot {
    uint8_t *frame;
    struct image_chunk chunk;
    bool ready;
};

struct packing {
    int disk_fd;
    int level;
    const struct image_manifest *m;
    size_t slot_count;
    struct slot *slots;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under the lock: */
    size_t next;    /* chunk that the next free worker takes */
    size_t written; /* chunks that the writer is done with */
    int error;      /* first failure: everybody stops */
};

static unsigned cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        return 1;
    int n = CPU_COUNT(&set);
    if (n < 1)
        return 1;
    return n > THREADS_MAX ? THREADS_MAX : (unsigned)n;
}

static void fail(struct packing *p, int error)
{
    (void)pthread_mutex_lock(&p->lock);
    if (p->error == 0)
        p->error = error;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
}

/* The next chunk to pack once its slot is free; false when there is nothing left to do. */
static bool take(struct packing *p, size_t *ret_index)
{
    (void)pthread_mutex_lock(&p->lock);
    while (p->error == 0 && p->next < p->m->chunk_count && p->next - p->written >= p->slot_count)
        (void)pthread_cond_wait(&p->changed, &p->lock);
    bool more = p->error == 0 && p->next < p->m->chunk_count;
    if (more)
        *ret_index = p->next++;
    (void)pthread_mutex_unlock(&p->lock);
    return more;
}

/* True when the file system says that there is no data in this range of the file. */
static bool is_hole(int fd, uint64_t position, uint32_t length)
{
    off_t data = lseek(fd, (off_t)position, SEEK_DATA);
    if (data < 0)
        return errno == ENXIO && lseek(fd, 0, SEEK_END) >= (off_t)(position + length);
    return (uint64_t)data >= position + length;
}

static int read_chunk(const struct packing *p, size_t index, uint8_t *raw, uint32_t length)
{
    uint64_t position = image_chunk_position(p->m, index);
    if (is_hole(p->disk_fd, position, length)) {
        memset(raw, 0, length);
        return 0;
    }
    ssize_t n = fd_pread_full(p->disk_fd, raw, length, position);
    if (n < 0)
        return (int)n;
    return (size_t)n == length ? 0 : -ENODATA;
}

static int pack_chunk(struct packing *p, struct image_packer *packer, size_t index, uint8_t *raw)
{
    struct slot *slot = &p->slots[index % p->slot_count];
    uint32_t length = image_chunk_raw_length(p->m, index);
    struct image_chunk chunk;
    int r = read_chunk(p, index, raw, length);
    if (r == 0)
        r = image_chunk_pack(packer, raw, length, slot->frame, &chunk);
    if (r < 0)
        return r;
    (void)pthread_mutex_lock(&p->lock);
    slot->chunk = chunk;
    slot->ready = true;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    return 0;
}

static void *work(void *data)
{
    struct packing *p = data;
    size_t index;
    _autofree_ uint8_t *raw = malloc(p->m->chunk_size);
    _cleanup_(image_packer_freep) struct image_packer *packer = image_packer_new(p->level);
    int r = raw && packer ? 0 : -ENOMEM;
    while (r == 0 && take(p, &index))
        r = pack_chunk(p, packer, index, raw);
    if (r < 0)
        fail(p, r);
    return NULL;
}

/* Waits for a chunk; 0 or the failure of some thread. */
static int await(struct packing *p, size_t index)
{
    (void)pthread_mutex_lock(&p->lock);
    while (p->error == 0 && !p->slots[index % p->slot_count].ready)
        (void)pthread_cond_wait(&p->changed, &p->lock);
    int r = p->error;
    (void)pthread_mutex_unlock(&p->lock);
    return r;
}

static void release(struct packing *p, size_t index)
{
    (void)pthread_mutex_lock(&p->lock);
    p->slots[index % p->slot_count].ready = false;
    p->written = index + 1;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
}

/* Writes the chunks in order as they get ready. */
static int write_chunks(struct packing *p, int data_fd, const struct image_progress *progress,
                        struct image_manifest *m)
{
    uint64_t offset = 0;
    for (size_t i = 0; i < m->chunk_count; i++) {
        struct slot *slot = &p->slots[i % p->slot_count];
        int r = image_progress_cancelled(progress) ? -EINTR : await(p, i);
        if (r == 0)
            r = fd_pwrite_full(data_fd, slot->frame, slot->chunk.length, offset);
        if (r < 0)
            return r;
        m->chunks[i] = slot->chunk;
        m->chunks[i].offset = offset;
        offset += slot->chunk.length;
        release(p, i);
        image_progress_step(progress, "compressing",
                            image_chunk_position(m, i) + image_chunk_raw_length(m, i),
                            m->disk_size);
    }
    m->data_size = offset;
    return 0;
}

static int run(struct packing *p, unsigned threads, int data_fd,
               const struct image_progress *progress, struct image_manifest *m)
{
    pthread_t workers[THREADS_MAX];
    unsigned started = 0;
    while (started < threads && pthread_create(&workers[started], NULL, work, p) == 0)
        started++;
    int r = started ? write_chunks(p, data_fd, progress, m) : -EAGAIN;
    if (r < 0)
        fail(p, r);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(workers[i], NULL);
    return r;
}

static void slots_free(struct packing *p)
{
    for (size_t i = 0; p->slots && i < p->slot_count; i++)
        free(p->slots[i].frame);
    free(p->slots);
    (void)pthread_mutex_destroy(&p->lock);
    (void)pthread_cond_destroy(&p->changed);
}

int image_pack(int disk_fd, int data_fd, const struct image_pack_options *options,
               struct image_manifest *m, struct err *err)
{
    unsigned threads = options->threads ? options->threads : cores();
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    _cleanup_(slots_free) struct packing p = {
        .disk_fd = disk_fd,
        .level = options->level ? options->level : IMAGE_LEVEL_DEFAULT,
        .m = m,
        .slot_count = (size_t)threads * SLOTS_PER_THREAD,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    p.slots = calloc(p.slot_count, sizeof(*p.slots));
    for (size_t i = 0; p.slots && i < p.slot_count; i++) {
        p.slots[i].frame = malloc(image_frame_max(m->chunk_size));
        if (!p.slots[i].frame)
            return err_set(err, -ENOMEM, "out of memory");
    }
    if (!p.slots)
        return err_set(err, -ENOMEM, "out of memory");
    int r = run(&p, threads, data_fd, options->progress, m);
    if (r == -EINTR)
        return err_set(err, r, "cancelled");
    return r < 0 ? err_errno(err, r, "cannot pack the disk image") : 0;
}
