/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's own state, shared by the files of this folder that act (the ones that decide take
 * plain values). Everything belongs to the loop's thread.
 */
#pragma once

#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/random.h"
#include "dhcp/server.h"
#include "http/server.h"
#include "protocol/chunk.h"
#include "protocol/guard.h"
#include "resource/machine.h"
#include "resource/network.h"
#include "resource/problem.h"
#include "resource/profile.h"
#include "server/boot-hosts.h"
#include "server/config.h"
#include "server/image-facts.h"
#include "server/log-limit.h"
#include "server/machine-step.h"
#include "store/store.h"
#include "store/executor-uv.h"
#include "trust/key.h"

struct networks;
struct images;
struct machines;
struct tftp_server;
struct profiles;
struct clusters;
struct timelines;
struct health;
struct image_spec;

struct server {
    const struct server_config *config;
    const struct clock *clock;
    struct rng *rng;
    uv_loop_t loop;

    /* folders, absolute */
    char *state_dir, *boot_dir, *images_dir, *keys_dir;

    struct trust_key key; /* signs answers; its public half is on stage2's command line */
    char key_text[TRUST_PUBLIC_TEXT_SIZE];
    struct protocol_guard *guard;

    struct store_uv store_uv;
    struct store *store;

    struct http_server *http;
    struct http_site *boot_site, *api_site;
    struct api *api;
    char *api_users_path;

    struct networks *networks; /* what DHCP serves; networks.c */
    struct images *images;     /* facts of image files; images.c */
    struct machines *machines; /* controller; machines.c */
    struct profiles *profiles; /* Profiles that choose Machines; profiles.c */
    struct clusters *clusters; /* Clusters that Machines form; clusters.c */
    struct tftp_server *tftp;
    struct dhcp_server *dhcp;
    struct timelines *timelines; /* what waits to be written to Machines; timelines.c */
    struct log_limit dhcp_lines, tftp_lines, script_lines, phone_home_lines;

    struct health *health; /* whether what is promised can be stored; health.c */
    int64_t started_ms;    /* wall time */
    bool stopping;         /* parts are gone already: nothing is decided any more */
    struct {
        _Atomic uint64_t requests, bytes;
    } image_data; /* parts of images that were served; counted by HTTP's threads */
};

/* ---- boot-routes.c: what firmware fetches ---- */

/* Handler of BOOT_PATH_IPXE. data is the server. */
void boot_route_ipxe(struct http_request *request, void *data);

/* ---- api-listen.c: the admin API on its Unix socket and on TLS ---- */

int api_listen(struct server *server, struct err *err) _must_check_;

/* ---- metrics.c ---- */

/* Appends Prometheus' text format; data is the server. */
void server_metrics(void *data, struct buf *out);

/* ---- health.c: whether the server does its work ---- */

int health_new(struct server *server, struct err *err) _must_check_;
void health_free(struct server *server);
/* For /readyz, see api.h; data is the server. */
bool server_ready(void *data, bool reasons, struct buf *out);

/* ---- machine-find.c ---- */

/* What a client says of itself; any may be empty. */
struct machine_claim {
    const struct mac *macs;
    size_t mac_count;
    const char *uuid, *serial;
};

/*
 * The name of the one Machine that the claim means: by MAC addresses first, then UUID, then serial
 * number. NULL, and *ret_ambiguous when different Machines match. Borrowed until the next change.
 */
const char *machine_find_name(const struct server *server, const struct machine_claim *claim,
                              bool *ret_ambiguous);

/* The Profile that applies to a Machine, or NULL. The caller frees it. */
struct profile *machine_profile(const struct server *server, const struct machine *machine);

/* ---- networks.c: Network resources and the DHCP server ---- */

