/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Add-ons: manifests that are applied to a cluster in an order and by an owner. Pure: texts come
 * in, objects and decisions go out; reading files and talking to an API server is the server's
 * part. Everything is bounded, because manifests come from elsewhere.
 *
 * Nothing here has state: everything is thread safe as long as its arguments are.
 */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "resource/cluster.h"

enum {
    ADDON_FILE_MAX = 4 << 20,   /* bytes of one manifest */
    ADDON_TOTAL_MAX = 16 << 20, /* bytes of all manifests of an add-on */
    ADDON_OBJECTS_MAX = 1000,   /* objects of an add-on */
    ADDON_FILES_MAX = 1000,     /* files of a folder */
    ADDON_URLS_MAX = 64,        /* addresses in a file of them */
    ADDON_ID_SIZE = 640,        /* addon_object_id()'s text */
    ADDON_DIGEST_SIZE = 32,
};

#define ADDON_LABEL "slipway.dev/addon"                     /* on every object: its add-on's name */
#define ADDON_PRUNE "slipway.dev/prune"                     /* annotation: "true" or "false" */
#define ADDON_INVENTORY_LABEL "slipway.dev/addon-inventory" /* on inventories: their add-on */
#define ADDON_NAMES "slipway.dev/certificate-names"         /* annotation of certificates */

/* ---- what to load ---- */

/*
 * What the add-ons of a Cluster are made from, as one JSON value that also tells whether anything
 * has changed:
 *   {"values": {"clusterName": "demo", ...},
 *    "addons": [{"name", "path", "template", "variables", "variablesFrom", "certificates"}]}
 * spec.cni.manifest comes first, as the add-on "cni". Values that are not known are left out, so
 * that a manifest which needs one is refused. authority is the PEM of the cluster's CA. 0 or
 * -ENOMEM; *ret is the caller's.
 */
int addons_input(const struct cluster *cluster, const char *authority, json_t **ret) _must_check_;

/*
 * Replaces {{ .variables }} of a text: the add-on's `own` (an object of texts, may be NULL) win
 * over `values`. 0, -EINVAL with the line in err, -EMSGSIZE or -ENOMEM.
 */
int addons_render(const char *text, size_t len, const json_t *own, const json_t *values,
                  struct buf *out, struct err *err) _must_check_;

/* An address of a manifest. */
struct addon_url {
    char *url;
    bool pinned; /* the content must have this digest */
    uint8_t sha256[32];
};
struct addon_urls {
    struct addon_url items[ADDON_URLS_MAX];
    size_t n;
};
void addon_urls_free(struct addon_urls *urls);

/*
 * The lines of a .url file: "URL" or "URL sha256:HEX"; empty ones and those with '#' in front mean
 * nothing. 0, -EINVAL with the line in err, -E2BIG or -ENOMEM.
 */
int addon_urls_parse(const char *text, size_t len, struct addon_urls *ret, struct err *err)
    _must_check_;

/* ---- objects ---- */

/* What has to be there before what. */
enum addon_order {
    ADDON_NAMESPACES,
    ADDON_CERTIFICATES,
    ADDON_RIGHTS,      /* ServiceAccounts and RBAC */
    ADDON_DEFINITIONS, /* CustomResourceDefinitions, which have to be Established */
    ADDON_REST,
};

struct addon_object {
    json_t *json;                          /* owned; labelled */
    const char *api_version, *kind, *name; /* borrowed from it */
    const char *namespace;                 /* the same; "" when it gives none */
    json_t *names;                         /* owned: of a certificate to issue; or NULL */
    enum addon_order order;
    uint8_t digest[ADDON_DIGEST_SIZE]; /* of its text */
};

struct addon_objects {
    struct addon_object *items;
    size_t n;
};
void addon_objects_free(struct addon_objects *objects);
#define _autoaddonobjects_ _cleanup_(addon_objects_free)

/*
 * Adds the objects of a manifest (YAML or JSON, any number of documents, Lists are taken apart),
 * labelled with the add-on's name. What cannot be used is told in `problems`, one line each with
 * `source` in front; the rest is taken. -ENOMEM, -E2BIG (too many objects), else 0.
 */
int addon_objects_add(struct addon_objects *objects, const char *addon, const char *source,
                      const char *text, size_t len, struct buf *problems) _must_check_;

