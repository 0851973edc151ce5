/* SPDX-License-Identifier: Apache-2.0 */
#include "node/facts.h"

#include <ctype.h>
#include <dirent.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/str.h"
#include "node/addresses.h"
#include "net/link.h"
#include "provision/hostkey.h"

enum { TEXT_MAX = 8192, ARP_TYPE_ETHER = 1 };

/* A one-line file without its newline and trailing blanks; NULL when missing or empty. */
static char *line_of(const char *path)
{
    char *text = NULL;
    if (!path || file_read(path, TEXT_MAX, &text, NULL, NULL) < 0)
        return NULL;
    size_t n = strcspn(text, "\n");
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    text[n] = '\0';
    if (n > 0)
        return text;
    free(text);
    return NULL;
}

static char *dmi_line(const char *sys, const char *name)
{
    _autofree_ char *path = str_format("%s/class/dmi/id/%s", sys, name);
    return line_of(path);
}

static void add_identity(const char *sys, struct protocol_hello *hello)
{
    hello->uuid = dmi_line(sys, "product_uuid");
    for (char *c = hello->uuid; c && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    hello->serial = dmi_line(sys, "product_serial");
}

static int add_macs(int net_fd, struct protocol_hello *hello)
{
    _autofree_ struct net_link *links = NULL;
    size_t count = 0;
    int r = net_links(net_fd, &links, &count);
    for (size_t i = 0; r == 0 && i < count; i++) {
        bool real =
            links[i].type == ARP_TYPE_ETHER && !links[i].kind[0] && mac_is_unicast(links[i].mac);
        if (real && hello->mac_count < PROTOCOL_MACS_MAX)
            hello->macs[hello->mac_count++] = links[i].mac;
    }
    return r;
}

/* PRETTY_NAME of os-release(5), malloc'd. */
static char *os_name(const struct node *node)
{
    _autofree_ char *text = NULL;
    if (node_read(node, "/etc/os-release", TEXT_MAX, &text, NULL, NULL) < 0)
        return NULL;
    for (const char *s = text; *s; s += s[0] == '\n') {
        const char *value = str_after(s, "PRETTY_NAME=");
        size_t n = strcspn(s, "\n");
        s += n;
        if (!value)
            continue;
        size_t quotes = *value == '"';
        return strndup(value + quotes, strcspn(value + quotes, "\"\n"));
    }
    return NULL;
}

/* {type, publicKey, fingerprint} of each /etc/ssh/ssh_host_*_key.pub. */
static json_t *host_keys(const struct node *node)
{
    json_t *array = json_array();
    _autofree_ char *folder = node_path(node, "/etc/ssh");
    DIR *dir = folder ? opendir(folder) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char fingerprint[HOSTKEY_FINGERPRINT_SIZE];
        if (strncmp(entry->d_name, "ssh_host_", 9) != 0 || !str_ends_with(entry->d_name, ".pub"))
            continue;
        _autofree_ char *path = str_format("%s/%s", folder, entry->d_name);
        _autofree_ char *line = line_of(path);
        if (line && hostkey_fingerprint(line, fingerprint))
            (void)json_array_append_new(
                array, json_pack("{s:s, s:s}", "publicKey", line, "fingerprint", fingerprint));
    }
    if (dir)
        (void)closedir(dir);
    return array;
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        (void)json_object_set_new(object, key, json_string(text));
}

static json_t *system_facts(const struct node *node)
{
    struct utsname names;
    json_t *system = json_object();
    _autofree_ char *os = os_name(node);
    _autofree_ char *boot = line_of("/proc/sys/kernel/random/boot_id");
    if (uname(&names) == 0) {
        set_text(system, "kernel", names.release);
        set_text(system, "architecture", names.machine);
    }
    set_text(system, "osImage", os);
    set_text(system, "bootID", boot);
    (void)json_object_set_new(system, "clock", json_integer(clock_wall(&clock_system)));
    (void)json_object_set_new(system, "hostKeys", host_keys(node));
    return system;
}

int facts_collect(const struct node *node, int net_fd, const char *sys,
                  struct protocol_hello *hello, struct err *err)
{
    *hello = (struct protocol_hello){.program = PROTOCOL_NODE};
    add_identity(sys, hello);
    int r = add_macs(net_fd, hello);
    if (r == 0)
        r = addresses_list(net_fd, &hello->addresses);
    if (r < 0)
        return err_errno(err, r, "cannot list network interfaces");
    hello->system = system_facts(node);
    return 0;
}
