/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files are checked as a whole first, with lines, and nothing is sent while anything is wrong. Each
 * resource is then applied on the server (server-side apply), so a field that is taken out of the
 * file goes away, and what others set stays.
 */
#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/manifests.h"
#include "cli/target.h"

#define MANAGER "slipway"

static const struct command_option options[] = {
    {'f', "filename", "FILE", "file or folder to apply, \"-\" for standard input; may be repeated",
     COMPLETE_FILE},
    {0, "dry-run", NULL, "let the server check and decide, but change nothing", COMPLETE_NOTHING},
    {0, "force-conflicts", NULL, "take over fields that others have set", COMPLETE_NOTHING},
    {0},
};

struct applying {
    const struct args *args;
    struct client *client;
    struct err *err;
};

/* The resourceVersion now; "" when the object is not there. */
static int version_of(const struct applying *a, const struct target *target,
                      char version[static 24])
{
    _autofree_ char *path = target_path(target, NULL);
    if (!path)
        return err_errno(a->err, -ENOMEM, "request");
    const struct client_request request = {.path = path};
    json_t *object = NULL;
    int r = client_call(a->client, &request, &object, NULL, a->err);
    const char *text = r == 0 ? object_meta_text(object, "resourceVersion") : "";
    if (r == 0 || r == -ENOENT)
        r = str_copy(version, 24, text ? text : "");
    json_decref(object);
    return r;
}

static char *apply_query(const struct applying *a)
{
    struct buf query = BUF_INIT;
    query_add(&query, "fieldManager", MANAGER);
    query_add(&query, "fieldValidation", "Strict");
    if (args_given(a->args, "force-conflicts"))
        query_add(&query, "force", "true");
    if (args_given(a->args, "dry-run"))
        query_add(&query, "dryRun", "All");
    return buf_steal(&query);
}

static void report(const struct applying *a, const struct target *target, const char *what)
{
    _autofree_ char *name = target_display(target->kind, target->name);
    (void)printf("%s %s%s\n", name ? name : target->name, what,
                 args_given(a->args, "dry-run") ? " (dry run)" : "");
}

static int send_apply(const struct applying *a, const struct target *target, const json_t *object,
                      json_t **ret, long *ret_status)
{
    _autofree_ char *query = apply_query(a);
    _autofree_ char *path = query ? target_path(target, query) : NULL;
    _autofree_ char *body = json_dumps(object, JSON_COMPACT);
    if (!path || !body)
        return err_errno(a->err, -ENOMEM, "request");
    const struct client_request request = {
        .method = "PATCH", .path = path, .type = "application/apply-patch+yaml", .body = body};
    return client_call(a->client, &request, ret, ret_status, a->err);
}

static int apply_one(const struct applying *a, const struct manifest *manifest)
{
    const struct target target = {manifest->kind, object_name(manifest->json)};
    char before[24];
    json_t *result = NULL;
    long status = 0;
    if (!target.name)
        return err_set(a->err, -EINVAL, "metadata.name: is required");
    int r = version_of(a, &target, before);
    if (r == 0)
        r = send_apply(a, &target, manifest->json, &result, &status);
    if (r < 0)
        return r;
    bool same = str_eq(object_meta_text(result, "resourceVersion"), before);
    report(a, &target, status == 201 ? "created" : same ? "unchanged" : "configured");
    json_decref(result);
    return 0;
}

/* Goes on after a failure, as kubectl does; the first one gives the exit status. */
static int apply_all(const struct cli *cli, const struct applying *a,
                     const struct manifests *manifests)
{
    int status = STATUS_OK;
    for (size_t i = 0; i < manifests->count; i++) {
        if (apply_one(a, &manifests->items[i]) == 0)
            continue;
        (void)err_wrap(a->err, "%s", manifests->items[i].place);
        int failed = cli_fail(cli, a->err);
        status = status ? status : failed;
    }
    return status;
}

static int read_failed(const struct cli *cli, const struct problems *problems,
                       const struct err *err)
{
    if (!problems_any(problems))
        return cli_fail(cli, err);
    _autobuf_ struct buf text = BUF_INIT;
    problems_write(problems, &text);
    (void)fprintf(stderr, "%s", buf_str(&text));
    cli_error(cli, "nothing was applied");
    return STATUS_INVALID;
}

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    if (!args_given(args, "filename"))
        return cli_usage_error(cli, "expected -f FILE");
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    _cleanup_(manifests_clear) struct manifests manifests = {0};
    if (manifests_read(args, &manifests, &problems, &err) < 0)
        return read_failed(cli, &problems, &err);
    _cleanup_(client_freep) struct client *client = NULL;
    if (client_open(cli, args, &client, &err) < 0)
        return cli_fail(cli, &err);
    const struct applying a = {args, client, &err};
    return apply_all(cli, &a, &manifests);
}

const struct command cmd_apply = {
    .name = "apply",
    .summary = "Create or change resources from files",
    .details =
        "Nothing is sent while any file has an error: each is shown as FILE:LINE: FIELD: why.",
    .options = options,
    .api = true,
    .run = run,
};
