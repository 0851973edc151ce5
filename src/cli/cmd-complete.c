/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `slipway complete -- WORD...`: what the shells' scripts ask. One candidate per line with a tab
 * and its description; ":files" or ":folders" when the shell shall offer those. Never fails:
 * without a server there are no names to offer.
 */
#include "base/str.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/completion.h"
#include "cli/target.h"

#define NAMES_MAX "1000"
#define ACCEPT_NAMES                                                                               \
    "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"

static void print_names(const struct cli *cli, const struct args *args, const struct kind *kind,
                        const char *prefix)
{
    struct err unheard = ERR_INIT;
    _cleanup_(client_freep) struct client *client = NULL;
    const struct target target = {kind, NULL};
    _autofree_ char *path = target_path(&target, "?limit=" NAMES_MAX);
    const struct client_request request = {.path = path, .accept = ACCEPT_NAMES};
    json_t *list = NULL;
    if (!path || client_open(cli, args, &client, &unheard) < 0 ||
        client_call(client, &request, &list, NULL, &unheard) < 0)
        return;
    size_t i;
    const json_t *item;
    json_array_foreach (json_object_get(list, "items"), i, item) {
        const char *name = object_name(item);
        if (name && str_after(name, prefix))
            (void)printf("%s\t%s\n", name, kind->singular);
    }
    json_decref(list);
}

static int run(struct cli *cli, const struct args *args)
{
    struct completion completion;
    if (args_operand_count(args) == 0)
        return STATUS_OK;
    completion_find(args_operands(args), args_operand_count(args), &completion);
    (void)fwrite(buf_str(&completion.candidates), 1, completion.candidates.len, stdout);
    buf_free(&completion.candidates);
    const struct kind *kind = completion.kind ? kind_find_typed(completion.kind) : NULL;
    if (completion.dynamic == COMPLETE_FILE)
        (void)printf(":files\n");
    else if (completion.dynamic == COMPLETE_FOLDER)
        (void)printf(":folders\n");
    else if (completion.dynamic == COMPLETE_MACHINE)
        print_names(cli, args, &kind_machine, completion.prefix);
    else if (completion.dynamic == COMPLETE_CLUSTER)
        print_names(cli, args, &kind_cluster, completion.prefix);
    else if (completion.dynamic == COMPLETE_NAME && kind)
        print_names(cli, args, kind, completion.prefix);
    return STATUS_OK;
}

const struct command cmd_complete = {
    .name = "complete",
    .summary = "Print what may come next on a command line",
    .operands = "[WORD...]",
    .max_operands = OPERANDS_ANY,
    .api = true,
    .hidden = true,
    .run = run,
};
