/* SPDX-License-Identifier: Apache-2.0 */
#include "image/module-index.h"

#include <fnmatch.h>

#include "base/rd.h"

enum { HEADER_SIZE = 24, MODULE_SIZE = 12, ALIAS_SIZE = 8, DEP_SIZE = 2 };

struct alias_view {
    const char *pattern;
    uint16_t literal, module;
};

int module_index_open(struct module_index *ret, const void *data, size_t len)
{
    struct rd r = rd_init(data, len);
    const uint8_t *magic = rd_take(&r, 8);
    struct module_index index = {.data = data, .len = len};
    index.modules = rd_u32_le(&r);
    index.aliases = rd_u32_le(&r);
    index.deps = rd_u32_le(&r);
    index.strings = rd_u32_le(&r);
    if (!rd_ok(&r) || len > MODULE_INDEX_MAX || memcmp(magic, "SLPMODS1", 8) != 0)
        return -EBADMSG;
    uint64_t size = (uint64_t)HEADER_SIZE + (uint64_t)index.modules * MODULE_SIZE +
                    (uint64_t)index.aliases * ALIAS_SIZE + (uint64_t)index.deps * DEP_SIZE +
                    index.strings;
    if (size != len || index.modules > MODULES_MAX)
        return -EBADMSG;
    *ret = index;
    return 0;
}

static struct rd at(const struct module_index *index, size_t offset)
{
    struct rd r = rd_init(index->data, index->len);
    rd_seek(&r, offset);
    return r;
}

static size_t aliases_at(const struct module_index *index)
{
    return HEADER_SIZE + (size_t)index->modules * MODULE_SIZE;
}

static size_t deps_at(const struct module_index *index)
{
    return aliases_at(index) + (size_t)index->aliases * ALIAS_SIZE;
}

static const char *string_at(const struct module_index *index, uint32_t offset)
{
    if (offset >= index->strings)
        return NULL;
    struct rd r = at(index, deps_at(index) + (size_t)index->deps * DEP_SIZE + offset);
    return rd_cstr(&r);
}

int module_index_get(const struct module_index *index, uint32_t module, struct module_view *ret)
{
    if (module >= index->modules)
        return -ENOENT;
    struct rd r = at(index, HEADER_SIZE + (size_t)module * MODULE_SIZE);
    struct module_view view = {.name = string_at(index, rd_u32_le(&r))};
    view.first_dep = rd_u32_le(&r);
    view.dep_count = rd_u16_le(&r);
    uint16_t class = rd_u16_le(&r);
    if (!rd_ok(&r) || !view.name || class > MODULE_OTHER)
        return -EBADMSG;
    view.class = (enum module_class) class;
    *ret = view;
    return 0;
}

int module_index_dep(const struct module_index *index, const struct module_view *view, uint16_t n,
                     uint16_t *ret_module)
{
    uint64_t dep = (uint64_t)view->first_dep + n;
    if (n >= view->dep_count || dep >= index->deps)
        return -EBADMSG;
    struct rd r = at(index, deps_at(index) + (size_t)dep * DEP_SIZE);
    uint16_t module = rd_u16_le(&r);
    if (!rd_ok(&r) || module >= index->modules)
        return -EBADMSG;
    *ret_module = module;
    return 0;
}

static bool alias_get(const struct module_index *index, uint32_t i, struct alias_view *ret)
{
    struct rd r = at(index, aliases_at(index) + (size_t)i * ALIAS_SIZE);
    ret->pattern = string_at(index, rd_u32_le(&r));
    ret->literal = rd_u16_le(&r);
    ret->module = rd_u16_le(&r);
    return rd_ok(&r) && ret->pattern && ret->literal <= strlen(ret->pattern) &&
           ret->module < index->modules;
}

/* Order of two literals: bytes, and the shorter first. */
static int literal_order(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int r = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return r ? r : (a_len > b_len) - (a_len < b_len);
}

/* The first alias whose literal is not below the given one; the number of aliases when none. */
static uint32_t lower_bound(const struct module_index *index, const char *literal, size_t len)
{
    uint32_t low = 0, high = index->aliases;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct alias_view alias;
        if (!alias_get(index, middle, &alias))
            return index->aliases;
        if (literal_order(alias.pattern, alias.literal, literal, len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static size_t store(uint16_t *modules, size_t count, size_t max, uint16_t module)
{
    for (size_t i = 0; i < count; i++) {
        if (modules[i] == module)
            return count;
    }
    if (count < max)
        modules[count++] = module;
    return count;
}

size_t module_index_match(const struct module_index *index, const char *modalias,
                          uint16_t *ret_modules, size_t max)
{
    size_t len = strlen(modalias), count = 0;
    if (len > MODULE_ALIAS_MAX)
        return 0;
    /* Only patterns whose literal is a prefix of the modalias can match: look for each length. */
    for (size_t n = 0; n <= len; n++) {
        for (uint32_t i = lower_bound(index, modalias, n); i < index->aliases; i++) {
            struct alias_view alias;
            if (!alias_get(index, i, &alias) ||
                literal_order(alias.pattern, alias.literal, modalias, n) != 0)
                break;
            if (fnmatch(alias.pattern + alias.literal, modalias + n, 0) == 0)
                count = store(ret_modules, count, max, alias.module);
        }
    }
    return count;
}

static bool same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        if ((*a == '-' ? '_' : *a) != (*b == '-' ? '_' : *b))
            return false;
    }
    return *a == *b;
}

int module_index_find(const struct module_index *index, const char *name, uint16_t *ret_module)
{
    for (uint32_t i = 0; i < index->modules; i++) {
        struct module_view view;
        if (module_index_get(index, i, &view) == 0 && same_name(view.name, name)) {
            *ret_module = (uint16_t)i;
            return 0;
        }
    }
    return -ENOENT;
}
