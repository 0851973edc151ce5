/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kernel modules go into an initrd: a named set of drivers, what these depend on (from
 * depmod's modules.dep), and what answers the requests that the kernel itself makes for them. Pure
 * functions over depmod's texts.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "image/module-index.h"

enum { MODULE_NAME_MAX = 63, MODULE_PATH_MAX = 255 };

/* depmod's output for one kernel. Borrowed NUL-terminated texts. */
struct module_tables {
    const char *dep;     /* modules.dep: "kernel/a.ko: kernel/b.ko kernel/c.ko" */
    const char *alias;   /* modules.alias: "alias PATTERN MODULE" */
    const char *softdep; /* modules.softdep: "softdep MODULE pre: A B post: C" */
};

struct module_file {
    char name[MODULE_NAME_MAX + 1]; /* as the kernel says it: '_' never '-' */
    char path[MODULE_PATH_MAX + 1]; /* below the folder of the kernel's modules */
};

/* The chosen modules, each behind what it depends on, and the finished index of them. */
struct module_selection {
    struct module_file *files;
    size_t count;
    struct buf index;
};

void module_selection_free(struct module_selection *selection);
#define _autoselection_ _cleanup_(module_selection_free)

/*
 * Chooses by `set`: "server" (physical and virtual machines), "vm" (hypervisors' devices only), or
 * either followed by names of further modules: "server,nbd,dm_crypt". 0, -EINVAL (unknown set or
 * module), -EBADMSG (broken tables), -ENOMEM. The selection is the caller's.
 */
int module_select(const struct module_tables *tables, const char *set, struct module_selection *ret,
                  struct err *err) _must_check_;

/* What a module at this path is for. */
enum module_class module_class_of(const char *path);

/* The kernel's name of the module at this path: "kernel/drivers/net/a-b.ko.xz" is "a_b". 0 or
 * -EINVAL. */
int module_name_of(const char *path, char ret[static MODULE_NAME_MAX + 1]) _must_check_;
