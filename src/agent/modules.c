/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/modules.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#define INDEX_PATH "/lib/slipway/modules.index"
enum { MATCHES_MAX = 16, LOADING_POLL_US = 500 };

static int insert_module(const char *path, const char *parameters)
{
    _autofd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (syscall(SYS_finit_module, fd, parameters, 0) < 0 && errno != EEXIST)
        return -errno;
    return 0;
}

int modules_open(struct modules *modules, const char *cmdline, struct err *err)
{
    _autofd_ int fd = open(INDEX_PATH, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(err, -errno, "%s", INDEX_PATH);
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED)
        return err_errno(err, -errno, "%s", INDEX_PATH);
    memset(modules, 0, sizeof(*modules));
    modules->folder = "/lib/modules";
    modules->cmdline = cmdline;
    modules->insert = insert_module;
    int r = module_index_open(&modules->index, data, (size_t)st.st_size);
    return r < 0 ? err_set(err, r, "%s: damaged", INDEX_PATH) : 0;
}

static bool same_module(const char *word, const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((word[i] == '-' ? '_' : word[i]) != name[i])
            return false;
    }
    return name[len] == '\0';
}

void modules_parameters(const char *cmdline, const char *name,
                        char ret[static MODULE_PARAMETERS_MAX])
{
    size_t used = 0;
    ret[0] = '\0';
    for (const char *p = cmdline; *p;) {
        p += strspn(p, " \n");
        size_t n = strcspn(p, " \n");
        size_t dot = strcspn(p, ".= \n");
        if (p[dot] == '.' && dot + 1 < n && same_module(p, name, dot)) {
            size_t len = n - dot - 1;
            if (used + len + 2 > MODULE_PARAMETERS_MAX)
                return;
            if (used)
                ret[used++] = ' ';
            memcpy(ret + used, p + dot + 1, len);
            used += len;
            ret[used] = '\0';
        }
        p += n;
    }
}

static int load_one(struct modules *modules, uint16_t module, const struct module_view *view)
{
    char path[256], parameters[MODULE_PARAMETERS_MAX];
    uint8_t untried = MODULE_UNTRIED;
    if (!atomic_compare_exchange_strong(&modules->state[module], &untried, MODULE_LOADING)) {
        while (atomic_load(&modules->state[module]) == MODULE_LOADING)
            (void)usleep(LOADING_POLL_US);
        return 0;
    }
    modules_parameters(modules->cmdline, view->name, parameters);
    (void)snprintf(path, sizeof(path), "%s/%s.ko", modules->folder, view->name);
    int r = modules->insert(path, parameters);
    atomic_store(&modules->state[module], MODULE_TRIED);
    /* Many drivers say "no such device" for hardware that only resembles theirs. */
    if (r < 0)
        log_debug("module %s: %s", view->name, strerror(-r));
    return r;
}

int modules_load(struct modules *modules, uint16_t module)
{
    struct module_view view;
    int r = module_index_get(&modules->index, module, &view);
    if (r < 0)
        return r;
    if (atomic_load(&modules->state[module]) == MODULE_TRIED)
        return 0;
    for (uint16_t i = 0; i < view.dep_count; i++) {
        uint16_t dep;
        struct module_view dep_view;
        r = module_index_dep(&modules->index, &view, i, &dep);
        if (r == 0)
            r = module_index_get(&modules->index, dep, &dep_view);
        if (r != 0)
            return r;
        (void)load_one(modules, dep, &dep_view);
    }
    return load_one(modules, module, &view);
}

int modules_load_alias(struct modules *modules, const char *alias)
{
    uint16_t found[MATCHES_MAX];
    size_t count = module_index_match(&modules->index, alias, found, MATCHES_MAX);
    if (count == 0 && module_index_find(&modules->index, alias, found) == 0)
        count = 1;
    for (size_t i = 0; i < count; i++)
        (void)modules_load(modules, found[i]);
    return count ? 0 : -ENOENT;
}

int modules_modprobe_main(int argc, char **argv)
{
    _autofree_ char *cmdline = NULL;
    _autofree_ struct modules *modules = malloc(sizeof(*modules));
    if (argc < 2 || !modules || file_read("/proc/cmdline", 1 << 16, &cmdline, NULL, NULL) < 0 ||
        modules_open(modules, cmdline, NULL) < 0)
        return 1;
    return modules_load_alias(modules, argv[argc - 1]) == 0 ? 0 : 1;
}
