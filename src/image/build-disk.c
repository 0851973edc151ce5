/* SPDX-License-Identifier: Apache-2.0 */
/* Everything of a built disk that lies outside its root file system. */
#include "image/build.h"

#include <fcntl.h>
#include <sodium.h>
#include <string.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/rd.h"
#include "base/str.h"
#include "base/wr.h"
#include "image/fat.h"
#include "image/gpt-disk.h"

#define MIB ((uint64_t)1 << 20)
#define SECTOR ((uint64_t)IMAGE_SECTOR_SIZE)
#define BIOS_FIRST (MIB / SECTOR) /* where GRUB's core image starts */
#define BIOS_SIZE MIB

enum {
    BOOT_CODE_SIZE = 440,
    GRUB_FILE_MAX = 8 << 20,
    /* Places in GRUB's images (grub-core's include/grub/i386/pc/boot.h). */
    BOOT_KERNEL_SECTOR = 0x5c, /* boot.img: first sector of the core image, 8 bytes */
    BOOT_DRIVE_CHECK = 0x66,   /* boot.img: a jump that disks replace by two NOPs */
    CORE_BLOCK_LIST = 0x1f4,   /* core image, first sector: start (8), count (2), segment (2) */
    CORE_SEGMENT = 0x820,
};

#define ESP_OFFSET (2 * MIB)
#define SEED_OFFSET (IMAGE_ROOT_OFFSET - IMAGE_SEED_SIZE)
#define BIOS_FOLDER "/usr/lib/grub/i386-pc"
#define EFI_FOLDER "/usr/lib/grub/x86_64-efi"
#define SHIM "/usr/lib/shim/shimx64.efi.signed"
#define MOK_MANAGER "/usr/lib/shim/mmx64.efi.signed"
#define SIGNED_GRUB "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"

/* What grub.cfg, ours or update-grub's, may ask for: all built in, so nothing is loaded from disk.
 */
#define GRUB_MODULES                                                                               \
    "part_gpt", "ext2", "fat", "search", "search_fs_uuid", "search_label", "configfile", "normal", \
        "linux", "echo", "test", "true", "ls", "cat", "reboot", "halt", "serial", "terminal",      \
        "gzio", "zstd", "all_video", "loadenv", "minicmd", "gfxterm", "gfxmenu", "font", "png",    \
        "sleep", "keystatus", "regexp", "probe", "help", "gettext"

static struct gpt_guid derive_guid(const char *name, int64_t time, const char *what)
{
    struct gpt_guid g;
    char text[256];
    (void)snprintf(text, sizeof(text), "slipway image %s %lld %s", name, (long long)time, what);
    (void)crypto_generichash(g.b, sizeof(g.b), (const uint8_t *)text, strlen(text), NULL, 0);
    g.b[7] = (uint8_t)((g.b[7] & 0x0f) | 0x80); /* version 8: vendor specific (RFC 9562) */
    g.b[8] = (uint8_t)((g.b[8] & 0x3f) | 0x80);
    return g;
}

static uint32_t derive_volume(const char *name, int64_t time, const char *what)
{
    struct gpt_guid g = derive_guid(name, time, what);
    struct rd r = rd_init(g.b, sizeof(g.b));
    return rd_u32(&r);
}

void image_ids_derive(const char *name, int64_t time, struct image_ids *ret)
{
    static const char *const partitions[] = {"bios", "esp", "seed", "root"};
    ret->disk = derive_guid(name, time, "disk");
    ret->root_fs = derive_guid(name, time, "root file system");
    for (size_t i = 0; i < ARRAY_SIZE(partitions); i++)
        ret->partitions[i] = derive_guid(name, time, partitions[i]);
    ret->esp_volume = derive_volume(name, time, "esp volume");
    ret->seed_volume = derive_volume(name, time, "seed volume");
}

