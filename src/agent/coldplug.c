/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/coldplug.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { MATCHES_MAX = 16, PASSES_MAX = 16 };

/* The modalias of a device folder; false when it has none. */
static bool read_modalias(int bus, const char *device, char *dst, size_t size)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/modalias", device);
    _autofd_ int fd = openat(bus, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = fd_read_full(fd, dst, size - 1);
    if (n <= 0)
        return false;
    dst[n] = '\0';
    dst[strcspn(dst, "\n")] = '\0';
    return true;
}

static size_t load_matching(struct modules *modules, const char *modalias, unsigned classes)
{
    uint16_t found[MATCHES_MAX];
    size_t loaded = 0, count = module_index_match(&modules->index, modalias, found, MATCHES_MAX);
    for (size_t i = 0; i < count; i++) {
        struct module_view view;
        if (atomic_load(&modules->state[found[i]]) != MODULE_UNTRIED ||
            module_index_get(&modules->index, found[i], &view) < 0 ||
            !(classes & CLASS_BIT(view.class)))
            continue;
        (void)modules_load(modules, found[i]);
        loaded++;
    }
    return loaded;
}

static size_t pass_bus(struct modules *modules, int bus, unsigned classes)
{
    size_t loaded = 0;
    int fd = openat(bus, "devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char modalias[MODULE_ALIAS_MAX];
        if (entry->d_name[0] != '.' &&
            read_modalias(dirfd(dir), entry->d_name, modalias, sizeof(modalias)))
            loaded += load_matching(modules, modalias, classes);
    }
    (void)closedir(dir);
    return loaded;
}

size_t coldplug_pass(struct modules *modules, const char *sys, unsigned classes)
{
    char path[256];
    size_t loaded = 0;
    (void)snprintf(path, sizeof(path), "%s/bus", sys);
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        _autofd_ int bus = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (bus >= 0)
            loaded += pass_bus(modules, bus, classes);
    }
    (void)closedir(dir);
    return loaded;
}

void coldplug_settle(struct modules *modules, const char *sys, unsigned classes)
{
    for (int i = 0; i < PASSES_MAX && coldplug_pass(modules, sys, classes) > 0; i++)
        ;
}
