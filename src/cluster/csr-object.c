/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/csr-object.h"

#include <string.h>

#include "base/clock.h"
#include "base/str.h"

enum { WORDS_MAX = 64 };

static const char *text_at(const json_t *object, const char *outer, const char *inner)
{
    return json_string_value(json_object_get(json_object_get(object, outer), inner));
}

/* Approved, denied or failed (the conditions that end a request), or signed already. */
static bool is_decided(const json_t *object)
{
    const json_t *status = json_object_get(object, "status");
    const json_t *conditions = json_object_get(status, "conditions");
    for (size_t i = 0; i < json_array_size(conditions); i++) {
        const char *type =
            json_string_value(json_object_get(json_array_get(conditions, i), "type"));
        if (str_eq(type, "Approved") || str_eq(type, "Denied") || str_eq(type, "Failed"))
            return true;
    }
    return !str_empty(json_string_value(json_object_get(status, "certificate")));
}

static int read_usages(const json_t *spec, unsigned *ret, struct err *err)
{
    const json_t *usages = json_object_get(spec, "usages");
    if (json_array_size(usages) > WORDS_MAX)
        return err_set(err, -EBADMSG, "spec.usages: more than %d", WORDS_MAX);
    *ret = 0;
    for (size_t i = 0; i < json_array_size(usages); i++) {
        const char *word = json_string_value(json_array_get(usages, i));
        *ret |= word ? csr_usage_parse(word) : CSR_USAGE_OTHER;
    }
    return 0;
}

/* A user may be in very many groups; those behind the first WORDS_MAX are not looked at, which can
   only lead to a denial. */
static int read_groups(const json_t *spec, const char ***ret, struct err *err)
{
    const json_t *groups = json_object_get(spec, "groups");
    size_t n = 0;
    const char **list = calloc(WORDS_MAX + 1, sizeof(*list));
    if (!list)
        return err_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < json_array_size(groups) && n < WORDS_MAX; i++) {
        const char *group = json_string_value(json_array_get(groups, i));
        if (group)
            list[n++] = group;
    }
    *ret = list;
    return 0;
}

/* What is wrong with the request goes into o->problem; only a lack of memory is a failure. */
static int read_request(const json_t *spec, struct csr_object *o, struct err *err)
{
    const char *text = json_string_value(json_object_get(spec, "request"));
    _autofree_ uint8_t *pem = NULL;
    size_t len = 0;
    struct err problem = ERR_INIT;
    int r = text ? str_unbase64(text, CSR_PEM_MAX, &pem, &len) : -EINVAL;
    if (r == 0)
        r = csr_parse((const char *)pem, len, &o->request, &problem);
    else if (r != -ENOMEM)
        r = err_set(&problem, -EBADMSG, "spec.request: expected base64 of at most %d bytes",
                    CSR_PEM_MAX);
    if (r == -EBADMSG && (o->problem = strdup(problem.text)))
        return 0;
    return r == 0 ? 0 : err_set(err, -ENOMEM, "out of memory");
}

static int read_spec(const json_t *object, struct csr_object *o, struct err *err)
{
    const json_t *spec = json_object_get(object, "spec");
    int r = read_usages(spec, &o->facts.usages, err);
    if (r == 0)
        r = read_groups(spec, &o->groups, err);
    if (r == 0)
        r = read_request(spec, o, err);
    return r;
}

int csr_object_parse(json_t *object, struct csr_object *ret, struct err *err)
{
    const char *name = text_at(object, "metadata", "name");
    const char *signer_name = text_at(object, "spec", "signerName");
    const char *username = text_at(object, "spec", "username");
    if (str_empty(name))
        return err_set(err, -EBADMSG, "metadata.name: expected a text");
    if (str_empty(signer_name))
        return err_set(err, -EBADMSG, "spec.signerName: expected a text");
    _autocsrobject_ struct csr_object o = {0};
    int r = read_spec(object, &o, err);
    if (r < 0)
        return r;
    o.facts.name = name;
    o.facts.signer_name = signer_name;
    o.facts.username = username ? username : "";
    o.facts.groups = o.groups;
    o.facts.decided = is_decided(object);
    o.facts.request = o.request;
    o.facts.problem = o.problem;
    o.object = json_incref(object);
    *ret = o;
    o = (struct csr_object){0};
    return 0;
}

void csr_object_clear(struct csr_object *o)
{
    csr_free(o->request);
    free(o->problem);
    free(o->groups);
    json_decref(o->object);
    *o = (struct csr_object){0};
}

static json_t *condition(const struct csr_decision *decision, int64_t now_ms)
{
    char now[CLOCK_TEXT_SIZE];
    return json_pack("{s:s, s:s, s:s, s:s, s:s}", "type",
                     decision->action == CSR_APPROVE ? "Approved" : "Denied", "status", "True",
                     "reason", decision->reason, "message", decision->message, "lastUpdateTime",
                     clock_text(now_ms, now));
}

/* The value at object[key], made anew when it is missing or of another type; borrowed. NULL when
   out of memory. */
static json_t *member(json_t *object, const char *key, json_t *(*make)(void),
                      bool (*fits)(const json_t *))
{
    json_t *value = json_object_get(object, key);
    if (value && fits(value))
        return value;
    return json_object_set_new(object, key, make()) < 0 ? NULL : json_object_get(object, key);
}

static bool is_object(const json_t *value)
{
    return json_is_object(value);
}

static bool is_array(const json_t *value)
{
    return json_is_array(value);
}

json_t *csr_object_approval(const json_t *object, const struct csr_decision *decision,
                            int64_t now_ms)
{
    if (decision->action == CSR_IGNORE)
        return NULL;
    json_t *copy = json_deep_copy(object);
    json_t *status = copy ? member(copy, "status", json_object, is_object) : NULL;
    json_t *conditions = status ? member(status, "conditions", json_array, is_array) : NULL;
    if (conditions && json_array_append_new(conditions, condition(decision, now_ms)) == 0)
        return copy;
    json_decref(copy);
    return NULL;
}
