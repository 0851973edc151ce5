/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-tls.h"

#include <sodium.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "server/api-users.h"

#define KUBECONFIG_MAX (64 * 1024)
#define ADMIN "admin"

char *api_kubeconfig_text(const char *server_url, const char *authority_pem, const char *user,
                          const char *token)
{
    _autofree_ char *authority = str_base64(authority_pem, strlen(authority_pem));
    if (!authority)
        return NULL;
    return str_format("apiVersion: v1\n"
                      "kind: Config\n"
                      "clusters:\n"
                      "- name: slipway\n"
                      "  cluster:\n"
                      "    server: \"%s\"\n"
                      "    certificate-authority-data: %s\n"
                      "users:\n"
                      "- name: \"%s\"\n"
                      "  user:\n"
                      "    token: %s\n"
                      "contexts:\n"
                      "- name: slipway\n"
                      "  context:\n"
                      "    cluster: slipway\n"
                      "    user: \"%s\"\n"
                      "current-context: slipway\n",
                      server_url, authority, user, token, user);
}

/* The token on the line that api_kubeconfig_text() wrote; false when there is none. */
static bool find_token(const char *text, char token[static API_TOKEN_SIZE])
{
    const char *line = text ? strstr(text, "\n    token: ") : NULL;
    if (!line)
        return false;
    line += strlen("\n    token: ");
    size_t n = strcspn(line, "\n");
    if (n != API_TOKEN_SIZE - 1)
        return false;
    memcpy(token, line, n);
    token[n] = '\0';
    return true;
}

/* Keeps the token that the kubeconfig holds when it is still the admin's, else makes a new one. */
static int obtain_token(const char *users_path, const char *kubeconfig, struct rng *rng,
                        char token[static API_TOKEN_SIZE], struct err *err)
{
    _cleanup_(api_users_freep) struct api_users *users = NULL;
    int r = api_users_load(users_path, &users, err);
    if (r < 0)
        return r;
    if (find_token(kubeconfig, token)) {
        const struct api_user *user = api_users_authenticate(users, token);
        if (user && user->role == API_ROLE_ADMIN)
            return 0;
    }
    r = api_users_set(users, ADMIN, API_ROLE_ADMIN, rng, token, err);
    return r < 0 ? r : api_users_save(users, users_path, err);
}

static int write_kubeconfig(const char *path, const char *old, const char *text, struct err *err)
{
    if (!text)
        return err_errno(err, -ENOMEM, "%s", path);
    return str_eq(old, text) ? 0 : file_write_atomic(path, text, strlen(text), 0600, err);
}

int api_kubeconfig_ensure(const char *state_dir, const char *keys_dir, const char *server_url,
                          const char *authority_pem, struct rng *rng, struct err *err)
{
    _autofree_ char *path = str_format("%s/kubeconfig", state_dir);
    _autofree_ char *users_path = str_format("%s/users.json", keys_dir);
    if (!path || !users_path)
        return err_errno(err, -ENOMEM, "kubeconfig");
    _autofree_ char *old = NULL;
    int r = file_read(path, KUBECONFIG_MAX, &old, NULL, err);
    if (r < 0 && r != -ENOENT)
        return r;
    char token[API_TOKEN_SIZE];
    r = obtain_token(users_path, old, rng, token, err);
    if (r < 0)
        return r;
    _autofree_ char *text = api_kubeconfig_text(server_url, authority_pem, ADMIN, token);
    r = write_kubeconfig(path, old, text, err);
    sodium_memzero(token, sizeof(token));
    return r;
}
