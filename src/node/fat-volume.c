/* SPDX-License-Identifier: Apache-2.0 */
#include "node/fat-volume.h"

#include <string.h>
#include <strings.h>

#include "base/rd.h"

/* Field offsets and rules: Microsoft "FAT: General Overview of On-Disk Format" 1.03. */
enum {
    BOOT_SIZE = 512,
    ENTRY_SIZE = 32,
    ATTRIBUTE_LABEL = 0x08,
    ATTRIBUTE_FOLDER = 0x10,
    ATTRIBUTE_LONG_NAME = 0x0f,
    LONG_NAME_PARTS = 20,
    LONG_NAME_UNITS = 13, /* per part */
    NAME_SIZE = LONG_NAME_PARTS * LONG_NAME_UNITS + 1,
    FOLDER_ENTRIES_MAX = 65536,
};

static int device_read(const struct fat_volume *v, uint64_t offset, void *dst, size_t len)
{
    if (offset > v->device.size || len > v->device.size - offset)
        return -EBADMSG;
    return v->device.read(v->device.data, offset, dst, len);
}

/* What the boot sector says, as numbers. */
struct boot {
    uint32_t sector, cluster_sectors, reserved, tables, root_entries, total, table_sectors, root;
};

static bool is_power_of_two(uint32_t n)
{
    return n && !(n & (n - 1));
}

static struct boot read_boot(const uint8_t *sector)
{
    struct rd r = rd_init(sector, BOOT_SIZE);
    struct boot b = {0};
    rd_skip(&r, 11);
    b.sector = rd_u16_le(&r);
    b.cluster_sectors = rd_u8(&r);
    b.reserved = rd_u16_le(&r);
    b.tables = rd_u8(&r);
    b.root_entries = rd_u16_le(&r);
    b.total = rd_u16_le(&r);
    rd_skip(&r, 1);
    b.table_sectors = rd_u16_le(&r);
    rd_skip(&r, 8);
    uint32_t total32 = rd_u32_le(&r);
    uint32_t table32 = rd_u32_le(&r);
    rd_skip(&r, 4);
    b.root = rd_u32_le(&r);
    if (!b.total)
        b.total = total32;
    if (!b.table_sectors)
        b.table_sectors = table32;
    return b;
}

static bool boot_is_good(const struct boot *b, const uint8_t *sector)
{
    return sector[510] == 0x55 && sector[511] == 0xaa && is_power_of_two(b->sector) &&
           b->sector >= 512 && b->sector <= 4096 && is_power_of_two(b->cluster_sectors) &&
           b->reserved && b->tables && b->table_sectors && b->total;
}

/* Section 3.5: the number of clusters alone says how wide the table's entries are. */
static int bits_of(uint32_t clusters)
{
    if (clusters < 4085)
        return 12;
    return clusters < 65525 ? 16 : 32;
}

static int lay_out(struct fat_volume *v, const struct boot *b)
{
    uint64_t sector = b->sector;
    uint64_t root_size = ((uint64_t)b->root_entries * ENTRY_SIZE + sector - 1) / sector * sector;
    v->cluster_size = b->sector * b->cluster_sectors;
    v->table = b->reserved * sector;
    v->root = v->table + (uint64_t)b->tables * b->table_sectors * sector;
    v->data = v->root + root_size;
    v->root_entries = b->root_entries;
    v->root_cluster = b->root;
    uint64_t end = b->total * sector;
    if (v->data >= end || end > v->device.size)
        return -EBADMSG;
    uint64_t clusters = (end - v->data) / v->cluster_size;
    if (clusters == 0 || clusters > 0x0ffffff4)
        return -EBADMSG;
    v->clusters = (uint32_t)clusters;
    v->bits = b->root_entries ? bits_of(v->clusters) : 32;
    uint64_t table_bits = (uint64_t)b->table_sectors * sector * 8;
    return table_bits / (unsigned)v->bits >= clusters + 2 ? 0 : -EBADMSG;
}

