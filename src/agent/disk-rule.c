/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/disk-rule.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/str.h"

/* Rules may be written as udev's name or as its path under /dev/disk. */
static const char *without_folder(const char *value, const char *folder)
{
    const char *rest = str_after(value, folder);
    return rest ? rest : value;
}

static bool path_matches(const char *rule, const char *path)
{
    static const char folder[] = "/dev/disk/by-path/";
    return path[0] && fnmatch(without_folder(rule, folder), without_folder(path, folder), 0) == 0;
}

static bool wwn_matches(const char *rule, const char *wwn)
{
    return wwn[0] &&
           strcasecmp(without_folder(without_folder(rule, "/dev/disk/by-id/"), "wwn-"), wwn) == 0;
}

const char *disk_mismatch(const struct protocol_disk_rule *rule, const struct disk *disk)
{
    if (disk->removable)
        return "removable";
    if (disk->read_only)
        return "read-only";
    if (disk->size == 0)
        return "no medium";
    if (rule->serial && !str_eq(rule->serial, disk->serial))
        return "other serial";
    if (rule->wwn && !wwn_matches(rule->wwn, disk->wwn))
        return "other wwn";
    if (disk->usb && !rule->serial && !rule->wwn && !rule->path)
        return "on USB, and the rule does not name it";
    /* Names such as /dev/sda go to another disk at the next boot. */
    if (rule->path && !path_matches(rule->path, disk->path))
        return "other path (only those of /dev/disk/by-path are lasting names)";
    if (rule->model && fnmatch(rule->model, disk->model, 0) != 0)
        return "other model";
    if (rule->type && !str_eq(rule->type, disk->type))
        return "other type";
    if (rule->min_size && disk->size < rule->min_size)
        return "below minSize";
    if (rule->max_size && disk->size > rule->max_size)
        return "above maxSize";
    if (rule->rotational >= 0 && (rule->rotational == 1) != disk->rotational)
        return disk->rotational ? "rotational" : "not rotational";
    return NULL;
}

static void describe(const struct disk *disk, const char *remark, struct buf *out)
{
    char size[32];
    buf_printf(out, "%s%s (%s%s%s%s%s, %s): %s", out->len ? "; " : "", disk->name,
               str_human_size(size, sizeof(size), disk->size), disk->model[0] ? ", " : "",
               disk->model, disk->serial[0] ? ", serial " : "", disk->serial, disk->contents,
               remark ? remark : "matches");
}

static void add_wanted(struct buf *out, const char *name, const char *value)
{
    if (value)
        buf_printf(out, "%s%s %s", out->len ? ", " : " ", name, value);
}

static void add_wanted_size(struct buf *out, const char *name, uint64_t value)
{
    char size[32];
    if (value)
        add_wanted(out, name, str_human_size(size, sizeof(size), value));
}

/* What was asked for, after a space; nothing when any disk would do. */
static void describe_rule(const struct protocol_disk_rule *rule, struct buf *out)
{
    add_wanted(out, "serial", rule->serial);
    add_wanted(out, "wwn", rule->wwn);
    add_wanted(out, "path", rule->path);
    add_wanted(out, "model", rule->model);
    add_wanted(out, "type", rule->type);
    add_wanted_size(out, "minSize", rule->min_size);
    add_wanted_size(out, "maxSize", rule->max_size);
    if (rule->rotational >= 0)
        add_wanted(out, "rotational", rule->rotational ? "true" : "false");
}

static int none_or_many(const struct protocol_disk_rule *rule, const struct disk *disks,
                        size_t count, size_t matches, const char **ret_reason, struct err *err)
{
    struct buf list _autobuf_ = BUF_INIT_MAX(2048);
    struct buf wanted _autobuf_ = BUF_INIT_MAX(1024);
    describe_rule(rule, &wanted);
    for (size_t i = 0; i < count; i++)
        describe(&disks[i], disk_mismatch(rule, &disks[i]), &list);
    *ret_reason = matches ? DISK_REASON_MANY : DISK_REASON_NONE;
    const char *all = count ? buf_str(&list) : "the machine has no disk";
    if (matches)
        return err_set(err, -ENOTUNIQ, "%zu disks match%s, exactly one must: %s", matches,
                       buf_str(&wanted), all);
    return err_set(err, -ENODEV, "no disk matches%s: %s", buf_str(&wanted), all);
}

static int check_fit(const struct disk *disk, const struct disk_need *need, const char **ret_reason,
                     struct err *err)
{
    char has[32], needs[32];
    if (disk->size < need->size) {
        *ret_reason = DISK_REASON_TOO_SMALL;
        return err_set(err, -ENOSPC, "%s has %s, the image needs %s", disk->name,
                       str_human_size(has, sizeof(has), disk->size),
                       str_human_size(needs, sizeof(needs), need->size));
    }
    if (need->sector_size && disk->sector_size != need->sector_size) {
        *ret_reason = DISK_REASON_SECTOR_SIZE;
        return err_set(err, -EINVAL, "%s has sectors of %u bytes, the image was built for %u",
                       disk->name, disk->sector_size, need->sector_size);
    }
    return 0;
}

int disk_choose(const struct protocol_disk_rule *rule, const struct disk_need *need,
                const struct disk *disks, size_t count, size_t *ret_index, const char **ret_reason,
                struct err *err)
{
    size_t matches = 0, found = 0;
    for (size_t i = 0; i < count; i++) {
        if (disk_mismatch(rule, &disks[i]))
            continue;
        found = i;
        matches++;
    }
    if (matches != 1)
        return none_or_many(rule, disks, count, matches, ret_reason, err);
    const struct disk *disk = &disks[found];
    bool ours =
        disk->state == DISK_BLANK || disk->state == DISK_OURS || disk->state == DISK_PARTIAL;
    if (!ours && !rule->allow_overwrite) {
        *ret_reason = DISK_REASON_NOT_EMPTY;
        return err_set(err, -ENOTEMPTY,
                       "%s holds %s, which Slipway did not write and may not overwrite", disk->name,
                       disk->contents);
    }
    int r = check_fit(disk, need, ret_reason, err);
    if (r == 0)
        *ret_index = found;
    return r;
}
