/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up.h"

#include <string.h>

#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "cluster/kubeadm.h"
#include "node/ca-hash.h"
#include "node/cluster-store.h"
#include "node/service-manager.h"
#include "node/up-addons.h"
#include "node/up-cluster.h"
#include "node/up-host.h"
#include "node/up-join.h"
#include "node/up-pki.h"
#include "node/up-progress.h"
#include "node/up-ready.h"
#include "node/up-task.h"

enum { API_MS = 300000, START_MS = 120000, CA_MAX = 64 << 10 };

#define PODNET_UNIT "slipway-podnet.service"

struct up {
    const struct up_context *context;
    const struct node_configuration *configuration;
    const struct up_options *options;
    enum up_role role;
    struct up_host host;
    struct protocol_task_state before; /* what an earlier run, or a server, did here */
    struct kube_token token;           /* of the seeder, for those who join */
    struct up_kubectl kubectl;
    struct up_progress progress;
    size_t failures; /* of add-ons */
};

static void up_free(struct up *up)
{
    protocol_task_state_free(&up->before);
    kube_token_wipe(&up->token);
    up_kubectl_free(&up->kubectl);
}

static void set_phase(struct up *up, const char *phase)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "STATUS=%s", phase);
    service_manager_tell(text);
    up_progress_phase(&up->progress, phase);
}

static void on_phase(void *data, const char *phase)
{
    struct up *up = data;
    up_progress_phase(&up->progress, phase);
}

static int fail(struct up *up, int status, const struct err *err)
{
    up_progress_end(&up->progress);
    log_error("%s", err_text(err));
    return status;
}

/* ---- before ---- */

static bool is_member(const struct up *up)
{
    return up->before.node_name && up->before.outcome == PROTOCOL_TASK_DONE;
}

static int read_authority(const struct up *up, char **ret, struct err *err)
{
    _autofree_ char *path = str_format("%s/ca.crt", up->configuration->cluster.certificates_dir);
    return path ? node_read(up->context->node, path, CA_MAX, ret, NULL, err) : -ENOMEM;
}

static int ca_hash_of(const struct up *up, char ret[static CA_HASH_SIZE], struct err *err)
{
    _autofree_ char *pem = NULL;
    int r = read_authority(up, &pem, err);
    if (r < 0)
        return r;
    r = ca_hash(pem, strlen(pem), ret);
    return r < 0 ? err_errno(err, r, "the cluster's ca.crt") : 0;
}

/* Whether it believes another authority than it is told to. */
static bool is_of_another(const struct up *up)
{
    const struct node_configuration *c = up->configuration;
    char here[CA_HASH_SIZE], told[CA_HASH_SIZE];
    const char *wanted = c->ca_cert_hash;
    if (!wanted && c->ca_cert && ca_hash(c->ca_cert, strlen(c->ca_cert), told) == 0)
        wanted = told;
    return up->role == UP_JOIN && wanted && ca_hash_of(up, here, NULL) == 0 &&
           strcasecmp(here, wanted) != 0;
}

/* A node of another cluster, or in another role, is not turned into one of this. */
static int check_free(const struct up *up, struct err *err)
{
    const struct node *node = up->context->node;
    if (is_member(up) && !up_task_is(up->before.task, up->role))
        return err_set(err, -EEXIST,
                       "this host is a node already, in another way than the configuration says: "
                       "slipway-node reset takes it out of its cluster");
    if (is_member(up) && is_of_another(up))
        return err_set(err, -EEXIST,
                       "this host is a node of a cluster whose authority is another one than the "
                       "configuration says: slipway-node reset takes it out of that cluster (or, "
                       "where its authority was renewed, mend the configuration)");
    if (!up->before.node_name && up_host_is_taken(node))
        return err_set(err, -EEXIST,
                       "this host is a node of a cluster that was made by other means; kubeadm "
                       "reset takes it out");
    return 0;
}

static int check_programs(const struct up *up, struct err *err)
{
    char path[256];
    if (!proc_find(up->context->kubectl, path, sizeof(path)))
        return err_set(err, -ENOENT, "there is no %s on this host", up->context->kubectl);
    bool bridge = up->configuration->cluster.cni.driver == CNI_BRIDGE;
    const char *podnet = up->context->tools->podnet;
    if (up->role == UP_SEED && bridge && podnet && access(podnet, X_OK) < 0)
        return err_set(
            err, -ENOENT,
            "there is no %s on this host, which the network \"bridge\" needs; --cni says "
            "another one",
            podnet);
    return 0;
}

static int look(struct up *up, struct err *err)
{
    const struct node *node = up->context->node;
    (void)!cluster_state_load(node, &up->before);
    int r = up_host_look(up->configuration, &up->host, err);
    if (r == 0)
        r = str_copy(up->host.version, sizeof(up->host.version),
                     up->configuration->cluster.kubernetes_version);
    if (r == 0)
        r = check_free(up, err);
    return r < 0 ? r : check_programs(up, err);
}

