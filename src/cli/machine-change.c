/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/machine-change.h"

#include <stdarg.h>

#include "base/str.h"
#include "cli/client.h"
#include "cli/target.h"

#define TRIES_MAX 5

struct changing {
    const struct args *args;
    struct client *client;
    machine_decision *decide;
    struct err *err;
};

void machine_say(char said[static MACHINE_SAID_SIZE], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(said, MACHINE_SAID_SIZE, format, args);
    va_end(args);
}

static int send_patch(const struct changing *c, const char *path, const json_t *machine,
                      json_t *patch)
{
    const char *version = object_meta_text(machine, "resourceVersion");
    json_t *condition = json_pack("{s{ss}}", "metadata", "resourceVersion", version ? version : "");
    int merged = json_object_update_new(patch, condition);
    _autofree_ char *body = merged == 0 ? json_dumps(patch, JSON_COMPACT) : NULL;
    if (!body)
        return err_errno(c->err, -ENOMEM, "request");
    const struct client_request request = {
        .method = "PATCH", .path = path, .type = "application/merge-patch+json", .body = body};
    json_t *answer = NULL;
    int r = client_call(c->client, &request, &answer, NULL, c->err);
    json_decref(answer);
    return r;
}

/* One try: -ESTALE when the Machine changed between reading and writing. */
static int change_once(const struct changing *c, const char *path, const char *name)
{
    const struct client_request request = {.path = path};
    json_t *machine = NULL, *patch = NULL;
    char said[MACHINE_SAID_SIZE] = "";
    int r = client_call(c->client, &request, &machine, NULL, c->err);
    if (r == 0)
        r = c->decide(c->args, machine, &patch, said, c->err);
    if (r == 0 && patch)
        r = send_patch(c, path, machine, patch);
    if (r == 0) {
        _autofree_ char *shown = target_display(&kind_machine, name);
        (void)printf("%s %s\n", shown ? shown : name, said);
    }
    json_decref(patch);
    json_decref(machine);
    return r;
}

static int change_machine(const struct changing *c, const char *name)
{
    const char *plain = str_after(name, "machine/");
    const struct target target = {&kind_machine, plain ? plain : name};
    _autofree_ char *path = target_path(&target, NULL);
    if (!path)
        return err_errno(c->err, -ENOMEM, "request");
    int r = -ESTALE;
    for (int i = 0; r == -ESTALE && i < TRIES_MAX; i++)
        r = change_once(c, path, target.name);
    return r;
}

int machines_change(const struct cli *cli, const struct args *args, machine_decision *decide)
{
    struct err err = ERR_INIT;
    _cleanup_(client_freep) struct client *client = NULL;
    if (client_open(cli, args, &client, &err) < 0)
        return cli_fail(cli, &err);
    const struct changing c = {args, client, decide, &err};
    int status = STATUS_OK;
    for (size_t i = 0; args_operand(args, i); i++) {
        if (change_machine(&c, args_operand(args, i)) == 0)
            continue;
        int failed = cli_fail(cli, &err);
        status = status ? status : failed;
    }
    return status;
}
