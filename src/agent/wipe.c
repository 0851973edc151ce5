/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wipe.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/disk-key.h"
#include "image/efi-boot.h"
#include "agent/imaging.h"
#include "agent/mounts.h"
#include "agent/signature.h"
#include "agent/wipe-device.h"
#include "agent/wipe-disk.h"
#include "agent/zero.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "image/gpt-disk.h"

#define REASON_DISK "DiskFailed"
#define REASON_MEMORY "OutOfMemory"
#define EFIVARS "/sys/firmware/efi/efivars"

enum {
    SETTLE_MS = 60 * 1000,
    PROGRESS_MS = 2000,
    FLUSH_MS = 60 * 1000,
    REPORT_SIZE = 256,
    BUFFER_SIZE = 1 << 20,
};

/* One disk; its thread's own while that runs. */
struct wiping {
    const struct wipe_run *run;
    const struct disk *disk;
    bool keeper; /* holds the machine's key until the end */
    pthread_t thread;
    bool started;
    atomic_uint_fast64_t done;
    int result;
    char report[REPORT_SIZE];
};

struct wipe_run {
    const struct install *install;
    const struct protocol_wipe *plan;
    struct wiping *disks;
    size_t count;
    uint64_t total;
    uint8_t head[WIPE_HEAD_SIZE]; /* what the keeper starts with: marker and key */
    atomic_bool stop;
};

/* ---- one disk ---- */

int wipe_identity(int fd, const struct disk *disk, struct err *err)
{
    _autofree_ struct gpt *gpt = malloc(sizeof(*gpt));
    _autofree_ void *buffer = imaging_memory(BUFFER_SIZE);
    bool partial = disk->state == DISK_PARTIAL; /* marker and key share the first page */
    uint64_t offset = partial ? 0 : disk->key_offset;
    uint64_t size = disk->key_offset ? DISK_KEY_SEED_ROOM : 0;
    if (!gpt || !buffer)
        return err_set(err, -ENOMEM, "out of memory");
    if (!partial && gpt_disk_read(fd, disk->size, disk->sector_size, gpt, NULL, NULL) == 0) {
        int seed = gpt_find_name(gpt, "CIDATA");
        if (seed > 0) {
            offset = gpt_partition_offset(gpt, (uint32_t)seed);
            size = gpt_partition_size(gpt, (uint32_t)seed);
        }
    }
    int r = size ? zero_range(fd, offset, size, false, buffer, BUFFER_SIZE) : 0;
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    return r < 0 ? err_errno(err, r, "%s: cannot write", disk->name) : 0;
}

static int wipe_data(struct wiping *w, int fd)
{
    const struct wipe_run *run = w->run;
    enum wipe_way ways[WIPE_WAYS_MAX];
    struct wipe_ability ability;
    struct wipe_device device;
    wipe_device_look("/sys", w->disk, fd, run->plan->root_only, &device, &ability);
    size_t count = wipe_ways(run->plan->method, w->disk, &ability, ways);
    const struct wipe_target target = {
        .fd = fd,
        .disk = w->disk,
        .erase = wipe_device_erase,
        .data = &device,
        .head = w->keeper ? run->head : NULL,
        .rng = run->install->rng,
        .done = &w->done,
    };
    return wipe_disk(&target, ways, count, run->plan->method == PROTOCOL_WIPE_SECURE_ERASE,
                     w->report, sizeof(w->report));
}

