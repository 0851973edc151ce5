/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bootstrap token is deleted as soon as the task that it was made for has ended, or its Machine
 * may not join any more. One that no Machine holds is deleted, too: its making was not answered, or
 * the server ended before it was written down, or the Machine was deleted.
 */
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "kube/bootstrap-token.h"
#include "kube/request.h"
#include "server/cluster-entry.h"

static int delete_secret(const struct cluster_entry *entry, const char *name,
                         const struct kube_then *then)
{
    const struct kube_path path = {.kind = &kube_secrets, .namespace = "kube-system", .name = name};
    return kube_delete(cluster_link_client(entry->link), &path, NULL, *then);
}

static bool is_gone(const struct kube_answer *reply)
{
    return reply->error == 0 || reply->error == -ENOENT;
}

/* ---- the token of a task that has ended ---- */

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

/* The end of it, deleted or not. */
static void spent_end(struct spent *s)
{
    struct cluster_entry *entry = clusters_find(s->server, s->cluster);
    struct cluster_machine *member = entry ? cluster_member_find(entry, s->machine) : NULL;
    if (member)
        member->token_going = false;
    spent_free(s);
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

/* The member forgets it here, not when the watch tells so: nobody shall look for what is deleted.
 */
static void on_forgotten(void *data, int rc, json_t *object, const struct err *err)
{
    struct spent *s = data;
    struct cluster_entry *entry = clusters_find(s->server, s->cluster);
    (void)err;
    if (rc == 0 && entry && cluster_member_find(entry, s->machine))
        (void)!cluster_member_put(entry, object);
    spent_end(s);
}

static void not_deleted(const struct spent *s, const struct kube_answer *reply)
{
    struct cluster_entry *entry = clusters_find(s->server, s->cluster);
    if (entry) {
        entry->tokens_unsure = true; /* the Machine may have got another one meanwhile */
        cluster_retry(entry);
    }
    if (reply->error != -ECANCELED)
        log_warn("Cluster %s: the token of %s could not be deleted: %s", s->cluster, s->machine,
                 reply->status.message);
}

/* What could not be deleted is tried again. */
static void on_deleted(void *user, const struct kube_answer *reply)
{
    struct spent *s = user;
    bool gone = is_gone(reply);
    if (!gone)
        not_deleted(s, reply);
    if (!gone || store_mutate(s->server->store, &kind_machine, STORE_STATUS, s->machine,
                              forget_token, on_forgotten, s) < 0)
        spent_end(s);
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

static void delete_token(struct cluster_entry *entry, struct cluster_machine *member)
{
    char name[KUBE_TOKEN_NAME_SIZE];
    struct spent *s = spent_new(entry, member);
    if (!s)
        return;
    member->token_going = true;
    const struct kube_then then = {.done = on_deleted, .user = s};
    if (delete_secret(entry, kube_token_secret_name(s->id, name), &then) < 0)
        spent_end(s);
}

static bool is_spent(const struct cluster_machine *member)
{
    const struct machine_join *join = &member->machine->status.join;
    return join->token_id &&
           (join->state != JOIN_RUNNING || cluster_member_leaves(member) != LEAVE_NOT);
}

/* ---- those that no Machine holds ---- */

struct sweep {
    struct server *server;
    char *cluster;
    unsigned made;  /* entry->tokens_made when it began */
    unsigned parts; /* requests under way */
    bool failed;
};

static void sweep_free(struct sweep *s)
{
    free(s->cluster);
    free(s);
}

static void part_ended(struct sweep *s)
{
    struct cluster_entry *entry = clusters_find(s->server, s->cluster);
    if (--s->parts > 0)
        return;
    if (entry)
        entry->tokens_sweeping = false;
    if (entry && s->failed) {
        entry->tokens_unsure = true;
        cluster_retry(entry);
    } else if (entry && entry->tokens_unsure) {
        cluster_touch(entry);
    }
    sweep_free(s);
}

static void on_swept(void *user, const struct kube_answer *reply)
{
    struct sweep *s = user;
    if (!is_gone(reply))
        s->failed = true;
    part_ended(s);
}

/* The store knows best: what is told of Machines may lag behind it. */
static bool is_held(const struct sweep *s, const json_t *secret)
{
    const char *machine = json_string_value(
        json_object_get(object_get(secret, "metadata.annotations"), CLUSTER_TOKEN_MACHINE));
    json_auto_t *object =
        str_empty(machine) ? NULL : store_get(s->server->store, &kind_machine, machine);
    const char *id = object ? object_text(object, "status.join.tokenID") : NULL;
    char name[KUBE_TOKEN_NAME_SIZE];
    return id && str_eq(kube_token_secret_name(id, name), object_name(secret));
}

static int on_secret(void *user, json_t *secret)
{
    struct sweep *s = user;
    struct cluster_entry *entry = clusters_find(s->server, s->cluster);
    if (!entry || !entry->link || is_held(s, secret))
        return 0;
    /* One that was made after the beginning may be about to be written down. */
    if (entry->tokens_made != s->made) {
        entry->tokens_unsure = true;
        return 0;
    }
    log_info("Cluster %s: %s is deleted: no Machine holds it", s->cluster, object_name(secret));
    const struct kube_then then = {.done = on_swept, .user = s};
    if (delete_secret(entry, object_name(secret), &then) == 0)
        s->parts++;
    else
        s->failed = true;
    return 0;
}

static void on_listed(void *user, const struct kube_answer *reply, const char *version)
{
    struct sweep *s = user;
    (void)version;
    if (reply->error < 0)
        s->failed = true;
    part_ended(s);
}

static int list_tokens(const struct cluster_entry *entry, struct sweep *s)
{
    const struct kube_path path = {.kind = &kube_secrets, .namespace = "kube-system"};
    const struct kube_list_options options = {
        .label_selector = CLUSTER_TOKEN_LABEL "=" CLUSTER_TOKEN_MANAGER,
        .field_selector = "type=" KUBE_TOKEN_TYPE,
    };
    const struct kube_list_then then = {.item = on_secret, .done = on_listed, .user = s};
    return kube_list(cluster_link_client(entry->link), &path, &options, then);
}

static void sweep(struct cluster_entry *entry)
{
    struct sweep *s = calloc(1, sizeof(*s));
    if (!s)
        return;
    *s = (struct sweep){.server = entry->server,
                        .cluster = strdup(entry->name),
                        .made = entry->tokens_made,
                        .parts = 1};
    if (!s->cluster || list_tokens(entry, s) < 0) {
        sweep_free(s);
        return;
    }
    entry->tokens_unsure = false;
    entry->tokens_sweeping = true;
}

/* A token on its way to a Machine is nobody's until that is written down. */
static bool may_sweep(const struct cluster_entry *entry)
{
    size_t cursor = 0;
    if (!entry->tokens_unsure || entry->tokens_sweeping || entry->retry_at)
        return false;
    for (struct map_entry_view e; map_next(entry->members, &cursor, &e);) {
        const struct cluster_machine *member = e.value;
        if (member->busy)
            return false;
    }
    return true;
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
    if (may_sweep(entry))
        sweep(entry);
}