/* One byte of the allocation table, through the cache. */
static int table_byte(struct fat_volume *v, uint64_t offset, uint8_t *ret)
{
    uint64_t block = offset / FAT_VOLUME_CACHE * FAT_VOLUME_CACHE;
    if (v->cached != block) {
        uint64_t left = v->device.size - block;
        size_t len = left < FAT_VOLUME_CACHE ? (size_t)left : FAT_VOLUME_CACHE;
        v->cached = UINT64_MAX;
        int r = device_read(v, block, v->cache, len);
        if (r < 0)
            return r;
        v->cached = block;
    }
    *ret = v->cache[offset - block];
    return 0;
}

/* The table's entry of a cluster: the next cluster of the chain, or an end mark. */
static int table_entry(struct fat_volume *v, uint32_t cluster, uint32_t *ret)
{
    uint64_t bit = (uint64_t)cluster * (unsigned)v->bits;
    uint8_t bytes[4] = {0};
    int count = v->bits == 32 ? 4 : 2;
    for (int i = 0; i < count; i++) {
        int r = table_byte(v, v->table + bit / 8 + (unsigned)i, &bytes[i]);
        if (r < 0)
            return r;
    }
    struct rd r = rd_init(bytes, sizeof(bytes));
    uint32_t value = rd_u32_le(&r);
    if (v->bits == 12)
        value = (value >> bit % 8) & 0xfff;
    *ret = value & 0x0fffffff;
    return 0;
}

static bool is_data_cluster(const struct fat_volume *v, uint32_t cluster)
{
    return cluster >= 2 && cluster - 2 < v->clusters;
}

static uint64_t cluster_offset(const struct fat_volume *v, uint32_t cluster)
{
    return v->data + (uint64_t)(cluster - 2) * v->cluster_size;
}

/*
 * Follows a chain from `*cluster` over neighbouring clusters, for at most `want` bytes. *ret_len is
 * the length of that run; *cluster is what comes behind it (an end mark at the end).
 */
static int next_run(struct fat_volume *v, uint32_t *cluster, uint64_t want, uint64_t *ret_offset,
                    uint64_t *ret_len)
{
    uint32_t at = *cluster;
    if (!is_data_cluster(v, at))
        return -EBADMSG;
    uint64_t len = 0;
    *ret_offset = cluster_offset(v, at);
    for (;;) {
        uint32_t next = 0;
        len += v->cluster_size;
        int r = table_entry(v, at, &next);
        if (r < 0)
            return r;
        *cluster = next;
        if (next != at + 1 || len >= want || !is_data_cluster(v, next))
            break;
        at = next;
    }
    *ret_len = len < want ? len : want;
    return 0;
}

/* A walk over the entries of a folder. */
struct folder {
    struct fat_volume *v;
    uint32_t cluster; /* 0: the fixed root folder */
    uint32_t done;    /* bytes of this cluster, or of the root folder, that were walked */
    uint32_t count;   /* entries walked, to end loops */
    bool ended;
    uint8_t raw[ENTRY_SIZE];
};

/* To the next cluster when this one is done; sets `ended` behind the last. */
static int folder_advance(struct folder *f)
{
    if (!f->cluster) {
        f->ended = f->done >= f->v->root_entries * ENTRY_SIZE;
        return 0;
    }
    if (f->done < f->v->cluster_size)
        return 0;
    uint32_t next = 0;
    int r = table_entry(f->v, f->cluster, &next);
    f->cluster = next;
    f->done = 0;
    f->ended = !is_data_cluster(f->v, next);
    return r;
}

/* The next raw entry into f->raw. */
static int folder_next(struct folder *f)
{
    int r = f->count++ < FOLDER_ENTRIES_MAX ? folder_advance(f) : -EBADMSG;
    if (r < 0 || f->ended)
        return r;
    uint64_t start = f->cluster ? cluster_offset(f->v, f->cluster) : f->v->root;
    r = device_read(f->v, start + f->done, f->raw, ENTRY_SIZE);
    f->done += ENTRY_SIZE;
    f->ended = f->raw[0] == 0;
    return r;
}

