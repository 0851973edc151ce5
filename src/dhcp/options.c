/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/options.h"

#include <errno.h>

struct rd dhcp_options_get(const struct dhcp_options *o, uint8_t code)
{
    if (!o->size[code])
        return (struct rd){.bad = true};
    return rd_init(o->data + o->at[code], (size_t)o->size[code] - 1);
}

uint8_t dhcp_options_u8(const struct dhcp_options *o, uint8_t code)
{
    struct rd r = dhcp_options_get(o, code);
    uint8_t v = rd_u8(&r);
    return rd_done(&r) ? v : 0;
}

uint16_t dhcp_options_u16(const struct dhcp_options *o, uint8_t code)
{
    struct rd r = dhcp_options_get(o, code);
    uint16_t v = rd_u16(&r);
    return rd_done(&r) ? v : (uint16_t)0;
}

uint32_t dhcp_options_u32(const struct dhcp_options *o, uint8_t code)
{
    struct rd r = dhcp_options_get(o, code);
    uint32_t v = rd_u32(&r);
    return rd_done(&r) ? v : 0;
}

ipv4 dhcp_options_ipv4(const struct dhcp_options *o, uint8_t code)
{
    return dhcp_options_u32(o, code);
}

size_t dhcp_options_ipv4s(const struct dhcp_options *o, uint8_t code, ipv4 *dst, size_t max)
{
    struct rd r = dhcp_options_get(o, code);
    size_t n = 0;
    while (n < max && rd_left(&r) >= 4)
        dst[n++] = rd_u32(&r);
    return n;
}

size_t dhcp_options_text(const struct dhcp_options *o, uint8_t code, char *dst, size_t size)
{
    struct rd r = dhcp_options_get(o, code);
    size_t n = 0;
    for (uint8_t c; n + 1 < size && rd_left(&r) && (c = rd_u8(&r));)
        dst[n++] = (char)c;
    dst[n] = '\0';
    return n;
}

int dhcp_options_add(struct dhcp_options *o, uint8_t code, const void *value, size_t len)
{
    if (code == DHCP_OPTION_PAD || code == DHCP_OPTION_END)
        return -EINVAL;
    if (o->size[code])
        return -EEXIST;
    struct wr w = wr_init(o->data, sizeof(o->data));
    wr_room(&w, o->used);
    wr_bytes(&w, value, len);
    if (!wr_ok(&w))
        return -EMSGSIZE;
    o->at[code] = o->used;
    o->size[code] = (uint16_t)(len + 1);
    o->order[o->count++] = code;
    o->used = (uint16_t)w.pos;
    return 0;
}

int dhcp_options_add_u8(struct dhcp_options *o, uint8_t code, uint8_t value)
{
    return dhcp_options_add(o, code, &value, sizeof(value));
}

int dhcp_options_add_u16(struct dhcp_options *o, uint8_t code, uint16_t value)
{
    uint8_t bytes[2];
    struct wr w = wr_init(bytes, sizeof(bytes));
    wr_u16(&w, value);
    return dhcp_options_add(o, code, bytes, sizeof(bytes));
}

int dhcp_options_add_u32(struct dhcp_options *o, uint8_t code, uint32_t value)
{
    return dhcp_options_add_ipv4s(o, code, &value, 1);
}

int dhcp_options_add_ipv4s(struct dhcp_options *o, uint8_t code, const ipv4 *values, size_t count)
{
    uint8_t bytes[4 * 64];
    struct wr w = wr_init(bytes, sizeof(bytes));
    for (size_t i = 0; i < count; i++)
        wr_u32(&w, values[i]);
    return wr_ok(&w) ? dhcp_options_add(o, code, bytes, w.pos) : -EMSGSIZE;
}

int dhcp_options_add_text(struct dhcp_options *o, uint8_t code, const char *text)
{
    return dhcp_options_add(o, code, text, strlen(text));
}

bool dhcp_tlv_next(struct rd *r, struct dhcp_tlv *ret)
{
    while (rd_left(r)) {
        uint8_t code = rd_u8(r);
        if (code == DHCP_OPTION_PAD)
            continue;
        if (code == DHCP_OPTION_END)
            return false;
        size_t len = rd_u8(r);
        struct rd value = rd_sub(r, len);
        *ret = (struct dhcp_tlv){.code = code, .value = value};
        return rd_ok(r);
    }
    return false;
}