static int write_table(int fd, uint64_t size, const struct image_ids *ids, struct err *err)
{
    struct gpt gpt;
    uint64_t root_size = size - IMAGE_ROOT_OFFSET - MIB;
    int r = gpt_init(&gpt, SECTOR, size / SECTOR, ids->disk);
    if (r >= 0)
        r = gpt_set(&gpt, IMAGE_PARTITION_BIOS, BIOS_FIRST, BIOS_SIZE / SECTOR, GPT_TYPE_BIOS_BOOT,
                    ids->partitions[0], "BIOS boot");
    if (r >= 0)
        r = gpt_set(&gpt, IMAGE_PARTITION_ESP, ESP_OFFSET / SECTOR,
                    (SEED_OFFSET - ESP_OFFSET) / SECTOR, GPT_TYPE_ESP, ids->partitions[1], "ESP");
    if (r >= 0)
        r = gpt_set(&gpt, IMAGE_PARTITION_SEED, SEED_OFFSET / SECTOR, IMAGE_SEED_SIZE / SECTOR,
                    GPT_TYPE_BASIC_DATA, ids->partitions[2], "CIDATA");
    if (r >= 0)
        r = gpt_set(&gpt, IMAGE_PARTITION_ROOT, IMAGE_ROOT_OFFSET / SECTOR, root_size / SECTOR,
                    GPT_TYPE_LINUX, ids->partitions[3], "root");
    if (r < 0)
        return err_errno(err, r, "the partitions do not fit into %llu bytes",
                         (unsigned long long)size);
    return gpt_disk_write(fd, &gpt, err);
}

/* What both GRUBs run first: find the root file system, go on with its grub.cfg. */
static char *early_config(const struct image_ids *ids)
{
    char uuid[GPT_GUID_TEXT_SIZE];
    return str_format("search.fs_uuid %s root\n"
                      "set prefix=($root)/boot/grub\n"
                      "configfile $prefix/grub.cfg\n",
                      gpt_guid_text(ids->root_fs, uuid));
}

static int make_core(const char *format, const char *folder, const char *config, const char *work,
                     char **ret_core, size_t *ret_len, struct err *err)
{
    bool bios = str_eq(format, "i386-pc");
    _autofree_ char *config_path = str_format("%s/early.cfg", work);
    _autofree_ char *core_path = str_format("%s/%s.img", work, format);
    if (!config_path || !core_path)
        return err_set(err, -ENOMEM, "out of memory");
    int r = file_write_atomic(config_path, config, strlen(config), 0600, err);
    if (r < 0)
        return r;
    const char *const argv[] = {"grub-mkimage",
                                "-O",
                                format,
                                "-d",
                                folder,
                                "-o",
                                core_path,
                                "-c",
                                config_path,
                                "-p",
                                "/boot/grub",
                                GRUB_MODULES,
                                bios ? "biosdisk" : "efi_gop",
                                bios ? NULL : "efifwsetup",
                                NULL};
    r = proc_run(argv, NULL, NULL, err);
    if (r < 0)
        return r;
    return file_read(core_path, GRUB_FILE_MAX, ret_core, ret_len, err);
}

/* Makes the two images point to each other, as grub-bios-setup does. */
static void link_boot_code(uint8_t *boot, uint8_t *core, size_t core_sectors)
{
    struct wr w = wr_init(boot + BOOT_KERNEL_SECTOR, 8);
    wr_u64_le(&w, BIOS_FIRST);
    w = wr_init(boot + BOOT_DRIVE_CHECK, 2);
    wr_u8(&w, 0x90);
    wr_u8(&w, 0x90);
    w = wr_init(core + CORE_BLOCK_LIST, 12);
    wr_u64_le(&w, BIOS_FIRST + 1);
    wr_u16_le(&w, (uint16_t)(core_sectors - 1));
    wr_u16_le(&w, CORE_SEGMENT);
}

static int write_bios_boot(int fd, const char *config, const char *work, struct err *err)
{
    _autofree_ char *boot = NULL;
    _autofree_ char *core = NULL;
    size_t boot_len = 0, core_len = 0;
    int r = file_read(BIOS_FOLDER "/boot.img", SECTOR, &boot, &boot_len, err);
    if (r >= 0)
        r = make_core("i386-pc", BIOS_FOLDER, config, work, &core, &core_len, err);
    if (r < 0)
        return r;
    size_t sectors = (core_len + SECTOR - 1) / SECTOR;
    if (boot_len != SECTOR || sectors < 2 || sectors * SECTOR > BIOS_SIZE)
        return err_set(err, -EFBIG, "GRUB's core image of %zu bytes does not fit", core_len);
    link_boot_code((uint8_t *)boot, (uint8_t *)core, sectors);
    r = fd_pwrite_full(fd, boot, BOOT_CODE_SIZE, 0);
    if (r >= 0)
        r = fd_pwrite_full(fd, core, core_len, BIOS_FIRST * SECTOR);
    return r < 0 ? err_errno(err, r, "cannot write the boot code") : 0;
}

