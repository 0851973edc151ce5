/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Cluster's PKI: found, brought or made when the Cluster is there, put out of use when it was
 * deleted. Files and RSA keys take a while, so a worker thread does it, one Cluster at a time.
 */
#include "base/log.h"
#include "base/str.h"
#include "cluster/pki-provide.h"
#include "server/cluster-entry.h"

enum { DAY_MS = 24 * 3600 * 1000, ENDS_SOON_DAYS = 365 };

struct cluster_pkis {
    struct server *server;
    struct pki_store *store; /* one piece of work at a time */
    uv_mutex_t lock;
    unsigned working; /* pieces of work under way */
    bool closed;      /* nobody wants their results any more */
};

struct pki_work {
    uv_work_t work;
    struct cluster_pkis *owner;
    char *cluster;
    char *from, *hash; /* as in struct pki_wanted */
    bool retire;       /* the one that is there is to go out of use, and no other is wanted */
    char *aside;       /* where that is now; NULL: there was none */
    struct pki_provided provided;
    int result;
    struct err err;
};

/* ---- life ---- */

int cluster_pkis_new(struct server *server, struct cluster_pkis **ret, struct err *err)
{
    struct cluster_pkis *self = calloc(1, sizeof(*self));
    _autofree_ char *folder = str_format("%s/pki", server->keys_dir);
    const struct pki_store_config config = {
        .folder = folder,
        .key_file = server->config->key_file,
        .state_folder = server->state_dir,
    };
    int r = self && folder ? 0 : err_set(err, -ENOMEM, "out of memory");
    if (r == 0)
        r = pki_store_open(&config, &self->store, err);
    if (r < 0) {
        free(self);
        return r;
    }
    self->server = server;
    (void)uv_mutex_init(&self->lock);
    *ret = self;
    return 0;
}

/* The last of owner and workers frees what both use. */
static void release(struct cluster_pkis *self)
{
    if (!self->closed || self->working)
        return;
    pki_store_close(self->store);
    uv_mutex_destroy(&self->lock);
    free(self);
}

void cluster_pkis_free(struct cluster_pkis *pkis)
{
    if (!pkis)
        return;
    pkis->closed = true;
    release(pkis);
}

static void work_free(struct pki_work *w)
{
    pki_clear(&w->provided.pki);
    free(w->aside);
    free(w->from);
    free(w->hash);
    free(w->cluster);
    free(w);
}

/* ---- on a worker thread ---- */

static void do_work(uv_work_t *work)
{
    struct pki_work *w = container_of(work, struct pki_work, work);
    const struct pki_wanted wanted = {.cluster = w->cluster, .from = w->from, .hash = w->hash};
    uv_mutex_lock(&w->owner->lock);
    if (w->retire)
        w->result = pki_store_retire(w->owner->store, w->cluster, clock_wall(&clock_system),
                                     &w->aside, &w->err);
    else
        w->result = pki_provide(w->owner->store, &wanted, &clock_system, &w->provided, &w->err);
    uv_mutex_unlock(&w->owner->lock);
}

/* ---- what has become of it ---- */

/* Tells once what stays the same, and tries again after a pause. */
static void fail(struct cluster_entry *entry, const char *why)
{
    if (!str_eq(entry->pki_problem, why)) {
        cluster_tell(entry, true, "PKIFailed", why);
        free(entry->pki_problem);
        entry->pki_problem = strdup(why);
    }
    entry->pki_waits = true;
    cluster_retry(entry);
    cluster_touch(entry);
}

static void tell_end(const struct cluster_entry *entry, const struct pki_work *w)
{
    const int64_t left = w->provided.ends - clock_wall(&clock_system);
    char text[CLOCK_TEXT_SIZE], message[256];
    if (w->provided.ends == INT64_MAX || left >= (int64_t)ENDS_SOON_DAYS * DAY_MS)
        return;
    (void)snprintf(message, sizeof(message),
                   "the first of the authorities that were brought ends at %s, in %lld days, and "
                   "with it everything that it has signed",
                   clock_text(w->provided.ends, text), (long long)(left / DAY_MS));
    cluster_tell(entry, true, "AuthorityEndsSoon", message);
}

