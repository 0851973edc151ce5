/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/target.h"

static const struct command_option options[] = {
    {'o', "output", "FORM", "wide, json, yaml, name or jsonpath=TEMPLATE", COMPLETE_FORMAT},
    {'w', "watch", NULL, "then show changes as they happen", COMPLETE_NOTHING},
    {'l', "selector", "LABELS", "only objects with these labels: a=b,c!=d,e in (x,y)",
     COMPLETE_NOTHING},
    {0, "field-selector", "FIELDS", "only objects with these fields: status.phase=Failed",
     COMPLETE_NOTHING},
    {0, "no-headers", NULL, "leave the line of headings out", COMPLETE_NOTHING},
    {0, "show-managed-fields", NULL, "with json and yaml: keep metadata.managedFields",
     COMPLETE_NOTHING},
    {0},
};

struct getting {
    const struct cli *cli;
    const struct args *args;
    struct client *client;
    struct output output;
    struct targets targets;
    struct err *err;
};

/* "?labelSelector=...&..." of the options; name: only the object of that name (for a watch). */
static char *make_query(const struct getting *g, bool watch, const char *name)
{
    struct buf query = BUF_INIT, fields = BUF_INIT;
    const char *labels = args_value(g->args, "selector");
    const char *given = args_value(g->args, "field-selector");
    if (labels)
        query_add(&query, "labelSelector", labels);
    buf_adds(&fields, given ? given : "");
    if (watch && name)
        buf_printf(&fields, "%smetadata.name=%s", fields.len ? "," : "", name);
    if (fields.len)
        query_add(&query, "fieldSelector", buf_str(&fields));
    if (watch)
        query_add(&query, "watch", "true");
    buf_free(&fields);
    return query.len ? buf_steal(&query) : strdup("");
}

static const char *accept_of(const struct getting *g)
{
    return output_is_objects(&g->output) ? NULL : ACCEPT_TABLE;
}

static int fetch(const struct getting *g, const struct target *target, json_t **ret)
{
    _autofree_ char *query = make_query(g, false, NULL);
    _autofree_ char *path = query ? target_path(target, query) : NULL;
    if (!path)
        return err_errno(g->err, -ENOMEM, "request");
    const struct client_request request = {.path = path, .accept = accept_of(g)};
    return client_call(g->client, &request, ret, NULL, g->err);
}

/* ---- tables ---- */

static void printer_init(const struct getting *g, struct table_printer *printer)
{
    *printer = (struct table_printer){.out = stdout,
                                      .wide = g->output.form == OUTPUT_WIDE,
                                      .headings = !args_given(g->args, "no-headers"),
                                      .colour = cli_colour(g->cli)};
}

/* The targets of one kind that stand together, as one table; *at moves behind them. */
static int fetch_kind(const struct getting *g, size_t *at, json_t **ret)
{
    const struct kind *kind = g->targets.items[*at].kind;
    json_auto_t *all = NULL;
    while (*at < g->targets.count && g->targets.items[*at].kind == kind) {
        json_t *table = NULL;
        int r = fetch(g, &g->targets.items[(*at)++], &table);
        if (r < 0)
            return r;
        if (!all) {
            all = table;
            continue;
        }
        (void)json_array_extend(json_object_get(all, "rows"), json_object_get(table, "rows"));
        json_decref(table);
    }
    *ret = json_incref(all);
    return 0;
}

static void print_table(const struct getting *g, const struct kind *kind, const json_t *table,
                        bool several)
{
    struct table_printer printer;
    printer_init(g, &printer);
    _autofree_ char *prefix = target_display(kind, "");
    printer.prefix = several ? prefix : NULL;
    table_print(&printer, table);
    table_printer_clear(&printer);
}

static int print_tables(const struct getting *g)
{
    size_t shown = 0;
    bool several = g->targets.items[g->targets.count - 1].kind != g->targets.items[0].kind;
    for (size_t at = 0; at < g->targets.count;) {
        const struct kind *kind = g->targets.items[at].kind;
        json_t *table = NULL;
        int r = fetch_kind(g, &at, &table);
        if (r < 0)
            return r;
        size_t rows = json_array_size(json_object_get(table, "rows"));
        if (rows && shown)
            (void)fputc('\n', stdout);
        print_table(g, kind, table, several);
        json_decref(table);
        shown += rows;
    }
    if (shown == 0)
        (void)fprintf(stderr, "No resources found.\n");
    return 0;
}

