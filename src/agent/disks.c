/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/disks.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/signature.h"
#include "agent/sysfs.h"
#include "base/file.h"
#include "base/log.h"
#include "base/str.h"

#define BY_PATH "/dev/disk/by-path/"
enum { SYSFS_SECTOR = 512, VPD_HEADER = 4 };

/* A PCI address at p: "0000:00:1f.2". */
static bool is_pci_address(const char *p, size_t len)
{
    static const char form[] = "xxxx:xx:xx.x";
    if (len != strlen(form))
        return false;
    for (size_t i = 0; i < len; i++) {
        bool fits = form[i] == 'x' ? isxdigit((unsigned char)p[i]) != 0 : p[i] == form[i];
        if (!fits)
            return false;
    }
    return true;
}

/* A SCSI address at p: "H:C:T:L"; its part behind the host goes to *ret_rest. */
static bool is_scsi_address(const char *p, size_t len, const char **ret_rest)
{
    unsigned colons = 0;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == ':' && colons++ == 0)
            *ret_rest = p + i;
        else if (p[i] != ':' && !isdigit((unsigned char)p[i]))
            return false;
    }
    return colons == 3;
}

void disk_path_name(const char *real_path, unsigned ata_port, unsigned nvme_namespace,
                    char ret[static DISK_PATH_SIZE])
{
    char pci[16] = "", scsi[32] = "";
    ret[0] = '\0';
    for (const char *p = real_path; *p;) {
        p += strspn(p, "/");
        size_t n = strcspn(p, "/");
        const char *rest = NULL;
        if (is_pci_address(p, n))
            (void)snprintf(pci, sizeof(pci), "%.*s", (int)n, p);
        else if (is_scsi_address(p, n, &rest))
            (void)snprintf(scsi, sizeof(scsi), "%.*s", (int)(n - (size_t)(rest - p)), rest);
        p += n;
    }
    if (!pci[0])
        return;
    if (nvme_namespace)
        (void)snprintf(ret, DISK_PATH_SIZE, BY_PATH "pci-%s-nvme-%u", pci, nvme_namespace);
    else if (ata_port)
        (void)snprintf(ret, DISK_PATH_SIZE, BY_PATH "pci-%s-ata-%u", pci, ata_port);
    else if (scsi[0])
        (void)snprintf(ret, DISK_PATH_SIZE, BY_PATH "pci-%s-scsi-0%s", pci, scsi);
    else
        (void)snprintf(ret, DISK_PATH_SIZE, BY_PATH "pci-%s", pci);
}

void disk_wwn(const char *identifier, char ret[static DISK_TEXT_SIZE])
{
    const char *naa = str_after(identifier, "naa.");
    ret[0] = '\0';
    if (naa)
        (void)snprintf(ret, DISK_TEXT_SIZE, "0x%s", naa);
    else if (str_after(identifier, "eui.") || str_after(identifier, "uuid."))
        (void)snprintf(ret, DISK_TEXT_SIZE, "%s", identifier);
}

/* Disks that are none: memory, loops, optical and floppy drives, what is built upon other disks. */
static bool is_disk_name(const char *name)
{
    static const char *const others[] = {"loop", "ram", "zram", "sr", "fd", "dm-", "md", "nbd"};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        if (str_after(name, others[i]))
            return false;
    }
    return name[0] != '.';
}

/* SCSI's unit serial number page (VPD 0x80): a header of four bytes, then the text. */
static void read_vpd_serial(const char *block, char *dst, size_t size)
{
    char path[256], data[256];
    (void)snprintf(path, sizeof(path), "%s/device/vpd_pg80", block);
    _autofd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? fd_read_full(fd, data, sizeof(data)) : -1;
    if (n <= VPD_HEADER)
        return;
    const char *start = data + VPD_HEADER, *end = data + n;
    while (start < end && *start == ' ')
        start++;
    while (end > start && (end[-1] == ' ' || end[-1] == '\0'))
        end--;
    log_quote(dst, size, start, (size_t)(end - start));
}

