/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/etcd.h"

#include <string.h>

#include "base/str.h"

enum { NAME_MAX_BYTES = 253, URL_MAX_BYTES = 512 };

/* ---- reading ---- */

static bool is_number(const char *text)
{
    uint64_t number;
    return text && str_parse_u64(text, 0, UINT64_MAX, &number) == 0;
}

static bool fits(const char *text, size_t max)
{
    return strlen(text) <= max && str_is_ascii(text);
}

static const char *first_text(const json_t *object, const char *key)
{
    return json_string_value(json_array_get(json_object_get(object, key), 0));
}

/* The address in "https://ADDRESS:PORT"; 0 for a name. */
static ipv4 url_address(const char *url)
{
    char text[IPV4_TEXT_SIZE] = "";
    ipv4 address = 0;
    const char *host = url ? strstr(url, "://") : NULL;
    size_t n = host ? strcspn(host + 3, ":/") : 0;
    if (n == 0 || n >= sizeof(text))
        return 0;
    memcpy(text, host + 3, n);
    return ipv4_parse(text, &address) == 0 ? address : 0;
}

static int read_member(const json_t *object, struct etcd_member *ret)
{
    const char *id = json_string_value(json_object_get(object, "ID"));
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *url = first_text(object, "clientURLs");
    /* what is empty is left out */
    name = name ? name : "";
    if (!is_number(id) || !fits(name, NAME_MAX_BYTES) || (url && !fits(url, URL_MAX_BYTES)))
        return -EBADMSG;
    *ret = (struct etcd_member){.id = strdup(id),
                                .name = strdup(name),
                                .client_url = url ? strdup(url) : NULL,
                                .address = url_address(first_text(object, "peerURLs"))};
    return ret->id && ret->name && (ret->client_url || !url) ? 0 : -ENOMEM;
}

int etcd_members_parse(const json_t *answer, struct etcd_members *ret)
{
    _autoetcdmembers_ struct etcd_members members = {.n = 0};
    const json_t *list = json_object_get(answer, "members");
    size_t i;
    json_t *object;
    if (!json_is_array(list) || json_array_size(list) == 0)
        return -EBADMSG;
    if (json_array_size(list) > ETCD_MEMBERS_MAX)
        return -E2BIG;
    json_array_foreach (list, i, object) {
        int r = read_member(object, &members.items[members.n++]);
        if (r < 0)
            return r;
    }
    *ret = members;
    members.n = 0;
    return 0;
}

void etcd_members_free(struct etcd_members *members)
{
    for (size_t i = 0; i < members->n; i++) {
        free(members->items[i].id);
        free(members->items[i].name);
        free(members->items[i].client_url);
    }
    members->n = 0;
}

/* A member without a leader leaves "leader" out, or says 0. */
bool etcd_status_is_healthy(const json_t *answer)
{
    const char *leader = json_string_value(json_object_get(answer, "leader"));
    return is_number(leader) && !str_eq(leader, "0");
}

json_t *etcd_remove_body(const struct etcd_member *member)
{
    return json_pack("{s:s}", "ID", member->id);
}

const char *etcd_error_text(const json_t *answer)
{
    return json_string_value(json_object_get(answer, "error"));
}

/* ---- deciding ---- */

static size_t quorum(size_t n)
{
    return n / 2 + 1;
}

static const char *display_name(const struct etcd_member *member)
{
    return member->name[0] ? member->name : "(not started)";
}

int etcd_may_remove(const struct etcd_members *members, size_t index, char text[ETCD_TEXT_SIZE])
{
    size_t n = members->n, healthy = 0;
    const struct etcd_member *member = &members->items[index];
    text[0] = '\0';
    if (n == 1)
        return -EDOM;
    for (size_t i = 0; i < n; i++)
        healthy += members->items[i].healthy;
    if (healthy < quorum(n)) {
        (void)snprintf(text, ETCD_TEXT_SIZE,
                       "etcd has lost its quorum: %zu of %zu members answer, %zu are needed",
                       healthy, n, quorum(n));
        return -EBUSY;
    }
    size_t left = healthy - member->healthy;
    if (left >= quorum(n - 1))
        return 0;
    (void)snprintf(text, ETCD_TEXT_SIZE,
                   "etcd would lose its quorum without member %.64s: %zu of the other %zu answer, "
                   "%zu are needed",
                   display_name(member), left, n - 1, quorum(n - 1));
    return -EBUSY;
}

const struct etcd_member *etcd_find(const struct etcd_members *members, const char *name,
                                    ipv4 address)
{
    for (size_t i = 0; i < members->n; i++) {
        const struct etcd_member *member = &members->items[i];
        bool unstarted = !member->name[0] && address && member->address == address;
        if (unstarted || (member->name[0] && str_eq(member->name, name)))
            return member;
    }
    return NULL;
}

static bool is_known(const char *name, const char *const *known, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(known[i], name))
            return true;
    }
    return false;
}

const struct etcd_member *etcd_stale(const struct etcd_members *members, const char *joiner,
                                     const char *const *known, size_t n_known)
{
    for (size_t i = 0; i < members->n; i++) {
        const struct etcd_member *member = &members->items[i];
        if (!member->name[0] || str_eq(member->name, joiner))
            return member;
        if (!member->healthy && !is_known(member->name, known, n_known))
            return member;
    }
    return NULL;
}
