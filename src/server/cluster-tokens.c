/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bootstrap token is deleted as soon as the task that it was made for has ended, or its Machine
 * may not join any more.
 */
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "kube/bootstrap-token.h"
#include "kube/request.h"
#include "server/cluster-entry.h"

struct spent {
    struct server *server;
    char *cluster, *machine, *id;
};

static void spent_free(struct spent *s)
{
    free(s->cluster);
    free(s->machine);
    free(s->id);
    free(s);
}

static int forget_token(void *data, json_t *object, struct err *err)
{
    const struct spent *s = data;
    json_t *join = object_get(object, "status.join");
    (void)err;
    if (!str_eq(object_text(object, "status.join.tokenID"), s->id))
        return 0; /* another one was made meanwhile */
    (void)json_object_del(join, "tokenID");
    (void)json_object_del(join, "tokenExpiresAt");
    return 0;
}

static void on_forgotten(void *data, int rc, json_t *object, const struct err *err)
{
    (void)rc, (void)object, (void)err;
    spent_free(data);
}

/* What could not be deleted is tried again; it also ends by itself in minutes. */
static void on_deleted(void *user, const struct kube_answer *reply)
{
    struct spent *s = user;
    struct cluster_entry *entry = clusters_find(s->server, s->cluster);
    struct cluster_machine *member = entry ? cluster_member_find(entry, s->machine) : NULL;
    if (member)
        member->token_going = false;
    bool gone = reply->error == 0 || reply->error == -ENOENT;
    if (entry && !gone)
        cluster_retry(entry);
    if (!gone && reply->error != -ECANCELED)
        log_warn("Cluster %s: the token of %s could not be deleted: %s", s->cluster, s->machine,
                 reply->status.message);
    if (!gone || store_mutate(s->server->store, &kind_machine, STORE_STATUS, s->machine,
                              forget_token, on_forgotten, s) < 0)
        spent_free(s);
}

static struct spent *spent_new(const struct cluster_entry *entry,
                               const struct cluster_machine *member)
{
    struct spent *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->server = entry->server;
    s->cluster = strdup(entry->name);
    s->machine = strdup(member->machine->meta.name);
    s->id = strdup(member->machine->status.join.token_id);
    if (s->cluster && s->machine && s->id)
        return s;
    spent_free(s);
    return NULL;
}

static int delete_secret(const struct cluster_entry *entry, const char *id,
                         const struct kube_then *then)
{
    char name[KUBE_TOKEN_NAME_SIZE];
    const struct kube_path path = {.kind = &kube_secrets,
                                   .namespace = "kube-system",
                                   .name = kube_token_secret_name(id, name)};
    return kube_delete(cluster_link_client(entry->link), &path, NULL, *then);
}

static void delete_token(struct cluster_entry *entry, struct cluster_machine *member)
{
    struct spent *s = spent_new(entry, member);
    if (!s)
        return;
    member->token_going = true;
    if (delete_secret(entry, s->id, &(struct kube_then){.done = on_deleted, .user = s}) < 0) {
        member->token_going = false;
        spent_free(s);
    }
}

static void on_unused_deleted(void *user, const struct kube_answer *reply)
{
    (void)user;
    if (reply->error < 0 && reply->error != -ENOENT)
        log_warn("a token that was not used could not be deleted: %s", reply->status.message);
}

void cluster_token_delete(const struct cluster_entry *entry, const char *id)
{
    if (entry->link)
        (void)!delete_secret(entry, id, &(struct kube_then){.done = on_unused_deleted});
}

static bool is_spent(const struct cluster_machine *member)
{
    const struct machine_join *join = &member->machine->status.join;
    return join->token_id &&
           (join->state != JOIN_RUNNING || cluster_member_leaves(member) != LEAVE_NOT);
}

void cluster_tokens_clean(struct cluster_entry *entry)
{
    size_t cursor = 0;
    if (!entry->link || !cluster_link_is_up(entry->link))
        return;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        struct cluster_machine *member = e.value;
        if (is_spent(member) && !member->token_going)
            delete_token(entry, member);
    }
}
