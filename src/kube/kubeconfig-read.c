/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig.h"

#include <jansson.h>

#include "base/file.h"
#include "base/str.h"
#include "resource/read.h"

#define FILE_MAX ((size_t)1 << 20)

static void wipe(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void kube_config_clear(struct kube_config *config)
{
    wipe(&config->key);
    wipe(&config->token);
    free(config->server);
    free(config->authority);
    free(config->certificate);
    free(config->namespace);
    free(config->authority_file);
    free(config->certificate_file);
    free(config->key_file);
    free(config->token_file);
    *config = (struct kube_config){0};
}

/* ---- the tree ---- */

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return str_empty(text) ? NULL : text;
}

/* The member `what` of the entry of that name in a list; without a name the only entry's. */
static const json_t *entry_of(const json_t *config, const char *list, const char *what,
                              const char *name)
{
    const json_t *entries = json_object_get(config, list), *entry;
    size_t i;
    if (!name)
        return json_array_size(entries) == 1 ? json_object_get(json_array_get(entries, 0), what)
                                             : NULL;
    json_array_foreach (entries, i, entry) {
        if (str_eq(json_string_value(json_object_get(entry, "name")), name))
            return json_object_get(entry, what);
    }
    return NULL;
}

static int copy_text(const json_t *object, const char *member, char **ret)
{
    const char *text = text_of(object, member);
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? -ENOMEM : 0;
}

/* Base64 of a PEM text. */
static int copy_data(const char *file, const json_t *object, const char *member, char **ret,
                     struct err *err)
{
    const char *text = text_of(object, member);
    _autofree_ uint8_t *data = NULL;
    size_t len = 0;
    if (!text)
        return 0;
    int r = str_unbase64(text, FILE_MAX, &data, &len);
    if (r < 0)
        return err_set(err, r, "%s: %s: not base64", file, member);
    if (memchr(data, 0, len))
        return err_set(err, -EINVAL, "%s: %s: not a PEM text", file, member);
    *ret = strndup((const char *)data, len);
    explicit_bzero(data, len);
    return *ret ? 0 : -ENOMEM;
}

static int read_cluster(const char *file, const json_t *cluster, struct kube_config *c,
                        struct err *err)
{
    if (json_is_true(json_object_get(cluster, "insecure-skip-tls-verify")))
        return err_set(err, -EINVAL, "%s: insecure-skip-tls-verify is not supported", file);
    const char *server = text_of(cluster, "server");
    if (!server || !str_after(server, "https://"))
        return err_set(err, -EINVAL, "%s: server: expected an https:// URL, found \"%s\"", file,
                       server ? server : "");
    int r = copy_text(cluster, "server", &c->server);
    if (r == 0)
        r = copy_text(cluster, "certificate-authority", &c->authority_file);
    if (r == 0)
        r = copy_data(file, cluster, "certificate-authority-data", &c->authority, err);
    return r;
}

static int read_user(const char *file, const json_t *user, struct kube_config *c, struct err *err)
{
    static const char *const unsupported[] = {"exec", "auth-provider", "username"};
    for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
        if (json_object_get(user, unsupported[i]))
            return err_set(err, -EINVAL, "%s: a user with %s is not supported", file,
                           unsupported[i]);
    int r = copy_text(user, "token", &c->token);
    if (r == 0)
        r = copy_text(user, "tokenFile", &c->token_file);
    if (r == 0)
        r = copy_text(user, "client-certificate", &c->certificate_file);
    if (r == 0)
        r = copy_text(user, "client-key", &c->key_file);
    if (r == 0)
        r = copy_data(file, user, "client-certificate-data", &c->certificate, err);
    return r < 0 ? r : copy_data(file, user, "client-key-data", &c->key, err);
}

static int read_context(const char *file, const json_t *config, const char *wanted,
                        struct kube_config *c, struct err *err)
{
    const char *name = wanted ? wanted : text_of(config, "current-context");
    const json_t *context = name ? entry_of(config, "contexts", "context", name) : NULL;
    if (name && !context)
        return err_set(err, -EINVAL, "%s: there is no context \"%s\"", file, name);
    const char *user_name = text_of(context, "user");
    const json_t *cluster = entry_of(config, "clusters", "cluster", text_of(context, "cluster"));
    const json_t *user = entry_of(config, "users", "user", user_name);
    if (!cluster || (context && !text_of(context, "cluster")))
        return err_set(err, -EINVAL, "%s: names no cluster, or one that is not there", file);
    if (user_name && !user)
        return err_set(err, -EINVAL, "%s: there is no user \"%s\"", file, user_name);
    int r = read_cluster(file, cluster, c, err);
    if (r == 0)
        r = read_user(file, context && !user_name ? NULL : user, c, err);
    return r < 0 ? r : copy_text(context, "namespace", &c->namespace);
}

int kube_config_read(const char *file, const char *text, size_t len, const char *context,
                     struct kube_config *ret, struct err *err)
{
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    _autodocuments_ struct documents documents = {0};
    _autokubeconfig_ struct kube_config config = {0};
    const char *where = file ? file : "kubeconfig";
    int r = yaml_parse(where, text, len, &documents, &problems);
    if (problems_any(&problems))
        return problems_err(&problems, err);
    if (r < 0)
        return err_errno(err, r, "%s", where);
    if (documents.n != 1 || !json_is_object(documents.items[0].json))
        return err_set(err, -EINVAL, "%s: not a kubeconfig", where);
    r = read_context(where, documents.items[0].json, context, &config, err);
    if (r == -ENOMEM)
        return err_errno(err, r, "%s", where);
    if (r < 0)
        return r;
    *ret = config;
    config = (struct kube_config){0};
    return 0;
}

/* ---- files ---- */

/* The file that a kubeconfig names, unless its text is there already. */
static int load_beside(const char *config_path, const char *name, char **text, struct err *err)
{
    if (!name || *text)
        return 0;
    const char *slash = strrchr(config_path, '/');
    _autofree_ char *path =
        name[0] == '/' || !slash
            ? strdup(name)
            : str_format("%.*s/%s", (int)(slash - config_path), config_path, name);
    return path ? file_read(path, FILE_MAX, text, NULL, err) : -ENOMEM;
}

static int load_files(const char *path, struct kube_config *c, struct err *err)
{
    int r = load_beside(path, c->authority_file, &c->authority, err);
    if (r == 0)
        r = load_beside(path, c->certificate_file, &c->certificate, err);
    if (r == 0)
        r = load_beside(path, c->key_file, &c->key, err);
    if (r == 0)
        r = load_beside(path, c->token_file, &c->token, err);
    if (r == 0 && c->token_file && c->token)
        c->token[strcspn(c->token, "\r\n")] = '\0';
    return r;
}

int kube_config_load(const char *path, const char *context, struct kube_config *ret,
                     struct err *err)
{
    _autofree_ char *text = NULL;
    _autokubeconfig_ struct kube_config config = {0};
    size_t len = 0;
    int r = file_read(path, FILE_MAX, &text, &len, err);
    if (r < 0)
        return r;
    r = kube_config_read(path, text, len, context, &config, err);
    explicit_bzero(text, len);
    if (r == 0)
        r = load_files(path, &config, err);
    if (r < 0)
        return r;
    *ret = config;
    config = (struct kube_config){0};
    return 0;
}