static void read_names(const char *block, const char *real_path, struct disk *disk)
{
    char identifier[DISK_TEXT_SIZE];
    (void)sysfs_text(disk->model, sizeof(disk->model), "%s/device/model", block);
    (void)sysfs_text(disk->serial, sizeof(disk->serial), "%s/serial", block);
    if (!disk->serial[0])
        (void)sysfs_text(disk->serial, sizeof(disk->serial), "%s/device/serial", block);
    if (!disk->serial[0])
        read_vpd_serial(block, disk->serial, sizeof(disk->serial));
    (void)sysfs_text(identifier, sizeof(identifier), "%s/wwid", block);
    if (!identifier[0])
        (void)sysfs_text(identifier, sizeof(identifier), "%s/device/wwid", block);
    disk_wwn(identifier, disk->wwn);
    /* ".../ata3/host2/target2:0:0/2:0:0:0/block/sda": the port's own number is its ata_port's. */
    unsigned port = 0;
    const char *at = strstr(real_path, "/ata");
    if (at) {
        int parent = (int)(at - real_path), len = (int)strcspn(at + 1, "/");
        port = (unsigned)sysfs_number("%.*s/%.*s/ata_port/%.*s/port_no", parent, real_path, len,
                                      at + 1, len, at + 1);
    }
    unsigned nsid = 0;
    if (str_after(disk->name, "nvme"))
        nsid = (unsigned)sysfs_number("%s/nsid", block);
    disk_path_name(real_path, port, nsid, disk->path);
}

static const char *type_of(const struct disk *disk)
{
    if (str_after(disk->name, "nvme"))
        return "nvme";
    if (str_after(disk->name, "vd") || str_after(disk->name, "xvd") ||
        strstr(disk->model, "QEMU") || strstr(disk->model, "Virtual"))
        return "virtual";
    return disk->rotational ? "hdd" : "ssd";
}

static bool read_disk(const char *sys, const char *name, struct disk *ret)
{
    char block[256], real_path[PATH_MAX];
    struct disk disk = {.state = DISK_UNREADABLE, .contents = "not examined"};
    (void)snprintf(block, sizeof(block), "%s/block/%s", sys, name);
    if (str_copy(disk.name, sizeof(disk.name), name) < 0 || !realpath(block, real_path))
        return false;
    bool nvme = str_after(name, "nvme") != NULL;
    if ((strstr(real_path, "/virtual/") && !nvme) || sysfs_number("%s/hidden", block))
        return false;
    disk.size = sysfs_number("%s/size", block) * SYSFS_SECTOR;
    disk.sector_size = (uint32_t)sysfs_number("%s/queue/logical_block_size", block);
    disk.physical_sector_size = (uint32_t)sysfs_number("%s/queue/physical_block_size", block);
    disk.rotational = sysfs_number("%s/queue/rotational", block) != 0;
    disk.removable = sysfs_number("%s/removable", block) != 0;
    disk.read_only = sysfs_number("%s/ro", block) != 0;
    disk.write_zeroes = sysfs_number("%s/queue/write_zeroes_max_bytes", block) != 0;
    disk.usb = strstr(real_path, "/usb") != NULL;
    read_names(block, real_path, &disk);
    disk.type = type_of(&disk);
    *ret = disk;
    return true;
}

static int read_device(void *data, uint64_t offset, void *dst, size_t len)
{
    ssize_t n = fd_pread_full(*(const int *)data, dst, len, offset);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : -EIO;
}

static void examine(const char *dev, struct disk *disk)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", dev, disk->name);
    _autofd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct signature_reader reader = {.read = read_device, .data = &fd};
    if (disk->size == 0 || disk->sector_size == 0)
        return;
    if (fd < 0 || signature_examine(&reader, disk) < 0)
        (void)!str_copy(disk->contents, sizeof(disk->contents), "unreadable");
}

static int by_name(const void *a, const void *b)
{
    const struct disk *x = a, *y = b;
    return strverscmp(x->name, y->name);
}

size_t disks_list(const char *sys, const char *dev, struct disk *ret_disks, size_t max)
{
    char path[256];
    size_t count = 0;
    (void)snprintf(path, sizeof(path), "%s/block", sys);
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *entry; count < max && (entry = readdir(dir));) {
        if (!is_disk_name(entry->d_name) || !read_disk(sys, entry->d_name, &ret_disks[count]))
            continue;
        if (dev)
            examine(dev, &ret_disks[count]);
        count++;
    }
    (void)closedir(dir);
    qsort(ret_disks, count, sizeof(*ret_disks), by_name);
    return count;
}
