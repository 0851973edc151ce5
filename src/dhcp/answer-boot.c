/* SPDX-License-Identifier: Apache-2.0 */
/* How boot programs are announced to each kind of firmware. */
#include <stdio.h>

#include "base/str.h"
#include "dhcp/answer-private.h"

enum {
    PXE_DISCOVERY_CONTROL = 6,
    PXE_BOOT_MENU = 9,
    PXE_MENU_PROMPT = 10,
    PXE_BOOT_ITEM = 71,
    PXE_USE_BOOT_FILE = 8, /* bit 3: take the boot file of this packet, discover nobody */
    IPXE_NO_PXEDHCP = 176,
};

bool dhcp_plan_boot(const struct decision *d, ipv4 address, struct dhcp_boot *ret)
{
    if (d->ret->firmware.kind == DHCP_CLIENT_PLAIN)
        return false;
    struct dhcp_query query = d->query;
    query.address = address;
    *ret = (struct dhcp_boot){0};
    d->view->plan_boot(d->view->data, &query, d->known ? &d->host : NULL, ret);
    return ret->boot && ret->file[0];
}

/*
 * BIOS ROMs boot at once from an offer with 43.6 = 8. EDK2 until about 2017 never kept a proxy
 * offer with discovery options (an inverted test), and asks port 4011 when there is no option 43:
 * that is the way for UEFI. A client that did not come to 4011 for two offers gets the other kind.
 */
enum dhcp_boot_style dhcp_proxy_style(const struct decision *d)
{
    const struct dhcp_firmware *f = &d->ret->firmware;
    if (f->kind != DHCP_CLIENT_PXE)
        return DHCP_BOOT_BINL;
    if (f->platform == DHCP_PLATFORM_RASPBERRY_PI)
        return DHCP_BOOT_DISCOVERY;
    bool discovery = f->platform != DHCP_PLATFORM_UEFI;
    bool other = d->view->proxy_silence / 2 % 2 == 1;
    return discovery != other ? DHCP_BOOT_DISCOVERY : DHCP_BOOT_BINL;
}

static void put_text_suboption(struct wr *w, uint8_t code, const char *head, size_t head_len,
                               const char *text)
{
    wr_u8(w, code);
    wr_u8(w, (uint8_t)(head_len + strlen(text)));
    wr_bytes(w, head, head_len);
    wr_bytes(w, text, strlen(text));
}

/* PXE 2.1 section 3: a boot server repeats the menu item that was asked for. */
static void echo_boot_item(const struct decision *d, struct wr *w)
{
    struct rd r = dhcp_options_get(&d->request->message.options, DHCP_OPTION_VENDOR);
    for (struct dhcp_tlv t; dhcp_tlv_next(&r, &t);) {
        if (t.code != PXE_BOOT_ITEM || t.value.len != 4)
            continue;
        wr_u8(w, PXE_BOOT_ITEM);
        wr_u8(w, 4);
        wr_bytes(w, t.value.buf, 4);
        return;
    }
}

static int add_vendor_options(const struct decision *d, enum dhcp_boot_style style)
{
    uint8_t bytes[64];
    struct wr w = wr_init(bytes, sizeof(bytes));
    bool pi = d->ret->firmware.platform == DHCP_PLATFORM_RASPBERRY_PI;
    if (style == DHCP_BOOT_DISCOVERY || pi) {
        wr_u8(&w, PXE_DISCOVERY_CONTROL);
        wr_u8(&w, 1);
        wr_u8(&w, PXE_USE_BOOT_FILE);
    }
    if (pi) { /* its ROM looks for this very menu text and else ignores the offer */
        put_text_suboption(&w, PXE_BOOT_MENU, "\0\0\x11", 3, "Raspberry Pi Boot");
        put_text_suboption(&w, PXE_MENU_PROMPT, "\0", 1, "PXE");
    }
    if (style == DHCP_BOOT_ACK)
        echo_boot_item(d, &w);
    if (w.pos == 0)
        return 0;
    wr_u8(&w, DHCP_OPTION_END);
    return dhcp_options_add(&d->ret->reply.options, DHCP_OPTION_VENDOR, bytes, w.pos);
}

/* Does the reply name a class, and which? */
static const char *reply_class(const struct decision *d, enum dhcp_boot_style style)
{
    const struct dhcp_firmware *f = &d->ret->firmware;
    if (f->kind == DHCP_CLIENT_HTTP)
        return "HTTPClient";
    /* with an address and without option 43 it would send UEFI to port 4011 */
    if (style != DHCP_BOOT_PLAIN || f->platform == DHCP_PLATFORM_RASPBERRY_PI)
        return "PXEClient";
    return NULL;
}

static bool is_pxe(const struct dhcp_firmware *f)
{
    return f->kind == DHCP_CLIENT_PXE;
}

static int add_class(const struct decision *d, enum dhcp_boot_style style)
{
    struct dhcp_options *o = &d->ret->reply.options;
    const char *class = reply_class(d, style);
    int r = class ? dhcp_options_add_text(o, DHCP_OPTION_VENDOR_CLASS, class) : 0;
    if (r == 0 && is_pxe(&d->ret->firmware))
        r = add_vendor_options(d, style);
    if (r == 0 && d->ret->firmware.kind == DHCP_CLIENT_IPXE && style == DHCP_BOOT_PLAIN) {
        /* nobody else gives boot information here: iPXE need not wait two seconds for a proxy */
        static const uint8_t no_pxedhcp[] = {IPXE_NO_PXEDHCP, 1, 1};
        r = dhcp_options_add(o, DHCP_OPTION_IPXE, no_pxedhcp, sizeof(no_pxedhcp));
    }
    return r;
}

/*
 * Both in the header and in options 66 and 67: U-Boot reads only the header, EDK2 prefers 67. A
 * URI that the header cannot hold is in 67 alone.
 */
int dhcp_reply_boot(const struct decision *d, const struct dhcp_boot *boot,
                    enum dhcp_boot_style style)
{
    struct dhcp_message *reply = &d->ret->reply;
    ipv4 server = boot->next_server ? boot->next_server : d->ret->source;
    char text[IPV4_TEXT_SIZE];
    int r = add_class(d, style);
    if (r == 0)
        r = dhcp_options_add_text(&reply->options, DHCP_OPTION_BOOT_FILE, boot->file);
    if (r == 0 && d->ret->firmware.kind != DHCP_CLIENT_HTTP)
        r = dhcp_options_add_text(&reply->options, DHCP_OPTION_TFTP_SERVER,
                                  ipv4_text(server, text));
    /* EDK2 asks port 4011 of siaddr, not of option 54 */
    reply->siaddr = style == DHCP_BOOT_BINL ? d->ret->source : server;
    if (str_copy(reply->file, sizeof(reply->file), boot->file) < 0)
        reply->file[0] = '\0';
    return r;
}
