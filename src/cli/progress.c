/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <string.h>

#include "base/str.h"

enum { STEP_MAX = 80, BAR_WIDTH = 24, REDRAW_MS = 100, SPOKEN_PERCENT = 10 };

struct progress {
    FILE *out;
    bool live;
    const struct clock *clock;
    char step[STEP_MAX]; /* "" before the first */
    int64_t step_start, drawn_at;
    uint64_t spoken; /* last percentage that was printed as a line */
    bool open;       /* a live line is being drawn */
};

struct progress *progress_new(FILE *out, bool live, const struct clock *clock)
{
    struct progress *p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->out = out;
    p->live = live;
    p->clock = clock;
    return p;
}

/* Keeps the finished step on the screen, with what it took. */
static void end_step(struct progress *p)
{
    if (!p->step[0])
        return;
    double seconds = (double)(clock_now(p->clock) - p->step_start) / 1000;
    if (p->live)
        (void)fprintf(p->out, "\r\033[K%-34s %7.1f s\n", p->step, seconds);
    p->open = false;
    p->step[0] = '\0';
}

void progress_pause(struct progress *p)
{
    if (p && p->open)
        (void)fputs("\r\033[K", p->out);
    if (p)
        p->open = false;
}

void progress_free(struct progress *p)
{
    if (!p)
        return;
    end_step(p);
    (void)fflush(p->out);
    free(p);
}

static void draw_bar(const struct progress *p, uint64_t done, uint64_t total, int64_t elapsed)
{
    char amount[32], all[32], rate[32];
    char bar[BAR_WIDTH + 1];
    size_t filled = (size_t)((double)done / (double)total * BAR_WIDTH);
    for (size_t i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '-';
    bar[BAR_WIDTH] = '\0';
    uint64_t per_second = elapsed > 0 ? done * 1000 / (uint64_t)elapsed : 0;
    (void)fprintf(p->out, "\r\033[K%-34s [%s] %s of %s, %s/s", p->step, bar,
                  str_human_size(amount, sizeof(amount), done),
                  str_human_size(all, sizeof(all), total),
                  str_human_size(rate, sizeof(rate), per_second));
}

static void draw(struct progress *p, uint64_t done, uint64_t total, bool force)
{
    int64_t now = clock_now(p->clock);
    if (!force && now - p->drawn_at < REDRAW_MS)
        return;
    p->drawn_at = now;
    p->open = true;
    if (total && done <= total)
        draw_bar(p, done, total, now - p->step_start);
    else
        (void)fprintf(p->out, "\r\033[K%s...", p->step);
    (void)fflush(p->out);
}

static void speak(struct progress *p, uint64_t done, uint64_t total)
{
    uint64_t percent = total ? done * 100 / total : 0;
    if (percent < p->spoken + SPOKEN_PERCENT)
        return;
    p->spoken = percent / SPOKEN_PERCENT * SPOKEN_PERCENT;
    (void)fprintf(p->out, "%s: %llu%%\n", p->step, (unsigned long long)p->spoken);
    (void)fflush(p->out);
}

void progress_step(struct progress *p, const char *step, uint64_t done, uint64_t total)
{
    if (!p)
        return;
    bool is_new = !str_eq(p->step, step);
    if (is_new) {
        end_step(p);
        (void)snprintf(p->step, sizeof(p->step), "%s", step);
        p->step_start = clock_now(p->clock);
        p->spoken = 0;
        if (!p->live)
            (void)fprintf(p->out, "%s\n", p->step);
    }
    if (p->live)
        draw(p, done, total, is_new || done == total);
    else
        speak(p, done, total);
}
