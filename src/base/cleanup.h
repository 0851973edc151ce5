/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound ownership: a variable declared with one of these attributes releases what it owns
 * when it goes out of scope. TAKE_PTR and TAKE_FD hand ownership on (to a caller, a struct).
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>
#include <errno.h>
#include <stdio.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _must_check_ __attribute__((warn_unused_result))
#define _unused_ __attribute__((unused))

/* Defines `static inline void NAMEp(TYPE *p)`, which calls NAME(*p) when *p is not null. */
#define DEFINE_CLEANUP(type, name)                                                                 \
    static inline _unused_ void name##p(type *p)                                                   \
    {                                                                                              \
        if (*p)                                                                                    \
            name(*p);                                                                              \
    }

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_fd(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        (void)close(*fd);
        errno = saved;
    }
}

static inline void cleanup_file(FILE **f)
{
    if (*f)
        (void)fclose(*f);
}

#define _autofree_ _cleanup_(cleanup_free)
#define _autofd_ _cleanup_(cleanup_fd)
#define _autofile_ _cleanup_(cleanup_file)

/* Returns the pointer and sets the variable to NULL: ownership moves to the caller. */
#define TAKE_PTR(p)                                                                                \
    ({                                                                                             \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

/* Returns the descriptor and sets the variable to -1. */
#define TAKE_FD(fd)                                                                                \
    ({                                                                                             \
        int taken_ = (fd);                                                                         \
        (fd) = -1;                                                                                 \
        taken_;                                                                                    \
    })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
