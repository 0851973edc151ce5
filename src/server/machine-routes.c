/* SPDX-License-Identifier: Apache-2.0 */
/* What stage2 and slipway-node post: signed hellos and reports, answered in kind. */
#include "base/log.h"
#include "base/str.h"
#include "resource/validate.h"
#include "server/install-plan.h"
#include "server/machine-act.h"
#include "server/private.h"

enum { DISCOVERED_MAX = 1024, POLL_UNKNOWN = 30 };

/* A request that waits for its Machine's change to be durable. */
struct call {
    struct server *server;
    struct http_request *http;
    struct protocol_request request;
    char base_url[64]; /* how the machine reached us */
    char *machine;     /* its name, for an answer that comes later */
    bool wants_chunk;  /* of what is saved; else it brings one */
    bool may_join;     /* it is asked whether its Cluster has a task for it, and that was written */
    bool kubelet_log;  /* the machine shall report what kubelet said last */
};

static void call_free(struct call *call)
{
    protocol_request_free(&call->request);
    free(call->machine);
    free(call);
}

/* ---- answering ---- */

static void send_text(struct call *call, char *text)
{
    if (text)
        http_reply_take(call->http, 200, "application/json", text, strlen(text));
    else
        http_reply_text(call->http, 500, "text/plain", "out of memory\n");
    call_free(call);
}

static void send_answer(struct call *call, const struct protocol_answer *answer)
{
    struct protocol_answer timed = *answer;
    timed.time_ms = (uint64_t)clock_wall(call->server->clock);
    json_auto_t *body = protocol_answer_to_json(&timed);
    send_text(call, body ? protocol_guard_answer(call->server->guard, &call->request, body) : NULL);
}

static void send_wait(struct call *call, uint32_t seconds, const char *reason)
{
    _autofree_ char *copy = strdup(reason);
    const struct protocol_answer answer = {
        .action = PROTOCOL_WAIT, .reason = copy, .poll_seconds = seconds};
    send_answer(call, &answer);
}

