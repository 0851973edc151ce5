/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wipe-device.h"

#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/nvme_ioctl.h>
#include <scsi/sg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "agent/sysfs.h"
#include "base/str.h"

/* ATA Command Set: codes, and the words of IDENTIFY DEVICE. */
enum {
    ATA_PASS_THROUGH_16 = 0x85,
    ATA_NO_DATA = 3,
    ATA_PIO_OUT = 5,
    ATA_SET_PASSWORD = 0xf1,
    ATA_UNLOCK = 0xf2,
    ATA_ERASE_PREPARE = 0xf3,
    ATA_ERASE_UNIT = 0xf4,
    ATA_WORD_ERASE_TIME = 89,
    ATA_WORD_ENHANCED_TIME = 90,
    ATA_WORD_SECURITY = 128,
    ATA_SUPPORTED = 1 << 0,
    ATA_ENABLED = 1 << 1,
    ATA_LOCKED = 1 << 2,
    ATA_FROZEN = 1 << 3,
    ATA_EXPIRED = 1 << 4, /* too many wrong passwords: until the power is cut */
    ATA_ENHANCED = 1 << 5,
    ATA_SECTOR = 512,
};
/* NVM Express base specification: admin commands, and bytes of the Identify structures. */
enum {
    NVME_IDENTIFY = 0x06,
    NVME_FORMAT = 0x80,
    NVME_IDENTIFY_SIZE = 4096,
    NVME_OACS = 256, /* of the controller: bit 1: Format NVM */
    NVME_FNA = 524,  /* bit 0 or 1: formatting or erasing concerns all namespaces */
    NVME_FLBAS = 26, /* of the namespace */
    NVME_DPS = 29,
};
enum { NVME_TIMEOUT_MS = 3600 * 1000, ATA_TIMEOUT_MS = 60 * 1000, ATA_LONGEST_MINUTES = 24 * 60 };

/* Known, so that an erase that a power cut interrupted can be unlocked and begun anew. */
static const char ata_password[32] = "slipway-release";

/* ---- NVM Express ---- */

bool wipe_nvme_format(const uint8_t *controller, const uint8_t *namespace, bool shared,
                      uint32_t *ret_dword)
{
    bool offers = controller[NVME_OACS] & 2, all = controller[NVME_FNA] & 3;
    uint32_t flbas = namespace[NVME_FLBAS], dps = namespace[NVME_DPS];
    if (!offers || (all && shared))
        return false;
    *ret_dword = (flbas & 15) | (flbas >> 4 & 1) << 4 | (dps & 7) << 5 | (dps >> 3 & 1) << 8 |
                 1u << 9 | (flbas >> 5 & 3) << 12;
    return true;
}

static int nvme_identify(int fd, uint32_t namespace, uint32_t what, uint8_t *ret)
{
    struct nvme_admin_cmd command = {
        .opcode = NVME_IDENTIFY,
        .nsid = namespace,
        .addr = (uintptr_t)ret,
        .data_len = NVME_IDENTIFY_SIZE,
        .cdw10 = what,
    };
    return ioctl(fd, NVME_IOCTL_ADMIN_CMD, &command) == 0 ? 0 : -EIO;
}

static bool look_nvme(struct wipe_device *device, bool shared)
{
    _Alignas(8) uint8_t controller[NVME_IDENTIFY_SIZE], namespace[NVME_IDENTIFY_SIZE];
    int id = ioctl(device->fd, NVME_IOCTL_ID);
    if (id <= 0)
        return false;
    device->nvme_namespace = (uint32_t)id;
    return nvme_identify(device->fd, 0, 1, controller) == 0 &&
           nvme_identify(device->fd, (uint32_t)id, 0, namespace) == 0 &&
           wipe_nvme_format(controller, namespace, shared, &device->nvme_format);
}

static int nvme_format(const struct wipe_device *device)
{
    struct nvme_admin_cmd command = {
        .opcode = NVME_FORMAT,
        .nsid = device->nvme_namespace,
        .cdw10 = device->nvme_format,
        .timeout_ms = NVME_TIMEOUT_MS,
    };
    int r = ioctl(device->fd, NVME_IOCTL_ADMIN_CMD, &command);
    return r == 0 ? 0 : r < 0 ? -errno : -EIO;
}

/* ---- ATA ---- */

static uint16_t word(const uint8_t *identify, size_t index)
{
    return (uint16_t)(identify[index * 2] | identify[index * 2 + 1] << 8);
}

