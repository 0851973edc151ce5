/* SPDX-License-Identifier: Apache-2.0 */
#include "image/fat.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/str.h"
#include "base/wr.h"

enum {
    ENTRY_SIZE = 32,
    LFN_UNITS = 13,     /* UTF-16 units of a name per long-name entry */
    ROOT_ENTRIES = 512, /* FAT12 and FAT16 */
    RESERVED_FAT32 = 32,
    FAT_COPIES = 2,
    MEDIA_FIXED = 0xf8,
    NODES_MAX = 4096,
    ATTR_LABEL = 0x08,
    ATTR_FOLDER = 0x10,
    ATTR_FILE = 0x20,
    ATTR_LONG_NAME = 0x0f,
    CLUSTERS_FAT12_MAX = 4084,
    CLUSTERS_FAT16_MAX = 65524,
    CLUSTERS_FAT32_MAX = 0x0ffffff4,
};

/* A file or folder of the tree, in an array where a parent always comes before its children. */
struct node {
    char name[FAT_PATH_MAX + 1];
    char short_name[11];
    bool folder;
    bool long_name; /* short_name does not tell the whole name */
    int parent;     /* index; the root is node 0 and its own parent */
    const void *data;
    size_t len;       /* bytes; of a folder: its entries */
    uint32_t cluster; /* first; 0 when empty */
};

struct volume {
    const struct fat_options *options;
    uint32_t sector_size;
    uint32_t sectors;
    int bits;
    uint32_t reserved;
    uint32_t cluster_sectors;
    uint32_t fat_sectors;  /* of one copy */
    uint32_t root_sectors; /* 0 with FAT32 */
    uint32_t clusters;
    uint32_t next_cluster; /* first free one */
    uint16_t dos_date, dos_time;
    struct node *nodes;
    size_t node_count;
    uint8_t *image;
};

static inline void cleanup_volume(struct volume *v)
{
    free(v->nodes);
    free(v->image);
}

/* --- geometry --- */

static uint32_t clusters_max(int bits)
{
    if (bits == 12)
        return CLUSTERS_FAT12_MAX;
    return bits == 16 ? CLUSTERS_FAT16_MAX : CLUSTERS_FAT32_MAX;
}

static uint32_t clusters_min(int bits)
{
    if (bits == 12)
        return 1;
    return bits == 16 ? CLUSTERS_FAT12_MAX + 1 : CLUSTERS_FAT16_MAX + 1;
}

/* Fills in the sizes for this width and cluster size; false when they do not go together. */
static bool try_geometry(struct volume *v, int bits, uint32_t cluster_sectors)
{
    v->bits = bits;
    v->cluster_sectors = cluster_sectors;
    v->reserved = bits == 32 ? RESERVED_FAT32 : 1;
    v->root_sectors = bits == 32 ? 0 : ROOT_ENTRIES * ENTRY_SIZE / v->sector_size;
    v->fat_sectors = 1;
    for (;;) {
        uint64_t used = v->reserved + v->root_sectors + FAT_COPIES * (uint64_t)v->fat_sectors;
        if (used + cluster_sectors > v->sectors)
            return false;
        v->clusters = (uint32_t)((v->sectors - used) / cluster_sectors);
        uint64_t bytes = (((uint64_t)v->clusters + 2) * (unsigned)bits + 7) / 8;
        uint32_t needed = (uint32_t)((bytes + v->sector_size - 1) / v->sector_size);
        if (needed <= v->fat_sectors)
            break;
        v->fat_sectors = needed;
    }
    return v->clusters >= clusters_min(bits) && v->clusters <= clusters_max(bits);
}

static int choose_geometry(struct volume *v, struct err *err)
{
    static const int widths[] = {12, 16, 32};
    for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
        if (v->options->bits && v->options->bits != widths[i])
            continue;
        for (uint32_t n = 1; n <= 64 && n * v->sector_size <= 32768; n *= 2) {
            if (try_geometry(v, widths[i], n))
                return 0;
        }
    }
    return err_set(err, -EINVAL, "no FAT%.0d file system is possible in %llu bytes",
                   v->options->bits, (unsigned long long)v->options->size);
}

/* --- the tree --- */

static bool name_char_valid(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x7f && !strchr("\"*/:<>?\\|", c);
}

