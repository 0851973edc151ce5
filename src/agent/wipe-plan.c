/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/wipe-plan.h"

#include "agent/disk-rule.h"
#include "base/str.h"

const char *wipe_way_text(enum wipe_way way)
{
    static const char *const texts[] = {
        [WIPE_NVME_FORMAT] = "NVMe format",       [WIPE_ATA_ERASE] = "ATA secure erase",
        [WIPE_SECURE_DISCARD] = "secure discard", [WIPE_WAY_DISCARD] = "discard",
        [WIPE_WAY_ZERO] = "writing zeros",
    };
    return texts[way];
}

bool wipe_way_is_secure(enum wipe_way way)
{
    return way == WIPE_NVME_FORMAT || way == WIPE_ATA_ERASE || way == WIPE_SECURE_DISCARD;
}

bool wipe_way_is_whole(enum wipe_way way)
{
    return way == WIPE_NVME_FORMAT || way == WIPE_ATA_ERASE;
}

static size_t add(enum wipe_way *list, size_t n, bool able, enum wipe_way way)
{
    if (able)
        list[n++] = way;
    return n;
}

/*
 * By itself no disk is given an ATA secure erase: it takes as long as writing zeros, and a power
 * cut in its middle leaves a locked disk.
 */
size_t wipe_ways(enum protocol_wipe_method method, const struct disk *disk,
                 const struct wipe_ability *ability, enum wipe_way ret[static WIPE_WAYS_MAX])
{
    bool any = method == PROTOCOL_WIPE_AUTO, secure = method == PROTOCOL_WIPE_SECURE_ERASE;
    bool discards = ability->discard && !disk->rotational;
    size_t n = 0;
    if (method == PROTOCOL_WIPE_NONE)
        return 0;
    n = add(ret, n, (any || secure) && ability->nvme_format, WIPE_NVME_FORMAT);
    n = add(ret, n, secure && ability->ata_erase, WIPE_ATA_ERASE);
    n = add(ret, n, (any || secure) && discards, WIPE_SECURE_DISCARD);
    n = add(ret, n, (any || method == PROTOCOL_WIPE_DISCARD) && ability->discard, WIPE_WAY_DISCARD);
    return add(ret, n, true, WIPE_WAY_ZERO);
}

static bool may_wipe(const struct disk *disk)
{
    return disk->size > 0 && disk->sector_size > 0 && !disk->removable && !disk->usb &&
           !disk->read_only;
}

static bool is_ours(const struct disk *disk)
{
    return disk->state == DISK_OURS || disk->state == DISK_PARTIAL;
}

static int none_matches(const char **ret_reason, struct err *err)
{
    *ret_reason = DISK_REASON_NONE;
    return err_set(err, -ENODEV, "no writable disk is built in that the release is about");
}

/* The one that holds a system of ours, or the only one that fits the rule. */
static int choose_root(const struct protocol_wipe *plan, const struct disk *disks, size_t count,
                       size_t *ret, const char **ret_reason, struct err *err)
{
    size_t fits = 0, ours = 0, at = 0, ours_at = 0;
    for (size_t i = 0; i < count; i++) {
        if (!may_wipe(&disks[i]) || disk_mismatch(&plan->root, &disks[i]))
            continue;
        at = i;
        fits++;
        if (is_ours(&disks[i])) {
            ours_at = i;
            ours++;
        }
    }
    if (fits == 0)
        return none_matches(ret_reason, err);
    if (ours != 1 && fits != 1) {
        *ret_reason = DISK_REASON_MANY;
        return err_set(err, -ENOTUNIQ, "%zu disks match spec.rootDisk, and %zu hold a system", fits,
                       ours);
    }
    ret[0] = ours == 1 ? ours_at : at;
    return 1;
}

int wipe_choose(const struct protocol_wipe *plan, const struct disk *disks, size_t count,
                size_t *ret, const char **ret_reason, struct err *err)
{
    size_t n = 0, keeper = 0;
    if (plan->root_only)
        return choose_root(plan, disks, count, ret, ret_reason, err);
    for (size_t i = 0; i < count; i++) {
        if (!may_wipe(&disks[i]))
            continue;
        if (is_ours(&disks[i]) && disks[i].key_offset)
            keeper = n;
        ret[n++] = i;
    }
    if (n == 0)
        return none_matches(ret_reason, err);
    size_t last = ret[n - 1];
    ret[n - 1] = ret[keeper];
    ret[keeper] = last;
    return (int)n;
}