int networks_new(struct server *server, struct err *err) _must_check_;
void networks_free(struct server *server);
/* The Network that an address is in, or NULL. Borrowed until the next change. */
const struct network *networks_of_address(const struct server *server, ipv4 address);
/* Why DHCP does not serve what is wanted; "" when it does. */
const char *networks_problem(const struct server *server);
/* The addresses of a Network's ranges, and how many of them are taken. */
struct networks_use {
    const char *name; /* borrowed */
    uint64_t size, taken;
};
/* Walks the Networks; start with *cursor 0. False at the end. */
bool networks_next_use(const struct server *server, size_t *cursor, struct networks_use *ret);

/* ---- dhcp-view.c: what DHCP asks of the store ---- */

enum dhcp_lookup dhcp_view_find_host(void *data, const struct dhcp_query *query,
                                     struct dhcp_host *ret);
void dhcp_view_plan_boot(void *data, const struct dhcp_query *query, const struct dhcp_host *host,
                         struct dhcp_boot *ret);

/* ---- lease-journal.c: leases in the store ---- */

int lease_journal_restore(struct server *server, struct err *err) _must_check_;
void lease_journal_write(void *data, uint64_t batch, const struct dhcp_lease *leases, size_t count,
                         int64_t wall_offset);

/* ---- images.c: Image resources and their files ---- */

int images_new(struct server *server, struct err *err) _must_check_;
void images_free(struct server *server);
/* The facts of an Image's files, NULL when there is no such Image. Borrowed. */
const struct image_facts *images_facts(const struct server *server, const char *name);
/* Its specification, NULL when there is no such Image. Borrowed until the next change. */
const struct image_spec *images_spec(const struct server *server, const char *name);

/* Whether the files of every Image were looked at, with whatever result. */
bool images_scanned(const struct server *server);

/* ---- machines.c: the Machine controller ---- */

int machines_new(struct server *server, struct err *err) _must_check_;
void machines_free(struct server *server);
/* An Image's or Profile's change may concern any Machine: look at all of them again. */
void machines_recheck(struct server *server);
/* Keeps what Machines have as their own from everybody else; Networks may have other ranges now. */
void machines_reserve_addresses(struct server *server);
/* How many Machines wait for a decision: what strangers can grow. */
size_t machines_undecided(const struct server *server);
/* How many are in that phase; MACHINE_PHASE_UNSET: those that have none yet. */
size_t machines_in_phase(const struct server *server, enum machine_phase phase);
/* What is prepared of a Machine for the boot path; NULL when there is none. Borrowed. */
const struct boot_host *machines_boot_host(struct server *server, const char *name);
const struct boot_host *machines_boot_host_by_mac(const struct server *server, struct mac mac);
/* Fills the parts of a view that come from configuration and Images. */
void machines_view(const struct server *server, const struct machine *machine,
                   const struct machine_spec *effective, struct machine_view *ret);

/* ---- clusters.c: the Cluster controller ---- */

int clusters_new(struct server *server, struct err *err) _must_check_;
void clusters_free(struct server *server);
/* A Machine as it is now; it counts with its Cluster, or no more. */
void clusters_machine_changed(struct server *server, enum store_change change,
                              const json_t *object);
/* More, or something else, is known of an Image: a rollout of it may go on. */
void clusters_image_changed(struct server *server, const char *image);

/* What a machine is answered that belongs to a Cluster. Borrowed for the time of the call. */
struct cluster_answer {
    enum protocol_action action;
    uint32_t poll_seconds;
    const char *reason;
    const char *sealed_task; /* PROTOCOL_TASK */
};
typedef void (*clusters_answered)(void *data, const struct cluster_answer *answer);
/* For struct api_setup; data is the server. */
int clusters_kubeconfig(void *data, const char *name, int64_t seconds, char **ret, struct err *err);
/*
 * The installed system of a machine of that Cluster said hello, signed with the key that is the
 * machine's: is there something for it to do? answered is called once, at once or later.
 */
void clusters_hello(struct server *server, const struct machine *machine, const char *cluster,
                    const struct trust_public *key, clusters_answered answered, void *data);

/*
 * The same in case it has to leave its Cluster first, and that means that it has to save what its
 * etcd holds; or has done that, and does not leave after all. said: hello.system.cluster, may be
 * NULL. False: there is no such thing to do, and answered is not called.
 */
