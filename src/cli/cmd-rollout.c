/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing a Cluster's Machines to another Image: Cluster.spec.rollout says what is wanted. */
#include <inttypes.h>
#include <time.h>

#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cluster-name.h"
#include "cli/progress.h"
#include "cli/target.h"
#include "resource/kind.h"

enum { WAIT_POLL_SECONDS = 2, UNAVAILABLE_MAX = 1000, STATE_MAX = 512 };

struct rolling {
    struct cli *cli;
    const struct args *args;
    struct client *client;
    char *name;        /* of the Cluster */
    const char *image; /* whose end is waited for; NULL: of whichever is wanted */
    struct err err;
};

static void rolling_clear(struct rolling *r)
{
    client_freep(&r->client);
    free(r->name);
}

static int open_rolling(struct rolling *r, const char *named)
{
    int rc = client_open(r->cli, r->args, &r->client, &r->err);
    return rc < 0 ? rc : cluster_name(r->client, named, &r->name, &r->err);
}

static int call(struct rolling *r, const struct kind *kind, const char *name, json_t *patch,
                json_t **ret)
{
    const struct target target = {kind, name};
    _autofree_ char *path = target_path(&target, NULL);
    _autofree_ char *body = patch ? json_dumps(patch, JSON_COMPACT) : NULL;
    if (!path || (patch && !body))
        return err_errno(&r->err, -ENOMEM, "request");
    const struct client_request request = {.method = patch ? "PATCH" : NULL,
                                           .path = path,
                                           .type = patch ? "application/merge-patch+json" : NULL,
                                           .body = body};
    return client_call(r->client, &request, ret, NULL, &r->err);
}

/* Takes the patch over. */
static int change(struct rolling *r, json_t *patch)
{
    json_auto_t *owned = patch;
    json_auto_t *answer = NULL;
    return owned ? call(r, &kind_cluster, r->name, owned, &answer)
                 : err_errno(&r->err, -ENOMEM, "request");
}

/* ---- how far it is ---- */

static const char *text_of(const json_t *cluster, const char *path)
{
    const char *text = object_text(cluster, path);
    return text ? text : "";
}

static json_int_t number_of(const json_t *cluster, const char *path)
{
    return json_integer_value(object_get(cluster, path));
}

/* Whether the status is about the Image that is wanted now. */
static bool is_current(const json_t *cluster)
{
    return str_eq(object_text(cluster, "status.rollout.image"),
                  object_text(cluster, "spec.rollout.image"));
}

static void print_status(const struct rolling *r, const json_t *cluster)
{
    const char *image = object_text(cluster, "spec.rollout.image");
    if (!image)
        (void)printf("cluster/%s: no rollout was asked for\n", r->name);
    else if (!is_current(cluster))
        (void)printf("cluster/%s: Image %s: not begun\n", r->name, image);
    else
        (void)printf("cluster/%s: Image %s: %s, %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
                     " Machines have it: %s\n",
                     r->name, image, text_of(cluster, "status.rollout.state"),
                     number_of(cluster, "status.rollout.updated"),
                     number_of(cluster, "status.rollout.total"),
                     text_of(cluster, "status.rollout.message"));
}

static bool is_over(const json_t *cluster)
{
    const char *state = text_of(cluster, "status.rollout.state");
    bool asked = object_text(cluster, "spec.rollout.image");
    return !asked ||
           (is_current(cluster) && (str_eq(state, "Complete") || str_eq(state, "Failed")));
}

/* Somebody wants another Image meanwhile: what becomes of this one is not to be known any more. */
static bool is_replaced(const struct rolling *r, const json_t *cluster)
{
    return r->image && !str_eq(object_text(cluster, "spec.rollout.image"), r->image);
}

static int wait_over(struct rolling *r, json_t **ret)
{
    struct progress *shown = progress_new(stderr, cli_interactive(r->cli), &clock_system);
    char said[STATE_MAX];
    int rc = 0;
    while ((rc = call(r, &kind_cluster, r->name, NULL, ret)) == 0 && !is_over(*ret) &&
           !is_replaced(r, *ret)) {
        (void)snprintf(
            said, sizeof(said), "%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT ": %s",
            number_of(*ret, "status.rollout.updated"), number_of(*ret, "status.rollout.total"),
            is_current(*ret) ? text_of(*ret, "status.rollout.message") : "begins");
        progress_step(shown, said, 0, 0);
        json_decref(*ret);
        *ret = NULL;
        (void)nanosleep(&(struct timespec){.tv_sec = WAIT_POLL_SECONDS}, NULL);
    }
    progress_free(shown);
    return rc;
}

