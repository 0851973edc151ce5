/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index of the kernel modules in an initrd: which modules answer a device's modalias, what each
 * needs loaded before it, and what it is for. Written once when the initrd is built, read in place
 * by the agent, which then needs no libkmod and parses nothing at boot.
 *
 * All integers are little endian:
 *     "SLPMODS1", u32 modules, u32 aliases, u32 dependencies, u32 string bytes
 *     modules:      u32 name (into strings), u32 first dependency, u16 dependencies, u16 class
 *     aliases:      u32 pattern (into strings), u16 literal length, u16 module; sorted by literal
 *     dependencies: u16 module, in the order of loading
 *     strings:      NUL-terminated
 * A pattern's literal is what stands before its first wildcard: it is what the binary search uses.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* What a module is for, which decides what is loaded first. Values are part of the format. */
enum module_class {
    MODULE_BUS,        /* behind it devices appear: virtio_pci, hv_vmbus */
    MODULE_NETWORK,    /* network adapters: the boot waits for these */
    MODULE_STORAGE,    /* disks and their controllers */
    MODULE_FILESYSTEM, /* loaded when something is mounted */
    MODULE_OTHER,
};

enum { MODULE_INDEX_MAX = 16 << 20, MODULES_MAX = 4096, MODULE_ALIAS_MAX = 512 };

/* A view of an index; borrows its bytes. */
struct module_index {
    const uint8_t *data;
    size_t len;
    uint32_t modules, aliases, deps, strings; /* counts, and bytes of strings */
};

struct module_view {
    const char *name; /* borrowed; '_' never '-' */
    enum module_class class;
    uint16_t dep_count;
    uint32_t first_dep;
};

/* 0 or -EBADMSG. The bytes must outlive the view. Broken entries inside show only when they are
 * used, as -EBADMSG or as no match, never as a read outside of the bytes. */
int module_index_open(struct module_index *ret, const void *data, size_t len) _must_check_;

/* 0, -ENOENT behind the last module, -EBADMSG. */
int module_index_get(const struct module_index *index, uint32_t module, struct module_view *ret)
    _must_check_;

/* The module that must be loaded as the n-th before `view`; -EBADMSG. */
int module_index_dep(const struct module_index *index, const struct module_view *view, uint16_t n,
                     uint16_t *ret_module) _must_check_;

/* Modules whose pattern matches; at most max are stored. The number stored. */
size_t module_index_match(const struct module_index *index, const char *modalias,
                          uint16_t *ret_modules, size_t max);

/* By name, '-' and '_' being the same. 0 or -ENOENT. */
int module_index_find(const struct module_index *index, const char *name, uint16_t *ret_module)
    _must_check_;

/* ---- building ---- */

struct module_index_builder;

struct module_index_builder *module_index_builder_new(void);
void module_index_builder_free(struct module_index_builder *builder);
DEFINE_CLEANUP(struct module_index_builder *, module_index_builder_free)

/* Adds a module; its number goes to *ret_module. 0, -EEXIST, -E2BIG, -ENOMEM. */
int module_index_add(struct module_index_builder *builder, const char *name,
                     enum module_class class, uint16_t *ret_module) _must_check_;

/* Adds what must be loaded before the module that was added last; in order of loading. */
int module_index_add_dep(struct module_index_builder *builder, uint16_t dep) _must_check_;

/* A pattern with *, ? and [...] as in modules.alias. 0, -EINVAL (too long), -ENOMEM. */
int module_index_add_alias(struct module_index_builder *builder, const char *pattern,
                           uint16_t module) _must_check_;

/* Writes the index. 0 or a negative errno. */
int module_index_build(struct module_index_builder *builder, struct buf *out) _must_check_;
