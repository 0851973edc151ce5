/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the cluster controller share: a Cluster, its Machines, its PKI and the link to
 * its API server. Loop thread only.
 *
 *   clusters.c         follows Clusters, decides when to look at one again
 *   cluster-pki.c      their PKI
 *   cluster-members.c  their Machines, as the pure decisions want them
 *   cluster-handout.c  gives tasks to machines that say hello; cluster-task.c makes them
 *   cluster-link.c     the API server: Nodes; cluster-csr.c: certificate requests;
 *                      cluster-rbac.c: what joining machines may do
 *   cluster-leave.c    members that leave; cluster-etcd.c: etcd's membership; cluster-save.c: what
 *                      the only etcd holds, while its machine is installed anew;
 *                      cluster-chunks.c: that on the server's disk
 *   cluster-rollout.c  Machines get another Image; cluster-upgrade.c: what that changes in the
 *                      cluster itself
 *   cluster-reject.c   machines that were rejected, and still are nodes
 *   cluster-status.c   what people see
 */
#pragma once

#include "cluster/csr-decide.h"
#include "cluster/leave.h"
#include "cluster/pki-store.h"
#include "cluster/plan.h"
#include "kube/bootstrap-token.h"
#include "kube/watch.h"
#include "resource/cluster.h"
#include "server/private.h"

struct cluster_link;
struct cluster_pkis;
struct etcd_change;
struct addons;
struct cluster_upgrade;
struct cluster_save;

/* A Machine of a Cluster. */
struct cluster_machine {
    struct machine *machine; /* as it was last told of */
    enum machine_role role;  /* the effective one */
    enum tristate approved;
    char *image;      /* the effective one; NULL: none */
    bool busy;        /* a task is being made for it */
    bool token_going; /* its spent token is being deleted */
};

struct cluster_entry {
    struct server *server;
    char *name;
    struct cluster *cluster;   /* NULL: not there (yet), but Machines name it */
    struct map *members;       /* name -> struct cluster_machine */
    struct map *leavings;      /* name -> struct cluster_leaving */
    struct cluster_pkis *pkis; /* of all Clusters */
    struct pki pki;
    bool pki_ready;
    bool pki_busy;             /* it is being found, made, or put out of use */
    bool pki_waits;            /* until that is tried again */
    bool pki_unused;           /* what is kept under this name is of a Cluster that was deleted */
    char *pki_problem;         /* why there is none; NULL: nothing has failed */
    struct cluster_link *link; /* NULL: nobody has formed it yet */
    struct addons *addons;     /* NULL: not begun */
    struct cluster_upgrade *upgrade; /* of a rollout or a join; NULL: none was needed yet */
    struct cluster_save *save;       /* under way; NULL: none */
    char *confirmed_save;            /* id of what a machine knows to be saved; NULL: of none */
    unsigned chunk_works;            /* chunks on their way to or from the disk, and sweeps */
    bool sweeping, sweep_due;        /* chunks that nobody needs are being removed, or are to be */
    bool dirty;                      /* is to be looked at again */
    int64_t wake_ms;                 /* wall time at which time alone changes something; 0: never */
    uint64_t retry_at;           /* the loop's time at which what failed is tried again; 0: never */
    struct etcd_change *tidying; /* of etcd, before a control plane joins; NULL: none */
    void *tidier;                /* whose: see cluster-handout.c */
    unsigned rights_asked;       /* of joining machines: requests under way */
    bool rights_set, rights_failed;
    unsigned tokens_made;  /* bootstrap tokens, so far */
    bool tokens_unsure;    /* there may be some that no Machine holds */
    bool tokens_sweeping;  /* they are being looked for */
    struct map *undecided; /* name -> certificate request whose verdict was not written */
};

/* ---- clusters.c ---- */

struct cluster_entry *clusters_find(const struct server *server, const char *name);
/* That of the Machine, NULL when it is in none. */
struct cluster_entry *clusters_of_machine(const struct server *server, const char *machine);
/* The name of the Cluster that a Machine's JSON names, itself or by its Profile; malloc'd, NULL
 * when there is none. */
char *clusters_name_of(const struct server *server, const json_t *machine);
/* Looks at it again soon, once for many calls. */
void cluster_touch(struct cluster_entry *entry);
/* Looks at it again after a pause, because something failed that may succeed then. */
void cluster_retry(struct cluster_entry *entry);

/* ---- cluster-pki.c ---- */

int cluster_pkis_new(struct server *server, struct cluster_pkis **ret, struct err *err)
    _must_check_;
