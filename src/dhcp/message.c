/* SPDX-License-Identifier: Apache-2.0 */
#include "dhcp/message.h"

#include <errno.h>

#include "base/cleanup.h"

enum {
    COOKIE = 0x63825363,
    SNAME_SIZE = 64,
    FILE_SIZE = 128,
    OVERLOAD_FILE = 1,
    OVERLOAD_SNAME = 2
};

enum dhcp_type dhcp_message_type(const struct dhcp_message *m)
{
    uint8_t type = dhcp_options_u8(&m->options, DHCP_OPTION_MESSAGE_TYPE);
    return type <= DHCP_INFORM ? (enum dhcp_type)type : DHCP_NO_TYPE;
}

const char *dhcp_type_text(enum dhcp_type type)
{
    static const char *const texts[] = {"BOOTP", "DISCOVER", "OFFER",   "REQUEST", "DECLINE",
                                        "ACK",   "NAK",      "RELEASE", "INFORM"};
    return (size_t)type < ARRAY_SIZE(texts) ? texts[type] : "BOOTP";
}

struct mac dhcp_message_mac(const struct dhcp_message *m)
{
    struct mac mac = {0};
    if (m->htype == 1 && m->hlen == sizeof(mac.b))
        memcpy(mac.b, m->chaddr, sizeof(mac.b));
    return mac;
}

/* `sname` or `file` as text: up to its NUL, or all of it. */
static void read_text(struct rd field, char *dst, size_t size)
{
    size_t n = 0;
    for (uint8_t c; n + 1 < size && rd_left(&field) && (c = rd_u8(&field));)
        dst[n++] = (char)c;
    dst[n] = '\0';
}

/* Option 52 of the options field alone: inside `file` and `sname` it has no meaning. */
static uint8_t find_overload(struct rd options)
{
    for (struct dhcp_tlv t; dhcp_tlv_next(&options, &t);) {
        if (t.code == DHCP_OPTION_OVERLOAD && t.value.len == 1)
            return rd_u8(&t.value) & (OVERLOAD_FILE | OVERLOAD_SNAME);
    }
    return 0;
}

int dhcp_message_parse(const void *data, size_t len, struct dhcp_message *ret)
{
    if (len < DHCP_MESSAGE_HEADER || len > DHCP_MESSAGE_MAX)
        return -EBADMSG;
    struct rd r = rd_init(data, len);
    struct dhcp_message *m = ret;
    *m = (struct dhcp_message){0};
    m->op = rd_u8(&r);
    m->htype = rd_u8(&r);
    m->hlen = rd_u8(&r);
    m->hops = rd_u8(&r);
    m->xid = rd_u32(&r);
    m->secs = rd_u16(&r);
    m->flags = rd_u16(&r);
    m->ciaddr = rd_u32(&r);
    m->yiaddr = rd_u32(&r);
    m->siaddr = rd_u32(&r);
    m->giaddr = rd_u32(&r);
    rd_copy(&r, m->chaddr, sizeof(m->chaddr));
    struct rd sname = rd_sub(&r, SNAME_SIZE);
    struct rd file = rd_sub(&r, FILE_SIZE);
    uint32_t cookie = rd_u32(&r);
    struct rd options = rd_sub(&r, rd_left(&r));
    if (!rd_ok(&r) || cookie != COOKIE)
        return -EBADMSG;

    struct rd areas[3] = {options};
    size_t count = 1;
    uint8_t overload = find_overload(options);
    if (overload & OVERLOAD_FILE)
        areas[count++] = file;
    else
        read_text(file, m->file, sizeof(m->file));
    if (overload & OVERLOAD_SNAME)
        areas[count++] = sname;
    else
        read_text(sname, m->sname, sizeof(m->sname));
    return dhcp_options_parse(areas, count, &m->options);
}

/* Bytes that an option takes on the wire, with RFC 3396 splitting and the pad behind 66 and 67. */
static size_t wire_size(const struct dhcp_options *o, uint8_t code)
{
    if (!o->size[code])
        return 0;
    size_t len = (size_t)o->size[code] - 1;
    size_t parts = len ? (len + 254) / 255 : 1;
    size_t pad = code == DHCP_OPTION_TFTP_SERVER || code == DHCP_OPTION_BOOT_FILE;
    return len + 2 * parts + pad;
}

static void put_option(struct wr *w, const struct dhcp_options *o, uint8_t code)
{
    struct rd value = dhcp_options_get(o, code);
    do {
        size_t len = rd_left(&value) < 255 ? rd_left(&value) : 255;
        const uint8_t *part = rd_take(&value, len);
        wr_u8(w, code);
        wr_u8(w, (uint8_t)len);
        wr_bytes(w, part, len);
    } while (rd_left(&value));
    if (code == DHCP_OPTION_TFTP_SERVER || code == DHCP_OPTION_BOOT_FILE)
        wr_u8(w, DHCP_OPTION_PAD);
}