/* Prints it, with --wait at its end. The exit status says whether it failed. */
static int show(struct rolling *r)
{
    json_auto_t *cluster = NULL;
    int rc = args_given(r->args, "wait") ? wait_over(r, &cluster)
                                         : call(r, &kind_cluster, r->name, NULL, &cluster);
    if (rc == 0 && is_replaced(r, cluster))
        rc = err_set(&r->err, -ECANCELED,
                     "cluster/%s: another rollout has taken the place of Image %s", r->name,
                     r->image);
    if (rc < 0)
        return cli_fail(r->cli, &r->err);
    print_status(r, cluster);
    bool failed = is_current(cluster) && str_eq(text_of(cluster, "status.rollout.state"), "Failed");
    return failed ? STATUS_FAILURE : STATUS_OK;
}

/* ---- the subcommands ---- */

/*
 * The version of Kubernetes that comes with the Image, where it is another one than the Cluster
 * says; else NULL. Borrowed from the Image.
 */
static const char *upgrade_of(const json_t *image, const json_t *cluster)
{
    const char *version = object_text(image, "status.kubernetesVersion");
    return str_eq(version, object_text(cluster, "spec.kubernetesVersion")) ? NULL : version;
}

/* Upgrading is never a surprise. */
static int check_upgrade(struct rolling *r, const char *image, const char *version)
{
    if (!version || args_given(r->args, "upgrade"))
        return 0;
    return err_set(&r->err, -EINVAL,
                   "Image %s holds Kubernetes %s, which is not what cluster/%s has: --upgrade "
                   "brings the cluster to it",
                   image, version, r->name);
}

/* What the server would wait for, for ever perhaps. */
static int check_image(struct rolling *r, const char *name, const json_t *image,
                       const json_t *cluster)
{
    const char *phase = text_of(image, "status.phase"), *problem = NULL;
    bool same = str_eq(object_text(cluster, "spec.rollout.image"), name);
    if (!str_eq(phase, "Ready"))
        problem = "is not ready to be installed";
    else if (!object_text(image, "status.kubernetesVersion"))
        problem = "holds no Kubernetes";
    else if (same && upgrade_of(image, cluster))
        problem = "was built anew with another Kubernetes since it was rolled out: build it under "
                  "another name, so that it can be told which Machine has which";
    return problem ? err_set(&r->err, -EINVAL, "Image %s %s", name, problem) : 0;
}

/* The patch of the Cluster; version NULL: it stays. */
static json_t *rollout_patch(const char *image, const char *version)
{
    json_t *patch = json_pack("{s{s{ss, sb}}}", "spec", "rollout", "image", image, "paused", false);
    if (patch && version)
        (void)!object_set(patch, "spec.kubernetesVersion", json_string(version));
    return patch;
}

static int begin(struct rolling *r, const char *image)
{
    json_auto_t *found = NULL, *cluster = NULL;
    long unavailable = 0;
    int rc = args_number(r->args, "max-unavailable", 1, UNAVAILABLE_MAX, 0, &unavailable, &r->err);
    if (rc == 0)
        rc = open_rolling(r, args_value(r->args, "cluster"));
    if (rc == 0)
        rc = call(r, &kind_image, image, NULL, &found);
    if (rc == 0)
        rc = call(r, &kind_cluster, r->name, NULL, &cluster);
    if (rc == 0)
        rc = check_image(r, image, found, cluster);
    const char *version = rc == 0 ? upgrade_of(found, cluster) : NULL;
    if (rc == 0)
        rc = check_upgrade(r, image, version);
    if (rc < 0)
        return rc;
    json_t *patch = rollout_patch(image, version);
    if (patch && unavailable)
        (void)!object_set(patch, "spec.rollout.maxUnavailable", json_integer(unavailable));
    return change(r, patch);
}

static int run_image(struct cli *cli, const struct args *args)
{
    struct rolling r _cleanup_(rolling_clear) = {.cli = cli, .args = args, .err = ERR_INIT};
    const char *named = args_operand(args, 0), *plain = str_after(named, "image/");
    r.image = plain ? plain : named;
    if (begin(&r, r.image) < 0)
        return cli_fail(cli, &r.err);
    (void)printf("cluster/%s brings its Machines to Image %s, one after the other\n", r.name,
                 r.image);
    return args_given(args, "wait") ? show(&r) : STATUS_OK;
}

static int run_status(struct cli *cli, const struct args *args)
{
    struct rolling r _cleanup_(rolling_clear) = {.cli = cli, .args = args, .err = ERR_INIT};
    if (open_rolling(&r, args_operand(args, 0)) < 0)
        return cli_fail(cli, &r.err);
    return show(&r);
}

static int set_paused(struct cli *cli, const struct args *args, bool paused)
{
    struct rolling r _cleanup_(rolling_clear) = {.cli = cli, .args = args, .err = ERR_INIT};
    int rc = open_rolling(&r, args_operand(args, 0));
    if (rc == 0)
        rc = change(&r, json_pack("{s{s{sb}}}", "spec", "rollout", "paused", paused));
    if (rc < 0)
        return cli_fail(cli, &r.err);
    (void)printf("cluster/%s %s\n", r.name,
                 paused ? "begins with no further Machine" : "goes on with its Machines");
    return STATUS_OK;
}

