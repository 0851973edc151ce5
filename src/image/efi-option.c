/* SPDX-License-Identifier: Apache-2.0 */
#include "image/efi-option.h"

#include <string.h>
#include <strings.h>

#include "base/rd.h"
#include "base/wr.h"

/* Device path nodes, UEFI 2.10 section 10.3. */
enum {
    TYPE_MESSAGING = 3,
    SUBTYPE_MAC = 11,
    TYPE_MEDIA = 4,
    SUBTYPE_HARD_DRIVE = 1,
    SUBTYPE_FILE_PATH = 4,
    TYPE_END = 0x7f,
    SUBTYPE_END_ALL = 0xff,
    HARD_DRIVE_SIZE = 42,
    FORMAT_GPT = 2,
    SIGNATURE_GUID = 2,
};

/* UTF-16LE up to its NUL or the reader's end, as ASCII. */
static void read_text(struct rd *r, char *dst, size_t size)
{
    size_t n = 0;
    while (rd_left(r) >= 2) {
        uint16_t unit = rd_u16_le(r);
        if (unit == 0)
            break;
        if (n + 1 < size)
            dst[n++] = unit >= 0x20 && unit < 0x7f ? (char)unit : '?';
    }
    dst[n] = '\0';
}

static void parse_hard_drive(struct rd *r, struct efi_option *option)
{
    rd_skip(r, 4 + 8 + 8);
    struct gpt_guid guid = {0};
    rd_copy(r, guid.b, sizeof(guid.b));
    uint8_t format = rd_u8(r);
    uint8_t signature = rd_u8(r);
    if (rd_ok(r) && format == FORMAT_GPT && signature == SIGNATURE_GUID) {
        option->has_partition = true;
        option->partition = guid;
    }
}

static void parse_node(uint8_t type, uint8_t subtype, struct rd *body, struct efi_option *option)
{
    if (type == TYPE_MESSAGING && subtype == SUBTYPE_MAC)
        option->network = true;
    else if (type == TYPE_MEDIA && subtype == SUBTYPE_HARD_DRIVE)
        parse_hard_drive(body, option);
    else if (type == TYPE_MEDIA && subtype == SUBTYPE_FILE_PATH)
        read_text(body, option->loader, sizeof(option->loader));
}

int efi_option_parse(const void *data, size_t len, struct efi_option *ret)
{
    struct rd r = rd_init(data, len);
    struct efi_option option = {.attributes = rd_u32_le(&r)};
    uint16_t path_len = rd_u16_le(&r);
    read_text(&r, option.description, sizeof(option.description));
    struct rd path = rd_sub(&r, path_len);
    while (rd_left(&path) >= 4) {
        uint8_t type = rd_u8(&path);
        uint8_t subtype = rd_u8(&path);
        uint16_t size = rd_u16_le(&path);
        if (size < 4)
            return -EBADMSG;
        struct rd body = rd_sub(&path, size - 4u);
        if (type == TYPE_END)
            break;
        parse_node(type, subtype, &body, &option);
    }
    if (!rd_ok(&path))
        return -EBADMSG;
    *ret = option;
    return 0;
}

static int write_text(struct wr *w, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p < 0x20 || *p > 0x7e)
            return -EINVAL;
        wr_u16_le(w, (uint16_t)*p);
    }
    wr_u16_le(w, 0);
    return 0;
}

static void write_node(struct wr *w, uint8_t type, uint8_t subtype, size_t size)
{
    wr_u8(w, type);
    wr_u8(w, subtype);
    wr_u16_le(w, (uint16_t)size);
}