/* The name that entries with long-name parts before a short entry spell. */
struct long_name {
    char text[NAME_SIZE];
    uint8_t checksum;
    uint8_t expect; /* number of the next part, counting down; 0 when complete */
    bool valid;
};

static uint8_t short_checksum(const uint8_t *raw)
{
    uint8_t sum = 0;
    for (int i = 0; i < 11; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + raw[i]);
    return sum;
}

/* Characters outside ASCII become 0x01, which no name that we look for holds. */
static void take_part(struct long_name *name, const uint8_t *raw)
{
    static const uint8_t places[LONG_NAME_UNITS] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
    uint8_t number = raw[0] & 0x3f;
    if (raw[0] & 0x40) {
        *name = (struct long_name){.valid = true, .checksum = raw[13], .expect = number};
    }
    if (!name->valid || number == 0 || number > LONG_NAME_PARTS || number != name->expect ||
        raw[13] != name->checksum) {
        name->valid = false;
        return;
    }
    char *dst = name->text + (number - 1) * LONG_NAME_UNITS;
    for (int i = 0; i < LONG_NAME_UNITS; i++) {
        unsigned unit = (unsigned)raw[places[i]] | (unsigned)raw[places[i] + 1] << 8;
        if (unit == 0xffff)
            unit = 0;
        dst[i] = unit < 0x80 ? (char)unit : 1;
    }
    name->expect--;
}

/* "NODE    JSO" as "NODE.JSO". */
static void short_name(const uint8_t *raw, char dst[static 13])
{
    size_t n = 0;
    for (int i = 0; i < 8 && raw[i] != ' '; i++)
        dst[n++] = (char)raw[i];
    if (raw[8] != ' ')
        dst[n++] = '.';
    for (int i = 8; i < 11 && raw[i] != ' '; i++)
        dst[n++] = (char)raw[i];
    dst[n] = '\0';
}

static bool is_named(const struct long_name *name, const uint8_t *raw, const char *wanted,
                     size_t len)
{
    char small[13];
    short_name(raw, small);
    if (strlen(small) == len && strncasecmp(small, wanted, len) == 0)
        return true;
    return name->valid && name->expect == 0 && name->checksum == short_checksum(raw) &&
           strlen(name->text) == len && strncasecmp(name->text, wanted, len) == 0;
}

static struct fat_entry entry_of(const struct fat_volume *v, const uint8_t *raw)
{
    struct rd r = rd_init(raw, ENTRY_SIZE);
    rd_skip(&r, 20);
    uint32_t high = rd_u16_le(&r);
    rd_skip(&r, 4);
    uint32_t low = rd_u16_le(&r);
    uint32_t size = rd_u32_le(&r);
    return (struct fat_entry){
        .cluster = v->bits == 32 ? high << 16 | low : low,
        .size = size,
        .is_folder = raw[11] & ATTRIBUTE_FOLDER,
    };
}

/* Looks for one name in the folder that starts at `cluster` (0: the fixed root folder). */
static int find_in(struct fat_volume *v, uint32_t cluster, const char *wanted, size_t len,
                   struct fat_entry *ret)
{
    struct folder f = {.v = v, .cluster = cluster};
    struct long_name name = {0};
    if (cluster && !is_data_cluster(v, cluster))
        return -EBADMSG;
    for (;;) {
        int r = folder_next(&f);
        if (r < 0)
            return r;
        if (f.ended)
            return -ENOENT;
        uint8_t attributes = f.raw[11] & 0x3f;
        bool erased = f.raw[0] == 0xe5;
        if (!erased && attributes == ATTRIBUTE_LONG_NAME) {
            take_part(&name, f.raw);
            continue;
        }
        if (!erased && !(attributes & ATTRIBUTE_LABEL) && is_named(&name, f.raw, wanted, len)) {
            *ret = entry_of(v, f.raw);
            return 0;
        }
        name.valid = false;
    }
}

