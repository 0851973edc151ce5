/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "protocol/json.h"
#include "protocol/message.h"

static const char *const action_names[] = {
    [PROTOCOL_RESYNC] = "resync",   [PROTOCOL_OK] = "ok",         [PROTOCOL_WAIT] = "wait",
    [PROTOCOL_INSTALL] = "install", [PROTOCOL_BOOT] = "boot",     [PROTOCOL_REJECT] = "reject",
    [PROTOCOL_TASK] = "task",       [PROTOCOL_REBOOT] = "reboot", [PROTOCOL_WIPE] = "wipe",
};

static const char *const method_names[] = {
    [PROTOCOL_WIPE_AUTO] = "auto",       [PROTOCOL_WIPE_SECURE_ERASE] = "secureErase",
    [PROTOCOL_WIPE_DISCARD] = "discard", [PROTOCOL_WIPE_ZERO] = "zero",
    [PROTOCOL_WIPE_NONE] = "none",
};

static void disk_rule_free(struct protocol_disk_rule *rule)
{
    free(rule->serial);
    free(rule->wwn);
    free(rule->path);
    free(rule->model);
    free(rule->type);
}

static void plan_free(struct protocol_plan *plan)
{
    free(plan->image);
    free(plan->manifest_path);
    free(plan->data_path);
    free(plan->kernel_arguments);
    free(plan->sealed_seed);
    disk_rule_free(&plan->disk);
}

void protocol_answer_free(struct protocol_answer *answer)
{
    free(answer->machine);
    free(answer->reason);
    free(answer->sealed_task);
    plan_free(&answer->plan);
    disk_rule_free(&answer->wipe.root);
    *answer = (struct protocol_answer){0};
}

static json_t *disk_rule_to_json(const struct protocol_disk_rule *rule)
{
    json_t *object = json_object();
    set_string(object, "serial", rule->serial);
    set_string(object, "wwn", rule->wwn);
    set_string(object, "path", rule->path);
    set_string(object, "model", rule->model);
    set_string(object, "type", rule->type);
    set_u64(object, "minSize", rule->min_size);
    set_u64(object, "maxSize", rule->max_size);
    if (rule->rotational >= 0)
        (void)json_object_set_new(object, "rotational", json_boolean(rule->rotational));
    (void)json_object_set_new(object, "allowOverwrite", json_boolean(rule->allow_overwrite));
    return object;
}

static json_t *plan_to_json(const struct protocol_plan *plan)
{
    json_t *object = json_object();
    _autofree_ char *digest = str_hex(plan->manifest_digest, sizeof(plan->manifest_digest));
    set_string(object, "image", plan->image);
    set_string(object, "manifestPath", plan->manifest_path);
    set_string(object, "manifestDigest", digest);
    set_string(object, "dataPath", plan->data_path);
    set_u64(object, "installGeneration", plan->install_generation);
    (void)json_object_set_new(object, "rootDisk", disk_rule_to_json(&plan->disk));
    set_string(object, "kernelArguments", plan->kernel_arguments);
    set_string(object, "sealedSeed", plan->sealed_seed);
    (void)json_object_set_new(object, "reboot", json_boolean(plan->reboot));
    return object;
}

static json_t *wipe_to_json(const struct protocol_wipe *wipe)
{
    json_t *object = json_object();
    set_u64(object, "generation", wipe->generation);
    set_string(object, "method", method_names[wipe->method]);
    (void)json_object_set_new(object, "rootOnly", json_boolean(wipe->root_only));
    if (wipe->root_only)
        (void)json_object_set_new(object, "rootDisk", disk_rule_to_json(&wipe->root));
    (void)json_object_set_new(object, "powerOff", json_boolean(wipe->power_off));
    return object;
}

json_t *protocol_answer_to_json(const struct protocol_answer *answer)
{
    json_t *body = json_object();
    set_string(body, "action", action_names[answer->action]);
    set_string(body, "machine", answer->machine);
    set_string(body, "reason", answer->reason);
    set_u64(body, "pollSeconds", answer->poll_seconds);
    set_u64(body, "time", answer->time_ms);
    if (answer->has_plan)
        (void)json_object_set_new(body, "plan", plan_to_json(&answer->plan));
    if (answer->has_wipe)
        (void)json_object_set_new(body, "wipe", wipe_to_json(&answer->wipe));
    set_string(body, "task", answer->sealed_task);
    if (answer->kubelet_log)
        (void)json_object_set_new(body, "kubeletLog", json_true());
    return body;
}

static int parse_disk_rule(json_t *plan, struct protocol_disk_rule *rule, struct err *err)
{
    json_auto_t *object = NULL;
    bool rotational = false;
    rule->rotational = -1;
    int r = field_object(plan, "rootDisk", &object, err);
    if (r < 0 || !object)
        return r;
    r = field_string(object, "serial", &rule->serial, err);
    if (r == 0)
        r = field_string(object, "wwn", &rule->wwn, err);
    if (r == 0)
        r = field_string(object, "path", &rule->path, err);
    if (r == 0)
        r = field_string(object, "model", &rule->model, err);
    if (r == 0)
        r = field_string(object, "type", &rule->type, err);
    if (r == 0)
        r = field_u64(object, "minSize", &rule->min_size, err);
    if (r == 0)
        r = field_u64(object, "maxSize", &rule->max_size, err);
    if (r == 0)
        r = field_bool(object, "rotational", &rotational, err);
    if (r == 0)
        r = field_bool(object, "allowOverwrite", &rule->allow_overwrite, err);
    if (r == 0 && json_is_boolean(json_object_get(object, "rotational")))
        rule->rotational = rotational;
    return r;
}