/* What is under way ends by itself. NULL allowed. */
void cluster_pkis_free(struct cluster_pkis *pkis);
/* Finds, brings or makes the PKI, or puts it out of use, where that is due. */
void cluster_pki_look(struct cluster_entry *entry);
/* Lets what failed be tried again when the Cluster is looked at next. */
void cluster_pki_retry(struct cluster_entry *entry);
/* The Cluster is gone for good, not only not there yet: its PKI goes out of use. */
void cluster_pki_deleted(struct cluster_entry *entry);

/* ---- cluster-members.c ---- */

/* Replaces what is known of a Machine; 0, or a negative errno when it is left out. */
int cluster_member_put(struct cluster_entry *entry, const json_t *object);
void cluster_member_remove(struct cluster_entry *entry, const char *name);
void cluster_member_free(void *member);
struct cluster_machine *cluster_member_find(const struct cluster_entry *entry, const char *name);

/* Its first address, 0 when it reported none. */
ipv4 cluster_member_address(const struct cluster_machine *member);
/* That of the Machine that initialised the cluster, 0 when it is not known. */
ipv4 cluster_first_address(const struct cluster_entry *entry);

/* Begins the identifier of a task by which a machine leaves a former cluster. */
#define CLUSTER_TASK_RESET "reset-"
/* Whether its init or join has ended well. */
bool cluster_member_has_joined(const struct cluster_machine *member);
/* Why it has to leave the cluster. */
enum leave_reason cluster_member_leaves(const struct cluster_machine *member);
/* Whether its machine was heard of lately and is at a task, within its time. */
bool cluster_member_is_joining(const struct cluster_entry *entry,
                               const struct cluster_machine *member);

/*
 * The members that stay, as cluster_check_members() wants them, with names that are borrowed;
 * free() it. Addresses are those that they reported, else those that are asked for.
 */
int cluster_members_list(const struct cluster_entry *entry, struct cluster_member **ret,
                         size_t *ret_count) _must_check_;

/* The decision for all members. Release with cluster_decision_free(). */
struct cluster_decision {
    struct plan plan;
    struct plan_machine *machines;
    struct plan_step *steps;
    size_t n;
};
int cluster_decide(const struct cluster_entry *entry, struct cluster_decision *ret) _must_check_;
void cluster_decision_free(struct cluster_decision *decision);
/* The step of that member, NULL when it is none. */
const struct plan_step *cluster_decision_of(const struct cluster_decision *decision,
                                            const char *name);

/* The members as csr_decide() wants them; one block of memory, free() it. */
int cluster_csr_machines(const struct cluster_entry *entry, struct csr_machine **ret,
                         size_t *ret_count) _must_check_;

/* ---- cluster-handout.c ---- */

enum { CLUSTER_POLL_SOON = 2, CLUSTER_POLL_LATER = 15 }; /* seconds */

/* Answers a machine, with anything but a task or with a sealed one. */
void cluster_reply(clusters_answered done, void *data, enum protocol_action action,
                   uint32_t poll_seconds, const char *reason);
void cluster_reply_task(clusters_answered done, void *data, const char *reason, const char *sealed);

/* An id for a task, another one each time; malloc'd, NULL when out of memory. */
char *cluster_task_id(struct rng *rng, const char *prefix);
/* Answers who waits for etcd to be looked at; the server stops. */
void cluster_handout_give_up(struct cluster_entry *entry);

/* ---- cluster-link.c ---- */

/* Begins to talk to the API server, or goes on with new addresses of it. */
void cluster_link_update(struct cluster_entry *entry);
void cluster_link_free(struct cluster_link *link);
bool cluster_link_is_up(const struct cluster_link *link);
struct kube_client *cluster_link_client(const struct cluster_link *link);

#define CLUSTER_LEAVING_SINCE "slipway.dev/leaving-since" /* annotation of a Node */

struct cluster_node {
    bool ready;
    char reason[64];       /* why it is not: a CamelCase word */
    char message[256];     /* the same for people, in printable ASCII */
    int64_t leaving_since; /* wall; when it was cordoned because its machine leaves, or 0 */
};
/* The Node of that name, NULL when there is none, or no link. Borrowed. */
const struct cluster_node *cluster_link_node(const struct cluster_link *link, const char *name);

/* ---- cluster-approve.c ---- */

/* Approves undecided members where the join policy says so. */
void cluster_auto_approve(struct cluster_entry *entry);

/* ---- cluster-csr.c ---- */

/* Decides about a CertificateSigningRequest and carries the decision out. */
void cluster_csr_seen(struct cluster_entry *entry, json_t *object);
/* Decides anew about those whose verdict could not be written. */
void cluster_csr_retry(struct cluster_entry *entry);
void cluster_csr_forget(void *request);

/* ---- cluster-tokens.c ---- */

