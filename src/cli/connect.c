/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/connect.h"

#include "base/file.h"
#include "base/str.h"
#include "resource/read.h"

#define KUBECONFIG_MAX ((size_t)1 << 20)

void connection_clear(struct connection *connection)
{
    free(connection->url);
    free(connection->socket);
    free(connection->token);
    free(connection->authority);
    free(connection->where);
    *connection = (struct connection){0};
}

/* ---- kubeconfig ---- */

/* The member `what` of the entry of that name in a kubeconfig's list: contexts, clusters, users. */
static const json_t *entry_of(const json_t *config, const char *list, const char *what,
                              const char *name)
{
    size_t i;
    const json_t *entry;
    json_array_foreach (json_object_get(config, list), i, entry) {
        if (str_eq(json_string_value(json_object_get(entry, "name")), name))
            return json_object_get(entry, what);
    }
    return NULL;
}

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

/* Reads the file beside the kubeconfig that a member names. */
static int read_beside(const char *file, const char *name, char **ret, struct err *err)
{
    const char *slash = strrchr(file, '/');
    _autofree_ char *path = name[0] == '/' || !slash
                                ? strdup(name)
                                : str_format("%.*s/%s", (int)(slash - file), file, name);
    return path ? file_read(path, KUBECONFIG_MAX, ret, NULL, err) : -ENOMEM;
}

static int read_authority(const char *file, const json_t *cluster, char **ret, struct err *err)
{
    const char *data = text_of(cluster, "certificate-authority-data");
    const char *name = text_of(cluster, "certificate-authority");
    if (!data)
        return name ? read_beside(file, name, ret, err) : 0;
    uint8_t *pem = NULL;
    size_t len = 0;
    if (str_unbase64(data, KUBECONFIG_MAX, &pem, &len) < 0)
        return err_set(err, -EINVAL, "%s: certificate-authority-data: not base64", file);
    *ret = strndup((const char *)pem, len);
    free(pem);
    return *ret ? 0 : -ENOMEM;
}

static int read_token(const char *file, const json_t *user, char **ret, struct err *err)
{
    const char *token = text_of(user, "token"), *name = text_of(user, "tokenFile");
    if (!token && name) {
        int r = read_beside(file, name, ret, err);
        if (r == 0)
            (*ret)[strcspn(*ret, "\r\n")] = '\0';
        return r;
    }
    if (!token)
        return err_set(err, -EINVAL, "%s: the user has no token", file);
    *ret = strdup(token);
    return *ret ? 0 : -ENOMEM;
}

static int set_url(struct connection *c, const char *url, struct err *err)
{
    size_t n = strlen(url);
    while (n > 0 && url[n - 1] == '/')
        n--;
    if (!str_after(url, "https://"))
        return err_set(err, -EINVAL, "server: expected an https:// URL, found \"%s\"", url);
    free(c->url);
    free(c->where);
    c->url = strndup(url, n);
    c->where = strndup(url, n);
    return c->url && c->where ? 0 : -ENOMEM;
}

static int read_config(const char *file, const json_t *config, const char *context,
                       struct connection *ret, struct err *err)
{
    const char *name = context ? context : text_of(config, "current-context");
    const json_t *chosen = name ? entry_of(config, "contexts", "context", name) : NULL;
    if (!chosen)
        return err_set(err, -EINVAL, "%s: there is no context \"%s\"", file, name ? name : "");
    const json_t *cluster = entry_of(config, "clusters", "cluster", text_of(chosen, "cluster"));
    const json_t *user = entry_of(config, "users", "user", text_of(chosen, "user"));
    if (!text_of(cluster, "server") || !user)
        return err_set(err, -EINVAL,
                       "%s: context \"%s\" names no cluster with a server, or no user", file, name);
    int r = set_url(ret, text_of(cluster, "server"), err);
    if (r == 0)
        r = read_authority(file, cluster, &ret->authority, err);
    return r < 0 ? r : read_token(file, user, &ret->token, err);
}

int connection_from_kubeconfig(const char *file, const char *text, const char *context,
                               struct connection *ret, struct err *err)
{
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    _autodocuments_ struct documents documents = {0};
    struct connection c = {0};
    int r = yaml_parse(file, text, strlen(text), &documents, &problems);
    if (r < 0 || documents.n != 1)
        return problems_any(&problems) ? problems_err(&problems, err)
                                       : err_set(err, -EINVAL, "%s: not a kubeconfig", file);
    r = read_config(file, documents.items[0].json, context, &c, err);
    if (r < 0)
        connection_clear(&c);
    else
        *ret = c;
    return r;
}

/* ---- finding ---- */

static int from_file(const char *path, const char *context, struct connection *ret, struct err *err)
{
    _autofree_ char *text = NULL;
    int r = file_read(path, KUBECONFIG_MAX, &text, NULL, err);
    return r < 0 ? r : connection_from_kubeconfig(path, text, context, ret, err);
}

static int from_socket(const char *state_dir, struct connection *ret, struct err *err)
{
    struct connection c = {.url = strdup("http://slipway"),
                           .socket = str_format("%s/api.sock", state_dir)};
    c.where = c.socket ? strdup(c.socket) : NULL;
    if (!c.url || !c.where) {
        connection_clear(&c);
        return err_errno(err, -ENOMEM, "connection");
    }
    *ret = c;
    return 0;
}

int connection_find(const struct cli *cli, const struct args *args, struct connection *ret,
                    struct err *err)
{
    const char *file = args_value(args, "kubeconfig"), *server = args_value(args, "server");
    const char *fallback = getenv("SLIPWAY_KUBECONFIG");
    bool local = args_given(args, "state") || !str_empty(getenv("SLIPWAY_STATE"));
    if (!file && !local && !str_empty(fallback))
        file = fallback;
    if (!file && server)
        return err_set(err, -EINVAL, "--server needs --kubeconfig, which holds the token");
    if (!file)
        return from_socket(cli_state_dir(cli, args), ret, err);
    int r = from_file(file, args_value(args, "context"), ret, err);
    if (r == 0 && server && (r = set_url(ret, server, err)) < 0)
        connection_clear(ret);
    return r;
}