int efi_option_build(const struct efi_target *target, void *dst, size_t size, size_t *ret_len)
{
    size_t file_size = 4 + (strlen(target->loader) + 1) * 2;
    if (file_size + HARD_DRIVE_SIZE + 4 > UINT16_MAX)
        return -EMSGSIZE;
    struct wr w = wr_init(dst, size);
    wr_u32_le(&w, EFI_LOAD_OPTION_ACTIVE);
    wr_u16_le(&w, (uint16_t)(HARD_DRIVE_SIZE + file_size + 4));
    int r = write_text(&w, target->description);
    write_node(&w, TYPE_MEDIA, SUBTYPE_HARD_DRIVE, HARD_DRIVE_SIZE);
    wr_u32_le(&w, target->number);
    wr_u64_le(&w, target->first);
    wr_u64_le(&w, target->sectors);
    wr_bytes(&w, target->partition.b, sizeof(target->partition.b));
    wr_u8(&w, FORMAT_GPT);
    wr_u8(&w, SIGNATURE_GUID);
    write_node(&w, TYPE_MEDIA, SUBTYPE_FILE_PATH, file_size);
    if (r == 0)
        r = write_text(&w, target->loader);
    write_node(&w, TYPE_END, SUBTYPE_END_ALL, 4);
    if (r < 0)
        return r;
    if (!wr_ok(&w))
        return -EMSGSIZE;
    *ret_len = w.pos;
    return 0;
}

bool efi_option_is(const struct efi_option *option, const struct efi_target *target)
{
    return option->has_partition && gpt_guid_eq(option->partition, target->partition) &&
           strcasecmp(option->loader, target->loader) == 0;
}

static const struct efi_entry *find(const struct efi_entry *entries, size_t count, uint16_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].number == number)
            return &entries[i];
    }
    return NULL;
}

/* An entry for the same loader, or one that we made for an earlier installation, is reused. */
static bool choose_number(const struct efi_entry *entries, size_t count,
                          const struct efi_target *target, struct efi_plan *plan)
{
    for (size_t i = 0; i < count; i++) {
        const struct efi_option *option = &entries[i].option;
        bool same = efi_option_is(option, target);
        if (!same && strcmp(option->description, target->description) != 0)
            continue;
        plan->number = entries[i].number;
        plan->write_entry = !same || !(option->attributes & EFI_LOAD_OPTION_ACTIVE);
        return true;
    }
    for (unsigned number = 0; number < 0x1000; number++) {
        if (!find(entries, count, (uint16_t)number)) {
            plan->number = (uint16_t)number;
            plan->write_entry = true;
            return true;
        }
    }
    return false;
}

static bool is_network(const struct efi_entry *entries, size_t count, uint16_t number)
{
    const struct efi_entry *entry = find(entries, count, number);
    return entry && entry->option.network;
}

int efi_plan(const struct efi_entry *entries, size_t count, const uint16_t *order,
             size_t order_count, const struct efi_target *target, struct efi_plan *ret)
{
    struct efi_plan plan = {0};
    if (order_count + 1 > EFI_ORDER_MAX || !choose_number(entries, count, target, &plan))
        return -ENOSPC;
    size_t i = 0;
    while (i < order_count && is_network(entries, count, order[i]))
        plan.order[plan.order_count++] = order[i++];
    plan.order[plan.order_count++] = plan.number;
    for (; i < order_count; i++) {
        if (order[i] != plan.number)
            plan.order[plan.order_count++] = order[i];
    }
    plan.write_order = plan.order_count != order_count ||
                       memcmp(plan.order, order, order_count * sizeof(*order)) != 0;
    *ret = plan;
    return 0;
}

size_t efi_order_without(uint16_t *order, size_t count, uint16_t number)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if (order[i] != number)
            order[left++] = order[i];
    }
    return left;
}

int efi_network_entry(const struct efi_entry *entries, size_t count, const uint16_t *order,
                      size_t order_count, uint16_t *ret_number)
{
    for (size_t i = 0; i < order_count; i++) {
        for (size_t k = 0; k < count; k++) {
            const struct efi_option *option = &entries[k].option;
            if (entries[k].number != order[i] || !option->network ||
                !(option->attributes & EFI_LOAD_OPTION_ACTIVE))
                continue;
            *ret_number = order[i];
            return 0;
        }
    }
    return -ENOENT;
}
