/* SPDX-License-Identifier: Apache-2.0 */
#include "image/module-index.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

struct alias {
    char *pattern;
    size_t literal;
    uint16_t module;
};

struct module {
    uint32_t name, first_dep;
    uint16_t dep_count, class;
};

struct module_index_builder {
    struct map *names;
    struct module modules[MODULES_MAX];
    uint32_t module_count;
    struct alias *aliases;
    size_t alias_count, alias_room;
    struct buf deps;    /* u16, little endian */
    struct buf strings; /* names of modules; patterns are appended when the index is built */
};

static void add_u16(struct buf *out, unsigned v)
{
    uint8_t b[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
    buf_add(out, b, sizeof(b));
}

static void add_u32(struct buf *out, uint32_t v)
{
    add_u16(out, v & 0xffff);
    add_u16(out, v >> 16);
}

struct module_index_builder *module_index_builder_new(void)
{
    struct module_index_builder *builder = calloc(1, sizeof(*builder));
    if (!builder)
        return NULL;
    builder->names = map_new();
    if (!builder->names) {
        free(builder);
        return NULL;
    }
    return builder;
}

void module_index_builder_free(struct module_index_builder *builder)
{
    for (size_t i = 0; i < builder->alias_count; i++)
        free(builder->aliases[i].pattern);
    free(builder->aliases);
    map_free(builder->names);
    buf_free(&builder->deps);
    buf_free(&builder->strings);
    free(builder);
}

int module_index_add(struct module_index_builder *builder, const char *name,
                     enum module_class class, uint16_t *ret_module)
{
    if (builder->module_count == MODULES_MAX)
        return -E2BIG;
    if (map_gets(builder->names, name))
        return -EEXIST;
    struct module *module = &builder->modules[builder->module_count];
    int r = map_puts(builder->names, name, module, NULL);
    if (r < 0)
        return r;
    *module = (struct module){.name = (uint32_t)builder->strings.len,
                              .first_dep = (uint32_t)(builder->deps.len / 2),
                              .class = (uint16_t) class};
    buf_add(&builder->strings, name, strlen(name) + 1);
    *ret_module = (uint16_t)builder->module_count++;
    return buf_error(&builder->strings);
}

int module_index_add_dep(struct module_index_builder *builder, uint16_t dep)
{
    if (builder->module_count == 0)
        return -EINVAL;
    struct module *module = &builder->modules[builder->module_count - 1];
    if (module->dep_count == UINT16_MAX)
        return -E2BIG;
    add_u16(&builder->deps, dep);
    module->dep_count++;
    return buf_error(&builder->deps);
}

int module_index_add_alias(struct module_index_builder *builder, const char *pattern,
                           uint16_t module)
{
    if (strlen(pattern) > MODULE_ALIAS_MAX)
        return -EINVAL;
    if (builder->alias_count == builder->alias_room) {
        size_t room = builder->alias_room ? builder->alias_room * 2 : 256;
        struct alias *aliases = reallocarray(builder->aliases, room, sizeof(*aliases));
        if (!aliases)
            return -ENOMEM;
        builder->aliases = aliases;
        builder->alias_room = room;
    }
    char *copy = strdup(pattern);
    if (!copy)
        return -ENOMEM;
    builder->aliases[builder->alias_count++] =
        (struct alias){.pattern = copy, .literal = strcspn(pattern, "*?[\\"), .module = module};
    return 0;
}

static int alias_order(const void *a, const void *b)
{
    const struct alias *x = a, *y = b;
    int r = memcmp(x->pattern, y->pattern, x->literal < y->literal ? x->literal : y->literal);
    if (r == 0)
        r = (x->literal > y->literal) - (x->literal < y->literal);
    if (r == 0)
        r = strcmp(x->pattern, y->pattern);
    return r ? r : (x->module > y->module) - (x->module < y->module);
}

static void add_modules(const struct module_index_builder *builder, struct buf *out)
{
    for (uint32_t i = 0; i < builder->module_count; i++) {
        const struct module *module = &builder->modules[i];
        add_u32(out, module->name);
        add_u32(out, module->first_dep);
        add_u16(out, module->dep_count);
        add_u16(out, module->class);
    }
}

static void add_aliases(struct module_index_builder *builder, struct buf *out)
{
    for (size_t i = 0; i < builder->alias_count; i++) {
        const struct alias *alias = &builder->aliases[i];
        add_u32(out, (uint32_t)builder->strings.len);
        add_u16(out, (unsigned)alias->literal);
        add_u16(out, alias->module);
        buf_add(&builder->strings, alias->pattern, strlen(alias->pattern) + 1);
    }
}

int module_index_build(struct module_index_builder *builder, struct buf *out)
{
    if (builder->alias_count)
        qsort(builder->aliases, builder->alias_count, sizeof(*builder->aliases), alias_order);
    struct buf aliases _autobuf_ = BUF_INIT;
    add_aliases(builder, &aliases);
    buf_adds(out, "SLPMODS1");
    add_u32(out, builder->module_count);
    add_u32(out, (uint32_t)builder->alias_count);
    add_u32(out, (uint32_t)(builder->deps.len / 2));
    add_u32(out, (uint32_t)builder->strings.len);
    add_modules(builder, out);
    buf_add(out, aliases.data, aliases.len);
    buf_add(out, builder->deps.data, builder->deps.len);
    buf_add(out, builder->strings.data, builder->strings.len);
    int r = buf_error(&aliases);
    if (r == 0)
        r = buf_error(&builder->strings);
    if (r == 0)
        r = buf_error(&builder->deps);
    return r ? r : buf_error(out);
}