static int find_child(const struct volume *v, int parent, const char *name)
{
    for (size_t i = 1; i < v->node_count; i++) {
        if (v->nodes[i].parent == parent && strcasecmp(v->nodes[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static bool short_name_taken(const struct volume *v, int parent, const char short_name[11])
{
    for (size_t i = 1; i < v->node_count; i++) {
        if (v->nodes[i].parent == parent && memcmp(v->nodes[i].short_name, short_name, 11) == 0)
            return true;
    }
    return false;
}

static bool short_char_valid(char c)
{
    return isupper((unsigned char)c) || isdigit((unsigned char)c) || strchr("$%'-_@~`!(){}^#&", c);
}

/* Copies up to max characters of part, upper case, what is not allowed dropped. True if lossless.
 */
static bool short_part(char *dst, size_t max, const char *part, size_t len)
{
    size_t n = 0;
    bool exact = true;
    for (size_t i = 0; i < len; i++) {
        char c = (char)toupper((unsigned char)part[i]);
        if (!short_char_valid(c) || n == max) {
            exact = false;
            continue;
        }
        exact = exact && c == part[i];
        dst[n++] = c;
    }
    return exact;
}

/* The 8.3 name, with a numeric tail when it is not the whole name. */
static int make_short_name(const struct volume *v, struct node *node)
{
    const char *dot = strrchr(node->name, '.');
    size_t base_len = dot && dot != node->name ? (size_t)(dot - node->name) : strlen(node->name);
    memset(node->short_name, ' ', sizeof(node->short_name));
    bool exact = short_part(node->short_name, 8, node->name, base_len);
    if (dot && dot != node->name)
        exact = short_part(node->short_name + 8, 3, dot + 1, strlen(dot + 1)) && exact && dot[1];
    node->long_name = !exact;
    if (exact && !short_name_taken(v, node->parent, node->short_name))
        return 0;
    node->long_name = true;
    for (int number = 1; number < FAT_FILES_MAX * 2; number++) {
        char tail[8];
        int tail_len = snprintf(tail, sizeof(tail), "~%d", number);
        size_t keep = 0;
        while (keep < 8 - (size_t)tail_len && node->short_name[keep] != ' ' &&
               node->short_name[keep] != '~')
            keep++;
        memset(node->short_name + keep, ' ', 8 - keep);
        memcpy(node->short_name + keep, tail, (size_t)tail_len);
        if (!short_name_taken(v, node->parent, node->short_name))
            return 0;
    }
    return -ENOSPC;
}

static int add_node(struct volume *v, int parent, const char *name, size_t len, bool folder,
                    struct err *err)
{
    struct node node = {.parent = parent, .folder = folder};
    if (len == 0 || len > FAT_PATH_MAX || v->node_count == NODES_MAX || name[len - 1] == '.' ||
        name[len - 1] == ' ')
        return err_set(err, -EINVAL, "\"%.*s\": not a name for FAT", (int)len, name);
    for (size_t i = 0; i < len; i++) {
        if (!name_char_valid(name[i]))
            return err_set(err, -EINVAL, "\"%.*s\": a character that FAT does not allow", (int)len,
                           name);
        node.name[i] = name[i];
    }
    int found = find_child(v, parent, node.name);
    if (found >= 0 && folder && v->nodes[found].folder)
        return found;
    if (found >= 0)
        return err_set(err, -EINVAL, "%s: given twice", node.name);
    if (make_short_name(v, &node) < 0)
        return err_set(err, -ENOSPC, "%s: no short name is left", node.name);
    v->nodes[v->node_count] = node;
    return (int)v->node_count++;
}

static int add_file(struct volume *v, const struct fat_file *file, struct err *err)
{
    int parent = 0;
    const char *name = file->path;
    for (const char *slash; (slash = strchr(name, '/')); name = slash + 1) {
        parent = add_node(v, parent, name, (size_t)(slash - name), true, err);
        if (parent < 0)
            return parent;
    }
    if (name[0] == '\0' && name != file->path)
        return 0; /* an empty folder */
    int index = add_node(v, parent, name, strlen(name), false, err);
    if (index < 0)
        return index;
    v->nodes[index].data = file->data;
    v->nodes[index].len = file->len;
    return 0;
}

static size_t long_entries(const struct node *node)
{
    return node->long_name ? (strlen(node->name) + LFN_UNITS - 1) / LFN_UNITS : 0;
}

/* --- placing --- */

static int allocate(struct volume *v, struct node *node, struct err *err)
{
    uint64_t cluster_size = (uint64_t)v->cluster_sectors * v->sector_size;
    uint64_t needed = (node->len + cluster_size - 1) / cluster_size;
    if (node->len > UINT32_MAX || needed > v->clusters + 2 - v->next_cluster)
        return err_set(err, -ENOSPC, "%s: the FAT file system of %llu bytes is full",
                       node->name[0] ? node->name : "/", (unsigned long long)v->options->size);
    if (needed == 0)
        return 0;
    node->cluster = v->next_cluster;
    v->next_cluster += (uint32_t)needed;
    return 0;
}

/* Folder sizes, then clusters for everything in order. */
static int place(struct volume *v, struct err *err)
{
    size_t entries = 1; /* the root's label */
    for (size_t i = 1; i < v->node_count; i++) {
        size_t own = (long_entries(&v->nodes[i]) + 1) * ENTRY_SIZE;
        v->nodes[v->nodes[i].parent].len += own;
        if (v->nodes[i].parent == 0)
            entries += own / ENTRY_SIZE;
        if (v->nodes[i].folder)
            v->nodes[i].len += 2 * ENTRY_SIZE; /* "." and ".." */
    }
    v->nodes[0].len += ENTRY_SIZE;
    if (v->bits != 32 && entries > ROOT_ENTRIES)
        return err_set(err, -ENOSPC, "too many files in the root folder");
    v->next_cluster = 2;
    for (size_t i = v->bits == 32 ? 0 : 1; i < v->node_count; i++) {
        int r = allocate(v, &v->nodes[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* --- writing --- */

static int days_of_month(int year, int month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && year != 2100;
    return days[month - 1] + (month == 2 && leap);
}

/* By hand and in UTC: gmtime_r(3) brings the reader of time zone files into the static agent. */
static void dos_times(struct volume *v)
{
    enum { DAY = 86400, YEAR_FIRST = 1980, YEAR_LAST = 2107, START = 315532800 };
    int64_t seconds = v->options->time - START;
    int64_t days = seconds / DAY, second = seconds % DAY;
    int year = YEAR_FIRST, month = 1;
    v->dos_date = 1 << 5 | 1;
    if (seconds < 0)
        return;
    while (year <= YEAR_LAST && days >= days_of_month(year, month)) {
        days -= days_of_month(year, month);
        year += month == 12;
        month = month % 12 + 1;
    }
    if (year > YEAR_LAST)
        return;
    v->dos_date = (uint16_t)((year - YEAR_FIRST) << 9 | month << 5 | (int)(days + 1));
    v->dos_time = (uint16_t)(second / 3600 << 11 | second % 3600 / 60 << 5 | second % 60 / 2);
}

static uint8_t *sector_at(const struct volume *v, uint64_t sector)
{
    return v->image + sector * v->sector_size;
}

static uint8_t *cluster_at(const struct volume *v, uint32_t cluster)
{
    uint64_t first = v->reserved + FAT_COPIES * (uint64_t)v->fat_sectors + v->root_sectors;
    return sector_at(v, first + (uint64_t)(cluster - 2) * v->cluster_sectors);
}

static void put_fat(const struct volume *v, uint32_t cluster, uint32_t value)
{
    uint8_t *fat = sector_at(v, v->reserved);
    size_t size = (size_t)v->fat_sectors * v->sector_size;
    if (v->bits == 12) {
        uint8_t *p = fat + cluster + cluster / 2;
        unsigned shift = cluster & 1 ? 4 : 0;
        unsigned old = (unsigned)p[0] | (unsigned)p[1] << 8;
        unsigned all = old | (value & 0xfff) << shift;
        p[0] = (uint8_t)all;
        p[1] = (uint8_t)(all >> 8);
        return;
    }
    size_t width = (size_t)v->bits / 8;
    struct wr w = wr_init(fat + cluster * width, size - cluster * width);
    if (v->bits == 16)
        wr_u16_le(&w, (uint16_t)value);
    else
        wr_u32_le(&w, value & 0x0fffffff);
}

static void put_chain(const struct volume *v, const struct node *node)
{
    uint64_t cluster_size = (uint64_t)v->cluster_sectors * v->sector_size;
    uint32_t count = (uint32_t)((node->len + cluster_size - 1) / cluster_size);
    for (uint32_t i = 0; node->cluster && i < count; i++)
        put_fat(v, node->cluster + i, i + 1 < count ? node->cluster + i + 1 : 0x0fffffff);
}

static void put_entry(const struct volume *v, struct wr *w, const char name[11], uint8_t attributes,
                      uint32_t cluster, uint32_t size)
{
    wr_bytes(w, name, 11);
    wr_u8(w, attributes);
    wr_zero(w, 2);
    wr_u16_le(w, v->dos_time);
    wr_u16_le(w, v->dos_date);
    wr_u16_le(w, v->dos_date);
    wr_u16_le(w, (uint16_t)(cluster >> 16));
    wr_u16_le(w, v->dos_time);
    wr_u16_le(w, v->dos_date);
    wr_u16_le(w, (uint16_t)cluster);
    wr_u32_le(w, size);
}

static uint8_t short_checksum(const char name[11])
{
    uint8_t sum = 0;
    for (int i = 0; i < 11; i++)
        sum = (uint8_t)((sum >> 1 | sum << 7) + (uint8_t)name[i]);
    return sum;
}

static void put_long_entry(struct wr *w, const struct node *node, size_t index, bool last)
{
    uint16_t units[LFN_UNITS];
    size_t len = strlen(node->name);
    for (size_t i = 0; i < LFN_UNITS; i++) {
        size_t at = index * LFN_UNITS + i;
        units[i] = 0xffff;
        if (at <= len)
            units[i] = (uint16_t)(unsigned char)node->name[at]; /* with the NUL behind the name */
    }
    wr_u8(w, (uint8_t)((index + 1) | (last ? 0x40 : 0)));
    for (size_t i = 0; i < 5; i++)
        wr_u16_le(w, units[i]);
    wr_u8(w, ATTR_LONG_NAME);
    wr_u8(w, 0);
    wr_u8(w, short_checksum(node->short_name));
    for (size_t i = 5; i < 11; i++)
        wr_u16_le(w, units[i]);
    wr_u16_le(w, 0);
    wr_u16_le(w, units[11]);
    wr_u16_le(w, units[12]);
}

static void put_node(const struct volume *v, struct wr *w, const struct node *node)
{
    size_t count = long_entries(node);
    for (size_t i = count; i-- > 0;)
        put_long_entry(w, node, i, i + 1 == count);
    put_entry(v, w, node->short_name, node->folder ? ATTR_FOLDER : ATTR_FILE, node->cluster,
              node->folder ? 0 : (uint32_t)node->len);
}

static void label_text(const char *label, char ret[11])
{
    size_t len = strlen(label);
    for (size_t i = 0; i < 11; i++)
        ret[i] = i < len ? label[i] : ' ';
}

static void put_folder(const struct volume *v, int index)
{
    const struct node *folder = &v->nodes[index];
    uint8_t *at = folder->cluster
                      ? cluster_at(v, folder->cluster)
                      : sector_at(v, v->reserved + FAT_COPIES * (uint64_t)v->fat_sectors);
    struct wr w = wr_init(at, folder->len);
    if (index == 0) {
        char label[11];
        label_text(v->options->label, label);
        put_entry(v, &w, label, ATTR_LABEL, 0, 0);
    } else {
        /* ".." of a folder in the root is cluster 0, with FAT32 too. */
        put_entry(v, &w, ".          ", ATTR_FOLDER, folder->cluster, 0);
        put_entry(v, &w, "..         ", ATTR_FOLDER,
                  folder->parent ? v->nodes[folder->parent].cluster : 0, 0);
    }
    for (size_t i = 1; i < v->node_count; i++) {
        if (v->nodes[i].parent == index)
            put_node(v, &w, &v->nodes[i]);
    }
}

/* The boot sector: BIOS parameter block and its extension. */
static void put_boot_sector(const struct volume *v, uint8_t *sector)
{
    char label[11];
    label_text(v->options->label, label);
    bool small = v->bits != 32 && v->sectors < 0x10000;
    struct wr w = wr_init(sector, v->sector_size);
    wr_bytes(&w, v->bits == 32 ? "\xeb\x58\x90" : "\xeb\x3c\x90", 3);
    wr_bytes(&w, "SLIPWAY ", 8);
    wr_u16_le(&w, (uint16_t)v->sector_size);
    wr_u8(&w, (uint8_t)v->cluster_sectors);
    wr_u16_le(&w, (uint16_t)v->reserved);
    wr_u8(&w, FAT_COPIES);
    wr_u16_le(&w, v->bits == 32 ? 0 : ROOT_ENTRIES);
    wr_u16_le(&w, small ? (uint16_t)v->sectors : 0);
    wr_u8(&w, MEDIA_FIXED);
    wr_u16_le(&w, v->bits == 32 ? 0 : (uint16_t)v->fat_sectors);
    wr_u16_le(&w, 63);
    wr_u16_le(&w, 255);
    wr_u32_le(&w, (uint32_t)v->options->offset);
    wr_u32_le(&w, small ? 0 : v->sectors);
    if (v->bits == 32) {
        wr_u32_le(&w, v->fat_sectors);
        wr_u32_le(&w, 0);
        wr_u32_le(&w, v->nodes[0].cluster);
        wr_u16_le(&w, 1); /* FSInfo */
        wr_u16_le(&w, 6); /* copy of this sector */
        wr_zero(&w, 12);
    }
    wr_u8(&w, 0x80);
    wr_u8(&w, 0);
    wr_u8(&w, 0x29);
    wr_u32_le(&w, v->options->volume_id);
    wr_bytes(&w, label, sizeof(label));
    wr_bytes(&w, v->bits == 32 ? "FAT32   " : v->bits == 16 ? "FAT16   " : "FAT12   ", 8);
    sector[510] = 0x55;
    sector[511] = 0xaa;
}

static void put_fs_info(const struct volume *v, uint8_t *sector)
{
    struct wr w = wr_init(sector, 512);
    wr_u32_le(&w, 0x41615252);
    wr_zero(&w, 480);
    wr_u32_le(&w, 0x61417272);
    wr_u32_le(&w, v->clusters + 2 - v->next_cluster);
    wr_u32_le(&w, v->next_cluster);
    wr_zero(&w, 12);
    wr_u32_le(&w, 0xaa550000);
}

static void write_volume(struct volume *v)
{
    put_boot_sector(v, sector_at(v, 0));
    if (v->bits == 32) {
        put_boot_sector(v, sector_at(v, 6));
        put_fs_info(v, sector_at(v, 1));
        put_fs_info(v, sector_at(v, 7));
    }
    put_fat(v, 0, 0x0fffff00 | MEDIA_FIXED);
    put_fat(v, 1, 0x0fffffff);
    for (size_t i = 0; i < v->node_count; i++) {
        const struct node *node = &v->nodes[i];
        put_chain(v, node);
        if (node->folder)
            put_folder(v, (int)i);
        else if (node->len)
            memcpy(cluster_at(v, node->cluster), node->data, node->len);
    }
    memcpy(sector_at(v, v->reserved + v->fat_sectors), sector_at(v, v->reserved),
           (size_t)v->fat_sectors * v->sector_size);
}

static int check_options(struct volume *v, struct err *err)
{
    const struct fat_options *o = v->options;
    v->sector_size = o->sector_size ? o->sector_size : 512;
    if ((v->sector_size != 512 && v->sector_size != 4096) || o->size % v->sector_size ||
        o->size / v->sector_size > UINT32_MAX)
        return err_set(err, -EINVAL, "FAT: not a whole number of 512- or 4096-byte sectors");
    v->sectors = (uint32_t)(o->size / v->sector_size);
    size_t len = o->label ? strlen(o->label) : 0;
    if (len == 0 || len > FAT_LABEL_MAX)
        return err_set(err, -EINVAL, "FAT: a label of 1 to 11 characters is needed");
    for (size_t i = 0; i < len; i++) {
        if (!name_char_valid(o->label[i]) || islower((unsigned char)o->label[i]))
            return err_set(err, -EINVAL, "FAT: \"%s\" is not a label", o->label);
    }
    dos_times(v);
    return choose_geometry(v, err);
}

int fat_build(const struct fat_options *options, const struct fat_file *files, size_t count,
              uint8_t **ret_data, struct err *err)
{
    _cleanup_(cleanup_volume) struct volume v = {.options = options};
    if (count > FAT_FILES_MAX)
        return err_set(err, -EINVAL, "FAT: more than %d files", FAT_FILES_MAX);
    int r = check_options(&v, err);
    if (r < 0)
        return r;
    v.nodes = calloc(NODES_MAX, sizeof(*v.nodes));
    if (!v.nodes)
        return err_set(err, -ENOMEM, "out of memory");
    v.nodes[0].folder = true;
    v.node_count = 1;
    for (size_t i = 0; i < count && r >= 0; i++)
        r = add_file(&v, &files[i], err);
    if (r >= 0)
        r = place(&v, err);
    if (r < 0)
        return r;
    v.image = calloc(1, options->size);
    if (!v.image)
        return err_set(err, -ENOMEM, "out of memory");
    write_volume(&v);
    *ret_data = TAKE_PTR(v.image);
    return 0;
}
