/* SPDX-License-Identifier: Apache-2.0 */
#include "podnet/config.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"

enum { CONFIG_MAX = 64 << 10, MTU_MIN = 576, MTU_MAX = 65535 };

/* A text that must be there unless it has a default. */
static int read_text(const json_t *object, const char *field, const char *otherwise, char *dst,
                     size_t size, struct err *err)
{
    const json_t *value = json_object_get(object, field);
    const char *text = value ? json_string_value(value) : otherwise;
    if (!text || !text[0])
        return err_set(err, -EINVAL, "%s: expected a text", field);
    if (str_copy(dst, size, text) < 0)
        return err_set(err, -EINVAL, "%s: longer than %zu bytes", field, size - 1);
    return 0;
}

static int read_folder(const json_t *object, const char *field, const char *otherwise,
                       char dst[PATH_MAX], struct err *err)
{
    int r = read_text(object, field, otherwise, dst, PATH_MAX, err);
    if (r == 0 && dst[0] != '/')
        return err_set(err, -EINVAL, "%s: expected an absolute path", field);
    return r;
}

/* The first IPv4 subnet of a list. */
static int first_subnet(char *list, struct cidr *ret)
{
    char *state = NULL;
    for (char *part = strtok_r(list, ", ", &state); part; part = strtok_r(NULL, ", ", &state)) {
        if (cidr_parse(part, ret) == 0)
            return 0;
    }
    return -EINVAL;
}

static int read_subnet(const json_t *object, struct cidr *ret, struct err *err)
{
    char text[128];
    int r = read_text(object, "podSubnet", NULL, text, sizeof(text), err);
    if (r < 0)
        return r;
    if (first_subnet(text, ret) < 0 || ret->prefix < 4 || cidr_first(*ret) != ret->address)
        return err_set(err, -EINVAL, "podSubnet: expected an IPv4 subnet as 10.244.0.0/16");
    return 0;
}

static int read_mtu(const json_t *object, uint32_t *ret, struct err *err)
{
    const json_t *value = json_object_get(object, "mtu");
    json_int_t mtu = json_integer_value(value);
    if ((value && !json_is_integer(value)) || (mtu != 0 && (mtu < MTU_MIN || mtu > MTU_MAX)))
        return err_set(err, -EINVAL, "mtu: expected 0 or %d to %d", MTU_MIN, MTU_MAX);
    *ret = (uint32_t)mtu;
    return 0;
}

int podnet_config_parse(const char *text, size_t len, struct podnet_config *ret, struct err *err)
{
    json_error_t problem;
    json_auto_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem);
    if (!object)
        return err_set(err, -EINVAL, "line %d: %s", problem.line, problem.text);
    if (!json_is_object(object))
        return err_set(err, -EINVAL, "expected a JSON object");
    struct podnet_config config = {0};
    int r = read_subnet(object, &config.pod_subnet, err);
    if (r == 0)
        r = read_mtu(object, &config.mtu, err);
    if (r == 0)
        r = read_folder(object, "binDir", "/usr/lib/cni", config.bin_dir, err);
    if (r == 0)
        r = read_folder(object, "confDir", "/etc/cni/net.d", config.conf_dir, err);
    if (r == 0)
        r = read_text(object, "nodeName", NULL, config.node_name, sizeof(config.node_name), err);
    if (r == 0)
        *ret = config;
    return r;
}

int podnet_config_load(const char *path, struct podnet_config *ret, struct err *err)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    int r = file_read(path, CONFIG_MAX, &text, &len, err);
    if (r < 0)
        return r;
    r = podnet_config_parse(text, len, ret, err);
    return r < 0 ? err_wrap(err, "%s", path) : 0;
}
