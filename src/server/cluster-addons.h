/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the add-on controller share. Loop thread only, but for the loading itself.
 *
 *   cluster-addons.c          when to look, the watches on files, what people see
 *   cluster-addons-load.c     files and addresses into objects, in a thread of its own
 *   cluster-addons-fetch.c    a manifest from its URL
 *   cluster-addons-pass.c     one pass: inventories, then objects in their order
 *   cluster-addons-object.c   one object: its resource, its certificate, applying it
 *   cluster-addons-prune.c    what no add-on brings any more
 */
#pragma once

#include "cluster/addons.h"
#include "kube/client.h"
#include "kube/discovery.h"
#include "kube/path.h"
#include "server/cluster-entry.h"

/* ---- loading ---- */

/* An add-on as its files say. */
struct addon_loaded {
    char *name;
    struct addon_objects objects;
    struct buf problems; /* one line each; then it is not whole, and nothing of it is pruned */
    /* of the pass that applies it */
    size_t sent; /* objects that are new or changed */
    size_t failed;
    char *failure; /* of the first one; NULL: none */
};

struct addon_set {
    struct addon_loaded *items;
    size_t n;
};
void addon_set_free(struct addon_set *set);

struct addons_load;

/*
 * Reads what addons_input() names, in a thread: files and URLs may be slow, and the store's threads
 * are not to wait for them. done(user, set) comes on the loop and owns the set (NULL: out of
 * memory). 0 or a negative errno.
 */
int addons_load_start(uv_loop_t *loop, const json_t *input,
                      void (*done)(void *user, struct addon_set *set), void *user,
                      struct addons_load **ret) _must_check_;
/* done does not come any more; the thread ends soon. NULL allowed. */
void addons_load_cancel(struct addons_load *load);

/*
 * Appends the content behind a URL. Redirects from https stay with https. *cancelled is looked at
 * while it goes on. Blocks up to half a minute; 0 or a negative errno with err. Thread safe.
 */
int addons_fetch(const char *url, const _Atomic bool *cancelled, struct buf *ret, struct err *err)
    _must_check_;

/* ---- one pass ---- */

#define ADDONS_NAMESPACE "kube-system"
#define ADDONS_INVENTORY_PREFIX "slipway-addon-" /* of the names of inventories */

struct addons;

/* An add-on's inventory, as the cluster keeps it. */
struct addon_known {
    struct addon_inventory items;
    bool stored; /* a ConfigMap of it exists */
};

struct addons_pass {
    struct addons *owner;
    struct addon_set *set; /* owned */
    bool full;             /* what was applied already is applied again */
    struct map *known;     /* add-on -> struct addon_known */
    struct map *wanted;    /* addon_object_id() -> struct addon_loaded */
    struct kube_request *request;
    uv_timer_t *pause; /* the owner's; for waiting inside a pass */
    size_t addon, object;
    int resource_error; /* of the last answer about resources; 0 or -ENOENT: it could say */
    bool asked;         /* the resources of its apiVersion were just asked for */
    bool noted;         /* the inventory of the add-on holds what will be applied */
    bool established;   /* its CustomResourceDefinitions are */
    size_t definition;  /* the next one to ask for */
    int64_t deadline;   /* of what is waited for; monotonic; 0: nothing */
    size_t cursor;      /* of known, while pruning */
    struct addon_known *pruning;
    char *pruning_name;
    size_t item;    /* items of it that are left to look at */
    bool pruned;    /* something was taken out of it */
    bool item_open; /* its object was asked for */
    size_t undeleted;
    bool away; /* the API server does not answer */
    char away_text[512];
};

/* What the API server took: the text's digest, and which object it was. */
struct addon_applied {
    uint8_t digest[ADDON_DIGEST_SIZE];
    char uid[64];
};

struct addons {
    struct cluster_entry *entry;
    uv_timer_t timer, pause;
    unsigned closing;
    bool up;
    int64_t generation; /* of the Cluster whose input this is */
    char endpoint[CLUSTER_ENDPOINT_SIZE];
    json_t *input;
    char *signature;
    struct list watches;
    struct addons_load *load;
    struct addons_pass *pass;
    struct map *applied;   /* addon_object_id() -> struct addon_applied */
    struct map *resources; /* apiVersion -> json_t: its APIResourceList */
    struct addons_when when;
    bool full;       /* the next pass is */
    int64_t full_ms; /* when the last one that was has ended; monotonic */
    char *told;      /* the last failure that was told */
};

/* Begins a pass and owns the set. addons_pass_done() is called when it ends, never from inside. */
int addons_pass_start(struct addons *addons, struct addon_set *set) _must_check_;
void addons_pass_cancel(struct addons_pass *pass);
void addons_pass_done(struct addons *addons, struct addons_pass *pass);
/* Goes on with what is next; called from callbacks. */
void addons_pass_next(struct addons_pass *pass);
/* Goes on after a while. */
void addons_pass_pause(struct addons_pass *pass, uint64_t ms);
/* Ends it, because the API server does not answer or memory is out. */
void addons_pass_abort(struct addons_pass *pass, const char *why);
/* Notes that an object, or something else of an add-on, failed. */
void addons_pass_fail(struct addons_pass *pass, struct addon_loaded *addon, const char *what,
                      const char *why);
/* Whether an answer says that the API server is away: then the pass has been aborted. */
bool addons_pass_is_away(struct addons_pass *pass, const struct kube_answer *answer);
struct kube_client *addons_client(const struct addons *addons);
struct kube_then addons_then(struct addons_pass *pass,
                             void (*done)(void *user, const struct kube_answer *answer));
int64_t addons_now(const struct addons *addons);
/* Writes an add-on's inventory; done as usual. */
int addons_write_inventory(struct addons_pass *pass, const char *addon,
                           const struct addon_inventory *items,
                           void (*done)(void *user, const struct kube_answer *answer)) _must_check_;

/* ---- one object ---- */

/*
 * The resource of a kind. 0; -EINPROGRESS: it was asked for, and the pass goes on by itself then;
 * -ENOENT: there is none; another errno.
 */
int addons_resource(struct addons_pass *pass, const char *api_version, const char *kind,
                    struct kube_resource *ret) _must_check_;
/* Forgets the resources of an apiVersion, so that they are asked for again. */
void addons_forget_resource(struct addons *addons, const char *api_version);

/* A path's parts live here. */
struct addons_path {
    char group[254];
    struct kube_kind kind;
    struct kube_path path;
};
int addons_path(const char *api_version, const struct kube_resource *resource,
                const char *namespace, const char *name, struct addons_path *ret) _must_check_;

/* Applies the pass's present object; addons_pass_next() is called then. */
void addons_apply(struct addons_pass *pass, struct addon_object *object);
/* Whether the API server took it already, as it is now. */
bool addons_is_applied(const struct addons_pass *pass, const struct addon_object *object);

/* Looks whether the definitions of an add-on are Established. True: they are, or were given up. */
bool addons_definitions_are_there(struct addons_pass *pass, struct addon_loaded *addon);

/* ---- pruning ---- */

/* Goes on with pruning; false: nothing is left to do. */
bool addons_prune_next(struct addons_pass *pass);
void addon_known_free(void *known);