/* Without these a reply is of no use; in the order in which they are written. */
static const uint8_t required[] = {DHCP_OPTION_MESSAGE_TYPE, DHCP_OPTION_SERVER_ID,
                                   DHCP_OPTION_LEASE_TIME, DHCP_OPTION_CLIENT_ID,
                                   DHCP_OPTION_MACHINE_ID};

static bool is_placed_apart(uint8_t code)
{
    if (code == DHCP_OPTION_RELAY_AGENT || code == DHCP_OPTION_OVERLOAD)
        return true;
    return memchr(required, code, sizeof(required)) != NULL;
}

/* Where options go while a message is built. */
struct places {
    struct wr main;
    size_t reserved; /* bytes of main kept for 82, 52 and END */
    struct wr sname; /* size 0 when it may not be used */
};

static void put_others(struct places *p, const struct dhcp_options *o)
{
    for (size_t i = 0; i < o->count; i++) {
        uint8_t code = o->order[i];
        size_t need = wire_size(o, code);
        if (is_placed_apart(code))
            continue;
        if (need + p->reserved <= wr_left(&p->main))
            put_option(&p->main, o, code);
        else if (need < wr_left(&p->sname)) /* its END needs a byte too */
            put_option(&p->sname, o, code);
    }
}

/* Writes the options field and, when it is full and sname is free, options into sname. */
static int put_options(struct wr *main, uint8_t sname[SNAME_SIZE], const struct dhcp_message *m)
{
    const struct dhcp_options *o = &m->options;
    size_t total = 1;
    for (size_t i = 0; i < o->count; i++)
        total += wire_size(o, o->order[i]);
    struct places p = {.main = *main, .reserved = 1 + wire_size(o, DHCP_OPTION_RELAY_AGENT)};
    if (total > wr_left(main) && !m->sname[0]) {
        p.sname = wr_init(sname, SNAME_SIZE);
        p.reserved += 3;
    }
    for (size_t i = 0; i < sizeof(required); i++) {
        if (dhcp_options_has(o, required[i]))
            put_option(&p.main, o, required[i]);
    }
    put_others(&p, o);
    if (p.sname.pos) {
        wr_u8(&p.sname, DHCP_OPTION_END);
        wr_u8(&p.main, DHCP_OPTION_OVERLOAD);
        wr_u8(&p.main, 1);
        wr_u8(&p.main, OVERLOAD_SNAME);
    }
    if (dhcp_options_has(o, DHCP_OPTION_RELAY_AGENT))
        put_option(&p.main, o, DHCP_OPTION_RELAY_AGENT);
    wr_u8(&p.main, DHCP_OPTION_END);
    *main = p.main;
    return wr_ok(main) ? 0 : -EMSGSIZE;
}

static void put_fixed(struct wr *w, const struct dhcp_message *m)
{
    wr_u8(w, m->op);
    wr_u8(w, m->htype);
    wr_u8(w, m->hlen);
    wr_u8(w, m->hops);
    wr_u32(w, m->xid);
    wr_u16(w, m->secs);
    wr_u16(w, m->flags);
    wr_u32(w, m->ciaddr);
    wr_u32(w, m->yiaddr);
    wr_u32(w, m->siaddr);
    wr_u32(w, m->giaddr);
    wr_bytes(w, m->chaddr, sizeof(m->chaddr));
}

static void put_text(struct wr *w, const char *text, size_t size)
{
    size_t len = strnlen(text, size);
    wr_bytes(w, text, len);
    wr_zero(w, size - len);
}

int dhcp_message_build(const struct dhcp_message *m, void *dst, size_t size, size_t *ret_len)
{
    if (size < DHCP_MESSAGE_MIN)
        return -EMSGSIZE;
    struct wr w = wr_init(dst, size < DHCP_MESSAGE_MAX ? size : DHCP_MESSAGE_MAX);
    put_fixed(&w, m);
    uint8_t *sname = wr_room(&w, SNAME_SIZE);
    if (!sname)
        return -EMSGSIZE;
    struct wr text = wr_init(sname, SNAME_SIZE);
    put_text(&text, m->sname, SNAME_SIZE);
    put_text(&w, m->file, FILE_SIZE);
    wr_u32(&w, COOKIE);
    int r = put_options(&w, sname, m);
    if (r < 0)
        return r;
    if (w.pos < DHCP_MESSAGE_MIN)
        wr_zero(&w, DHCP_MESSAGE_MIN - w.pos);
    *ret_len = w.pos;
    return 0;
}
