/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/manifests.h"
#include "cli/target.h"

static const struct command_option options[] = {
    {'f', "filename", "FILE", "delete the resources that are in FILE; may be repeated",
     COMPLETE_FILE},
    {'l', "selector", "LABELS", "delete the objects with these labels", COMPLETE_NOTHING},
    {0, "all", NULL, "delete all objects of the kind", COMPLETE_NOTHING},
    {0, "ignore-not-found", NULL, "it is no failure when an object is not there", COMPLETE_NOTHING},
    {0},
};

struct deleting {
    const struct cli *cli;
    const struct args *args;
    struct client *client;
    int status;
};

static void failed(struct deleting *d, const struct err *err)
{
    int status = cli_fail(d->cli, err);
    d->status = d->status ? d->status : status;
}

static void delete_one(struct deleting *d, const struct target *target)
{
    struct err err = ERR_INIT;
    _autofree_ char *path = target_path(target, NULL);
    _autofree_ char *name = target_display(target->kind, target->name);
    const struct client_request request = {.method = "DELETE", .path = path};
    json_t *answer = NULL;
    int r = path ? client_call(d->client, &request, &answer, NULL, &err)
                 : err_errno(&err, -ENOMEM, "request");
    json_decref(answer);
    if (r == 0)
        (void)printf("%s deleted\n", name ? name : target->name);
    else if (r != -ENOENT || !args_given(d->args, "ignore-not-found"))
        failed(d, &err);
}

/* The objects of a kind that the selector names, one by one, so that each is reported. */
static void delete_selected(struct deleting *d, const struct kind *kind)
{
    struct err err = ERR_INIT;
    _autobuf_ struct buf query = BUF_INIT;
    if (args_given(d->args, "selector"))
        query_add(&query, "labelSelector", args_value(d->args, "selector"));
    const struct target all = {kind, NULL};
    _autofree_ char *path = target_path(&all, buf_str(&query));
    const struct client_request request = {.path = path};
    json_t *list = NULL;
    if (!path || client_call(d->client, &request, &list, NULL, &err) < 0) {
        failed(d, &err);
        return;
    }
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(list, "items"), i, item) {
        const struct target one = {kind, object_name(item)};
        if (one.name)
            delete_one(d, &one);
    }
    json_decref(list);
}

static void delete_targets(struct deleting *d, const struct targets *targets)
{
    for (size_t i = 0; i < targets->count; i++) {
        if (targets->items[i].name)
            delete_one(d, &targets->items[i]);
        else
            delete_selected(d, targets->items[i].kind);
    }
}

static int delete_files(struct deleting *d)
{
    struct err err = ERR_INIT;
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    _cleanup_(manifests_clear) struct manifests manifests = {0};
    if (manifests_read(d->args, &manifests, &problems, &err) < 0)
        return cli_fail(d->cli, &err);
    for (size_t i = 0; i < manifests.count; i++) {
        const struct target one = {manifests.items[i].kind, object_name(manifests.items[i].json)};
        if (one.name)
            delete_one(d, &one);
    }
    return d->status;
}

/* Deleting a whole kind must be said: by --all or by a selector. */
static bool says_which(const struct args *args, const struct targets *targets)
{
    bool selected = args_given(args, "all") || args_given(args, "selector");
    for (size_t i = 0; i < targets->count; i++)
        if (!targets->items[i].name && !selected)
            return false;
    return true;
}

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    _cleanup_(targets_clear) struct targets targets = {0};
    _cleanup_(client_freep) struct client *client = NULL;
    bool files = args_given(args, "filename");
    if (files == (args_operand_count(args) > 0))
        return cli_usage_error(cli, "expected -f FILE, or a kind and names");
    if (!files && targets_parse(args_operands(args), &targets, &err) < 0)
        return cli_usage_error(cli, "%s", err_text(&err));
    if (!says_which(args, &targets))
        return cli_usage_error(cli, "expected names, -l LABELS or --all");
    if (client_open(cli, args, &client, &err) < 0)
        return cli_fail(cli, &err);
    struct deleting d = {cli, args, client, STATUS_OK};
    if (files)
        return delete_files(&d);
    delete_targets(&d, &targets);
    return d.status;
}

const struct command cmd_delete = {
    .name = "delete",
    .summary = "Delete resources",
    .operands = "KIND NAME... | KIND/NAME... | KIND --all | -f FILE",
    .max_operands = OPERANDS_ANY,
    .options = options,
    .complete = {COMPLETE_KIND, COMPLETE_NAME, COMPLETE_NAME},
    .api = true,
    .run = run,
};
