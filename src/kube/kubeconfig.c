/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig.h"

#include "base/buf.h"
#include "base/str.h"

#define TEXT_MAX ((size_t)1 << 20)

/* A double-quoted scalar, which is the same in YAML and JSON. */
static void add_quoted(struct buf *b, const char *text)
{
    buf_addc(b, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buf_addc(b, '\\');
        if ((uint8_t)*text < 0x20 || *text == 0x7f)
            buf_printf(b, "\\u%04x", (unsigned)(uint8_t)*text);
        else
            buf_addc(b, *text);
    }
    buf_addc(b, '"');
}

static void add_line(struct buf *b, const char *before, const char *text)
{
    buf_adds(b, before);
    add_quoted(b, text);
    buf_addc(b, '\n');
}

static void add_base64(struct buf *b, const char *before, const char *text)
{
    _autofree_ char *encoded = text ? str_base64(text, strlen(text)) : NULL;
    if (encoded) {
        buf_printf(b, "%s%s\n", before, encoded);
        explicit_bzero(encoded, strlen(encoded));
    } else if (text) {
        b->error = -ENOMEM;
    }
}

static bool has_user(const struct kube_config_parts *p)
{
    return p->certificate || p->key || p->token;
}

static void add_user(struct buf *b, const struct kube_config_parts *p, const char *user)
{
    if (!has_user(p)) {
        buf_adds(b, "users: []\n");
        return;
    }
    add_line(b, "users:\n- name: ", user);
    buf_adds(b, "  user:\n");
    add_base64(b, "    client-certificate-data: ", p->certificate);
    add_base64(b, "    client-key-data: ", p->key);
    if (p->token)
        add_line(b, "    token: ", p->token);
}

/* As kubectl names them: "user@cluster", or the cluster's name alone. */
static void add_context(struct buf *b, const struct kube_config_parts *p, const char *cluster,
                        const char *user)
{
    _autofree_ char *name =
        has_user(p) ? str_format("%s@%s", user, cluster) : str_format("%s", cluster);
    if (!name) {
        b->error = -ENOMEM;
        return;
    }
    add_line(b, "contexts:\n- name: ", name);
    add_line(b, "  context:\n    cluster: ", cluster);
    if (has_user(p))
        add_line(b, "    user: ", user);
    add_line(b, "current-context: ", name);
}

char *kube_config_text(const struct kube_config_parts *parts)
{
    const char *cluster = parts->cluster ? parts->cluster : "kubernetes";
    const char *user = parts->user ? parts->user : "kubernetes-admin";
    _autobuf_ struct buf b = BUF_INIT_MAX(TEXT_MAX);
    if (!parts->server || !parts->authority)
        return NULL;
    buf_adds(&b, "apiVersion: v1\nkind: Config\npreferences: {}\n");
    add_line(&b, "clusters:\n- name: ", cluster);
    add_line(&b, "  cluster:\n    server: ", parts->server);
    add_base64(&b, "    certificate-authority-data: ", parts->authority);
    add_user(&b, parts, user);
    add_context(&b, parts, cluster, user);
    return buf_steal(&b);
}