static int fill_plan(const struct call *call, const struct machine *machine,
                     const struct machine_spec *effective, struct protocol_plan *plan,
                     struct err *err)
{
    const struct image_facts *facts = images_facts(call->server, effective->image);
    if (!facts || !facts->ready)
        return err_set(err, -ENOENT, "Image %s is not ready any more", effective->image);
    const struct image_spec *image = images_spec(call->server, effective->image);
    if (install_plan_fill(effective, image, facts, plan) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    return machine_seed(call->server, machine, effective, call->base_url, &call->request.key,
                        &plan->sealed_seed, err);
}

static void send_install(struct call *call, const struct machine *machine,
                         const struct machine_spec *effective, struct protocol_answer *answer)
{
    struct err err = ERR_INIT;
    answer->has_plan = true;
    if (fill_plan(call, machine, effective, &answer->plan, &err) < 0) {
        log_error("%s: no plan: %s", machine->meta.name, err_text(&err));
        answer->has_plan = false;
        answer->action = PROTOCOL_WAIT;
        free(answer->reason);
        answer->reason = strdup(err_text(&err));
    }
    send_answer(call, answer);
}

static void send_wipe(struct call *call, const struct machine *machine,
                      const struct machine_spec *effective, struct protocol_answer *answer)
{
    answer->has_wipe = wipe_plan_fill(machine, effective, &answer->wipe) == 0;
    if (!answer->has_wipe)
        answer->action = PROTOCOL_WAIT;
    send_answer(call, answer);
}

static void on_acted(void *data, int rc, const struct machine_change *change,
                     const struct machine *machine, const struct machine_spec *effective)
{
    struct call *call = data;
    if (rc < 0) {
        http_reply_text(call->http, 503, "text/plain", "try again\n");
        call_free(call);
        return;
    }
    struct protocol_answer answer = {
        .action = change->action,
        .machine = strdup(machine->meta.name),
        .reason = change->reason[0] ? strdup(change->reason) : NULL,
        .poll_seconds = change->poll_seconds,
    };
    if (change->action == PROTOCOL_INSTALL)
        send_install(call, machine, effective, &answer);
    else if (change->action == PROTOCOL_WIPE)
        send_wipe(call, machine, effective, &answer);
    else
        send_answer(call, &answer);
    protocol_answer_free(&answer);
}

/* ---- members of a Cluster ---- */

/* Why it waits is for people, too; at most as often as it is written that it was heard of. */
static void note_wait(const struct call *call, const struct cluster_answer *from)
{
    const struct machine_act act = {.type = MACHINE_EVENT_WAITS, .message = from->reason};
    if (call->may_join && call->machine && from->action == PROTOCOL_WAIT &&
        !str_empty(from->reason))
        machine_act(call->server, call->machine, &act);
}

static void on_cluster_answer(void *data, const struct cluster_answer *from)
{
    struct call *call = data;
    note_wait(call, from);
    struct protocol_answer answer = {
        .action = from->action,
        .machine = strdup(call->machine),
        .reason = str_empty(from->reason) ? NULL : strdup(from->reason),
        .poll_seconds = from->poll_seconds,
        .sealed_task = from->sealed_task ? strdup(from->sealed_task) : NULL,
        .kubelet_log = call->kubelet_log,
    };
    send_answer(call, &answer);
    protocol_answer_free(&answer);
}

/* What the installed system says of its task. */
static const json_t *said_of(const struct call *call)
{
    return json_object_get(json_object_get(call->request.body, "system"), "cluster");
}

static bool saves(struct call *call, const struct machine *machine)
{
    return clusters_save(call->server, machine, &call->request.key, said_of(call),
                         on_cluster_answer, call);
}

static bool resets(struct call *call, const struct machine *machine)
{
    return clusters_reset(call->server, machine, &call->request.key, said_of(call),
                          on_cluster_answer, call);
}

/* The installed system says hello, and its Cluster may have a task for it. */
static void on_node_acted(void *data, int rc, const struct machine_change *change,
                          const struct machine *machine, const struct machine_spec *effective)
{
    struct call *call = data;
    if (rc == 0)
        call->machine = strdup(machine->meta.name);
    bool known = rc == 0 && (change->action == PROTOCOL_WAIT || change->action == PROTOCOL_OK);
    if (known && saves(call, machine))
        return;
    if (rc == 0 && change->action == PROTOCOL_REJECT && effective->approved == TRI_FALSE &&
        resets(call, machine))
        return;
    if (rc < 0 || change->action != PROTOCOL_OK || str_empty(effective->cluster)) {
        on_acted(data, rc, change, machine, effective);
        return;
    }
    call->may_join = change->seen;
    call->kubelet_log = change->kubelet_log;
    clusters_hello(call->server, machine, effective->cluster, &call->request.key, on_cluster_answer,
                   call);
}

/* ---- opening ---- */

/* The opened request, or NULL when it was answered already. */
static struct call *open_call(struct server *server, struct http_request *http)
{
    size_t len = 0;
    char address[IPV4_TEXT_SIZE];
    const char *body = http_request_body(http, &len);
    const struct http_peer *peer = http_request_peer(http);
    struct call *call = calloc(1, sizeof(*call));
    if (!call) {
        http_reply_text(http, 500, "text/plain", "out of memory\n");
        return NULL;
    }
    *call = (struct call){.server = server, .http = http};
    (void)snprintf(call->base_url, sizeof(call->base_url), "http://%s:%u",
                   ipv4_text(peer->local_address, address), peer->local_port);
    int r = protocol_guard_open(server->guard, body, len, &call->request);
    if (r == 0)
        return call;
    if (r == -ESTALE) {
        send_text(call, protocol_guard_resync(server->guard, &call->request));
        return NULL;
    }
    log_debug("a message from %s was refused: %s", peer->text, err_text(&(struct err){.code = r}));
    http_reply_text(http, r == -ENOMEM ? 500 : 400, "text/plain", "not a valid signed message\n");
    call_free(call);
    return NULL;
}

/* The Machine that has registered with this key; a new reference, NULL when there is none. */
static json_t *machine_of_key(const struct server *server, const struct trust_public *key)
{
    uint8_t digest[TRUST_DIGEST_SIZE];
    trust_digest(key->b, sizeof(key->b), digest);
    _autofree_ char *hex = str_hex(digest, sizeof(digest));
    return hex ? store_find(server->store, STORE_MACHINE_BY_FINGERPRINT, hex, NULL) : NULL;
}

/* Its name; malloc'd. */
static char *name_of_key(const struct server *server, const struct trust_public *key)
{
    json_auto_t *object = machine_of_key(server, key);
    return object ? strdup(object_name(object)) : NULL;
}

/* ---- unknown machines ---- */

struct discovery {
    struct call *call;
    struct machine_act act;
};

static void on_created(void *data, int rc, json_t *object, const struct err *err)
{
    struct discovery *discovery = data;
    struct call *call = discovery->call;
    if (rc == 0) {
        log_info("%s: a new machine reported itself", object_name(object));
        machine_act(call->server, object_name(object), &discovery->act);
    } else {
        log_warn("a new machine could not be noted: %s", err_text(err));
        protocol_hello_free(discovery->act.hello);
        free(discovery->act.hello);
        send_wait(call, POLL_UNKNOWN, "the server could not note this machine; it tries again");
    }
    free(discovery);
}

static json_t *discovered_object(const struct protocol_hello *hello)
{
    char mac[MAC_TEXT_SIZE], name[32] = "machine-";
    size_t len = strlen(name);
    (void)mac_text(hello->macs[0], mac);
    for (const char *p = mac; *p; p++) {
        if (*p != ':')
            name[len++] = *p;
    }
    name[len] = '\0';
    json_t *macs = json_array();
    for (size_t i = 0; i < hello->mac_count; i++)
        (void)json_array_append_new(macs, json_string(mac_text(hello->macs[i], mac)));
    json_t *spec = json_pack("{s:o, s:i}", "macAddresses", macs, "installGeneration", 1);
    json_t *object = object_new(&kind_machine, name);
    if (!object || !spec || object_set(object, "spec", spec) < 0) {
        json_decref(object);
        return NULL;
    }
    if (hello->uuid)
        (void)!object_set(object, "spec.uuid", json_string(hello->uuid));
    if (hello->serial)
        (void)!object_set(object, "spec.serial", json_string(hello->serial));
    /* A stranger's words: what is no UUID or serial number is left out. */
    json_t *kept = fields_salvage(machine_spec_fields, json_object_get(object, "spec"));
    if (!kept || object_set(object, "spec", kept) < 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool may_discover(const struct call *call, const struct protocol_hello *hello)
{
    const struct http_peer *peer = http_request_peer(call->http);
    const struct network *network = networks_of_address(call->server, peer->address);
    return network && network->spec.unknown_clients == UNKNOWN_CLIENTS_SERVE &&
           hello->mac_count > 0 && mac_is_unicast(hello->macs[0]) &&
           machines_undecided(call->server) < DISCOVERED_MAX;
}

static void discover(struct call *call, struct protocol_hello *hello)
{
    struct discovery *discovery = may_discover(call, hello) ? calloc(1, sizeof(*discovery)) : NULL;
    json_t *object = discovery ? discovered_object(hello) : NULL;
    if (!object) {
        free(discovery);
        protocol_hello_free(hello);
        free(hello);
        send_wait(call, POLL_UNKNOWN,
                  "no Machine matches this computer, and its Network does not take unknown ones");
        return;
    }
    discovery->call = call;
    discovery->act = (struct machine_act){.type = MACHINE_EVENT_HELLO,
                                          .key = call->request.key,
                                          .hello = hello,
                                          .done = on_acted,
                                          .data = call};
    if (store_create(call->server->store, &kind_machine, STORE_ALL, object, on_created, discovery) <
        0)
        on_created(discovery, -ENOMEM, NULL, &(struct err){.code = -ENOMEM});
}

/* ---- routes ---- */

/* The name of the Machine that says hello; malloc'd. An installed system is known by its key. */
static char *name_of_hello(const struct call *call, const struct protocol_hello *hello,
                           bool *ret_ambiguous)
{
    *ret_ambiguous = false;
    if (hello->program == PROTOCOL_NODE)
        return name_of_key(call->server, &call->request.key);
    const struct machine_claim claim = {.macs = hello->macs,
                                        .mac_count = hello->mac_count,
                                        .uuid = hello->uuid,
                                        .serial = hello->serial};
    const char *name = machine_find_name(call->server, &claim, ret_ambiguous);
    return name ? strdup(name) : NULL;
}

static void take_hello(struct call *call, struct protocol_hello *hello)
{
    bool ambiguous = false;
    _autofree_ char *name = name_of_hello(call, hello, &ambiguous);
    if (!name && hello->program == PROTOCOL_AGENT && !ambiguous) {
        discover(call, hello);
        return;
    }
    if (!name) {
        protocol_hello_free(hello);
        free(hello);
        send_wait(call, POLL_UNKNOWN,
                  ambiguous ? "several Machines claim this computer's addresses; see: slipway get "
                              "machines -o wide"
                            : "no Machine has this key");
        return;
    }
    const struct machine_act act = {.type = MACHINE_EVENT_HELLO,
                                    .key = call->request.key,
                                    .hello = hello,
                                    .done =
                                        hello->program == PROTOCOL_NODE ? on_node_acted : on_acted,
                                    .data = call};
    machine_act(call->server, name, &act);
}

static void refuse(struct call *call, const struct err *err)
{
    log_debug("a message was refused: %s", err_text(err));
    http_reply_text(call->http, 400, "text/plain", err_text(err));
    call_free(call);
}

void machine_route_hello(struct http_request *request, void *data)
{
    struct call *call = open_call(data, request);
    struct err err = ERR_INIT;
    if (!call)
        return;
    struct protocol_hello *hello = calloc(1, sizeof(*hello));
    if (!hello || protocol_hello_parse(call->request.body, hello, &err) < 0) {
        free(hello);
        refuse(call, &err);
        return;
    }
    take_hello(call, hello);
}

void machine_route_report(struct http_request *request, void *data)
{
    struct call *call = open_call(data, request);
    struct err err = ERR_INIT;
    if (!call)
        return;
    struct protocol_report *report = calloc(1, sizeof(*report));
    if (!report || protocol_report_parse(call->request.body, report, &err) < 0) {
        free(report);
        refuse(call, &err);
        return;
    }
    _autofree_ char *name = name_of_key(call->server, &call->request.key);
    if (!name) {
        protocol_report_free(report);
        free(report);
        send_wait(call, POLL_UNKNOWN, "no Machine has this key");
        return;
    }
    const struct machine_act act = {.type = MACHINE_EVENT_REPORT,
                                    .key = call->request.key,
                                    .report = report,
                                    .done = on_acted,
                                    .data = call};
    machine_act(call->server, name, &act);
}

/* ---- what a machine leaves here while it is installed ---- */

static void on_chunk(void *data, enum protocol_action action, const char *reason,
                     const struct protocol_chunk *chunk)
{
    struct call *call = data;
    struct protocol_answer said = {
        .action = action,
        .reason = reason ? strdup(reason) : NULL,
        .time_ms = (uint64_t)clock_wall(call->server->clock),
    };
    json_auto_t *body = protocol_answer_to_json(&said);
    protocol_answer_free(&said);
    if (body && action == PROTOCOL_OK && chunk && call->wants_chunk)
        (void)json_object_set_new(body, "chunk", protocol_chunk_to_json(chunk));
    send_text(call, body ? protocol_guard_answer(call->server->guard, &call->request, body) : NULL);
}

/* The Machine for which this key speaks, as in hellos and reports; NULL when there is none. */
static struct machine *speaker(const struct server *server, const struct trust_public *key)
{
    _cleanup_(machine_freep) struct machine *machine = NULL;
    json_auto_t *object = machine_of_key(server, key);
    if (!object || machine_decode(object, &machine, NULL) < 0)
        return NULL;
    _cleanup_(profile_freep) struct profile *profile = machine_profile(server, machine);
    const struct machine_spec effective = machine_effective(machine, profile);
    return machine_is_spoken_for(machine, &effective, key) ? TAKE_PTR(machine) : NULL;
}

static void take_chunk(struct call *call, struct protocol_chunk *chunk)
{
    _cleanup_(machine_freep) struct machine *machine = speaker(call->server, &call->request.key);
    if (!machine)
        on_chunk(call, PROTOCOL_REJECT, "this key speaks for no machine that is approved", NULL);
    else if (call->wants_chunk)
        clusters_get_chunk(call->server, machine->meta.name, chunk, on_chunk, call);
    else
        clusters_put_chunk(call->server, machine->meta.name, chunk, on_chunk, call);
}

static void route_chunk(struct http_request *request, void *data, bool wanted)
{
    struct call *call = open_call(data, request);
    struct err err = ERR_INIT;
    _autochunk_ struct protocol_chunk chunk = {0};
    if (!call)
        return;
    call->wants_chunk = wanted;
    if (protocol_chunk_parse(call->request.body, &chunk, &err) < 0)
        refuse(call, &err);
    else
        take_chunk(call, &chunk);
}

void machine_route_save(struct http_request *request, void *data)
{
    route_chunk(request, data, false);
}

void machine_route_saved(struct http_request *request, void *data)
{
    route_chunk(request, data, true);
}