static int wipe_one(struct wiping *w)
{
    char path[64];
    struct err err = ERR_INIT;
    (void)snprintf(path, sizeof(path), "/dev/%s", w->disk->name);
    _autofd_ int fd = open(path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
    if (fd < 0) {
        int r = -errno;
        (void)snprintf(w->report, sizeof(w->report), "%s", strerror(-r));
        return r;
    }
    if (w->run->plan->method != PROTOCOL_WIPE_NONE)
        return wipe_data(w, fd);
    bool ours = w->disk->state == DISK_OURS || w->disk->state == DISK_PARTIAL;
    int r = ours ? wipe_identity(fd, w->disk, &err) : 0;
    (void)snprintf(w->report, sizeof(w->report), "%s",
                   r < 0  ? err_text(&err)
                   : ours ? "its data stay, without this machine's identity"
                          : "its data stay");
    return r;
}

static void tell(const struct wiping *w)
{
    char message[REPORT_SIZE + 64];
    (void)snprintf(message, sizeof(message), "%s: %s", w->disk->name, w->report);
    if (w->result < 0)
        log_error("%s", message);
    else
        log_info("%s", message);
    reporter_say(w->run->install->reporter, PROTOCOL_STEP_WIPING,
                 w->result < 0 ? REASON_DISK : NULL, false, message);
}

static void *wipe_thread(void *data)
{
    struct wiping *w = data;
    log_info("wiping %s (%s)", w->disk->name, w->disk->contents);
    w->result = wipe_one(w);
    atomic_store(&w->done, w->disk->size);
    tell(w);
    return NULL;
}

/* ---- all of them ---- */

static void *watch(void *data)
{
    struct wipe_run *run = data;
    while (!atomic_load(&run->stop)) {
        uint64_t done = 0;
        for (size_t i = 0; i < run->count; i++)
            done += atomic_load(&run->disks[i].done);
        reporter_progress(run->install->reporter, PROTOCOL_STEP_WIPING, done, run->total);
        for (int ms = 0; ms < PROGRESS_MS && !atomic_load(&run->stop); ms += 100)
            clock_sleep_ms(100);
    }
    return NULL;
}

/* Marker and key, as an installation leaves them until it has ended: so it is known again. */
static int prepare_head(struct wipe_run *run, struct err *err)
{
    const struct install *install = run->install;
    const struct disk_key_owner owner = {&install->cmdline->key, install->inventory->uuid};
    const uint8_t none[32] = {0};
    marker_build(none, run->head);
    int r = disk_key_build(install->key, &owner, run->head + DISK_KEY_MARKER_OFFSET);
    return r < 0 ? err_errno(err, r, "the machine's key") : 0;
}

static int prepare(struct wipe_run *run, struct install_failure *failure, struct err *err)
{
    struct inventory *inventory = run->install->inventory;
    size_t chosen[DISKS_MAX];
    const char *reason = REASON_DISK;
    (void)storage_wait(run->install->storage, SETTLE_MS);
    inventory_disks("/sys", "/dev", inventory);
    int n = wipe_choose(run->plan, inventory->disks, inventory->disk_count, chosen, &reason, err);
    if (n < 0) {
        failure->by_rule = true;
        failure->reason = reason;
        return n;
    }
    run->disks = calloc((size_t)n, sizeof(*run->disks));
    if (!run->disks)
        return err_set(err, -ENOMEM, "out of memory");
    run->count = (size_t)n;
    for (size_t i = 0; i < run->count; i++) {
        run->disks[i].run = run;
        run->disks[i].disk = &inventory->disks[chosen[i]];
        run->disks[i].keeper = i + 1 == run->count;
        run->total += run->disks[i].disk->size;
    }
    return prepare_head(run, err);
}

/* Each disk has its own thread, for they are slow by themselves; the keeper comes last. */
static void wipe_all(struct wipe_run *run)
{
    for (size_t i = 0; i + 1 < run->count; i++) {
        struct wiping *w = &run->disks[i];
        w->started = pthread_create(&w->thread, NULL, wipe_thread, w) == 0;
        if (!w->started)
            (void)wipe_thread(w);
    }
    for (size_t i = 0; i + 1 < run->count; i++) {
        if (run->disks[i].started)
            (void)pthread_join(run->disks[i].thread, NULL);
    }
    (void)wipe_thread(&run->disks[run->count - 1]);
}

/* Which disks failed, or what became of all. 0 or the first failure. */
static int collect(const struct wipe_run *run, char *text, size_t size)
{
    int result = 0;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < run->count; i++) {
        const struct wiping *w = &run->disks[i];
        result = result ? result : w->result;
    }
    for (size_t i = 0; i < run->count && used < size; i++) {
        const struct wiping *w = &run->disks[i];
        if (result < 0 && w->result == 0)
            continue;
        int n = snprintf(text + used, size - used, "%s%s: %s", used ? "; " : "", w->disk->name,
                         w->report);
        used += n > 0 ? (size_t)n : 0;
    }
    return result;
}

/* What starts from these disks starts no more. Firmware that keeps it all the same does no harm. */
static void forget_entries(void)
{
    struct err err = ERR_INIT;
    const struct efi_boot_options options = {.efivars = EFIVARS, .description = "Slipway"};
    if (mounts_efivars() == 0 && efi_boot_forget(&options, &err) < 0)
        log_warn("EFI boot entries: %s", err_text(&err));
}

static void tell_released(const struct wipe_run *run, const char *text)
{
    struct reporter *reporter = run->install->reporter;
    char message[1024];
    (void)snprintf(message, sizeof(message), "%s; it %s", text,
                   run->plan->power_off ? "powers off" : "waits in stage2");
    reporter_say(reporter, PROTOCOL_STEP_RELEASED, NULL, false, message);
    while (reporter_flush(reporter, FLUSH_MS) < 0)
        log_warn("the server has not taken note of the release: waiting for it");
}

int wipe_run(const struct install *install, const struct protocol_wipe *plan,
             struct install_failure *ret_failure, struct err *err)
{
    struct wipe_run run = {.install = install, .plan = plan};
    pthread_t watcher;
    char text[768];
    *ret_failure = (struct install_failure){.step = PROTOCOL_STEP_WIPING, .reason = REASON_DISK};
    reporter_set_generation(install->reporter, plan->generation);
    int r = prepare(&run, ret_failure, err);
    if (r == 0) {
        bool watched = pthread_create(&watcher, NULL, watch, &run) == 0;
        wipe_all(&run);
        atomic_store(&run.stop, true);
        if (watched)
            (void)pthread_join(watcher, NULL);
        r = collect(&run, text, sizeof(text));
        if (r < 0)
            (void)err_set(err, r, "%s", text);
    }
    if (r == 0) {
        if (plan->method != PROTOCOL_WIPE_NONE)
            forget_entries();
        tell_released(&run, text);
    }
    explicit_bzero(run.head, sizeof(run.head));
    free(run.disks);
    return r;
}
