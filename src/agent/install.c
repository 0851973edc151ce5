/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/install.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "agent/disk-key.h"
#include "agent/disk-rule.h"
#include "image/efi-boot.h"
#include "agent/handover.h"
#include "agent/imaging.h"
#include "agent/layout.h"
#include "agent/mounts.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "image/chunk.h"
#include "provision/identity.h"

#define REASON_MANIFEST "ManifestInvalid"
#define REASON_MANIFEST_FETCH "ManifestUnreachable"
#define REASON_SEED "SeedInvalid"
#define REASON_BUSY "DiskBusy"
#define REASON_HANDOVER "BootFailed"
#define ESP_MOUNT "/run/esp"
#define EFIVARS "/sys/firmware/efi/efivars"

enum {
    SETTLE_MS = 60 * 1000,
    PROGRESS_MS = 500,
    CONSOLE_EVERY_MS = 5000,
    INSTALLED_FLUSH_MS = 120 * 1000,
    BOOTING_FLUSH_MS = 3000,
};

/* The installation under way. */
struct job_state {
    const struct install *install;
    const struct protocol_plan *plan;
    struct image_manifest manifest;
    struct seed seed;
    bool has_seed;
    const struct disk *disk;
    int fd;
    struct imaging imaging;
    uint8_t key_block[DISK_KEY_SIZE];
    struct layout layout;
    struct install_failure *failure;
    struct err *err;
};

static void state_clear(struct job_state *s)
{
    image_manifest_clear(&s->manifest);
    seed_free(&s->seed);
    explicit_bzero(s->key_block, sizeof(s->key_block));
    if (s->fd >= 0)
        (void)close(s->fd);
}

static int failed(struct job_state *s, int r, const char *step, const char *reason)
{
    s->failure->step = step;
    s->failure->reason = reason;
    return r;
}

static long elapsed(const struct install *install)
{
    return (long)(clock_now(&clock_system) - install->started);
}

/* The manifest is known by its digest in the signed plan; where it came from does not matter. */
static int get_manifest(struct job_state *s)
{
    struct buf text _autobuf_ = BUF_INIT_MAX(IMAGE_MANIFEST_MAX);
    uint8_t digest[TRUST_DIGEST_SIZE];
    _cleanup_(fetch_freep) struct fetch *fetch = NULL;
    int r = fetch_new(s->install->cmdline->server, &fetch, s->err);
    if (r == 0)
        r = fetch_get(fetch, s->plan->manifest_path, IMAGE_MANIFEST_MAX, &text, s->err);
    if (r < 0)
        return failed(s, r, PROTOCOL_STEP_IMAGING, REASON_MANIFEST_FETCH);
    trust_digest(text.data, text.len, digest);
    if (memcmp(digest, s->plan->manifest_digest, sizeof(digest)) != 0)
        r = err_set(s->err, -EBADMSG, "the manifest of image %s is not the one in the plan",
                    s->plan->image);
    else
        r = image_manifest_parse(text.data, text.len, &s->manifest, s->err);
    log_debug("manifest fetched: %ld ms after the agent's start", elapsed(s->install));
    return r < 0 ? failed(s, r, PROTOCOL_STEP_IMAGING, REASON_MANIFEST) : 0;
}

/*
 * The approved key goes on living in the installed system; it leaves this machine in no other way.
 * Only slipway-node takes it out of the seed and wipes it there, so nobody else gets it.
 */
static int add_identity(struct job_state *s)
{
    const struct install *install = s->install;
    if (!seed_find(&s->seed, SEED_PATH_NODE))
        return 0;
    char server_key[TRUST_PUBLIC_TEXT_SIZE];
    struct provision_identity identity _autoidentity_ = {
        .machine = install->machine[0] ? strdup(install->machine) : NULL,
        .server = strdup(install->cmdline->server),
        .server_key = strdup(trust_public_text(&install->cmdline->key, server_key)),
        .private_key = trust_key_to_text(install->key)};
    return provision_identity_put(&identity, &s->seed, s->err);
}

static int get_seed(struct job_state *s)
{
    char *text = NULL;
    size_t len = 0;
    if (!s->plan->sealed_seed)
        return 0;
    int r = trust_unseal(s->install->key, s->plan->sealed_seed, SEED_JSON_MAX, &text, &len);
    if (r == 0)
        r = seed_parse(text, len, &s->seed, s->err);
    else
        (void)err_errno(s->err, r, "the seed is not sealed to this machine's key");
    seed_text_free(text);
    if (r == 0)
        r = add_identity(s);
    s->has_seed = r == 0;
    return r < 0 ? failed(s, r, PROTOCOL_STEP_SEED, REASON_SEED) : 0;
}

