/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out what csr_decide() decides about kubelets' certificate requests. */
#include "base/log.h"
#include "base/map.h"
#include "base/str.h"
#include "cluster/csr-object.h"
#include "kube/request.h"
#include "server/cluster-entry.h"

enum { UNDECIDED_MAX = 1024 };

/* An approval that waits for its key to be noted, or a verdict that is being written. */
struct verdict {
    struct server *server;
    char *cluster, *name, *key, *machine;
    bool approved;
    json_t *request; /* as it was seen */
    json_t *object;  /* what is to be written */
};

static void verdict_free(struct verdict *v)
{
    free(v->cluster);
    free(v->name);
    free(v->key);
    free(v->machine);
    json_decref(v->request);
    json_decref(v->object);
    free(v);
}

/* ---- trying again ---- */

void cluster_csr_forget(void *request)
{
    json_decref(request);
}

/* What comes beyond the limit is decided about when its API server is connected to anew. */
static void decide_later(const struct verdict *v)
{
    struct cluster_entry *entry = clusters_find(v->server, v->cluster);
    void *old = NULL;
    if (!entry || map_count(entry->undecided) >= UNDECIDED_MAX)
        return;
    if (map_puts(entry->undecided, v->name, json_incref(v->request), &old) < 0)
        json_decref(v->request);
    json_decref(old);
    cluster_retry(entry);
}

void cluster_csr_retry(struct cluster_entry *entry)
{
    struct map *again = entry->undecided, *none = map_new();
    size_t cursor = 0;
    if (!none) {
        cluster_retry(entry);
        return;
    }
    entry->undecided = none;
    for (struct map_entry_view e; map_next(again, &cursor, &e);)
        cluster_csr_seen(entry, e.value);
    map_free_with(again, cluster_csr_forget);
}

/* A request that changed is told of by the watch; one that is gone needs no verdict. */
static bool is_worth_retrying(int error)
{
    return error != -ESTALE && error != -ENOENT && error != -ECANCELED;
}

static void on_written(void *user, const struct kube_answer *reply)
{
    struct verdict *v = user;
    const char *what = v->approved ? "approved" : "denied";
    if (reply->error < 0 && is_worth_retrying(reply->error))
        decide_later(v);
    if (reply->error < 0)
        log_warn("Cluster %s: certificate request %s could not be %s: %s", v->cluster, v->name,
                 what, reply->status.message);
    else
        log_info("Cluster %s: certificate request %s of %s %s", v->cluster, v->name, v->machine,
                 what);
    verdict_free(v);
}

static void write_verdict(struct verdict *v)
{
    const struct cluster_entry *entry = clusters_find(v->server, v->cluster);
    const struct kube_path path = {.kind = &kube_csrs, .name = v->name, .subresource = "approval"};
    if (!entry || !entry->link ||
        kube_update(cluster_link_client(entry->link), &path, v->object, NULL,
                    (struct kube_then){.done = on_written, .user = v}) < 0) {
        decide_later(v);
        verdict_free(v);
    }
}

/* ---- the key that a first certificate was approved for ---- */

static int set_bound_key(void *data, json_t *object, struct err *err)
{
    const struct verdict *v = data;
    const char *before = object_text(object, "status.join.boundKey");
    if (before && !str_eq(before, v->key))
        return err_set(err, -EEXIST, "another key was approved meanwhile");
    return object_set(object, "status.join.boundKey", json_string(v->key));
}

static void on_bound(void *data, int rc, json_t *object, const struct err *err)
{
    struct verdict *v = data;
    (void)object;
    if (rc == 0) {
        write_verdict(v);
        return;
    }
    log_warn("Cluster %s: certificate request %s of %s: %s", v->cluster, v->name, v->machine,
             err_text(err));
    decide_later(v);
    verdict_free(v);
}

static void bind_and_write(struct verdict *v)
{
    if (store_mutate(v->server->store, &kind_machine, STORE_STATUS, v->machine, set_bound_key,
                     on_bound, v) < 0) {
        decide_later(v);
        verdict_free(v);
    }
}

/* ---- deciding ---- */

static struct verdict *verdict_new(const struct cluster_entry *entry, const struct csr_object *csr,
                                   const struct csr_decision *decision, int64_t now)
{
    struct verdict *v = calloc(1, sizeof(*v));
    if (!v)
        return NULL;
    v->server = entry->server;
    v->approved = decision->action == CSR_APPROVE;
    v->cluster = strdup(entry->name);
    v->name = strdup(csr->facts.name);
    v->machine = strdup(decision->machine ? decision->machine->name : "a stranger");
    v->key = strdup(csr->facts.request ? csr->facts.request->key_hash : "");
    v->request = json_incref(csr->object);
    v->object = csr_object_approval(csr->object, decision, now);
    if (v->cluster && v->name && v->machine && v->key && v->object)
        return v;
    verdict_free(v);
    return NULL;
}

/* A denial is told with the Machine that it is about, so that `describe` shows it. */
static void tell_denial(const struct cluster_entry *entry, const struct csr_object *csr,
                        const struct csr_decision *decision)
{
    char name[128];
    (void)log_quote(name, sizeof(name), csr->facts.name, strlen(csr->facts.name));
    log_warn("Cluster %s: certificate request %s denied: %s", entry->name, name, decision->message);
    if (!decision->machine)
        return;
    json_auto_t *object = store_get(entry->server->store, &kind_machine, decision->machine->name);
    if (object)
        (void)!store_event(entry->server->store, object, true, "CertificateDenied",
                           decision->message);
}

static void act(struct cluster_entry *entry, const struct csr_object *csr,
                const struct csr_decision *decision, int64_t now)
{
    if (decision->action == CSR_IGNORE)
        return;
    if (decision->action == CSR_DENY)
        tell_denial(entry, csr, decision);
    struct verdict *v = verdict_new(entry, csr, decision, now);
    if (!v)
        log_error("Cluster %s: out of memory at a certificate request", entry->name);
    else if (decision->bind_key)
        bind_and_write(v);
    else
        write_verdict(v);
}

void cluster_csr_seen(struct cluster_entry *entry, json_t *object)
{
    struct csr_object csr _autocsrobject_ = {0};
    struct csr_decision decision;
    _autofree_ struct csr_machine *machines = NULL;
    size_t count = 0;
    struct err err = ERR_INIT;
    int64_t now = clock_wall(entry->server->clock);
    if (csr_object_parse(object, &csr, &err) < 0) {
        log_debug("Cluster %s: a certificate request is none: %s", entry->name, err_text(&err));
        return;
    }
    if (cluster_csr_machines(entry, &machines, &count) < 0) {
        log_error("Cluster %s: out of memory at a certificate request", entry->name);
        return;
    }
    csr_decide(&csr.facts, machines, count, now, &decision);
    act(entry, &csr, &decision, now);
}
