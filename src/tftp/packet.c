/* SPDX-License-Identifier: Apache-2.0 */
#include "tftp/packet.h"

#include <stdio.h>
#include <strings.h>

#include "base/rd.h"
#include "base/str.h"
#include "base/wr.h"

static void take_option(struct tftp_options *o, const char *name, const char *text)
{
    uint64_t value;
    if (str_parse_u64(text, 0, UINT64_MAX, &value) < 0)
        return;
    if (strcasecmp(name, "tsize") == 0) {
        o->has_size = true;
        o->size = value;
    } else if (strcasecmp(name, "blksize") == 0 && value >= TFTP_BLOCK_MIN && value <= UINT16_MAX) {
        o->has_block = true;
        o->block = value > TFTP_BLOCK_MAX ? TFTP_BLOCK_MAX : (uint16_t)value;
    } else if (strcasecmp(name, "timeout") == 0 && value >= 1 && value <= 255) {
        o->has_timeout = true;
        o->timeout_s = (uint8_t)value;
    } else if (strcasecmp(name, "windowsize") == 0 && value >= 1 && value <= UINT16_MAX) {
        o->has_window = true;
        o->window = (uint16_t)value;
    }
}

/* Pairs of strings. An empty name, or no NUL any more, begins the padding. */
static void parse_options(struct rd *r, struct tftp_options *ret)
{
    while (rd_left(r)) {
        const char *name = rd_cstr(r);
        const char *value = rd_cstr(r);
        if (!name || !name[0] || !value)
            return;
        take_option(ret, name, value);
    }
}

static bool is_printable(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    }
    return true;
}

static int parse_request(struct rd *r, struct tftp_packet *p)
{
    const char *name = rd_cstr(r);
    const char *mode = rd_cstr(r);
    if (!rd_ok(r) || !name[0] || !is_printable(name) ||
        str_copy(p->name, sizeof(p->name), name) < 0)
        return -EBADMSG;
    if (strcasecmp(mode, "octet") == 0)
        p->mode = TFTP_OCTET;
    else if (strcasecmp(mode, "netascii") == 0)
        p->mode = TFTP_NETASCII;
    else
        return -EBADMSG;
    parse_options(r, &p->options);
    return 0;
}

static int parse_block(struct rd *r, struct tftp_packet *p)
{
    p->block = rd_u16(r);
    if (p->op == TFTP_DATA) {
        p->len = rd_left(r);
        p->data = rd_take(r, p->len);
    }
    return rd_ok(r) ? 0 : -EBADMSG;
}

/* Some clients send no NUL behind the message, or no message. */
static int parse_error(struct rd *r, struct tftp_packet *p)
{
    p->code = rd_u16(r);
    for (size_t i = 0; i < TFTP_TEXT_MAX && rd_left(r); i++) {
        uint8_t c = rd_u8(r);
        if (!c)
            break;
        p->text[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    return rd_ok(r) ? 0 : -EBADMSG;
}

int tftp_parse(const void *data, size_t len, struct tftp_packet *ret)
{
    struct rd r = rd_init(data, len);
    uint16_t op = rd_u16(&r);
    *ret = (struct tftp_packet){.op = (enum tftp_op)op};
    switch (op) {
    case TFTP_RRQ:
    case TFTP_WRQ:
        return len > TFTP_REQUEST_MAX ? -EBADMSG : parse_request(&r, ret);
    case TFTP_DATA:
    case TFTP_ACK:
        return parse_block(&r, ret);
    case TFTP_ERROR:
        return parse_error(&r, ret);
    case TFTP_OACK:
        parse_options(&r, &ret->options);
        return 0;
    default:
        return -EBADMSG;
    }
}

static void write_option(struct wr *w, const char *name, uint64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    wr_cstr(w, name);
    wr_cstr(w, text);
}

static void write_options(struct wr *w, const struct tftp_options *o)
{
    if (o->has_block)
        write_option(w, "blksize", o->block);
    if (o->has_size)
        write_option(w, "tsize", o->size);
    if (o->has_timeout)
        write_option(w, "timeout", o->timeout_s);
    if (o->has_window)
        write_option(w, "windowsize", o->window);
}

static size_t written(const struct wr *w)
{
    return wr_ok(w) ? w->pos : 0;
}

size_t tftp_build_request(void *dst, size_t size, enum tftp_op op, const char *name,
                          enum tftp_mode mode, const struct tftp_options *options)
{
    struct wr w = wr_init(dst, size);
    wr_u16(&w, (uint16_t)op);
    wr_cstr(&w, name);
    wr_cstr(&w, mode == TFTP_NETASCII ? "netascii" : "octet");
    write_options(&w, options);
    return written(&w);
}

size_t tftp_build_oack(void *dst, size_t size, const struct tftp_options *options)
{
    struct wr w = wr_init(dst, size);
    wr_u16(&w, TFTP_OACK);
    write_options(&w, options);
    return written(&w);
}

static size_t build_block(void *dst, size_t size, enum tftp_op op, uint16_t block)
{
    struct wr w = wr_init(dst, size);
    wr_u16(&w, (uint16_t)op);
    wr_u16(&w, block);
    return written(&w);
}

size_t tftp_build_data_header(void *dst, size_t size, uint16_t block)
{
    return build_block(dst, size, TFTP_DATA, block);
}

size_t tftp_build_ack(void *dst, size_t size, uint16_t block)
{
    return build_block(dst, size, TFTP_ACK, block);
}

size_t tftp_build_error(void *dst, size_t size, enum tftp_error code, const char *text)
{
    struct wr w = wr_init(dst, size);
    wr_u16(&w, TFTP_ERROR);
    wr_u16(&w, (uint16_t)code);
    wr_cstr(&w, text);
    return written(&w);
}
