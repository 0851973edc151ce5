/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/storage.h"

#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/coldplug.h"
#include "agent/disks.h"
#include "base/clock.h"
#include "base/log.h"

enum { POLL_MS = 20, LATER_MS = 1000 };

struct storage {
    struct modules *modules;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool settled;
};

int storage_quiet_ms(bool scsi_hosts, bool fabric_hosts, size_t disks)
{
    if (fabric_hosts)
        return STORAGE_QUIET_FABRIC_MS;
    if (disks == 0)
        return STORAGE_NONE_MS;
    return scsi_hosts ? STORAGE_QUIET_SCSI_MS : STORAGE_QUIET_MS;
}

static bool folder_has_entries(const char *path)
{
    bool found = false;
    DIR *dir = opendir(path);
    if (!dir)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(dir));)
        found = entry->d_name[0] != '.';
    (void)closedir(dir);
    return found;
}

static size_t count_disks(void)
{
    _autofree_ struct disk *disks = malloc(sizeof(*disks) * DISKS_MAX);
    return disks ? disks_list("/sys", NULL, disks, DISKS_MAX) : 0;
}

static void wait_until_quiet(struct storage *storage)
{
    size_t disks = count_disks();
    int64_t since = clock_now(&clock_system);
    for (;;) {
        bool scsi = folder_has_entries("/sys/class/scsi_host");
        bool fabric =
            folder_has_entries("/sys/class/sas_host") || folder_has_entries("/sys/class/fc_host");
        int64_t now = clock_now(&clock_system);
        if (now - since >= storage_quiet_ms(scsi, fabric, disks))
            return;
        clock_sleep_ms(POLL_MS);
        size_t loaded = coldplug_pass(storage->modules, "/sys", CLASS_ALL);
        size_t count = count_disks();
        if (loaded || count != disks)
            since = now;
        disks = count;
    }
}

static void *run(void *data)
{
    struct storage *storage = data;
    coldplug_settle(storage->modules, "/sys", CLASS_ALL);
    wait_until_quiet(storage);
    (void)pthread_mutex_lock(&storage->lock);
    storage->settled = true;
    (void)pthread_cond_broadcast(&storage->changed);
    (void)pthread_mutex_unlock(&storage->lock);
    log_debug("disks are complete");
    for (;;) {
        clock_sleep_ms(LATER_MS);
        (void)coldplug_pass(storage->modules, "/sys", CLASS_ALL);
    }
    return NULL;
}

struct storage *storage_start(struct modules *modules)
{
    _autofree_ struct storage *storage = calloc(1, sizeof(*storage));
    if (!storage)
        return NULL;
    storage->modules = modules;
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&storage->lock, NULL);
    (void)pthread_cond_init(&storage->changed, &attributes);
    if (pthread_create(&storage->thread, NULL, run, storage) != 0)
        return NULL;
    return TAKE_PTR(storage);
}

bool storage_wait(struct storage *storage, int timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + (int64_t)timeout_ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = (long)(ns % 1000000000);
    (void)pthread_mutex_lock(&storage->lock);
    int r = 0;
    while (!storage->settled && r == 0)
        r = pthread_cond_timedwait(&storage->changed, &storage->lock, &until);
    bool settled = storage->settled;
    (void)pthread_mutex_unlock(&storage->lock);
    return settled;
}