/* The programs of the ESP and the memory that holds them. */
struct esp {
    struct fat_file files[4];
    size_t count;
    char *data[4];
};

static void esp_free(struct esp *esp)
{
    for (size_t i = 0; i < ARRAY_SIZE(esp->data); i++)
        free(esp->data[i]);
}

static int esp_add_file(struct esp *esp, const char *path, const char *source, struct err *err)
{
    char *data = NULL;
    size_t len = 0;
    int r = file_read(source, GRUB_FILE_MAX, &data, &len, err);
    if (r < 0)
        return r;
    esp->data[esp->count] = data;
    esp->files[esp->count++] = (struct fat_file){.path = path, .data = data, .len = len};
    return 0;
}

/* Debian's signed shim and GRUB, for Secure Boot: that GRUB looks for its file in EFI/debian. */
static int esp_signed(struct esp *esp, const char *config, struct err *err)
{
    int r = esp_add_file(esp, "EFI/BOOT/BOOTX64.EFI", SHIM, err);
    if (r >= 0)
        r = esp_add_file(esp, "EFI/BOOT/grubx64.efi", SIGNED_GRUB, err);
    if (r >= 0)
        r = esp_add_file(esp, "EFI/BOOT/mmx64.efi", MOK_MANAGER, err);
    if (r < 0)
        return r;
    esp->files[esp->count++] =
        (struct fat_file){.path = "EFI/debian/grub.cfg", .data = config, .len = strlen(config)};
    return 0;
}

static int esp_unsigned(struct esp *esp, const char *config, const char *work, struct err *err)
{
    size_t len = 0;
    int r = make_core("x86_64-efi", EFI_FOLDER, config, work, &esp->data[0], &len, err);
    if (r < 0)
        return r;
    esp->files[esp->count++] =
        (struct fat_file){.path = "EFI/BOOT/BOOTX64.EFI", .data = esp->data[0], .len = len};
    return 0;
}

static int write_fat(int fd, uint64_t offset, const struct fat_options *options,
                     const struct fat_file *files, size_t count, struct err *err)
{
    _autofree_ uint8_t *data = NULL;
    int r = fat_build(options, files, count, &data, err);
    if (r < 0)
        return r;
    r = fd_pwrite_full(fd, data, options->size, offset);
    return r < 0 ? err_errno(err, r, "cannot write the %s partition", options->label) : 0;
}

static int write_esp(int fd, const struct image_ids *ids, int64_t time, const char *config,
                     const char *work, struct err *err)
{
    _cleanup_(esp_free) struct esp esp = {0};
    bool is_signed =
        access(SHIM, R_OK) == 0 && access(SIGNED_GRUB, R_OK) == 0 && access(MOK_MANAGER, R_OK) == 0;
    int r = is_signed ? esp_signed(&esp, config, err) : esp_unsigned(&esp, config, work, err);
    if (r < 0)
        return r;
    struct fat_options options = {.size = SEED_OFFSET - ESP_OFFSET,
                                  .volume_id = ids->esp_volume,
                                  .label = "ESP",
                                  .bits = 32,
                                  .time = time,
                                  .offset = ESP_OFFSET / SECTOR};
    return write_fat(fd, ESP_OFFSET, &options, esp.files, esp.count, err);
}

static int write_seed(int fd, const struct image_ids *ids, int64_t time, struct err *err)
{
    struct fat_options options = {.size = IMAGE_SEED_SIZE,
                                  .volume_id = ids->seed_volume,
                                  .label = "CIDATA",
                                  .time = time,
                                  .offset = SEED_OFFSET / SECTOR};
    return write_fat(fd, SEED_OFFSET, &options, NULL, 0, err);
}

int image_disk_finish(int disk_fd, uint64_t size, const struct image_ids *ids, int64_t time,
                      const char *work, struct err *err)
{
    _autofree_ char *config = early_config(ids);
    if (!config)
        return err_set(err, -ENOMEM, "out of memory");
    int r = write_bios_boot(disk_fd, config, work, err);
    if (r >= 0)
        r = write_esp(disk_fd, ids, time, config, work, err);
    if (r >= 0)
        r = write_seed(disk_fd, ids, time, err);
    if (r >= 0)
        r = write_table(disk_fd, size, ids, err);
    return r;
}
