/* SPDX-License-Identifier: Apache-2.0 */
#include <grp.h>
#include <pwd.h>
#include <strings.h>

#include "base/log.h"
#include "base/str.h"
#include "server/api-internal.h"

#define GROUPS_MAX 256

/* Whether the user belongs to the group, as its primary or as a supplementary one. */
static bool is_member(uid_t uid, gid_t gid, gid_t group)
{
    if (group == (gid_t)-1)
        return false;
    if (gid == group)
        return true;
    struct passwd entry, *found = NULL;
    char text[4096];
    if (getpwuid_r(uid, &entry, text, sizeof(text), &found) != 0 || !found)
        return false;
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;
    if (getgrouplist(entry.pw_name, gid, groups, &count) < 0)
        return false;
    for (int i = 0; i < count; i++)
        if (groups[i] == group)
            return true;
    return false;
}

static enum api_role unix_role(const struct api *api, const struct http_peer *peer,
                               char name[static API_USER_NAME_SIZE])
{
    (void)snprintf(name, API_USER_NAME_SIZE, "uid:%u", (unsigned)peer->uid);
    bool trusted = peer->uid == 0 || peer->uid == geteuid() ||
                   is_member(peer->uid, peer->gid, api->setup.admin_group);
    return trusted ? API_ROLE_ADMIN : API_ROLE_NONE;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Reads the users again when the file has changed; keeps the old ones when it is broken. */
static void refresh_users(struct api *api)
{
    struct stat st;
    if (!api->setup.users_path || stat(api->setup.users_path, &st) < 0)
        return;
    if (api->users && same_time(&st.st_mtim, &api->users_time))
        return;
    struct api_users *users = NULL;
    struct err err = ERR_INIT;
    if (api_users_load(api->setup.users_path, &users, &err) < 0) {
        log_error("cannot read the API's users: %s", err_text(&err));
    } else {
        api_users_free(api->users);
        api->users = users;
    }
    api->users_time = st.st_mtim;
}

static enum api_role token_role(struct api *api, const struct http_request *http,
                                char name[static API_USER_NAME_SIZE])
{
    const char *header = http_request_header(http, "Authorization");
    if (!header || strncasecmp(header, "Bearer ", 7) != 0)
        return API_ROLE_NONE;
    refresh_users(api);
    const struct api_user *user =
        api->users ? api_users_authenticate(api->users, header + 7 + strspn(header + 7, " "))
                   : NULL;
    if (!user)
        return API_ROLE_NONE;
    memcpy(name, user->name, API_USER_NAME_SIZE);
    return user->role;
}

enum api_role api_authenticate(struct api *api, const struct http_request *http,
                               char name[static API_USER_NAME_SIZE])
{
    const struct http_peer *peer = http_request_peer(http);
    memcpy(name, "anonymous", sizeof("anonymous"));
    switch (peer->transport) {
    case HTTP_UNIX:
        return unix_role(api, peer, name);
    case HTTP_TLS:
        return token_role(api, http, name);
    case HTTP_TCP:
        break;
    }
    return API_ROLE_NONE;
}
