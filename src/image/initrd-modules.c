/* SPDX-License-Identifier: Apache-2.0 */
#include "image/initrd-modules.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/str.h"

/* fnmatch(3) patterns on paths below kernel/, '*' also matching '/'. */
static const char *const vm_paths[] = {
    "drivers/virtio/virtio_pci.ko*",
    "drivers/virtio/virtio_mmio.ko*",
    "drivers/block/virtio_blk.ko*",
    "drivers/scsi/virtio_scsi.ko*",
    "drivers/net/virtio_net.ko*",
    "drivers/char/hw_random/virtio-rng.ko*",
    "drivers/net/vmxnet3/*",
    "drivers/scsi/vmw_pvscsi.ko*",
    "drivers/hv/hv_vmbus.ko*",
    "drivers/scsi/hv_storvsc.ko*",
    "drivers/net/hyperv/*",
    "drivers/pci/controller/pci-hyperv*",
    "drivers/block/xen-blkfront.ko*",
    "drivers/net/xen-netfront.ko*",
    "drivers/scsi/xen-scsifront.ko*",
    "drivers/net/ethernet/amazon/*",
    "drivers/net/ethernet/google/*",
    "drivers/net/ethernet/microsoft/*",
    "drivers/net/ethernet/intel/e1000/*",
    "drivers/net/ethernet/intel/e1000e/*",
    "drivers/net/ethernet/intel/ixgbevf/*",
    "drivers/net/ethernet/intel/iavf/*",
    "drivers/net/ethernet/intel/igbvf/*",
    "drivers/net/ethernet/realtek/8139cp.ko*",
    "drivers/ata/ahci.ko*",
    "drivers/ata/ata_piix.ko*",
    "drivers/ata/ata_generic.ko*",
    "drivers/nvme/host/nvme.ko*",
    "drivers/scsi/sd_mod.ko*",
    "drivers/usb/host/xhci-pci.ko*",
    "drivers/usb/host/ehci-pci.ko*",
    "drivers/usb/host/uhci-hcd.ko*",
    "drivers/hid/hid-generic.ko*",
    "drivers/hid/usbhid/usbhid.ko*",
    "fs/efivarfs/*",
    "fs/ext4/*",
    "fs/fat/vfat.ko*",
    "fs/nls/nls_iso8859-1.ko*",
    "fs/nls/nls_ascii.ko*",
    "fs/nls/nls_cp437.ko*",
    "fs/nls/nls_utf8.ko*",
    /* What the kernel asks for by algorithm when those file systems and sd_mod start. */
    "crypto/crc32c_generic.ko*",
    "arch/x86/crypto/crc32c-intel.ko*",
    "crypto/crct10dif_generic.ko*",
    "crypto/crct10dif_common.ko*",
    "arch/x86/crypto/crct10dif-pclmul.ko*",
    "crypto/crc64_rocksoft_generic.ko*",
};

static const char *const hardware_paths[] = {
    "drivers/net/ethernet/intel/*",
    "drivers/net/ethernet/broadcom/*",
    "drivers/net/ethernet/mellanox/mlx4/*",
    "drivers/net/ethernet/mellanox/mlx5/*",
    "drivers/net/ethernet/realtek/*",
    "drivers/net/ethernet/atheros/*",
    "drivers/net/ethernet/aquantia/*",
    "drivers/net/ethernet/marvell/*",
    "drivers/net/ethernet/chelsio/cxgb4/*",
    "drivers/net/ethernet/emulex/*",
    "drivers/net/ethernet/qlogic/*",
    "drivers/net/ethernet/huawei/*",
    "drivers/net/ethernet/sfc/sfc.ko*",
    "drivers/net/ethernet/amd/*",
    "drivers/net/ethernet/nvidia/*",
    "drivers/net/ethernet/cisco/*",
    "drivers/net/ethernet/pensando/*",
    "drivers/net/ethernet/netronome/*",
    "drivers/net/ethernet/brocade/*",
    "drivers/net/usb/r8152.ko*",
    "drivers/net/usb/asix.ko*",
    "drivers/net/usb/ax88179_178a.ko*",
    "drivers/net/usb/cdc_ether.ko*",
    "drivers/net/usb/cdc_ncm.ko*",
    "drivers/net/phy/*",
    "drivers/net/mdio/*",
    "drivers/ata/*",
    "drivers/scsi/megaraid/megaraid_sas.ko*",
    "drivers/scsi/mpt3sas/*",
    "drivers/scsi/mpi3mr/*",
    "drivers/message/fusion/*",
    "drivers/scsi/hpsa.ko*",
    "drivers/scsi/smartpqi/*",
    "drivers/scsi/aacraid/*",
    "drivers/scsi/arcmsr/*",
    "drivers/scsi/3w-*",
    "drivers/scsi/isci/*",
    "drivers/scsi/pm8001/*",
    "drivers/scsi/qla2xxx/qla2xxx.ko*",
    "drivers/scsi/lpfc/*",
    "drivers/scsi/ses.ko*",
    "drivers/pci/controller/vmd.ko*",
    "drivers/usb/host/*",
    "drivers/usb/storage/usb-storage.ko*",
    "drivers/usb/storage/uas.ko*",
    "drivers/mmc/core/*",
    "drivers/mmc/host/sdhci-pci.ko*",
    "drivers/mmc/host/sdhci-acpi.ko*",
    "drivers/hid/hid-generic.ko*",
    "drivers/hid/usbhid/usbhid.ko*",
    "drivers/dca/*",
};

