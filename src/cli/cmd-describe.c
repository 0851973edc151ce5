/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/target.h"
#include "resource/print.h"

static int fetch(struct client *client, const char *path, json_t **ret, struct err *err)
{
    const struct client_request request = {.path = path};
    return path ? client_call(client, &request, ret, NULL, err)
                : err_errno(err, -ENOMEM, "request");
}

/* The object's Events; none when they cannot be read, as they are only an addition. */
static json_t *fetch_events(struct client *client, const json_t *object)
{
    _autobuf_ struct buf selector = BUF_INIT;
    const char *uid = object_meta_text(object, "uid");
    buf_printf(&selector, "involvedObject.uid=%s", uid ? uid : "");
    _autobuf_ struct buf query = BUF_INIT;
    query_add(&query, "fieldSelector", buf_str(&selector));
    const struct target events = {&kind_event, NULL};
    _autofree_ char *path = target_path(&events, buf_str(&query));
    struct err unheard = ERR_INIT;
    json_t *list = NULL;
    if (fetch(client, path, &list, &unheard) < 0)
        return NULL;
    json_t *items = json_incref(json_object_get(list, "items"));
    json_decref(list);
    return items;
}

static int describe_object(struct client *client, const struct kind *kind, const json_t *object,
                           struct buf *out)
{
    json_auto_t *events = fetch_events(client, object);
    if (out->len)
        buf_adds(out, "\n\n");
    return describe_write(kind, object, events, clock_wall(&clock_system), out);
}

static int describe_target(struct client *client, const struct target *target, struct buf *out,
                           struct err *err)
{
    _autofree_ char *path = target_path(target, NULL);
    json_t *value = NULL;
    int r = fetch(client, path, &value, err);
    if (r < 0)
        return r;
    json_auto_t *owned = value;
    if (target->name) {
        r = describe_object(client, target->kind, owned, out);
        return r < 0 ? err_errno(err, r, "description") : 0;
    }
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(owned, "items"), i, item) {
        if (r == 0)
            r = describe_object(client, target->kind, item, out);
    }
    return r < 0 ? err_errno(err, r, "description") : 0;
}

static int describe(const struct cli *cli, const struct args *args, struct buf *out,
                    struct err *err)
{
    _cleanup_(targets_clear) struct targets targets = {0};
    _cleanup_(client_freep) struct client *client = NULL;
    int r = targets_parse(args_operands(args), &targets, err);
    if (r == 0)
        r = client_open(cli, args, &client, err);
    for (size_t i = 0; r == 0 && i < targets.count; i++)
        r = describe_target(client, &targets.items[i], out, err);
    return r;
}

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    _autobuf_ struct buf out = BUF_INIT;
    int r = describe(cli, args, &out, &err);
    (void)fwrite(buf_str(&out), 1, out.len, stdout);
    return r < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

const struct command cmd_describe = {
    .name = "describe",
    .summary = "Show resources in full, with their Events",
    .operands = "KIND [NAME...] | KIND/NAME...",
    .min_operands = 1,
    .max_operands = OPERANDS_ANY,
    .complete = {COMPLETE_KIND, COMPLETE_NAME, COMPLETE_NAME},
    .api = true,
    .run = run,
};