bool wipe_ata_ability(const uint8_t *identify, struct wipe_device *ret)
{
    uint16_t security = word(identify, ATA_WORD_SECURITY);
    if (!(security & ATA_SUPPORTED) || security & (ATA_FROZEN | ATA_EXPIRED))
        return false;
    ret->ata_locked = security & ATA_LOCKED;
    ret->ata_enhanced = security & ATA_ENHANCED;
    /* In units of two minutes; bit 15 marks the longer form, 255 says "more than 508". */
    uint16_t time =
        word(identify, ret->ata_enhanced ? ATA_WORD_ENHANCED_TIME : ATA_WORD_ERASE_TIME);
    unsigned minutes = (time & 0x8000u ? time & 0x7fffu : time & 0xffu) * 2;
    bool told = minutes > 0 && minutes < 508 && minutes < ATA_LONGEST_MINUTES;
    ret->ata_minutes = told ? minutes : ATA_LONGEST_MINUTES;
    return true;
}

void wipe_ata_command(uint8_t command, bool sends, uint8_t ret[static 16])
{
    memset(ret, 0, 16);
    ret[0] = ATA_PASS_THROUGH_16;
    ret[1] = (uint8_t)((sends ? ATA_PIO_OUT : ATA_NO_DATA) << 1);
    ret[2] = sends ? 0x06 : 0x20; /* blocks counted by SECTOR COUNT; or: tell the result */
    ret[6] = sends ? 1 : 0;
    ret[14] = command;
}

void wipe_ata_sector(bool enhanced_erase, uint8_t ret[static 512])
{
    memset(ret, 0, ATA_SECTOR);
    ret[0] = enhanced_erase ? 2 : 0; /* bit 0 clear: by the user password */
    memcpy(ret + 2, ata_password, sizeof(ata_password));
}

static int ata_send(int fd, uint8_t command, uint8_t *sector, unsigned timeout_ms)
{
    uint8_t cdb[16], sense[32] = {0};
    wipe_ata_command(command, sector != NULL, cdb);
    struct sg_io_hdr io = {
        .interface_id = 'S',
        .dxfer_direction = sector ? SG_DXFER_TO_DEV : SG_DXFER_NONE,
        .cmd_len = sizeof(cdb),
        .mx_sb_len = sizeof(sense),
        .dxfer_len = sector ? ATA_SECTOR : 0,
        .dxferp = sector,
        .cmdp = cdb,
        .sbp = sense,
        .timeout = timeout_ms,
    };
    if (ioctl(fd, SG_IO, &io) < 0)
        return -errno;
    /* With the result asked for, the sense data end in the ATA status: bit 0 is an error. */
    bool told = !sector && sense[0] == 0x72 && sense[8] == 0x09;
    if (io.host_status || (told ? sense[21] & 1 : io.status))
        return -EIO;
    return 0;
}

static int ata_erase(const struct wipe_device *device)
{
    uint8_t sector[ATA_SECTOR];
    wipe_ata_sector(false, sector);
    int r = ata_send(device->fd, device->ata_locked ? ATA_UNLOCK : ATA_SET_PASSWORD, sector,
                     ATA_TIMEOUT_MS);
    if (r == 0)
        r = ata_send(device->fd, ATA_ERASE_PREPARE, NULL, ATA_TIMEOUT_MS);
    wipe_ata_sector(device->ata_enhanced, sector);
    if (r == 0)
        r = ata_send(device->fd, ATA_ERASE_UNIT, sector,
                     (device->ata_minutes * 2 + 10) * 60 * 1000);
    return r;
}

/* ---- all ---- */

void wipe_device_look(const char *sys, const struct disk *disk, int fd, bool shared,
                      struct wipe_device *ret, struct wipe_ability *ret_ability)
{
    uint8_t identify[ATA_SECTOR] = {0};
    *ret = (struct wipe_device){.fd = fd, .nvme = str_after(disk->name, "nvme") != NULL};
    *ret_ability = (struct wipe_ability){
        .discard = sysfs_number("%s/block/%s/queue/discard_max_bytes", sys, disk->name) != 0,
    };
    if (ret->nvme)
        ret_ability->nvme_format = look_nvme(ret, shared);
    else if (ioctl(fd, HDIO_GET_IDENTITY, identify) == 0)
        ret_ability->ata_erase = wipe_ata_ability(identify, ret);
}

static int range(int fd, unsigned long request, uint64_t offset, uint64_t len)
{
    uint64_t values[2] = {offset, len};
    if (ioctl(fd, request, values) == 0)
        return 0;
    return errno == ENOTTY || errno == EINVAL ? -EOPNOTSUPP : -errno;
}

int wipe_device_erase(void *data, enum wipe_way way, uint64_t offset, uint64_t len)
{
    const struct wipe_device *device = data;
    switch (way) {
    case WIPE_NVME_FORMAT:
        return nvme_format(device);
    case WIPE_ATA_ERASE:
        return ata_erase(device);
    case WIPE_SECURE_DISCARD:
        return range(device->fd, BLKSECDISCARD, offset, len);
    case WIPE_WAY_DISCARD:
        return range(device->fd, BLKDISCARD, offset, len);
    case WIPE_WAY_ZERO:
        return range(device->fd, BLKZEROOUT, offset, len);
    }
    return -EOPNOTSUPP;
}