struct selector {
    const struct module_tables *tables;
    struct map *paths;  /* name -> its line in modules.dep (borrowed) */
    struct map *chosen; /* name -> struct chosen */
    struct module_index_builder *builder;
    struct module_selection *result;
    size_t room;
    struct err *err;
};

/* Owned by selector.chosen: the numbers that a module depends on, itself last, in loading order. */
struct chosen {
    uint16_t module;
};

static void selector_clear(struct selector *s)
{
    map_free(s->paths);
    map_free_with(s->chosen, free);
    if (s->builder)
        module_index_builder_free(s->builder);
}

void module_selection_free(struct module_selection *selection)
{
    free(selection->files);
    buf_free(&selection->index);
}

int module_name_of(const char *path, char ret[static MODULE_NAME_MAX + 1])
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    const char *end = strstr(base, ".ko");
    if (!end || end == base || (size_t)(end - base) > MODULE_NAME_MAX)
        return -EINVAL;
    size_t n = (size_t)(end - base);
    for (size_t i = 0; i < n; i++)
        ret[i] = base[i] == '-' ? '_' : base[i];
    ret[n] = '\0';
    return 0;
}

enum module_class module_class_of(const char *path)
{
    static const struct {
        const char *pattern;
        enum module_class class;
    } classes[] = {
        {"kernel/drivers/net/*", MODULE_NETWORK},
        {"kernel/drivers/virtio/*", MODULE_BUS},
        {"kernel/drivers/hv/*", MODULE_BUS},
        {"kernel/drivers/pci/*", MODULE_BUS},
        {"kernel/drivers/usb/host/*", MODULE_BUS},
        {"kernel/drivers/xen/*", MODULE_BUS},
        {"kernel/drivers/ata/*", MODULE_STORAGE},
        {"kernel/drivers/scsi/*", MODULE_STORAGE},
        {"kernel/drivers/nvme/*", MODULE_STORAGE},
        {"kernel/drivers/block/*", MODULE_STORAGE},
        {"kernel/drivers/message/*", MODULE_STORAGE},
        {"kernel/drivers/mmc/*", MODULE_STORAGE},
        {"kernel/drivers/usb/storage/*", MODULE_STORAGE},
        {"kernel/fs/*", MODULE_FILESYSTEM},
    };
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
        if (fnmatch(classes[i].pattern, path, 0) == 0)
            return classes[i].class;
    }
    return MODULE_OTHER;
}

/* The path at *p and moves *p behind it and the blanks that follow; false at the end of a line. */
static bool next_word(const char **p, char *word, size_t size)
{
    *p += strspn(*p, " \t");
    size_t n = strcspn(*p, " \t\n");
    if (n == 0 || n >= size)
        return false;
    memcpy(word, *p, n);
    word[n] = '\0';
    *p += n;
    return true;
}

static const char *next_line(const char *p)
{
    p += strcspn(p, "\n");
    return *p ? p + 1 : p;
}

/* modules.dep writes "PATH: DEPENDENCY..."; the first word without its colon. */
static bool dep_path(const char **p, char path[static MODULE_PATH_MAX + 1])
{
    if (!next_word(p, path, MODULE_PATH_MAX + 1))
        return false;
    size_t n = strlen(path);
    if (path[n - 1] != ':')
        return false;
    path[n - 1] = '\0';
    return true;
}