static void tell_origin(const struct cluster_entry *entry, const struct pki_work *w)
{
    char message[1024];
    switch (w->provided.origin) {
    case PKI_CREATED:
        cluster_tell(entry, false, "PKICreated", "its authorities and keys were made");
        return;
    case PKI_IMPORTED:
        (void)snprintf(message, sizeof(message),
                       "its authorities and keys were taken from %s; what is not there was made",
                       w->from);
        cluster_tell(entry, false, "PKIImported", message);
        tell_end(entry, w);
        return;
    case PKI_KEPT:
        if (!w->hash)
            cluster_tell(entry, true, "PKIFound",
                         "the server has kept authorities and keys of a Cluster of this name: they "
                         "are used again, and so is every certificate that they have signed");
    }
}

static bool has_changed(const struct cluster_entry *entry, const struct pki_work *w)
{
    return !w->hash && !str_eq(w->from, entry->cluster->spec.certificates_from);
}

static void take(struct cluster_entry *entry, struct pki_work *w)
{
    if (!entry->cluster || entry->pki_unused || has_changed(entry, w)) {
        cluster_touch(entry);
        return;
    }
    if (w->result < 0) {
        fail(entry, err_text(&w->err));
        return;
    }
    tell_origin(entry, w);
    entry->pki = w->provided.pki;
    w->provided.pki = PKI_INIT;
    entry->pki_ready = true;
    free(TAKE_PTR(entry->pki_problem));
    cluster_touch(entry);
}

static void retired(struct cluster_entry *entry, const struct pki_work *w)
{
    char message[1024];
    if (w->result < 0) {
        fail(entry, err_text(&w->err));
        return;
    }
    entry->pki_unused = false;
    free(TAKE_PTR(entry->pki_problem));
    cluster_touch(entry);
    if (!w->aside)
        return;
    (void)snprintf(message, sizeof(message),
                   "it was deleted, and its authorities' keys are out of use: %s. Remove that file "
                   "(shred -u), or move it to %s/pki/%s.pki before a Cluster of this name is made "
                   "again",
                   w->aside, entry->server->keys_dir, entry->name);
    cluster_tell(entry, true, "PKIRetired", message);
}

static void done(uv_work_t *work, int status)
{
    struct pki_work *w = container_of(work, struct pki_work, work);
    struct cluster_pkis *self = w->owner;
    struct cluster_entry *entry = self->closed ? NULL : clusters_find(self->server, w->cluster);
    if (status < 0)
        w->result = err_errno(&w->err, status, "cannot begin");
    if (entry)
        entry->pki_busy = false;
    if (entry && w->retire)
        retired(entry, w);
    else if (entry)
        take(entry, w);
    work_free(w);
    self->working--;
    release(self);
}

/* ---- beginning ---- */

static int fill(struct pki_work *w, const struct cluster_entry *entry)
{
    const struct cluster *cluster = entry->cluster;
    w->retire = entry->pki_unused;
    w->owner = entry->pkis;
    w->provided.pki = PKI_INIT;
    w->cluster = strdup(entry->name);
    if (!w->retire && cluster->spec.certificates_from)
        w->from = strdup(cluster->spec.certificates_from);
    if (!w->retire && cluster->status.ca_hash)
        w->hash = strdup(cluster->status.ca_hash);
    bool all = w->cluster && (w->retire || (!w->from == !cluster->spec.certificates_from &&
                                            !w->hash == !cluster->status.ca_hash));
    return all ? 0 : -ENOMEM;
}

static void begin(struct cluster_entry *entry)
{
    struct pki_work *w = calloc(1, sizeof(*w));
    if (!w || fill(w, entry) < 0) {
        if (w)
            work_free(w);
        fail(entry, "out of memory");
        return;
    }
    entry->pki_busy = true;
    entry->pkis->working++;
    if (uv_queue_work(&entry->server->loop, &w->work, do_work, done) < 0)
        done(&w->work, UV_ENOMEM);
}

void cluster_pki_look(struct cluster_entry *entry)
{
    bool wanted = entry->pki_unused || (entry->cluster && !entry->pki_ready);
    if (wanted && !entry->pki_busy && !entry->pki_waits)
        begin(entry);
}

void cluster_pki_retry(struct cluster_entry *entry)
{
    entry->pki_waits = false;
}

void cluster_pki_deleted(struct cluster_entry *entry)
{
    pki_clear(&entry->pki);
    entry->pki_ready = false;
    entry->pki_unused = true;
    entry->pki_waits = false;
    cluster_pki_look(entry);
}
