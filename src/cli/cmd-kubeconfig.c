/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cluster-name.h"
#include "cli/connect.h"
#include "cli/target.h"
#include "resource/kind.h"
#include "server/api-tls.h"
#include "server/api-users.h"

static const struct command_option options[] = {
    {0, "hours", "N", "how long the Cluster's certificate is valid (default: 8)", COMPLETE_NOTHING},
    {0, "api", NULL, "of Slipway's own API on this machine instead of a Cluster's",
     COMPLETE_NOTHING},
    {0, "address", "URL", "with --api: write this https:// URL instead of the server's own",
     COMPLETE_NOTHING},
    {0, "user", "NAME", "with --api: for this user, with a new token; an older one becomes invalid",
     COMPLETE_NOTHING},
    {0, "role", "ROLE", "what --user may do: admin or reader (default: reader)", COMPLETE_NOTHING},
    {0},
};

enum { HOURS_DEFAULT = 8, HOURS_MAX = 366 * 24 };

/* ---- of a Cluster ---- */

static int print_cluster(struct client *client, const char *name, long hours, struct err *err)
{
    const struct target target = {&kind_cluster, name};
    _autofree_ char *object = target_path(&target, NULL);
    _autofree_ char *path =
        object ? str_format("%s/kubeconfig?expirationSeconds=%ld", object, hours * 3600) : NULL;
    json_auto_t *answer = NULL;
    if (!path)
        return err_errno(err, -ENOMEM, "request");
    const struct client_request request = {.method = "POST", .path = path};
    int r = client_call(client, &request, &answer, NULL, err);
    if (r < 0)
        return r;
    const char *text = object_text(answer, "status.kubeconfig");
    (void)printf("%s", text ? text : "");
    return text ? 0 : err_set(err, -EBADMSG, "the server's answer holds no kubeconfig");
}

static int run_cluster(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    long hours = 0;
    _cleanup_(client_freep) struct client *client = NULL;
    _autofree_ char *name = NULL;
    int r = args_number(args, "hours", 1, HOURS_MAX, HOURS_DEFAULT, &hours, &err);
    if (r < 0)
        return cli_usage_error(cli, "%s", err_text(&err));
    r = client_open(cli, args, &client, &err);
    if (r == 0)
        r = cluster_name(client, args_operand(args, 0), &name, &err);
    if (r == 0)
        r = print_cluster(client, name, hours, &err);
    return r < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

/* ---- of Slipway's own API ---- */

static int read_server(const char *state_dir, struct connection *ret, struct err *err)
{
    _autofree_ char *path = str_format("%s/kubeconfig", state_dir);
    _autofree_ char *text = NULL;
    int r = path ? file_read(path, (size_t)1 << 20, &text, NULL, err) : -ENOMEM;
    if (r < 0)
        return r;
    return connection_from_kubeconfig(path, text, NULL, ret, err);
}

/* Makes a token for --user in STATE/keys/users.json, which the server reads again by itself. */
static int new_token(const char *state_dir, const struct args *args,
                     char token[static API_TOKEN_SIZE], struct err *err)
{
    const char *role_text = args_value(args, "role");
    enum api_role role = api_role_parse(role_text ? role_text : "reader");
    _autofree_ char *path = str_format("%s/keys/users.json", state_dir);
    _cleanup_(api_users_freep) struct api_users *users = NULL;
    if (role == API_ROLE_NONE)
        return err_set(err, -EINVAL, "--role: expected admin or reader, found \"%s\"", role_text);
    int r = path ? api_users_load(path, &users, err) : -ENOMEM;
    if (r == 0)
        r = api_users_set(users, args_value(args, "user"), role, &rng_system, token, err);
    return r < 0 ? r : api_users_save(users, path, err);
}

static int print_kubeconfig(const struct args *args, const char *state_dir,
                            const struct connection *server, struct err *err)
{
    const char *url = args_value(args, "address"), *user = args_value(args, "user");
    char token[API_TOKEN_SIZE];
    if (url && !str_after(url, "https://"))
        return err_set(err, -EINVAL, "--address: expected an https:// URL, found \"%s\"", url);
    int r = user ? new_token(state_dir, args, token, err)
                 : str_copy(token, sizeof(token), server->token);
    if (r < 0)
        return r;
    _autofree_ char *text = api_kubeconfig_text(url ? url : server->url, server->authority,
                                                user ? user : "admin", token);
    (void)printf("%s", text ? text : "");
    return text ? 0 : err_errno(err, -ENOMEM, "kubeconfig");
}

static int run_api(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    _cleanup_(connection_clear) struct connection server = {0};
    const char *state_dir = cli_state_dir(cli, args);
    if (args_given(args, "role") && !args_given(args, "user"))
        return cli_usage_error(cli, "--role needs --user");
    if (args_operand(args, 0))
        return cli_usage_error(cli, "--api takes no Cluster");
    int r = read_server(state_dir, &server, &err);
    if (r == 0)
        r = print_kubeconfig(args, state_dir, &server, &err);
    return r < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

static int run(struct cli *cli, const struct args *args)
{
    bool api = args_given(args, "api");
    if (!api &&
        (args_given(args, "user") || args_given(args, "role") || args_given(args, "address")))
        return cli_usage_error(cli, "--user, --role and --address need --api");
    return api ? run_api(cli, args) : run_cluster(cli, args);
}

const struct command cmd_kubeconfig = {
    .name = "kubeconfig",
    .summary = "Print a kubeconfig of a Cluster, or of Slipway's own API",
    .operands = "[CLUSTER]",
    .max_operands = 1,
    .details =
        "The Cluster may be left out when there is only one. Its certificate makes whoever has it\n"
        "an administrator of the cluster until it ends.\n"
        "With --api and without --user it is the administrator's own: STATE/kubeconfig.",
    .options = options,
    .complete = {COMPLETE_CLUSTER},
    .api = true,
    .run = run,
};
