/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the kernel of a disk image that somebody else made. */
#include "image/import.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "image/gpt-disk.h"
#include "image/mbr.h"

enum { DEBUGFS_MS = 30000, GRUB_CONFIG_MAX = 1 << 20, WORD_MAX = 512 };

/* The next word of a line at *p, without quotes; false at its end or when it does not fit. */
static bool next_word(const char **p, char *ret, size_t size)
{
    size_t n = 0;
    char quote = '\0';
    const char *s = *p + strspn(*p, " \t");
    for (; *s && *s != '\n' && (quote || (*s != ' ' && *s != '\t')); s++) {
        if (*s == quote)
            quote = '\0';
        else if (!quote && (*s == '"' || *s == '\''))
            quote = *s;
        else if (n + 1 < size)
            ret[n++] = *s;
        else
            return false;
    }
    ret[n] = '\0';
    *p = s;
    return n > 0;
}

static int add_argument(struct image_boot *boot, const char *word)
{
    size_t len = strlen(boot->cmdline);
    int n =
        snprintf(boot->cmdline + len, sizeof(boot->cmdline) - len, "%s%s", len ? " " : "", word);
    return n >= 0 && (size_t)n < sizeof(boot->cmdline) - len ? 0 : -EMSGSIZE;
}

/* "linux /boot/vmlinuz-6.1 root=... ro" */
static int take_linux(const char *p, struct image_boot *boot)
{
    char word[WORD_MAX];
    if (!next_word(&p, word, sizeof(word)) || strchr(word, '$') ||
        str_copy(boot->kernel, sizeof(boot->kernel), word) < 0)
        return -ENOENT;
    while (next_word(&p, word, sizeof(word))) {
        if (!strchr(word, '$') && add_argument(boot, word) < 0)
            return -ENOENT;
    }
    return 0;
}

int image_boot_from_grub(const char *text, struct image_boot *ret)
{
    struct image_boot boot = {0};
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        char word[WORD_MAX];
        const char *p = line;
        if (!next_word(&p, word, sizeof(word)))
            continue;
        if (!boot.kernel[0] && (str_eq(word, "linux") || str_eq(word, "linuxefi"))) {
            if (take_linux(p, &boot) < 0)
                return -ENOENT;
        } else if (boot.kernel[0] && (str_eq(word, "initrd") || str_eq(word, "initrdefi"))) {
            if (!next_word(&p, word, sizeof(word)) ||
                str_copy(boot.initrd, sizeof(boot.initrd), word) < 0)
                return -ENOENT;
            break;
        } else if (boot.kernel[0] && str_eq(word, "}")) {
            break;
        }
    }
    if (boot.kernel[0] != '/' || !strstr(boot.cmdline, "root="))
        return -ENOENT;
    *ret = boot;
    return 0;
}

static int debugfs(const char *path, uint64_t offset, const char *request, struct buf *out)
{
    _autofree_ char *device = str_format("%s?offset=%llu", path, (unsigned long long)offset);
    const char *const argv[] = {"debugfs", "-R", request, device ? device : "", NULL};
    struct proc_options options = {.output = out, .timeout_ms = DEBUGFS_MS};
    buf_reset(out);
    return device ? proc_run(argv, &options, NULL, NULL) : -ENOMEM;
}

/* Whether a path of that file system is a regular file or a symbolic link, as Debian's are. */
static bool is_file(const char *path, uint64_t offset, const char *file)
{
    _autobuf_ struct buf out = BUF_INIT_MAX(GRUB_CONFIG_MAX);
    _autofree_ char *request = str_format("stat \"%s\"", file);
    return request && debugfs(path, offset, request, &out) == 0 &&
           (strstr(buf_str(&out), "Type: regular") || strstr(buf_str(&out), "Type: symlink"));
}

static bool look_at_partition(const char *path, uint64_t offset, uint32_t number,
                              struct image_boot *ret)
{
    _autobuf_ struct buf out = BUF_INIT_MAX(GRUB_CONFIG_MAX);
    struct image_boot boot;
    if (debugfs(path, offset, "cat /boot/grub/grub.cfg", &out) < 0 || out.len == 0 ||
        buf_error(&out) < 0 || image_boot_from_grub(buf_str(&out), &boot) < 0)
        return false;
    if (!is_file(path, offset, boot.kernel) ||
        (boot.initrd[0] && !is_file(path, offset, boot.initrd)))
        return false;
    boot.root_partition = number;
    *ret = boot;
    return true;
}

void image_find_boot(const char *path, int disk_fd, uint64_t disk_size, struct image_boot *ret)
{
    struct gpt gpt;
    struct mbr mbr;
    uint8_t sector[MBR_SIZE];
    *ret = (struct image_boot){0};
    if (gpt_disk_read(disk_fd, disk_size, IMAGE_SECTOR_SIZE, &gpt, NULL, NULL) == 0) {
        for (uint32_t n = 1; n <= gpt.entry_count; n++) {
            if (!gpt_guid_is_none(gpt.entries[n - 1].type) &&
                look_at_partition(path, gpt_partition_offset(&gpt, n), n, ret))
                return;
        }
        return;
    }
    if (fd_pread_full(disk_fd, sector, sizeof(sector), 0) != (ssize_t)sizeof(sector) ||
        mbr_parse(sector, sizeof(sector), &mbr) < 0)
        return;
    for (uint32_t n = 1; n <= MBR_ENTRIES; n++) {
        const struct mbr_partition *p = &mbr.entries[n - 1];
        if (p->type == MBR_TYPE_LINUX &&
            look_at_partition(path, (uint64_t)p->first * IMAGE_SECTOR_SIZE, n, ret))
            return;
    }
}
