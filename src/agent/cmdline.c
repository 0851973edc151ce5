/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cmdline.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

/* The next word with its quotes removed; false at the end. Words that do not fit come out empty. */
static bool next_word(const char **text, char *word, size_t size)
{
    const char *p = *text;
    while (isspace((unsigned char)*p))
        p++;
    if (!*p)
        return false;
    bool quoted = false, fits = true;
    size_t n = 0;
    for (; *p && (quoted || !isspace((unsigned char)*p)); p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (n + 1 < size)
            word[n++] = *p;
        else
            fits = false;
    }
    word[fits ? n : 0] = '\0';
    *text = p;
    return true;
}

static bool url_is_plain(const char *url)
{
    const char *host = str_after(url, "http://");
    if (!host || !*host)
        return false;
    return strspn(host, "0123456789.:") == strlen(host);
}

static int set_server(struct cmdline *c, const char *value, struct err *err)
{
    char url[SERVER_URL_MAX + 1];
    if (str_copy(url, sizeof(url), value) < 0)
        return err_set(err, -EINVAL, "slipway.server: longer than %d characters", SERVER_URL_MAX);
    for (size_t n = strlen(url); n && url[n - 1] == '/'; n--)
        url[n - 1] = '\0';
    if (!url_is_plain(url))
        return err_set(err, -EINVAL, "slipway.server: not http://ADDRESS:PORT: \"%s\"", value);
    return str_copy(c->server, sizeof(c->server), url);
}

/* PXELINUX and iPXE write the hardware type, 01 for Ethernet, before the address. */
static int set_boot_mac(struct cmdline *c, const char *value, struct err *err)
{
    const char *mac = str_after(value, "01-");
    if (!mac || mac_parse(mac, &c->boot_mac) < 0)
        mac = mac_parse(value, &c->boot_mac) == 0 ? value : NULL;
    if (!mac)
        return err_set(err, -EINVAL, "BOOTIF: not 01-MAC: \"%s\"", value);
    c->has_boot_mac = true;
    return 0;
}

static int set_word(struct cmdline *c, const char *word, struct err *err)
{
    const char *value;
    if ((value = str_after(word, "slipway.server=")))
        return set_server(c, value, err);
    if ((value = str_after(word, "BOOTIF=")))
        return set_boot_mac(c, value, err);
    if ((value = str_after(word, "slipway.key="))) {
        c->has_key = trust_public_parse(value, &c->key) == 0;
        return c->has_key ? 0 : err_set(err, -EINVAL, "slipway.key: not a key: \"%s\"", value);
    }
    if ((value = str_after(word, "slipway.machine=")) &&
        str_copy(c->machine, sizeof(c->machine), value) < 0)
        return err_set(err, -EINVAL, "slipway.machine: longer than %d characters",
                       MACHINE_NAME_MAX);
    if (str_eq(word, "slipway.debug"))
        c->debug = true;
    if (str_eq(word, "slipway.verify"))
        c->verify = true;
    return 0;
}

int cmdline_parse(const char *text, struct cmdline *ret, struct err *err)
{
    char word[CMDLINE_MAX];
    struct cmdline c = {0};
    int result = 0;
    while (next_word(&text, word, sizeof(word))) {
        int r = set_word(&c, word, err);
        if (r < 0)
            result = r;
    }
    *ret = c;
    if (result == 0 && (!c.server[0] || !c.has_key))
        return err_set(err, -EDESTADDRREQ, "the kernel command line has no %s",
                       c.server[0] ? "slipway.key" : "slipway.server");
    return result;
}