#define CLUSTER_TOKEN_LABEL "app.kubernetes.io/managed-by"
#define CLUSTER_TOKEN_MANAGER "slipway"
#define CLUSTER_TOKEN_MACHINE "slipway.dev/machine" /* annotation: whose it is */

/*
 * Deletes the tokens of tasks that have ended and, while entry->tokens_unsure, those that no
 * Machine holds. They also end by themselves in minutes.
 */
void cluster_tokens_clean(struct cluster_entry *entry);

/* ---- cluster-leave.c ---- */

/* Takes the next step of members that leave, and uncordons those that stay after all. */
void cluster_leavings_look(struct cluster_entry *entry);
/* Lets those go on whose step failed. */
void cluster_leavings_retry(struct cluster_entry *entry);
/* Nobody leaves any more. */
void cluster_leavings_give_up(struct cluster_entry *entry);
/* The same for one Machine. */
void cluster_leaving_give_up(struct cluster_entry *entry, const char *machine);
void cluster_leaving_free(void *leaving);

/* Whether that Machine's next step is to save what its etcd holds. */
bool cluster_leaving_saves(const struct cluster_entry *entry, const char *machine);
/* It could not: its control plane runs again, and the step is tried again after a pause. */
void cluster_leaving_not_saved(struct cluster_entry *entry, const char *machine, const char *why);

/* ---- cluster-save.c ---- */

/* Whether the Machine was told to save what its etcd holds. */
bool cluster_save_is_under_way(const struct cluster_entry *entry, const char *machine);
/* Whether that is here: as it was before the installation that is due, or has not been back since.
 */
bool cluster_is_saved(const struct cluster_entry *entry, const struct cluster_machine *member);
/* Whether the Machine may have it back by now, and its etcd may have gone on. */
bool cluster_is_restoring(const struct cluster_entry *entry, const struct cluster_machine *member);
/* Forgets it when it is back where it was. */
void cluster_saved_clean(struct cluster_entry *entry);
/* Nobody wants the save that is under way any more, if there is one. */
void cluster_save_end(struct cluster_entry *entry);
/* The same because it failed: it is tried again after a pause. */
void cluster_save_failed(struct cluster_entry *entry, const char *why);
void cluster_save_free(struct cluster_entry *entry);

/* ---- cluster-chunks.c ---- */

/*
 * Removes all chunks of the Cluster but those that status.saved names and those of the save that is
 * under way; as soon as none is being written or read. No other comes in before that is over.
 */
void cluster_saved_sweep(struct cluster_entry *entry);

/* ---- cluster-rollout.c ---- */

/* Begins with the Machines whose turn it is to get another Image, and tells how far it is. */
void cluster_rollout_step(struct cluster_entry *entry);

/* ---- cluster-upgrade.c ---- */

/* In their order: before the first Machine, after the control planes, after the last one. */
enum cluster_upgrade_phase {
    CLUSTER_UPGRADE_PREPARED,
    CLUSTER_UPGRADE_DNS,
    CLUSTER_UPGRADE_ENDED,
};

/* Whether the Cluster wants another version of Kubernetes than all its Machines run. */
bool cluster_upgrade_is_due(const struct cluster *cluster);
/*
 * Whether the cluster has what Machines with that Image need of it; else that is begun, or goes on,
 * and the Cluster is looked at again when it is there.
 */
bool cluster_upgrade(struct cluster_entry *entry, const char *image,
                     enum cluster_upgrade_phase phase);
/* Goes on with what failed. */
void cluster_upgrade_retry(struct cluster_entry *entry);
/* Before the link is freed. */
void cluster_upgrade_free(struct cluster_entry *entry);

/* ---- cluster-rbac.c ---- */

/* Applies what joining machines need to be allowed; entry->rights_set tells when it is there. */
void cluster_rbac_apply(struct cluster_entry *entry);
/* The same because something has changed: nobody joins before it is there. */
void cluster_rbac_renew(struct cluster_entry *entry);

/* ---- cluster-addons.c: manifests that are kept applied; see cluster-addons.h ---- */

/* Begins, and goes on when the Cluster's values or its API server have changed. */
void cluster_addons_update(struct cluster_entry *entry);
/* Before the link is freed. NULL allowed. */
void cluster_addons_free(struct addons *addons);

/* ---- cluster-status.c ---- */

/* An event of the Cluster, and a line of the log. */
void cluster_tell(const struct cluster_entry *entry, bool warning, const char *reason,
                  const char *message);
/* Writes the Cluster's status when it would change. */
void cluster_status_update(struct cluster_entry *entry);
/* Records, durably and once, which Machine initialises the cluster. */
void cluster_elect(struct cluster_entry *entry, const char *machine);
/* Tells Machines what their Nodes say. */
void cluster_nodes_told(struct cluster_entry *entry);
