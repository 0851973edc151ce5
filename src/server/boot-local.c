/* SPDX-License-Identifier: Apache-2.0 */
#include "server/boot-local.h"

#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "boot/ipxe.h"

enum { TOOL_TIMEOUT_MS = 20000, CONFIG_SIZE_MAX = 4096 };

struct loader {
    const char *name;
    const char *format;
    const char *config;
    const char *package;
    const char *modules[8]; /* beside those of both */
};

static const struct loader loaders[] = {
    /* iPXE cannot read a FAT file system. The label is that of the images that Slipway builds. */
    {.name = BOOT_NAME_LOCAL_EFI,
     .format = "x86_64-efi",
     .config = "search --no-floppy --set=root --label ESP\n"
               "if [ -z \"$root\" ]; then\n"
               "    search --no-floppy --set=root --file /EFI/BOOT/BOOTX64.EFI\n"
               "fi\n"
               "chainloader /EFI/BOOT/BOOTX64.EFI\n"
               "boot\n",
     .package = "grub-efi-amd64-bin",
     .modules = {"search_fs_file"}},
    /*
     * Which of its disks the system is on, the firmware does not know: it is the one with the seed
     * partition. Its boot sector is started as firmware would.
     */
    {.name = BOOT_NAME_LOCAL_BIOS,
     .format = "i386-pc-pxe",
     .config = "search --no-floppy --set=seed --label CIDATA\n"
               "set root=hd0\n"
               "regexp --set=1:root \"^([^,]+),\" \"$seed\"\n"
               "chainloader +1\n"
               "boot\n",
     .package = "grub-pc-bin",
     .modules = {"biosdisk", "regexp"}},
};

static int run_grub_mkimage(const struct loader *loader, const char *config, const char *output,
                            struct err *err)
{
    const char *argv[32] = {"grub-mkimage", "-O",     loader->format, "-o",     output,
                            "-p",           "/",      "-c",           config,   "part_gpt",
                            "part_msdos",   "fat",    "chain",        "search", "search_label",
                            "boot",         "normal", "test"};
    size_t n = 0;
    while (argv[n])
        n++;
    for (size_t i = 0; loader->modules[i]; i++)
        argv[n++] = loader->modules[i];
    const struct proc_options options = {.timeout_ms = TOOL_TIMEOUT_MS};
    return proc_run(argv, &options, NULL, err);
}

static bool is_current(const struct loader *loader, const char *path, const char *config)
{
    _autofree_ char *text = NULL;
    return access(path, R_OK) == 0 && file_read(config, CONFIG_SIZE_MAX, &text, NULL, NULL) == 0 &&
           str_eq(text, loader->config);
}

static int make(const struct loader *loader, const char *folder, struct err *err)
{
    struct err why = ERR_INIT;
    _autofree_ char *path = str_format("%s/%s", folder, loader->name);
    _autofree_ char *config = str_format("%s/%s.cfg", folder, loader->name);
    _autofree_ char *temporary = str_format("%s/%s.new", folder, loader->name);
    if (!path || !config || !temporary)
        return err_set(err, -ENOMEM, "out of memory");
    if (is_current(loader, path, config))
        return 0;
    int r = file_write_atomic(config, loader->config, strlen(loader->config), 0644, err);
    if (r < 0)
        return r;
    if (run_grub_mkimage(loader, config, temporary, &why) < 0 || rename(temporary, path) < 0) {
        log_warn("%s cannot be made, so machines have a harder way to their own disk: %s (install "
                 "Debian's packages grub-common and %s)",
                 path, err_text(&why), loader->package);
        (void)unlink(temporary);
        (void)unlink(config); /* so that the next start tries again */
    }
    return 0;
}

int boot_local_prepare(const char *folder, struct err *err)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(loaders); i++)
        r = make(&loaders[i], folder, err);
    return r;
}
