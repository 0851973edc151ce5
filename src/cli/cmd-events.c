/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/target.h"

static const struct command_option options[] = {
    {'w', "watch", NULL, "then show Events as they happen", COMPLETE_NOTHING},
    {0},
};

static const char *text_of(const json_t *event, const char *path)
{
    const char *text = object_text(event, path);
    return text ? text : "";
}

/* Texts may come from a stranger's machine: control characters would move the cursor. */
static void print_clean(const char *text)
{
    for (; *text; text++)
        (void)putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void print_event(const json_t *event)
{
    int64_t last = 0;
    char age[32] = "-";
    if (clock_parse(text_of(event, "lastTimestamp"), &last) == 0)
        (void)clock_age_text(clock_wall(&clock_system) - last, age, sizeof(age));
    json_int_t count = json_integer_value(object_get(event, "count"));
    _autofree_ char *about = str_format("%s/%s", text_of(event, "involvedObject.kind"),
                                        text_of(event, "involvedObject.name"));
    (void)printf("%-8s  %-8s  %-20s  ", age, text_of(event, "type"), text_of(event, "reason"));
    if (about)
        (void)printf("%-24s  ", about);
    print_clean(text_of(event, "message"));
    if (count > 1)
        (void)printf(" (x%" JSON_INTEGER_FORMAT ")", count);
    (void)putchar('\n');
    (void)fflush(stdout);
}

static int by_time(const void *a, const void *b)
{
    const json_t *const *x = a, *const *y = b;
    return strcmp(text_of(*x, "lastTimestamp"), text_of(*y, "lastTimestamp"));
}

static int print_sorted(const json_t *items, struct err *err)
{
    size_t count = json_array_size(items);
    _autofree_ const json_t **sorted = calloc(count + 1, sizeof(const json_t *));
    if (!sorted)
        return err_errno(err, -ENOMEM, "events");
    for (size_t i = 0; i < count; i++)
        sorted[i] = json_array_get(items, i);
    qsort(sorted, count, sizeof(const json_t *), by_time);
    for (size_t i = 0; i < count; i++)
        print_event(sorted[i]);
    return 0;
}

/* Only those about the object that the operands name. */
static int make_query(const struct args *args, struct buf *query, struct err *err)
{
    _cleanup_(targets_clear) struct targets targets = {0};
    _autobuf_ struct buf fields = BUF_INIT;
    if (args_operand_count(args) == 0)
        return 0;
    int r = targets_parse(args_operands(args), &targets, err);
    if (r < 0)
        return r;
    buf_printf(&fields, "involvedObject.kind=%s", targets.items[0].kind->kind);
    if (targets.items[0].name)
        buf_printf(&fields, ",involvedObject.name=%s", targets.items[0].name);
    query_add(query, "fieldSelector", buf_str(&fields));
    return 0;
}

static int list_events(struct client *client, const char *query, char **ret_version,
                       struct err *err)
{
    const struct target events = {&kind_event, NULL};
    _autofree_ char *path = target_path(&events, query);
    const struct client_request request = {.path = path};
    json_t *list = NULL;
    int r =
        path ? client_call(client, &request, &list, NULL, err) : err_errno(err, -ENOMEM, "request");
    if (r < 0)
        return r;
    (void)printf("%-8s  %-8s  %-20s  %-24s  %s\n", "LAST", "TYPE", "REASON", "OBJECT", "MESSAGE");
    r = print_sorted(json_object_get(list, "items"), err);
    const char *version = object_meta_text(list, "resourceVersion");
    *ret_version = strdup(version ? version : "0");
    json_decref(list);
    return r;
}

static int on_change(void *data, json_t *change)
{
    struct err *err = data;
    const json_t *object = json_object_get(change, "object");
    const char *type = json_string_value(json_object_get(change, "type"));
    if (str_eq(type, "ERROR"))
        return err_set(err, -ESTALE, "%s", text_of(object, "message"));
    if (!str_eq(type, "DELETED"))
        print_event(object);
    return 0;
}

static int watch_events(struct client *client, struct buf *query, const char *version,
                        struct err *err)
{
    query_add(query, "watch", "true");
    query_add(query, "resourceVersion", version);
    const struct target events = {&kind_event, NULL};
    _autofree_ char *path = target_path(&events, buf_str(query));
    const struct client_request request = {.path = path};
    return path ? client_stream(client, &request, on_change, err, err)
                : err_errno(err, -ENOMEM, "request");
}

static int show_events(const struct cli *cli, const struct args *args, struct err *err)
{
    _cleanup_(client_freep) struct client *client = NULL;
    _autobuf_ struct buf query = BUF_INIT;
    _autofree_ char *version = NULL;
    int r = make_query(args, &query, err);
    if (r == 0)
        r = client_open(cli, args, &client, err);
    if (r == 0)
        r = list_events(client, buf_str(&query), &version, err);
    if (r == 0 && args_given(args, "watch") && version)
        r = watch_events(client, &query, version, err);
    return r;
}

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    return show_events(cli, args, &err) < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

const struct command cmd_events = {
    .name = "events",
    .summary = "Show what happened, oldest first",
    .operands = "[KIND [NAME] | KIND/NAME]",
    .max_operands = 2,
    .options = options,
    .complete = {COMPLETE_KIND, COMPLETE_NAME, COMPLETE_NOTHING},
    .api = true,
    .run = run,
};