static int open_kubectl(struct up *up)
{
    const struct cluster cluster = {.spec = up->configuration->cluster};
    const struct kubeadm_machine machine = {
        .name = up->host.name, .address = up->host.address, .subnet = up->host.subnet};
    struct buf proxies = BUF_INIT;
    kubeadm_proxy(&cluster, &machine, 0, KUBEADM_PROXY_ENVIRONMENT, &proxies);
    up->kubectl = (struct up_kubectl){
        .program = up->context->kubectl,
        .kubeconfig =
            node_path(up->context->node, up->role == UP_SEED ? "/etc/kubernetes/admin.conf"
                                                             : "/etc/kubernetes/kubelet.conf"),
        .proxies = proxies.len ? buf_steal(&proxies) : NULL,
        .cancel = up->context->tools->cancel,
    };
    buf_free(&proxies);
    return up->kubectl.kubeconfig ? 0 : -ENOMEM;
}

/* ---- kubeadm ---- */

/* The one that was given, or is known from an earlier run, or a new one. */
static void choose_token(struct up *up)
{
    _autofree_ char *kept = up_join_token(up->context->node);
    const char *token = up->configuration->token ? up->configuration->token : kept;
    if (!token || kube_token_parse(token, &up->token) < 0)
        kube_token_make(up->context->rng, &up->token);
    if (kept)
        explicit_bzero(kept, strlen(kept));
}

static int make_task(struct up *up, struct protocol_task *task, struct err *err)
{
    const struct node *node = up->context->node;
    const char *folder = up->configuration->cluster.certificates_dir;
    char text[KUBE_TOKEN_TEXT_SIZE];
    struct kube_token init_token; /* nobody is told of it */
    kube_token_make(up->context->rng, &init_token);
    _autofree_ char *id = up_task_id(up->role, up->context->rng);
    if (!id)
        return -ENOMEM;
    int r =
        up_task(up->configuration, &up->host, id, kube_token_text(&init_token, text), task, err);
    if (r < 0 || up->role == UP_JOIN)
        return r;
    if (!up->before.node_name)
        r = up_pki_keep(node, folder, err);
    return r < 0 ? r : up_pki_add(node, folder, task, err);
}

/* What is behind the first line, which is the error: the last of kubeadm's and kubelet's. */
static void tell_why(struct up *up)
{
    _autotaskstate_ struct protocol_task_state state = {0};
    if (cluster_state_load(up->context->node, &state) < 0 || !state.message)
        return;
    for (const char *line = state.message + strcspn(state.message, "\n"); *line;) {
        line++;
        size_t n = strcspn(line, "\n");
        if (n)
            log_error("  %.*s", (int)n, line);
        line += n;
    }
}

static int run_kubeadm(struct up *up, struct err *err)
{
    _autotask_ struct protocol_task task = {0};
    struct cluster_tools tools = *up->context->tools;
    tools.on_phase = on_phase;
    tools.data = up;
    int r = make_task(up, &task, err);
    if (r == 0)
        r = cluster_task_save(up->context->node, &task, err);
    if (r < 0)
        return r;
    r = cluster_task_run(up->context->node, &tools, err);
    if (r < 0 && r != -EBUSY) {
        up_progress_end(&up->progress);
        tell_why(up);
    }
    return r;
}

/* ---- behind it ---- */

static int wait_for_api(struct up *up, struct err *err)
{
    const struct clock *clock = up->context->node->clock;
    struct up_waiting waiting = {&up->kubectl, clock, clock_now(clock) + API_MS};
    set_phase(up, "api-server");
    return up_wait_for_api(&waiting, err);
}

/* The unit of slipway-podnet is there in images of Slipway; elsewhere somebody starts it. */
static void start_podnet(const struct up *up)
{
    const char *const command[] = {up->context->tools->systemctl, "restart", PODNET_UNIT, NULL};
    struct proc_options options = {.timeout_ms = START_MS};
    struct err err = ERR_INIT;
    if (up->context->tools->systemctl && proc_run(command, &options, NULL, &err) < 0)
        log_warn("%s does not start, so this node has no network between pods: %s", PODNET_UNIT,
                 err_text(&err));
}

static int join_network(struct up *up, struct err *err)
{
    _autofree_ char *text = NULL;
    bool changed = false;
    set_phase(up, "network");
    int r = up_network_fetch(&up->kubectl, &text, err);
    if (r == -ENODATA) {
        log_info("The cluster says nothing of the network between pods: that is left to it.");
        return 0;
    }
    if (r == 0)
        r = up_network_apply(up->context->node, up->host.name, text, &changed, err);
    if (r == 0 && changed)
        start_podnet(up);
    return r;
}

