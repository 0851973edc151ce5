/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up-progress.h"

#include <string.h>

#include "base/str.h"

enum { BAR_WIDTH = 30 };

struct phase {
    const char *name;
    int percent; /* of the time that the phases before it take, roughly */
};

static const struct phase seed_phases[] = {{"reset", 0},
                                           {"files", 1},
                                           {"runtime", 2},
                                           {"init", 3},
                                           {"preflight", 3},
                                           {"certs", 5},
                                           {"kubeconfig", 10},
                                           {"kubelet-start", 12},
                                           {"control-plane", 15},
                                           {"etcd", 16},
                                           {"wait-control-plane", 18},
                                           {"apiclient", 60},
                                           {"upload-config", 62},
                                           {"kubelet", 63},
                                           {"upload-certs", 64},
                                           {"mark-control-plane", 65},
                                           {"bootstrap-token", 66},
                                           {"kubelet-finalize", 68},
                                           {"addons", 70},
                                           {"api-server", 75},
                                           {"network", 80},
                                           {"manifests", 85},
                                           {"ready", 90},
                                           {NULL, 0}};

static const struct phase join_phases[] = {{"reset", 0},          {"files", 2},
                                           {"runtime", 4},        {"preflight", 10},
                                           {"discovery", 12},     {"kubelet-start", 30},
                                           {"tls-bootstrap", 40}, {"network", 70},
                                           {"ready", 75},         {NULL, 0}};

int up_progress_percent(enum up_role role, const char *phase)
{
    for (const struct phase *p = role == UP_SEED ? seed_phases : join_phases; p->name; p++) {
        if (str_eq(p->name, phase))
            return p->percent;
    }
    return -1;
}

static void draw(struct up_progress *progress, const char *phase, int percent, const char *age)
{
    char bar[BAR_WIDTH + 1];
    int full = percent * BAR_WIDTH / 100;
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(progress->out, "\r\033[K[%s] %s  %s", bar, age, phase);
    progress->drawn = true;
}

void up_progress_phase(struct up_progress *progress, const char *phase)
{
    char age[32];
    int percent = up_progress_percent(progress->role, phase);
    (void)clock_age_text(clock_now(progress->clock) - progress->started, age, sizeof(age));
    if (progress->bar && percent >= 0)
        draw(progress, phase, percent, age);
    else if (!progress->bar)
        (void)fprintf(progress->out, "%6s  %s\n", age, phase);
    (void)fflush(progress->out);
}

void up_progress_end(struct up_progress *progress)
{
    if (progress->drawn)
        (void)fputc('\n', progress->out);
    progress->drawn = false;
    (void)fflush(progress->out);
}
