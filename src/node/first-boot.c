/* SPDX-License-Identifier: Apache-2.0 */
#include "node/first-boot.h"

#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/str.h"
#include "node/apply.h"
#include "node/state.h"
#include "provision/identity.h"
#include "provision/seed.h"

enum { IDENTITY_MAX = 16384, META_DATA_MAX = 65536 };

/* In the order in which they are applied: files may belong to the users made before. */
static const struct step {
    const char *name;
    int (*apply)(const struct node *node, const struct provision *p, struct err *err);
} steps[] = {
    {"hostname", apply_hostname}, {"machine-id", apply_machine_id},
    {"network", apply_network},   {"host-keys", apply_host_keys},
    {"users", apply_users},       {"timezone", apply_timezone},
    {"ntp", apply_ntp},           {"files", apply_files},
};

struct run {
    const struct node *node;
    struct seed_source *source;
    struct node_state state;
    struct provision provision;
    char *provision_text;
};

static void run_free(struct run *run)
{
    node_state_free(&run->state);
    provision_free(&run->provision);
    seed_text_free(run->provision_text);
}

/* instance-id of the seed's meta-data, malloc'd; NULL when there is none. */
static char *seed_instance(struct seed_source *source)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    if (seed_source_read(source, SEED_PATH_META_DATA, META_DATA_MAX, &text, &len, NULL) < 0)
        return NULL;
    json_t *json = json_loadb(text, len, 0, NULL);
    const char *instance = json_string_value(json_object_get(json, "instance-id"));
    char *copy = instance ? strdup(instance) : NULL;
    json_decref(json);
    return copy;
}

static int read_provision(struct run *run, struct err *err)
{
    size_t len = 0;
    int r = seed_source_read(run->source, SEED_PATH_NODE, PROVISION_JSON_MAX, &run->provision_text,
                             &len, err);
    if (r < 0)
        return r;
    r = provision_parse(run->provision_text, len, &run->provision, err);
    return r < 0 ? err_wrap(err, "%s of %s", SEED_PATH_NODE, run->source->path) : 0;
}

/* Identity and provision are kept before anything else, so that a failure can be reported. */
static int keep(struct run *run, struct err *err)
{
    char *identity = NULL;
    size_t len = 0;
    _autofree_ char *folder = node_path(run->node, NODE_STATE_DIR);
    int r = folder ? dir_make(folder, 0700, err) : err_set(err, -ENOMEM, "out of memory");
    if (r < 0)
        return r;
    r = seed_source_read(run->source, SEED_PATH_IDENTITY, IDENTITY_MAX, &identity, &len, err);
    if (r == 0)
        r = node_write(run->node, NODE_IDENTITY_FILE, identity, len, 0600, (uid_t)-1, (gid_t)-1,
                       err);
    /* A seed that somebody wrote by hand has no identity: then nothing is reported. */
    else if (r == -ENOENT)
        r = 0;
    seed_text_free(identity);
    return r < 0 ? r
                 : node_write_text(run->node, NODE_PROVISION_FILE, run->provision_text, 0600, err);
}

static int record_step(struct run *run, const char *name, int r, const struct err *step_err,
                       int64_t milliseconds)
{
    if (r < 0)
        log_error("First boot: %s failed: %s", name, err_text(step_err));
    return node_state_add_step(&run->state, name, r < 0 ? err_text(step_err) : NULL,
                               (unsigned)milliseconds);
}

/* Applies all, also behind one that failed: a machine that can be reached is easier to repair. */
static int apply_steps(struct run *run, struct err *err)
{
    int result = 0;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct err step_err = ERR_INIT;
        int64_t start = clock_now(run->node->clock);
        int r = steps[i].apply(run->node, &run->provision, &step_err);
        int64_t took = clock_now(run->node->clock) - start;
        if (record_step(run, steps[i].name, r, &step_err, took) < 0)
            return err_set(err, -ENOMEM, "out of memory");
        if (r < 0 && result == 0)
            result = err_set(err, r, "%s: %s", steps[i].name, err_text(&step_err));
    }
    return result;
}

/* Only what is durable elsewhere is wiped. */
static int wipe_secrets(struct seed_source *source, struct err *err)
{
    static const char *const secrets[] = {SEED_PATH_IDENTITY, SEED_PATH_NODE, NULL};
    return seed_source_wipe(source, secrets, err);
}

static int configure(struct run *run, struct err *err)
{
    int64_t start = clock_now(run->node->clock);
    char *instance = provision_instance_id(&run->provision);
    node_state_free(&run->state);
    run->state.instance = instance;
    if (!instance)
        return err_set(err, -ENOMEM, "out of memory");
    int r = keep(run, err);
    if (r < 0)
        return r;
    r = apply_steps(run, err);
    run->state.configured = r == 0;
    int synced = node_sync(run->node, r == 0 ? err : NULL);
    run->state.milliseconds = (unsigned)(clock_now(run->node->clock) - start);
    if (synced == 0)
        synced = node_state_save(run->node, &run->state, r == 0 ? err : NULL);
    if (r == 0)
        r = synced;
    return r < 0 ? r : wipe_secrets(run->source, err);
}

/* What an interrupted run left to do: the secrets that are kept by now. */
static int finish(struct run *run, struct err *err)
{
    char *text = NULL;
    bool left =
        seed_source_read(run->source, SEED_PATH_IDENTITY, IDENTITY_MAX, &text, NULL, NULL) == 0;
    seed_text_free(text);
    return left || run->provision_text ? wipe_secrets(run->source, err) : 0;
}

/* The provision as it was kept, for doing it all again when the seed was wiped. */
static int read_kept(struct run *run, struct err *err)
{
    size_t len = 0;
    int r = node_read(run->node, NODE_PROVISION_FILE, PROVISION_JSON_MAX, &run->provision_text,
                      &len, err);
    if (r < 0)
        return r;
    r = provision_parse(run->provision_text, len, &run->provision, err);
    return r < 0 ? err_wrap(err, "%s", NODE_PROVISION_FILE) : 0;
}

int first_boot(const struct node *node, struct seed_source *source, bool force,
               enum first_boot_result *ret, struct err *err)
{
    _cleanup_(run_free) struct run run = {.node = node, .source = source};
    int r = node_state_load(node, &run.state);
    if (r < 0)
        return err_set(err, r, "out of memory");
    _autofree_ char *instance = seed_instance(source);
    bool same = instance && str_eq(instance, run.state.instance);
    r = read_provision(&run, err);
    if (r == -ENOENT && same && (force || !run.state.configured))
        r = read_kept(&run, err);
    if (r < 0 && r != -ENOENT)
        return r;
    if (same && run.state.configured && !force) {
        *ret = FIRST_BOOT_BEFORE;
        return finish(&run, err);
    }
    if (r == -ENOENT) {
        *ret = FIRST_BOOT_NO_SEED;
        return 0;
    }
    *ret = FIRST_BOOT_DONE;
    return configure(&run, err);
}