/* Keeps what joining nodes need, and prints it. */
static int tell_how_to_join(struct up *up, struct err *err)
{
    const struct cluster cluster = {.spec = up->configuration->cluster};
    char hash[CA_HASH_SIZE], seeder[CLUSTER_ENDPOINT_SIZE], token[KUBE_TOKEN_TEXT_SIZE];
    int r = cluster_endpoint_text(&cluster, up->host.address, seeder);
    if (r == 0)
        r = ca_hash_of(up, hash, err);
    if (r < 0)
        return r;
    struct up_join join = {seeder, hash, kube_token_text(&up->token, token)};
    r = up_join_save(up->context->node, &join, err);
    if (!up->options->show_token)
        join.token = NULL;
    _autofree_ char *text = up_join_text(&join);
    up_progress_end(&up->progress);
    if (r == 0 && text)
        printf("# Nodes join with this: slipway-node up --config FILE\n%s", text);
    if (!up->configuration->cluster.join_policy.auto_approve)
        printf("# Nobody is approved automatically. Look at what asks, compare, and approve:\n"
               "#   kubectl --kubeconfig /etc/kubernetes/admin.conf get csr\n"
               "#   kubectl --kubeconfig /etc/kubernetes/admin.conf certificate approve NAME\n");
    (void)fflush(stdout);
    explicit_bzero(token, sizeof(token));
    return r;
}

/* Once: whoever starts this again, as every boot does, must not make the token live on. */
static int make_token(struct up *up, struct err *err)
{
    const struct clock *clock = up->context->node->clock;
    if (is_member(up) && node_exists(up->context->node, UP_JOIN_FILE))
        return 0;
    choose_token(up);
    int r = up_cluster_admit(&up->kubectl, &up->configuration->cluster, &up->token,
                             clock_wall(clock), err);
    return r < 0 ? r : tell_how_to_join(up, err);
}

static int apply_manifests(struct up *up, struct err *err)
{
    _autofree_ char *authority = NULL;
    int r = read_authority(up, &authority, err);
    const struct up_addons addons = {
        .kubectl = &up->kubectl,
        .cni = up_cni_is_manifest(up->options->cni) ? up->options->cni : NULL,
        .folder = up->options->addons,
        .curl = "curl",
        .authority = authority,
        .spec = &up->configuration->cluster,
        .address = up->host.address,
    };
    if (r < 0 || !up_addons_any(&addons))
        return r;
    set_phase(up, "manifests");
    return up_addons_apply(&addons, &up->failures, err);
}

static int furnish(struct up *up, struct err *err)
{
    int r = up_cluster_furnish(&up->kubectl, &up->configuration->cluster, err);
    if (r == 0)
        r = join_network(up, err);
    if (r == 0)
        r = apply_manifests(up, err);
    return r < 0 ? r : make_token(up, err);
}

/* A node without a network between pods never becomes Ready: somebody brings one later. */
static bool can_become_ready(const struct up *up)
{
    bool manifest = up_cni_is_manifest(up->options->cni);
    return up->role == UP_JOIN || manifest || up->configuration->cluster.cni.driver != CNI_NONE;
}

static int wait_for_node(struct up *up, struct err *err)
{
    const struct clock *clock = up->context->node->clock;
    struct up_waiting waiting = {&up->kubectl, clock, clock_now(clock) + up->options->timeout_ms};
    set_phase(up, "ready");
    return up_wait_for_node(&waiting, up->host.name, can_become_ready(up), err);
}

static int finish(struct up *up)
{
    struct err err = ERR_INIT;
    char age[32];
    if (up->options->block && wait_for_node(up, &err) < 0)
        return fail(up, UP_NOT_READY, &err);
    up_progress_end(&up->progress);
    (void)clock_age_text(clock_now(up->context->node->clock) - up->progress.started, age,
                         sizeof(age));
    log_info("Node %s is %s (%s).", up->host.name,
             !up->options->block    ? "up"
             : can_become_ready(up) ? "Ready"
                                    : "there",
             age);
    if (up->failures)
        log_error("Of the add-ons' manifests and objects, %zu were not applied.", up->failures);
    return up->failures ? UP_ADDONS : UP_READY;
}

int up_run(const struct up_context *context, const struct node_configuration *configuration,
           const struct up_options *options)
{
    struct err err = ERR_INIT;
    _cleanup_(up_free) struct up up = {
        .context = context,
        .configuration = configuration,
        .options = options,
        .role = up_role(configuration),
        .progress = {.out = stderr,
                     .clock = context->node->clock,
                     .role = up_role(configuration),
                     .bar = isatty(STDERR_FILENO) == 1,
                     .started = clock_now(context->node->clock)},
    };
    int r = look(&up, &err);
    if (r < 0)
        return fail(&up, UP_UNPREPARED, &err);
    r = open_kubectl(&up);
    if (r == 0 && !is_member(&up))
        r = run_kubeadm(&up, &err);
    if (r < 0)
        return fail(&up, r == -ENOENT ? UP_UNPREPARED : UP_FAILED, &err);
    r = wait_for_api(&up, &err);
    if (r == 0)
        r = up.role == UP_SEED ? furnish(&up, &err) : join_network(&up, &err);
    return r < 0 ? fail(&up, UP_FAILED, &err) : finish(&up);
}

int up_forget(const struct node *node, struct err *err)
{
    int r = cluster_secret_remove(node, UP_JOIN_FILE, err);
    return r < 0 ? r : up_pki_forget(node, err);
}