/* ---- whole objects ---- */

/* Who set which field is noise for people, as kubectl has it too. */
static void hide_managed(const struct getting *g, json_t *object)
{
    if (!args_given(g->args, "show-managed-fields"))
        (void)json_object_del(json_object_get(object, "metadata"), "managedFields");
}

static int collect(const struct getting *g, json_t *items)
{
    for (size_t i = 0; i < g->targets.count; i++) {
        json_t *value = NULL;
        int r = fetch(g, &g->targets.items[i], &value);
        if (r < 0)
            return r;
        json_auto_t *owned = value;
        json_t *list = json_object_get(owned, "items");
        int failed =
            json_is_array(list) ? json_array_extend(items, list) : json_array_append(items, owned);
        if (failed)
            return err_errno(g->err, -ENOMEM, "list");
    }
    return 0;
}

/* A single named object is shown as itself, anything else as a List, as kubectl does. */
static int print_objects(const struct getting *g)
{
    json_auto_t *items = json_array();
    int r = collect(g, items);
    if (r < 0)
        return r;
    size_t i;
    json_t *item;
    json_array_foreach (items, i, item)
        hide_managed(g, item);
    if (g->targets.count == 1 && g->targets.items[0].name)
        return output_print(&g->output, json_array_get(items, 0), g->err);
    json_auto_t *list =
        json_pack("{ss,ss,s{},sO}", "apiVersion", "v1", "kind", "List", "metadata", "items", items);
    return list ? output_print(&g->output, list, g->err) : err_errno(g->err, -ENOMEM, "list");
}

/* ---- watching ---- */

struct watching {
    const struct getting *get;
    struct table_printer printer;
};

static int on_event(void *data, json_t *event)
{
    struct watching *w = data;
    const char *type = json_string_value(json_object_get(event, "type"));
    json_t *object = json_object_get(event, "object");
    const char *message = json_string_value(json_object_get(object, "message"));
    if (str_eq(type, "ERROR"))
        return err_set(w->get->err, -ESTALE, "%s", message ? message : "the watch failed");
    if (str_eq(type, "BOOKMARK"))
        return 0;
    if (!output_is_objects(&w->get->output)) {
        table_print(&w->printer, object);
        return 0;
    }
    hide_managed(w->get, object);
    if (w->get->output.form == OUTPUT_YAML)
        (void)printf("---\n");
    return output_print(&w->get->output, object, w->get->err);
}

/* A watch without resourceVersion starts with what is there. */
static int watch(const struct getting *g)
{
    if (g->targets.count != 1)
        return err_set(g->err, -EINVAL, "--watch takes one kind, or one object");
    const struct target *target = &g->targets.items[0];
    const struct target collection = {target->kind, NULL};
    _autofree_ char *query = make_query(g, true, target->name);
    _autofree_ char *path = query ? target_path(&collection, query) : NULL;
    if (!path)
        return err_errno(g->err, -ENOMEM, "request");
    struct watching w = {.get = g};
    printer_init(g, &w.printer);
    const struct client_request request = {.path = path, .accept = accept_of(g)};
    int r = client_stream(g->client, &request, on_event, &w, g->err);
    table_printer_clear(&w.printer);
    return r;
}

static int get(struct getting *g)
{
    int r = output_parse(args_value(g->args, "output"), &g->output, g->err);
    if (r == 0)
        r = targets_parse(args_operands(g->args), &g->targets, g->err);
    if (r == 0)
        r = client_open(g->cli, g->args, &g->client, g->err);
    if (r < 0)
        return r;
    if (args_given(g->args, "watch"))
        return watch(g);
    return output_is_objects(&g->output) ? print_objects(g) : print_tables(g);
}

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    struct getting g = {.cli = cli, .args = args, .err = &err};
    int r = get(&g);
    targets_clear(&g.targets);
    client_free(g.client);
    return r < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

const struct command cmd_get = {
    .name = "get",
    .summary = "Show resources",
    .operands = "KIND[,KIND...] [NAME...] | KIND/NAME...",
    .min_operands = 1,
    .max_operands = OPERANDS_ANY,
    .details = "Kinds are machines (mach), images, networks, profiles, clusters, events, and all.",
    .options = options,
    .complete = {COMPLETE_KIND, COMPLETE_NAME, COMPLETE_NAME},
    .api = true,
    .run = run,
};