/* Adds the Secret of a certificate; its data is made when it is applied. Steals names. */
int addon_objects_add_certificate(struct addon_objects *objects, const char *addon,
                                  const char *namespace, const char *secret, json_t *names)
    _must_check_;

/*
 * In the order of applying; what is equal in that stays as it came. An object that is there twice
 * stays once, with a problem.
 */
void addon_objects_sort(struct addon_objects *objects, struct buf *problems);

/*
 * "Deployment.apps kube-system/dex", "Namespace dex": which object it is, whatever version of its
 * group. The namespace "default" is not written, because that is what none means. Returns dst.
 */
const char *addon_object_id(const char *api_version, const char *kind, const char *namespace,
                            const char *name, char dst[static ADDON_ID_SIZE]);

/* The group of "apps/v1": "apps"; of "v1": "". Into dst; -EINVAL when it is no apiVersion. */
int addon_group(const char *api_version, char *dst, size_t size, const char **ret_version)
    _must_check_;

/* ---- what was applied ---- */

/*
 * An inventory is lines of "APIVERSION KIND NAMESPACE NAME", '-' for no namespace: what an add-on
 * has brought into the cluster, kept there in a ConfigMap so that it is found again when its file
 * is gone.
 */
struct addon_item {
    char *line; /* owned; the rest points into it */
    const char *api_version, *kind, *namespace, *name;
};
struct addon_inventory {
    struct addon_item *items;
    size_t n;
    struct map *ids; /* which there are */
};
void addon_inventory_free(struct addon_inventory *inventory);

/* Adds what a text says; lines that are none are left out. 0, -E2BIG or -ENOMEM. */
int addon_inventory_read(struct addon_inventory *inventory, const char *text) _must_check_;

/*
 * Adds an item unless it is there; one that is there gets this apiVersion, because later versions
 * of Kubernetes may not know the old one. 1: it was added, or changed; 0: it was there; -EINVAL
 * (blanks in it), -E2BIG or -ENOMEM.
 */
int addon_inventory_add(struct addon_inventory *inventory, const char *api_version,
                        const char *kind, const char *namespace, const char *name) _must_check_;

/* Whether it has an object of that addon_object_id(). */
bool addon_inventory_has(const struct addon_inventory *inventory, const char *id);

void addon_inventory_write(const struct addon_inventory *inventory, struct buf *out);

/* Takes the item at i out. */
void addon_inventory_remove(struct addon_inventory *inventory, size_t i);

enum addon_fate {
    ADDON_DELETE,
    ADDON_KEEP,    /* it holds what others put there, or it was asked to stay */
    ADDON_FOREIGN, /* it is not this add-on's (any more) */
};

/*
 * What becomes of an object, as it is in the cluster, that its add-on does not bring any more.
 * Namespaces, CustomResourceDefinitions and persistent volumes with their claims stay: with them
 * everything in them would go. The annotation slipway.dev/prune says otherwise, "true" or "false".
 */
enum addon_fate addon_prune(const json_t *object, const char *addon);

/* ---- certificates ---- */

/*
 * Whether the certificate of a Secret has to be issued (again): it is not there or not whole, is of
 * another authority or for other names, or less than a third of its life is left.
 * `life_seconds` is how long a new one lives, `not_after` the end of the present one's (wall ms).
 */
bool addon_certificate_is_due(const json_t *secret, const json_t *names, const char *authority,
                              int64_t not_after, int64_t life_seconds, int64_t now);

/* The names as one text, for the annotation; malloc'd, NULL when out of memory. */
char *addon_certificate_names(const json_t *names);

/* ---- when ---- */

struct addons_when {
    bool changed;      /* files or values are not what they were */
    bool failed;       /* the last pass left something undone */
    unsigned failures; /* passes in a row that did */
    int64_t last_ms;   /* when the last pass ended; monotonic */
};

enum {
    ADDONS_DRIFT_MS = 10 * 60 * 1000, /* then everything is applied again, whoever changed it */
    ADDONS_RETRY_MIN_MS = 2000,
    ADDONS_RETRY_MAX_MS = 5 * 60 * 1000,
};

/* Milliseconds until the next pass is due; 0: now. */
int64_t addons_due_in(const struct addons_when *when, int64_t now);