static int choose_disk(struct job_state *s)
{
    const struct install *install = s->install;
    struct disk_need need = {.size = s->manifest.disk_size, .sector_size = IMAGE_SECTOR_SIZE};
    const char *reason = DISK_REASON_NONE;
    size_t chosen = 0;
    (void)storage_wait(install->storage, SETTLE_MS);
    inventory_disks("/sys", "/dev", install->inventory);
    int r = disk_choose(&s->plan->disk, &need, install->inventory->disks,
                        install->inventory->disk_count, &chosen, &reason, s->err);
    if (r < 0) {
        s->failure->by_rule = true;
        return failed(s, r, PROTOCOL_STEP_DISK, reason);
    }
    s->disk = &install->inventory->disks[chosen];
    char path[64];
    (void)snprintf(path, sizeof(path), "/dev/%s", s->disk->name);
    s->fd = open(path, O_RDWR | O_DIRECT | O_EXCL | O_CLOEXEC);
    if (s->fd < 0)
        return failed(s, err_errno(s->err, -errno, "%s", path), PROTOCOL_STEP_DISK, REASON_BUSY);
    char size[32];
    log_debug("disk chosen: %ld ms after the agent's start", elapsed(s->install));
    log_info("installing %s on %s (%s, %s)", s->plan->image, s->disk->name,
             str_human_size(size, sizeof(size), s->disk->size), s->disk->contents);
    return 0;
}

/* ---- progress while imaging ---- */

struct watcher {
    const struct job_state *state;
    atomic_bool stop;
    pthread_t thread;
    bool started;
};

static void show_progress(const struct imaging *imaging, uint64_t total)
{
    char done[32], all[32];
    uint64_t n = atomic_load(&imaging->bytes_done);
    log_info("%3u%%  %s of %s", (unsigned)(total ? n * 100 / total : 0),
             str_human_size(done, sizeof(done), n), str_human_size(all, sizeof(all), total));
}

static void *watch(void *data)
{
    struct watcher *w = data;
    const struct imaging *imaging = &w->state->imaging;
    uint64_t total = w->state->manifest.disk_size;
    int64_t shown = clock_now(&clock_system);
    while (!atomic_load(&w->stop)) {
        int64_t now = clock_now(&clock_system);
        reporter_progress(w->state->install->reporter, PROTOCOL_STEP_IMAGING,
                          atomic_load(&imaging->bytes_done), total);
        if (now - shown >= CONSOLE_EVERY_MS) {
            show_progress(imaging, total);
            shown = now;
        }
        clock_sleep_ms(PROGRESS_MS);
    }
    return NULL;
}

/* What survives a power cut and a later installation: the key that was approved. */
static int prepare_key(struct job_state *s)
{
    const struct install *install = s->install;
    const struct disk_key_owner owner = {&install->cmdline->key, install->inventory->uuid};
    int r = disk_key_build(install->key, &owner, s->key_block);
    s->imaging.key_block = s->key_block;
    return r < 0 ? failed(s, err_errno(s->err, r, "the machine's key"), PROTOCOL_STEP_IMAGING,
                          IMAGING_REASON_MEMORY)
                 : 0;
}

static int write_image(struct job_state *s)
{
    struct imaging *imaging = &s->imaging;
    struct watcher watcher = {.state = s};
    imaging->fd = s->fd;
    imaging->disk = s->disk;
    imaging->manifest = &s->manifest;
    imaging->digest = s->plan->manifest_digest;
    imaging->server = s->install->cmdline->server;
    imaging->data_path = s->plan->data_path;
    watcher.started = pthread_create(&watcher.thread, NULL, watch, &watcher) == 0;
    int64_t start = clock_now(&clock_system);
    int r = imaging_write(imaging, s->err);
    atomic_store(&watcher.stop, true);
    if (watcher.started)
        (void)pthread_join(watcher.thread, NULL);
    if (r < 0)
        return failed(s, r, PROTOCOL_STEP_IMAGING, imaging->reason);
    int64_t asked = atomic_load(&imaging->first_request_ms);
    if (asked) /* not when the disk held everything */
        log_info("first image byte asked for %ld ms after the agent's start",
                 (long)(asked - s->install->started));
    char fetched[32], kept[32];
    log_info("image written in %ld ms: %s fetched, %s kept",
             (long)(clock_now(&clock_system) - start),
             str_human_size(fetched, sizeof(fetched), atomic_load(&imaging->bytes_fetched)),
             str_human_size(kept, sizeof(kept), atomic_load(&imaging->bytes_kept)));
    return 0;
}