static int run_pause(struct cli *cli, const struct args *args)
{
    return set_paused(cli, args, true);
}

static int run_resume(struct cli *cli, const struct args *args)
{
    return set_paused(cli, args, false);
}

static int go_back(struct rolling *r, char **ret_image)
{
    json_auto_t *cluster = NULL;
    int rc = open_rolling(r, args_operand(r->args, 0));
    if (rc == 0)
        rc = call(r, &kind_cluster, r->name, NULL, &cluster);
    if (rc < 0)
        return rc;
    const char *previous = object_text(cluster, "status.rollout.previousImage");
    if (!previous || !is_current(cluster))
        return err_set(&r->err, -ENOENT, "cluster/%s: no rollout was begun that could be undone",
                       r->name);
    json_auto_t *found = NULL;
    rc = call(r, &kind_image, previous, NULL, &found);
    if (rc < 0)
        return rc;
    *ret_image = strdup(previous);
    return *ret_image ? change(r, rollout_patch(previous, upgrade_of(found, cluster)))
                      : err_errno(&r->err, -ENOMEM, "request");
}

static int run_undo(struct cli *cli, const struct args *args)
{
    struct rolling r _cleanup_(rolling_clear) = {.cli = cli, .args = args, .err = ERR_INIT};
    _autofree_ char *image = NULL;
    if (go_back(&r, &image) < 0)
        return cli_fail(cli, &r.err);
    r.image = image;
    (void)printf("cluster/%s brings its Machines back to Image %s\n", r.name, image);
    return args_given(args, "wait") ? show(&r) : STATUS_OK;
}

static const struct command_option image_options[] = {
    {0, "cluster", "NAME", "the Cluster; not needed when there is only one", COMPLETE_CLUSTER},
    {0, "max-unavailable", "N", "how many Machines may be away at once (default: 1)",
     COMPLETE_NOTHING},
    {0, "upgrade", NULL, "also where the Image holds a later Kubernetes than the Cluster has",
     COMPLETE_NOTHING},
    {'w', "wait", NULL, "until all have it, or one has failed", COMPLETE_NOTHING},
    {0},
};

static const struct command_option wait_options[] = {
    {'w', "wait", NULL, "until all have it, or one has failed", COMPLETE_NOTHING},
    {0},
};

static const struct command image_command = {
    .name = "image",
    .summary = "Bring all Machines of a Cluster to an Image",
    .operands = "IMAGE",
    .min_operands = 1,
    .max_operands = 1,
    .details =
        "Each Machine leaves the cluster in order (its pods go elsewhere, an etcd member is\n"
        "removed first), is installed anew and joins again: control planes first, one at a\n"
        "time, then workers. It stops when a Machine fails. What the etcd of the only control\n"
        "plane holds is with the server meanwhile, sealed, and the API server is away.\n"
        "\n"
        "With --upgrade this is how Kubernetes is upgraded, one minor version at a time: the\n"
        "Cluster's kubernetesVersion becomes the Image's, what kubeadm keeps in the cluster\n"
        "follows before the first Machine, CoreDNS after the control planes, kube-proxy with\n"
        "each Machine. It cannot be undone once the version has another minor number.\n"
        "\n"
        "Images are told apart by their names: Machines that have one of this name already are\n"
        "not installed anew. So give an Image that was built anew a name of its own.",
    .options = image_options,
    .api = true,
    .run = run_image,
};

static const struct command status_command = {
    .name = "status",
    .summary = "Show how far a rollout is",
    .operands = "[CLUSTER]",
    .max_operands = 1,
    .details = "Exit status 1 when it has failed.",
    .options = wait_options,
    .complete = {COMPLETE_CLUSTER},
    .api = true,
    .run = run_status,
};

static const struct command pause_command = {
    .name = "pause",
    .summary = "Begin with no further Machine",
    .operands = "[CLUSTER]",
    .max_operands = 1,
    .complete = {COMPLETE_CLUSTER},
    .api = true,
    .run = run_pause,
};

static const struct command resume_command = {
    .name = "resume",
    .summary = "Go on with a rollout that was paused",
    .operands = "[CLUSTER]",
    .max_operands = 1,
    .complete = {COMPLETE_CLUSTER},
    .api = true,
    .run = run_resume,
};

static const struct command undo_command = {
    .name = "undo",
    .summary = "Bring all Machines back to the Image that they had before",
    .operands = "[CLUSTER]",
    .max_operands = 1,
    .options = wait_options,
    .complete = {COMPLETE_CLUSTER},
    .api = true,
    .run = run_undo,
};

static const struct command *const subcommands[] = {
    &image_command, &pause_command, &resume_command, &status_command, &undo_command, NULL,
};

const struct command cmd_rollout = {
    .name = "rollout",
    .summary = "Bring a Cluster's Machines to another Image, one after the other",
    .subcommands = subcommands,
};