bool dhcp_relay_tlv_next(struct rd *r, struct dhcp_tlv *ret)
{
    if (rd_left(r) == 0)
        return false;
    uint8_t code = rd_u8(r);
    size_t len = rd_u8(r);
    struct rd value = rd_sub(r, len);
    *ret = (struct dhcp_tlv){.code = code, .value = value};
    return rd_ok(r);
}

/* First pass: how long is each option in all? Places follow the order of first appearance. */
static int measure(const struct rd *areas, size_t count, struct dhcp_options *o)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        struct rd r = areas[i];
        for (struct dhcp_tlv t; dhcp_tlv_next(&r, &t);) {
            if (!o->size[t.code]) {
                o->order[o->count++] = t.code;
                o->size[t.code] = 1;
            }
            total += t.value.len;
            if (total > sizeof(o->data))
                return -EBADMSG;
            o->size[t.code] = (uint16_t)(o->size[t.code] + t.value.len);
        }
        if (!rd_ok(&r))
            return -EBADMSG;
    }
    return 0;
}

/* Second pass: the parts, one behind the other. */
static void gather(const struct rd *areas, size_t count, struct dhcp_options *o)
{
    uint16_t filled[256];
    for (size_t i = 0; i < o->count; i++) {
        uint8_t code = o->order[i];
        filled[code] = o->at[code] = o->used;
        o->used = (uint16_t)(o->used + o->size[code] - 1);
    }
    for (size_t i = 0; i < count; i++) {
        struct rd r = areas[i];
        for (struct dhcp_tlv t; dhcp_tlv_next(&r, &t);) {
            struct wr w = wr_init(o->data, sizeof(o->data));
            wr_room(&w, filled[t.code]);
            wr_bytes(&w, t.value.buf, t.value.len);
            filled[t.code] = (uint16_t)w.pos;
        }
    }
}

int dhcp_options_parse(const struct rd *areas, size_t count, struct dhcp_options *ret)
{
    *ret = (struct dhcp_options){0};
    int r = measure(areas, count, ret);
    if (r < 0) {
        *ret = (struct dhcp_options){0};
        return r;
    }
    gather(areas, count, ret);
    return 0;
}

int dhcp_routes_parse(struct rd value, struct dhcp_route *dst, size_t max)
{
    size_t n = 0;
    while (rd_left(&value)) {
        uint8_t prefix = rd_u8(&value);
        uint8_t bytes[4] = {0};
        if (prefix > 32)
            return -EBADMSG;
        rd_copy(&value, bytes, (size_t)(prefix + 7) / 8);
        struct rd r = rd_init(bytes, sizeof(bytes));
        struct dhcp_route route = {.dest = {.address = rd_u32(&r), .prefix = prefix}};
        route.dest.address = cidr_first(route.dest);
        route.gateway = rd_u32(&value);
        if (!rd_ok(&value))
            return -EBADMSG;
        if (n < max)
            dst[n++] = route;
    }
    return (int)n;
}

int dhcp_routes_build(const struct dhcp_route *routes, size_t count, uint8_t *dst, size_t size)
{
    struct wr w = wr_init(dst, size);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[4];
        struct wr b = wr_init(bytes, sizeof(bytes));
        wr_u32(&b, cidr_first(routes[i].dest));
        wr_u8(&w, routes[i].dest.prefix);
        wr_bytes(&w, bytes, (size_t)(routes[i].dest.prefix + 7) / 8);
        wr_u32(&w, routes[i].gateway);
    }
    return wr_ok(&w) ? (int)w.pos : -EMSGSIZE;
}

static int put_name(struct wr *w, const char *name)
{
    size_t start = w->pos;
    while (*name) {
        size_t label = strcspn(name, ".");
        if (label == 0 || label > 63)
            return -EINVAL;
        wr_u8(w, (uint8_t)label);
        wr_bytes(w, name, label);
        name += label;
        if (*name == '.')
            name++; /* also the dot at the end of an absolute name */
    }
    wr_u8(w, 0);
    return w->pos - start > 255 ? -EINVAL : 0;
}

int dhcp_search_build(const char *const *names, size_t count, uint8_t *dst, size_t size)
{
    struct wr w = wr_init(dst, size);
    for (size_t i = 0; i < count; i++) {
        if (put_name(&w, names[i]) < 0)
            return -EINVAL;
    }
    return wr_ok(&w) ? (int)w.pos : -EMSGSIZE;
}