static int read_deps(struct selector *s)
{
    for (const char *line = s->tables->dep; *line; line = next_line(line)) {
        char path[MODULE_PATH_MAX + 1], name[MODULE_NAME_MAX + 1];
        const char *p = line;
        if (!dep_path(&p, path) || module_name_of(path, name) < 0)
            return err_set(s->err, -EBADMSG, "modules.dep: a line without a module: %.80s", line);
        /* The map's values are never changed; it just has no const in its type. */
        int r = map_puts(s->paths, name, (void *)(uintptr_t)line, NULL);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add_file(struct selector *s, const char *name, const char *path)
{
    struct module_selection *result = s->result;
    if (result->count == s->room) {
        size_t room = s->room ? s->room * 2 : 64;
        struct module_file *files = reallocarray(result->files, room, sizeof(*files));
        if (!files)
            return -ENOMEM;
        result->files = files;
        s->room = room;
    }
    struct module_file *file = &result->files[result->count];
    int r = str_copy(file->name, sizeof(file->name), name);
    if (r == 0)
        r = str_copy(file->path, sizeof(file->path), path);
    if (r == 0)
        result->count++;
    return r;
}

static int choose(struct selector *s, const char *name);

/* Chooses what `name` names through an alias ("crc32c" is crc32c_generic's) or by its name. */
static int choose_soft(struct selector *s, const char *name)
{
    char own[MODULE_NAME_MAX + 5];
    (void)snprintf(own, sizeof(own), "%s.ko", name);
    char normal[MODULE_NAME_MAX + 1];
    if (module_name_of(own, normal) == 0 && map_gets(s->paths, normal))
        return choose(s, normal);
    for (const char *line = s->tables->alias; *line; line = next_line(line)) {
        char word[MODULE_ALIAS_MAX], pattern[MODULE_ALIAS_MAX], module[MODULE_NAME_MAX + 1];
        const char *p = line;
        if (!next_word(&p, word, sizeof(word)) || !str_eq(word, "alias") ||
            !next_word(&p, pattern, sizeof(pattern)) || !next_word(&p, module, sizeof(module)))
            continue;
        int r = str_eq(pattern, name) && map_gets(s->paths, module) ? choose(s, module) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int choose_softdeps(struct selector *s, const char *name)
{
    for (const char *line = s->tables->softdep; *line; line = next_line(line)) {
        char word[MODULE_ALIAS_MAX];
        const char *p = line;
        if (!next_word(&p, word, sizeof(word)) || !str_eq(word, "softdep") ||
            !next_word(&p, word, sizeof(word)) || !str_eq(word, name))
            continue;
        while (next_word(&p, word, sizeof(word))) {
            int r = str_ends_with(word, ":") ? 0 : choose_soft(s, word);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* The names of a module's dependencies, last to be loaded first, as modules.dep lists them. */
static int deps_of(const char *line, char (*ret_names)[MODULE_NAME_MAX + 1], size_t max,
                   size_t *ret_count)
{
    char path[MODULE_PATH_MAX + 1];
    const char *p = line;
    size_t count = 0;
    (void)dep_path(&p, path);
    while (next_word(&p, path, sizeof(path))) {
        if (count == max || module_name_of(path, ret_names[count]) < 0)
            return -EBADMSG;
        count++;
    }
    *ret_count = count;
    return 0;
}

static int index_module(struct selector *s, const char *name, const char *path,
                        char (*deps)[MODULE_NAME_MAX + 1], size_t count)
{
    _autofree_ struct chosen *chosen = malloc(sizeof(*chosen));
    if (!chosen)
        return -ENOMEM;
    int r = module_index_add(s->builder, name, module_class_of(path), &chosen->module);
    for (size_t i = count; r == 0 && i-- > 0;) {
        const struct chosen *dep = map_gets(s->chosen, deps[i]);
        r = dep ? module_index_add_dep(s->builder, dep->module) : -EBADMSG;
    }
    if (r == 0)
        r = map_puts(s->chosen, name, chosen, NULL);
    if (r < 0)
        return r;
    TAKE_PTR(chosen);
    return add_file(s, name, path);
}

static int choose(struct selector *s, const char *name)
{
    enum { DEPS_MAX = 64 };
    if (map_gets(s->chosen, name))
        return 0;
    const char *line = map_gets(s->paths, name);
    if (!line)
        return -ENOENT;
    char path[MODULE_PATH_MAX + 1];
    const char *p = line;
    (void)dep_path(&p, path);
    char deps[DEPS_MAX][MODULE_NAME_MAX + 1];
    size_t count = 0;
    int r = deps_of(line, deps, DEPS_MAX, &count);
    for (size_t i = count; r == 0 && i-- > 0;)
        r = choose(s, deps[i]);
    if (r == 0)
        r = index_module(s, name, path, deps, count);
    if (r < 0)
        return err_set(s->err, r, "modules.dep: cannot resolve what %s depends on", name);
    return choose_softdeps(s, name);
}

static int choose_paths(struct selector *s, const char *const *patterns, size_t count)
{
    for (const char *line = s->tables->dep; *line; line = next_line(line)) {
        char path[MODULE_PATH_MAX + 1], name[MODULE_NAME_MAX + 1];
        const char *p = line;
        if (!dep_path(&p, path) || module_name_of(path, name) < 0)
            return -EBADMSG;
        const char *below = str_after(path, "kernel/");
        bool wanted = false;
        for (size_t i = 0; below && i < count && !wanted; i++)
            wanted = fnmatch(patterns[i], below, 0) == 0;
        int r = wanted ? choose(s, name) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int choose_named(struct selector *s, const char *name)
{
    if (str_eq(name, "vm"))
        return choose_paths(s, vm_paths, ARRAY_SIZE(vm_paths));
    if (str_eq(name, "server")) {
        int r = choose_paths(s, vm_paths, ARRAY_SIZE(vm_paths));
        return r < 0 ? r : choose_paths(s, hardware_paths, ARRAY_SIZE(hardware_paths));
    }
    char normal[MODULE_NAME_MAX + 1], file[MODULE_NAME_MAX + 5];
    (void)snprintf(file, sizeof(file), "%s.ko", name);
    if (module_name_of(file, normal) < 0 || !map_gets(s->paths, normal))
        return err_set(s->err, -EINVAL, "neither a set of modules nor a module: \"%s\"", name);
    return choose(s, normal);
}

static int choose_set(struct selector *s, const char *set)
{
    for (const char *p = set; *p;) {
        char name[MODULE_NAME_MAX + 1];
        size_t n = strcspn(p, ",");
        if (n == 0 || n > MODULE_NAME_MAX)
            return err_set(s->err, -EINVAL, "not a list of module names: \"%s\"", set);
        memcpy(name, p, n);
        name[n] = '\0';
        int r = choose_named(s, name);
        if (r < 0)
            return r;
        p += n + (p[n] == ',');
    }
    return 0;
}

static int index_aliases(struct selector *s)
{
    for (const char *line = s->tables->alias; *line; line = next_line(line)) {
        char word[MODULE_ALIAS_MAX + 1], pattern[MODULE_ALIAS_MAX + 1], module[MODULE_NAME_MAX + 1];
        const char *p = line;
        if (!next_word(&p, word, sizeof(word)) || !str_eq(word, "alias") ||
            !next_word(&p, pattern, sizeof(pattern)) || !next_word(&p, module, sizeof(module)))
            continue;
        const struct chosen *chosen = map_gets(s->chosen, module);
        int r = chosen ? module_index_add_alias(s->builder, pattern, chosen->module) : 0;
        if (r < 0)
            return err_set(s->err, r, "modules.alias: bad pattern of %s", module);
    }
    return 0;
}

int module_select(const struct module_tables *tables, const char *set, struct module_selection *ret,
                  struct err *err)
{
    struct module_selection result _autoselection_ = {.index = BUF_INIT_MAX(MODULE_INDEX_MAX)};
    struct selector s _cleanup_(selector_clear) = {.tables = tables,
                                                   .paths = map_new(),
                                                   .chosen = map_new(),
                                                   .builder = module_index_builder_new(),
                                                   .result = &result,
                                                   .err = err};
    if (!s.paths || !s.chosen || !s.builder)
        return err_set(err, -ENOMEM, "out of memory");
    int r = read_deps(&s);
    if (r == 0)
        r = choose_set(&s, set);
    if (r == 0 && result.count == 0)
        r = err_set(err, -EINVAL, "the kernel has none of the modules of \"%s\"", set);
    if (r == 0)
        r = index_aliases(&s);
    if (r == 0)
        r = module_index_build(s.builder, &result.index);
    if (r < 0)
        return r;
    *ret = result;
    result = (struct module_selection){0};
    return 0;
}
