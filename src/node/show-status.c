/* SPDX-License-Identifier: Apache-2.0 */
#include "node/show-status.h"

#include <jansson.h>
#include <string.h>

#include "base/str.h"
#include "node/cluster-store.h"
#include "node/daemon.h"
#include "node/state.h"

struct facts {
    struct node_state state;
    struct provision provision;
    struct provision_identity identity;
    char fingerprint[TRUST_FINGERPRINT_TEXT_SIZE]; /* "": no identity */
    struct protocol_task_state cluster;            /* task NULL: there never was one */
};

static void facts_free(struct facts *f)
{
    node_state_free(&f->state);
    provision_free(&f->provision);
    provision_identity_free(&f->identity);
    protocol_task_state_free(&f->cluster);
}

static int facts_load(const struct node *node, struct facts *f, struct err *err)
{
    struct trust_key key;
    int r = node_state_load(node, &f->state);
    if (r < 0)
        return err_set(err, r, "out of memory");
    /* Not having one, or not being allowed to see it, is no failure. */
    (void)!cluster_state_load(node, &f->cluster);
    r = node_load_provision(node, &f->provision, err);
    if (r < 0 && r != -ENOENT)
        return r;
    r = node_load_identity(node, &f->identity, err);
    if (r == 0 && trust_key_from_text(f->identity.private_key, &key) == 0) {
        (void)trust_fingerprint(&key.public, f->fingerprint);
        trust_key_wipe(&key);
    }
    return r == -ENOENT ? 0 : r;
}

static const char *or_none(const char *text)
{
    return str_empty(text) ? "-" : text;
}

static void print_steps(const struct node_state *state)
{
    for (size_t i = 0; i < state->steps.count; i++) {
        const struct node_step *step = &state->steps.items[i];
        printf("  %-12s %5u ms  %s%s\n", step->name, step->milliseconds,
               step->failure ? "failed: " : "ok", step->failure ? step->failure : "");
    }
}

static void print_cluster(const struct protocol_task_state *cluster)
{
    if (!cluster->task)
        return;
    switch (cluster->outcome) {
    case PROTOCOL_TASK_RUNNING:
        printf("Cluster:     task %s runs: %s\n", cluster->task, or_none(cluster->phase));
        break;
    case PROTOCOL_TASK_DONE:
        printf("Cluster:     %s%s%s\n", cluster->node_name ? "node " : "left",
               cluster->node_name ? cluster->node_name : "",
               str_eq(cluster->phase, PROTOCOL_PHASE_SAVED)
                   ? ", stopped: what its etcd holds is with the server"
                   : "");
        break;
    case PROTOCOL_TASK_FAILED:
        printf("Cluster:     task %s failed: %s\n%s\n", cluster->task, or_none(cluster->failure),
               or_none(cluster->message));
        break;
    }
}

static void print_text(const struct facts *f)
{
    const char *first_boot = f->state.configured ? "done" : "not finished";
    printf("Machine:     %s\n", or_none(f->provision.machine));
    printf("Instance:    %s\n", or_none(f->state.instance));
    printf("Server:      %s\n", or_none(f->identity.server));
    printf("Fingerprint: %s\n", or_none(f->fingerprint));
    printf("First boot:  %s%s\n", f->state.instance ? first_boot : "never happened",
           f->state.instance ? "" : ": no seed was found");
    print_steps(&f->state);
    if (f->provision.commands.count)
        printf("Commands:    %u of %zu done\n", f->state.commands_done,
               f->provision.commands.count);
    if (f->state.command_failure)
        printf("             %s\n", f->state.command_failure);
    print_cluster(&f->cluster);
}

static json_t *steps_json(const struct node_state *state)
{
    json_t *array = json_array();
    for (size_t i = 0; i < state->steps.count; i++) {
        const struct node_step *step = &state->steps.items[i];
        (void)json_array_append_new(array, json_pack("{s:s, s:i, s:s*}", "name", step->name,
                                                     "milliseconds", (int)step->milliseconds,
                                                     "failure", step->failure));
    }
    return array;
}

static int print_json(const struct facts *f, bool configured, struct err *err)
{
    json_t *json = json_pack(
        "{s:s*, s:s*, s:s*, s:s*, s:b, s:i, s:i, s:s*, s:o, s:o*}", "machine", f->provision.machine,
        "instance", f->state.instance, "server", f->identity.server, "fingerprint",
        f->fingerprint[0] ? f->fingerprint : NULL, "configured", configured, "commandsDone",
        (int)f->state.commands_done, "commands", (int)f->provision.commands.count, "commandFailure",
        f->state.command_failure, "steps", steps_json(&f->state), "cluster",
        f->cluster.task ? protocol_task_state_to_json(&f->cluster) : NULL);
    int r = json && json_dumpf(json, stdout, JSON_INDENT(2)) == 0 && puts("") >= 0 ? 0 : -EIO;
    json_decref(json);
    return r < 0 ? err_set(err, r, "cannot print") : 0;
}

int show_status(const struct node *node, bool json, bool *ret_configured, struct err *err)
{
    _cleanup_(facts_free) struct facts f = {0};
    int r = facts_load(node, &f, err);
    if (r < 0)
        return r;
    *ret_configured = f.state.configured && f.state.commands_done >= f.provision.commands.count;
    if (json)
        return print_json(&f, *ret_configured, err);
    print_text(&f);
    return 0;
}
