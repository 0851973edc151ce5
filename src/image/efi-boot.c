/* SPDX-License-Identifier: Apache-2.0 */
#include "image/efi-boot.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rd.h"
#include "base/str.h"
#include "base/wr.h"

#define GLOBAL_GUID "8be4df61-93ca-11d2-aa0d-00e098032b8c"
enum {
    ATTRIBUTES_SIZE = 4,
    ATTRIBUTES = 7, /* kept, and there for boot services and the running system */
    ENTRIES_MAX = 256,
    NAME_SIZE = 64,
};

/* Finds an entry of a folder without regard to case, as FAT does; false when there is none. */
static bool find_entry(const char *folder, const char *name, char ret[static NAME_SIZE])
{
    DIR *dir = opendir(folder);
    bool found = false;
    if (!dir)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(dir));)
        found =
            strcasecmp(entry->d_name, name) == 0 && str_copy(ret, NAME_SIZE, entry->d_name) == 0;
    (void)closedir(dir);
    return found;
}

static bool loader_in(const char *efi, const char *folder, const char *name,
                      char ret[static EFI_LOADER_SIZE])
{
    char file[NAME_SIZE];
    _autofree_ char *path = str_format("%s/%s", efi, folder);
    if (!path || !find_entry(path, name, file))
        return false;
    return snprintf(ret, EFI_LOADER_SIZE, "\\EFI\\%s\\%s", folder, file) < EFI_LOADER_SIZE;
}

int efi_find_loader(const char *esp_mount, char ret[static EFI_LOADER_SIZE])
{
    static const char *const names[] = {"shimx64.efi", "grubx64.efi", "systemd-bootx64.efi"};
    char efi_name[NAME_SIZE], boot[NAME_SIZE];
    if (!find_entry(esp_mount, "EFI", efi_name))
        return -ENOENT;
    _autofree_ char *efi = str_format("%s/%s", esp_mount, efi_name);
    for (size_t i = 0; efi && i < ARRAY_SIZE(names); i++) {
        DIR *dir = opendir(efi);
        bool found = false;
        if (!dir)
            return -ENOENT;
        for (struct dirent *entry; !found && (entry = readdir(dir));)
            found = entry->d_name[0] != '.' && strcasecmp(entry->d_name, "BOOT") != 0 &&
                    loader_in(efi, entry->d_name, names[i], ret);
        (void)closedir(dir);
        if (found)
            return 0;
    }
    if (efi && find_entry(efi, "BOOT", boot) && loader_in(efi, boot, "BOOTX64.EFI", ret))
        return 0;
    return -ENOENT;
}

static char *variable_path(const struct efi_boot_options *options, const char *name)
{
    return str_format("%s/%s-" GLOBAL_GUID, options->efivars, name);
}

/* A variable without its attributes; the length, or a negative errno. */
static ssize_t read_variable(const struct efi_boot_options *options, const char *name, void *dst,
                             size_t size)
{
    _autofree_ char *path = variable_path(options, name);
    _autofree_ char *data = NULL;
    size_t len = 0;
    int r = path ? file_read(path, ATTRIBUTES_SIZE + size, &data, &len, NULL) : -ENOMEM;
    if (r < 0)
        return r;
    if (len < ATTRIBUTES_SIZE)
        return -EBADMSG;
    memcpy(dst, data + ATTRIBUTES_SIZE, len - ATTRIBUTES_SIZE);
    return (ssize_t)(len - ATTRIBUTES_SIZE);
}