static int parse_digest(json_t *object, uint8_t ret[static TRUST_DIGEST_SIZE], struct err *err)
{
    const char *text = json_string_value(json_object_get(object, "manifestDigest"));
    if (str_unhex(text, ret, TRUST_DIGEST_SIZE) < 0)
        return err_set(err, -EBADMSG, "plan.manifestDigest: not a digest");
    return 0;
}

static int parse_plan(json_t *object, struct protocol_plan *plan, struct err *err)
{
    int r = parse_digest(object, plan->manifest_digest, err);
    if (r == 0)
        r = field_string(object, "image", &plan->image, err);
    if (r == 0)
        r = field_string(object, "manifestPath", &plan->manifest_path, err);
    if (r == 0)
        r = field_string(object, "dataPath", &plan->data_path, err);
    if (r == 0)
        r = field_u64(object, "installGeneration", &plan->install_generation, err);
    if (r == 0)
        r = parse_disk_rule(object, &plan->disk, err);
    if (r == 0)
        r = field_string(object, "kernelArguments", &plan->kernel_arguments, err);
    if (r == 0)
        r = field_string(object, "sealedSeed", &plan->sealed_seed, err);
    if (r == 0)
        r = field_bool(object, "reboot", &plan->reboot, err);
    if (r < 0)
        return r;
    if (!plan->image || !plan->manifest_path || !plan->data_path || !plan->sealed_seed ||
        plan->install_generation == 0)
        return err_set(err, -EBADMSG, "plan: incomplete");
    return 0;
}

static int parse_wipe(json_t *object, struct protocol_wipe *wipe, struct err *err)
{
    int r = field_enum(object, "method", method_names, ARRAY_SIZE(method_names), err);
    if (r < 0)
        return r;
    wipe->method = (enum protocol_wipe_method)r;
    r = field_u64(object, "generation", &wipe->generation, err);
    if (r == 0)
        r = field_bool(object, "rootOnly", &wipe->root_only, err);
    if (r == 0)
        r = parse_disk_rule(object, &wipe->root, err);
    if (r == 0)
        r = field_bool(object, "powerOff", &wipe->power_off, err);
    if (r == 0 && wipe->generation == 0)
        r = err_set(err, -EBADMSG, "wipe: incomplete");
    return r;
}

/* What an action cannot be carried out without. */
static int check_complete(const struct protocol_answer *answer, struct err *err)
{
    if (answer->action == PROTOCOL_INSTALL && !answer->has_plan)
        return err_set(err, -EBADMSG, "plan: missing");
    if (answer->action == PROTOCOL_TASK && !answer->sealed_task)
        return err_set(err, -EBADMSG, "task: missing");
    if (answer->action == PROTOCOL_WIPE && !answer->has_wipe)
        return err_set(err, -EBADMSG, "wipe: missing");
    return 0;
}

static int parse_parts(json_t *body, struct protocol_answer *answer, struct err *err)
{
    json_auto_t *plan = NULL, *wipe = NULL;
    int r = field_object(body, "plan", &plan, err);
    if (r == 0)
        r = field_object(body, "wipe", &wipe, err);
    if (r == 0)
        r = field_string(body, "task", &answer->sealed_task, err);
    answer->has_plan = plan != NULL;
    answer->has_wipe = wipe != NULL;
    if (r == 0 && plan)
        r = parse_plan(plan, &answer->plan, err);
    if (r == 0 && wipe)
        r = parse_wipe(wipe, &answer->wipe, err);
    return r;
}

static int parse(json_t *body, struct protocol_answer *answer, struct err *err)
{
    uint64_t poll = 0;
    int r = field_enum(body, "action", action_names, ARRAY_SIZE(action_names), err);
    if (r < 0)
        return r;
    answer->action = (enum protocol_action)r;
    r = field_string(body, "machine", &answer->machine, err);
    if (r == 0)
        r = field_string(body, "reason", &answer->reason, err);
    if (r == 0)
        r = field_u64(body, "pollSeconds", &poll, err);
    if (r == 0)
        r = field_u64(body, "time", &answer->time_ms, err);
    if (r == 0)
        r = field_bool(body, "kubeletLog", &answer->kubelet_log, err);
    answer->poll_seconds = poll > 3600 ? 3600 : (uint32_t)poll;
    if (r == 0)
        r = parse_parts(body, answer, err);
    return r < 0 ? r : check_complete(answer, err);
}

int protocol_answer_parse(json_t *body, struct protocol_answer *ret, struct err *err)
{
    struct protocol_answer answer = {0};
    int r = parse(body, &answer, err);
    if (r < 0) {
        protocol_answer_free(&answer);
        return r;
    }
    *ret = answer;
    return 0;
}