bool clusters_save(struct server *server, const struct machine *machine,
                   const struct trust_public *key, const json_t *said, clusters_answered answered,
                   void *data) _must_check_;
/* The same when it was rejected, in case its system still is a node of the Cluster that it left. */
bool clusters_reset(struct server *server, const struct machine *machine,
                    const struct trust_public *key, const json_t *said, clusters_answered answered,
                    void *data) _must_check_;
/* PROTOCOL_OK, WAIT or REJECT; the reason may be NULL. chunk, borrowed: the one it is about, with
 * its data when it was asked for; may be NULL. */
typedef void (*clusters_chunk_answered)(void *data, enum protocol_action action, const char *reason,
                                        const struct protocol_chunk *chunk);
/* A machine sends a chunk of what it saves, or asks for one. Takes what it needs out of *chunk. */
void clusters_put_chunk(struct server *server, const char *machine, struct protocol_chunk *chunk,
                        clusters_chunk_answered answered, void *data);
void clusters_get_chunk(struct server *server, const char *machine, struct protocol_chunk *chunk,
                        clusters_chunk_answered answered, void *data);

/*
 * Whether a machine has to leave its Cluster before its disks may be written, because it is a
 * member that the Cluster would miss. text: for people, what that waits for; it stays as it is when
 * the answer is no. Its leaving ends with MACHINE_EVENT_LEFT.
 */
bool clusters_hold(const struct server *server, const struct machine *machine, const char *cluster,
                   char *text, size_t size);

/* ---- admission.c ---- */

/*
 * What is wrong with an object that is about to be written, seen together with the others: a
 * Machine and a Cluster that contradict each other. live: as it is, NULL when it is being created;
 * what does not change is not looked at. data is the server. For struct api_setup.
 */
void admission_check(void *data, const struct kind *kind, const json_t *live,
                     const json_t *candidate, struct problems *problems);

/* ---- timelines.c: what packets show of Machines ---- */

int timelines_new(struct server *server, struct err *err) _must_check_;
void timelines_free(struct server *server);
/* Notes what was seen of a Machine; repetitions are counted and written now and then. */
void timelines_note(struct server *server, const char *name, const char *event,
                    const char *message);

/* ---- dhcp-events.c ---- */

/* The DHCP server's event hook: log and timelines. */
void dhcp_events_note(void *data, const struct dhcp_event *event);

/* ---- profiles.c ---- */

int profiles_new(struct server *server, struct err *err) _must_check_;
void profiles_free(struct server *server);
/* Counts it with its Profile, or gives it one. */
void profiles_machine_changed(struct server *server, enum store_change change, json_t *object);

/* ---- machine-routes.c: what agents and nodes send ---- */

void machine_route_hello(struct http_request *request, void *data);
void machine_route_report(struct http_request *request, void *data);
void machine_route_save(struct http_request *request, void *data);
void machine_route_saved(struct http_request *request, void *data);

/* ---- machine-phone-home.c: cloud-init of an imported image reports in ---- */

#define PHONE_HOME_PATH "/v1/phone-home/"

void machine_route_phone_home(struct http_request *request, void *data);
/* The token of one installation; malloc'd, NULL when out of memory. */
char *machine_phone_home_token(const struct server *server, const char *name, uint64_t generation);

/*
 * Whose call it is: instance_id in a form (application/x-www-form-urlencoded), "NAME-GENERATION".
 * 0 or -EBADMSG. Pure.
 */
int machine_phone_home_instance(const char *body, char *name, size_t size, uint64_t *ret_generation)
    _must_check_;

/* ---- machine-seed.c: the plan's sealed seed ---- */

/*
 * Renders the seed of a Machine's next installation and seals it to its key; *ret is malloc'd.
 * `base_url` is how the machine reaches this server. 0 or a negative errno with text.
 */
int machine_seed(const struct server *server, const struct machine *machine,
                 const struct machine_spec *effective, const char *base_url,
                 const struct trust_public *key, char **ret, struct err *err) _must_check_;