static int finish_disk(struct job_state *s)
{
    struct imaging *imaging = &s->imaging;
    int r =
        layout_finish(imaging, s->has_seed ? &s->seed : NULL, s->install->rng, &s->layout, s->err);
    if (r < 0)
        return failed(s, r, PROTOCOL_STEP_SEED, imaging->reason);
    if (s->install->cmdline->verify)
        r = imaging_verify(imaging, s->layout.seed_offset, s->layout.seed_size, s->err);
    if (r < 0)
        return failed(s, r, PROTOCOL_STEP_IMAGING, imaging->reason);
    log_info("the disk is complete %ld ms after the agent's start", elapsed(s->install));
    return 0;
}

/* Never fails the installation: firmware that keeps nothing still has the fallback path. */
static void repair_efi(struct job_state *s, bool boot_next)
{
    static const char *const types[] = {"vfat", NULL};
    char device[64];
    struct err err = ERR_INIT;
    if (!s->layout.has_esp || mounts_efivars() < 0)
        return;
    partition_device(s->disk->name, s->layout.esp.number, device, sizeof(device));
    int r = partition_mount(device, types, ESP_MOUNT, &err);
    if (r == 0) {
        struct efi_boot_options options = {.efivars = EFIVARS,
                                           .esp_mount = ESP_MOUNT,
                                           .description = "Slipway",
                                           .boot_next = boot_next};
        r = efi_boot_repair(&options, &s->layout.esp, &err);
        (void)umount2(ESP_MOUNT, MNT_DETACH);
    }
    if (r < 0)
        log_warn("EFI boot entry: %s", err_text(&err));
}

/* The server must know before the machine leaves stage2, or it would be installed once more. */
static void wait_for_note(struct reporter *reporter)
{
    if (reporter_flush(reporter, INSTALLED_FLUSH_MS) < 0)
        log_warn("the server has not taken note of the installation");
}

static int hand_over(struct job_state *s)
{
    struct reporter *reporter = s->install->reporter;
    struct err err = ERR_INIT;
    bool kexec = !s->plan->reboot;
    /* While the whole disk is held, none of its partitions can be mounted. */
    (void)close(TAKE_FD(s->fd));
    /* Sent while the kernel is being loaded. */
    reporter_say(reporter, PROTOCOL_STEP_INSTALLED, NULL, false, s->plan->image);
    int r = kexec ? handover_load(&s->manifest.boot, s->disk->name, s->plan->kernel_arguments, &err)
                  : 0;
    if (r < 0) {
        log_warn("%s: rebooting instead", err_text(&err));
        kexec = false;
    }
    repair_efi(s, !kexec);
    wait_for_note(reporter);
    log_info("starting the installed system by %s, %ld ms after the agent's start",
             kexec ? "kexec" : "reboot", elapsed(s->install));
    reporter_say(reporter, PROTOCOL_STEP_BOOTING, NULL, false, kexec ? "kexec" : "reboot");
    (void)!reporter_flush(reporter, BOOTING_FLUSH_MS);
    r = kexec ? handover_kexec() : -ENOTSUP;
    if (r < 0)
        r = handover_reboot();
    (void)err_errno(s->err, r, "cannot start the installed system");
    return failed(s, r, PROTOCOL_STEP_BOOTING, REASON_HANDOVER);
}

int install_run(const struct install *install, const struct protocol_plan *plan,
                struct install_failure *ret_failure, struct err *err)
{
    struct job_state s _cleanup_(state_clear) = {
        .install = install, .plan = plan, .fd = -1, .failure = ret_failure, .err = err};
    reporter_set_generation(install->reporter, plan->install_generation);
    *ret_failure = (struct install_failure){.step = PROTOCOL_STEP_DISK, .reason = REASON_BUSY};
    int r = get_manifest(&s);
    if (r == 0)
        r = get_seed(&s);
    if (r == 0)
        r = choose_disk(&s);
    if (r == 0)
        r = prepare_key(&s);
    if (r == 0)
        r = write_image(&s);
    if (r == 0)
        r = finish_disk(&s);
    return r < 0 ? r : hand_over(&s);
}