/* efivarfs protects variables from rm -r by the immutable flag. */
static void make_mutable(const char *path)
{
    _autofd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    int flags = 0;
    if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & FS_IMMUTABLE_FL))
        return;
    flags &= ~FS_IMMUTABLE_FL;
    (void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

static int write_variable(const struct efi_boot_options *options, const char *name,
                          const void *data, size_t len, struct err *err)
{
    uint8_t bytes[ATTRIBUTES_SIZE + EFI_OPTION_MAX];
    struct wr w = wr_init(bytes, sizeof(bytes));
    wr_u32_le(&w, ATTRIBUTES);
    wr_bytes(&w, data, len);
    _autofree_ char *path = variable_path(options, name);
    if (!path || !wr_ok(&w))
        return err_set(err, -EMSGSIZE, "EFI variable %s", name);
    make_mutable(path);
    _autofd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    /* One write(2) is one SetVariable(). */
    if (fd < 0 || write(fd, bytes, w.pos) != (ssize_t)w.pos)
        return err_errno(err, -errno, "EFI variable %s", name);
    return 0;
}

/* "Boot0001-GUID"; false for everything else. */
static bool entry_number(const char *file, uint16_t *ret)
{
    const char *digits = str_after(file, "Boot");
    if (!digits || strspn(digits, "0123456789ABCDEFabcdef") != 4 ||
        !str_eq(digits + 4, "-" GLOBAL_GUID))
        return false;
    *ret = (uint16_t)strtoul(digits, NULL, 16);
    return true;
}

static size_t read_entries(const struct efi_boot_options *options, struct efi_entry *entries)
{
    size_t count = 0;
    DIR *dir = opendir(options->efivars);
    if (!dir)
        return 0;
    for (struct dirent *entry; count < ENTRIES_MAX && (entry = readdir(dir));) {
        struct efi_entry *e = &entries[count];
        char name[16];
        uint8_t data[EFI_OPTION_MAX];
        if (!entry_number(entry->d_name, &e->number))
            continue;
        (void)snprintf(name, sizeof(name), "%.8s", entry->d_name);
        ssize_t n = read_variable(options, name, data, sizeof(data));
        if (n < 0 || efi_option_parse(data, (size_t)n, &e->option) < 0)
            e->option = (struct efi_option){0}; /* its number is taken all the same */
        count++;
    }
    (void)closedir(dir);
    return count;
}

static size_t read_order(const struct efi_boot_options *options, uint16_t *order)
{
    uint8_t data[EFI_ORDER_MAX * 2];
    size_t count = 0;
    ssize_t n = read_variable(options, "BootOrder", data, sizeof(data));
    struct rd r = rd_init(data, n > 0 ? (size_t)n : 0);
    while (rd_left(&r) >= 2)
        order[count++] = rd_u16_le(&r);
    return count;
}

static int write_order(const struct efi_boot_options *options, const char *name,
                       const uint16_t *order, size_t count, struct err *err)
{
    uint8_t data[EFI_ORDER_MAX * 2];
    struct wr w = wr_init(data, sizeof(data));
    for (size_t i = 0; i < count; i++)
        wr_u16_le(&w, order[i]);
    return write_variable(options, name, data, w.pos, err);
}

static int write_entry(const struct efi_boot_options *options, uint16_t number,
                       const struct efi_target *target, struct err *err)
{
    uint8_t data[EFI_OPTION_MAX];
    size_t len = 0;
    char name[16];
    (void)snprintf(name, sizeof(name), "Boot%04X", number);
    int r = efi_option_build(target, data, sizeof(data), &len);
    return r < 0 ? err_errno(err, r, "boot entry") : write_variable(options, name, data, len, err);
}

int efi_boot_repair(const struct efi_boot_options *options, const struct efi_target *target,
                    struct err *err)
{
    char loader[EFI_LOADER_SIZE];
    uint16_t order[EFI_ORDER_MAX];
    int r = efi_find_loader(options->esp_mount, loader);
    if (r < 0)
        return err_set(err, r, "the EFI system partition holds no boot loader");
    _autofree_ struct efi_entry *entries = calloc(ENTRIES_MAX, sizeof(*entries));
    _autofree_ struct efi_plan *plan = malloc(sizeof(*plan));
    if (!entries || !plan)
        return err_set(err, -ENOMEM, "out of memory");
    struct efi_target full = *target;
    full.description = options->description;
    full.loader = loader;
    size_t count = read_entries(options, entries);
    size_t order_count = read_order(options, order);
    r = efi_plan(entries, count, order, order_count, &full, plan);
    if (r < 0)
        return err_errno(err, r, "no free boot entry");
    if (plan->write_entry)
        r = write_entry(options, plan->number, &full, err);
    if (r == 0 && plan->write_order)
        r = write_order(options, "BootOrder", plan->order, plan->order_count, err);
    if (r == 0 && options->boot_next)
        r = write_order(options, "BootNext", &plan->number, 1, err);
    return r;
}

static int remove_variable(const struct efi_boot_options *options, const char *name,
                           struct err *err)
{
    _autofree_ char *path = variable_path(options, name);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    make_mutable(path);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_errno(err, -errno, "EFI variable %s", name);
    return 0;
}

static int forget_next(const struct efi_boot_options *options, uint16_t number, struct err *err)
{
    uint8_t next[2];
    ssize_t n = read_variable(options, "BootNext", next, sizeof(next));
    bool ours = n == 2 && (next[0] | next[1] << 8) == number;
    return ours ? remove_variable(options, "BootNext", err) : 0;
}

int efi_boot_forget(const struct efi_boot_options *options, struct err *err)
{
    uint16_t order[EFI_ORDER_MAX];
    _autofree_ struct efi_entry *entries = calloc(ENTRIES_MAX, sizeof(*entries));
    if (!entries)
        return err_set(err, -ENOMEM, "out of memory");
    size_t count = read_entries(options, entries), before = read_order(options, order);
    size_t left = before;
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        char name[16];
        if (!str_eq(entries[i].option.description, options->description))
            continue;
        left = efi_order_without(order, left, entries[i].number);
        (void)snprintf(name, sizeof(name), "Boot%04X", entries[i].number);
        r = forget_next(options, entries[i].number, err);
        if (r == 0)
            r = remove_variable(options, name, err);
    }
    return r == 0 && left != before ? write_order(options, "BootOrder", order, left, err) : r;
}

int efi_boot_network_next(const struct efi_boot_options *options, struct err *err)
{
    uint16_t order[EFI_ORDER_MAX], number = 0;
    _autofree_ struct efi_entry *entries = calloc(ENTRIES_MAX, sizeof(*entries));
    if (!entries)
        return err_set(err, -ENOMEM, "out of memory");
    size_t count = read_entries(options, entries), order_count = read_order(options, order);
    int r = efi_network_entry(entries, count, order, order_count, &number);
    if (r < 0)
        return err_set(err, r, "the firmware has no boot entry for the network");
    return write_order(options, "BootNext", &number, 1, err);
}
