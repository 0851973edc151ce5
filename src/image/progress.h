/* SPDX-License-Identifier: Apache-2.0 */
/* How long work on images tells how far it is, and learns that it shall stop. */
#pragma once

#include <signal.h>
#include <stdint.h>

struct image_progress {
    /*
     * Called from the thread that started the work. step: what is being done ("installing
     * packages"); done and total: bytes or items of that step, total 0 when it is not known. May be
     * NULL.
     */
    void (*on_step)(void *data, const char *step, uint64_t done, uint64_t total);
    void *data;
    /* Not 0: stop soon, clean up and return -EINTR. May be NULL. */
    const volatile sig_atomic_t *cancel;
};

static inline void image_progress_step(const struct image_progress *p, const char *step,
                                       uint64_t done, uint64_t total)
{
    if (p && p->on_step)
        p->on_step(p->data, step, done, total);
}

static inline int image_progress_cancelled(const struct image_progress *p)
{
    return p && p->cancel && *p->cancel;
}
