/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-users.h"

#include <ctype.h>
#include <jansson.h>
#include <sodium.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

#define USERS_MAX 256
#define FILE_MAX (256 * 1024)

struct api_users {
    struct api_user users[USERS_MAX];
    size_t count;
};

enum api_role api_role_parse(const char *text)
{
    if (str_eq(text, "admin"))
        return API_ROLE_ADMIN;
    return str_eq(text, "reader") ? API_ROLE_READER : API_ROLE_NONE;
}

const char *api_role_text(enum api_role role)
{
    return role == API_ROLE_ADMIN ? "admin" : role == API_ROLE_READER ? "reader" : "none";
}

void api_users_free(struct api_users *users)
{
    if (users)
        sodium_memzero(users, sizeof(*users));
    free(users);
}

static bool name_is_sound(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("-_.@", name[i]))
            return false;
    return n > 0 && n < API_USER_NAME_SIZE;
}

static int read_user(const json_t *entry, struct api_user *ret, struct err *err)
{
    const char *name = json_string_value(json_object_get(entry, "name"));
    const char *role = json_string_value(json_object_get(entry, "role"));
    const char *hash = json_string_value(json_object_get(entry, "tokenHash"));
    if (!name || !name_is_sound(name))
        return err_set(err, -EINVAL, "name: expected letters, digits and \"-_.@\"");
    ret->role = api_role_parse(role);
    if (ret->role == API_ROLE_NONE)
        return err_set(err, -EINVAL, "role of \"%s\": expected admin or reader", name);
    if (!hash || str_unhex(hash, ret->token_hash, sizeof(ret->token_hash)) < 0)
        return err_set(err, -EINVAL, "tokenHash of \"%s\": expected 64 hex digits", name);
    return str_copy(ret->name, sizeof(ret->name), name);
}

static int read_users(const char *text, struct api_users *users, struct err *err)
{
    json_error_t error;
    json_auto_t *list = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_array(list) || json_array_size(list) > USERS_MAX)
        return err_set(err, -EINVAL, "expected a list of at most %d users: %s", USERS_MAX,
                       list ? "found something else" : error.text);
    size_t i;
    const json_t *entry;
    json_array_foreach (list, i, entry) {
        int r = read_user(entry, &users->users[i], err);
        if (r < 0) {
            (void)err_wrap(err, "entry %zu", i);
            return r;
        }
        users->count++;
    }
    return 0;
}

int api_users_load(const char *path, struct api_users **ret, struct err *err)
{
    _cleanup_(api_users_freep) struct api_users *users = calloc(1, sizeof(*users));
    if (!users)
        return err_errno(err, -ENOMEM, "%s", path);
    _autofree_ char *text = NULL;
    struct err ours = ERR_INIT;
    int r = file_read(path, FILE_MAX, &text, NULL, &ours);
    if (r == -ENOENT)
        r = 0;
    else if (r == 0 && (r = read_users(text, users, &ours)) < 0)
        (void)err_wrap(&ours, "%s", path);
    if (r < 0)
        return err_set(err, r, "%s", err_text(&ours));
    *ret = TAKE_PTR(users);
    return 0;
}

/* A file that root replaces stays readable for a server that runs as another user. */
static int give_to_owner_of_folder(const char *path, struct err *err)
{
    struct stat st;
    const char *slash = strrchr(path, '/');
    _autofree_ char *folder = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    if (!folder || geteuid() != 0 || stat(folder, &st) < 0)
        return 0;
    return chown(path, st.st_uid, st.st_gid) < 0 ? err_errno(err, -errno, "%s", path) : 0;
}

int api_users_save(const struct api_users *users, const char *path, struct err *err)
{
    json_auto_t *list = json_array();
    for (size_t i = 0; i < users->count; i++) {
        const struct api_user *u = &users->users[i];
        _autofree_ char *hash = str_hex(u->token_hash, sizeof(u->token_hash));
        if (json_array_append_new(list, json_pack("{ss,ss,ss}", "name", u->name, "role",
                                                  api_role_text(u->role), "tokenHash", hash)) < 0)
            return err_errno(err, -ENOMEM, "%s", path);
    }
    _autofree_ char *text = json_dumps(list, JSON_INDENT(2));
    if (!text)
        return err_errno(err, -ENOMEM, "%s", path);
    int r = file_write_atomic(path, text, strlen(text), 0600, err);
    return r < 0 ? r : give_to_owner_of_folder(path, err);
}

static void hash_token(const char *token, uint8_t hash[static API_TOKEN_HASH_SIZE])
{
    (void)crypto_generichash(hash, API_TOKEN_HASH_SIZE, (const unsigned char *)token, strlen(token),
                             NULL, 0);
}

const struct api_user *api_users_find(const struct api_users *users, const char *name)
{
    for (size_t i = 0; i < users->count; i++)
        if (str_eq(users->users[i].name, name))
            return &users->users[i];
    return NULL;
}

int api_users_set(struct api_users *users, const char *name, enum api_role role, struct rng *rng,
                  char token[static API_TOKEN_SIZE], struct err *err)
{
    if (!name_is_sound(name))
        return err_set(err, -EINVAL, "not a user name: expected letters, digits and \"-_.@\"");
    size_t i = 0;
    while (i < users->count && !str_eq(users->users[i].name, name))
        i++;
    if (i == USERS_MAX)
        return err_set(err, -E2BIG, "more than %d users", USERS_MAX);
    struct api_user *user = &users->users[i];
    int r = str_copy(user->name, sizeof(user->name), name);
    if (r < 0)
        return err_errno(err, r, "user name");
    uint8_t secret[32];
    rng_fill(rng, secret, sizeof(secret));
    (void)sodium_bin2base64(token, API_TOKEN_SIZE, secret, sizeof(secret),
                            sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(secret, sizeof(secret));
    hash_token(token, user->token_hash);
    user->role = role;
    if (i == users->count)
        users->count++;
    return 0;
}

const struct api_user *api_users_authenticate(const struct api_users *users, const char *token)
{
    uint8_t hash[API_TOKEN_HASH_SIZE];
    hash_token(token, hash);
    const struct api_user *found = NULL;
    for (size_t i = 0; i < users->count; i++)
        if (sodium_memcmp(hash, users->users[i].token_hash, sizeof(hash)) == 0)
            found = &users->users[i];
    return found;
}