static void copy_label(struct fat_volume *v, const uint8_t *raw)
{
    size_t n = 11;
    while (n > 0 && raw[n - 1] == ' ')
        n--;
    memcpy(v->label, raw, n);
    v->label[n] = '\0';
}

/* The label is an entry of the root folder; the copy in the boot sector may be stale. */
static int read_label(struct fat_volume *v)
{
    struct folder f = {.v = v, .cluster = v->bits == 32 ? v->root_cluster : 0};
    if (f.cluster && !is_data_cluster(v, f.cluster))
        return -EBADMSG;
    for (;;) {
        int r = folder_next(&f);
        if (r < 0 || f.ended)
            return r;
        uint8_t attributes = f.raw[11] & 0x3f;
        if (f.raw[0] == 0xe5 || attributes == ATTRIBUTE_LONG_NAME ||
            !(attributes & ATTRIBUTE_LABEL))
            continue;
        copy_label(v, f.raw);
        return 0;
    }
}

int fat_volume_open(const struct fat_device *device, struct fat_volume *ret)
{
    uint8_t sector[BOOT_SIZE];
    ret->device = *device;
    ret->cached = UINT64_MAX;
    ret->label[0] = '\0';
    int r = device_read(ret, 0, sector, sizeof(sector));
    if (r < 0)
        return r;
    struct boot boot = read_boot(sector);
    if (!boot_is_good(&boot, sector))
        return -EBADMSG;
    r = lay_out(ret, &boot);
    return r < 0 ? r : read_label(ret);
}

int fat_volume_find(struct fat_volume *v, const char *path, struct fat_entry *ret)
{
    uint32_t folder = v->bits == 32 ? v->root_cluster : 0;
    for (;;) {
        size_t len = strcspn(path, "/");
        int r = find_in(v, folder, path, len, ret);
        if (r < 0 || !path[len])
            return r;
        if (!ret->is_folder)
            return -ENOENT;
        folder = ret->cluster;
        if (!is_data_cluster(v, folder))
            return -EBADMSG;
        path += len + 1;
    }
}

int fat_volume_read(struct fat_volume *v, const struct fat_entry *entry, size_t max,
                    char **ret_data, size_t *ret_len)
{
    if (entry->is_folder)
        return -EISDIR;
    if (entry->size > max)
        return -EFBIG;
    _autofree_ char *data = malloc((size_t)entry->size + 1);
    if (!data)
        return -ENOMEM;
    uint32_t cluster = entry->cluster;
    for (uint64_t done = 0; done < entry->size;) {
        uint64_t offset, len;
        int r = next_run(v, &cluster, entry->size - done, &offset, &len);
        if (r == 0)
            r = device_read(v, offset, data + done, len);
        if (r < 0)
            return r;
        done += len;
    }
    data[entry->size] = '\0';
    *ret_data = TAKE_PTR(data);
    if (ret_len)
        *ret_len = entry->size;
    return 0;
}

static int write_zeros(struct fat_volume *v, uint64_t offset, uint64_t len)
{
    static const uint8_t zeros[4096];
    if (offset > v->device.size || len > v->device.size - offset)
        return -EBADMSG;
    while (len > 0) {
        size_t n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
        int r = v->device.write(v->device.data, offset, zeros, n);
        if (r < 0)
            return r;
        offset += n;
        len -= n;
    }
    return 0;
}

int fat_volume_wipe(struct fat_volume *v, const struct fat_entry *entry)
{
    if (entry->is_folder)
        return -EISDIR;
    if (!v->device.write)
        return -EROFS;
    uint32_t cluster = entry->cluster;
    for (uint64_t done = 0; done < entry->size;) {
        uint64_t offset, len;
        int r = next_run(v, &cluster, entry->size - done, &offset, &len);
        if (r == 0)
            r = write_zeros(v, offset, len);
        if (r < 0)
            return r;
        done += len;
    }
    return 0;
}
