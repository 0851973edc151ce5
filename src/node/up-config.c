/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up-config.h"

#include <string.h>

#include "base/str.h"
#include "resource/validate.h"

#define KUBEADM "/usr/bin/kubeadm"

void up_document_free(struct up_document *document)
{
    json_decref(document->json);
    where_free(document->where);
    *document = (struct up_document){0};
}

bool up_cni_is_manifest(const char *cni)
{
    return cni && !str_eq(cni, "none") && !str_eq(cni, "bridge");
}

enum up_role up_role(const struct node_configuration *configuration)
{
    return configuration->seeder ? UP_JOIN : UP_SEED;
}

/* ---- the file ---- */

static int new_document(struct up_document *ret)
{
    ret->json = json_pack("{s:s, s:s}", "apiVersion", kind_api_version(&kind_node_configuration),
                          "kind", kind_node_configuration.kind);
    return ret->json ? 0 : -ENOMEM;
}

static int read_file(const struct up_sources *sources, struct up_document *ret,
                     struct problems *problems)
{
    _autodocuments_ struct documents documents = {0};
    int r = sources->text
                ? yaml_parse(sources->file, sources->text, sources->len, &documents, problems)
                : 0;
    if (r < 0)
        return r;
    if (documents.n == 0)
        return new_document(ret);
    if (documents.n > 1 || !json_is_object(documents.items[0].json)) {
        problem_add_at(problems, PROBLEM_INVALID, sources->file,
                       where_line(documents.items[documents.n - 1].where), NULL,
                       "must be one NodeConfiguration and nothing else");
        return -EINVAL;
    }
    ret->json = TAKE_PTR(documents.items[0].json);
    ret->where = TAKE_PTR(documents.items[0].where);
    return 0;
}

/* ---- what wins over it ---- */

static int set_text(json_t *json, const char *path, const char *value)
{
    return str_empty(value) ? 0 : object_set(json, path, json_string(value));
}

static int set_environment(json_t *json, const struct up_environment *environment)
{
    int r = set_text(json, "seeder", environment->seeder);
    if (r == 0)
        r = set_text(json, "token", environment->token);
    return r < 0 ? r : set_text(json, "caCertHash", environment->ca_cert_hash);
}

/* A manifest of no known driver is applied like an add-on: to Kubernetes there is no driver. */
static int set_cni(json_t *json, const char *cni)
{
    if (!cni)
        return 0;
    (void)json_object_del(object_get(json, "cluster.cni"), "manifest");
    return object_set(json, "cluster.cni.driver",
                      json_string(up_cni_is_manifest(cni) ? "none" : cni));
}

/* The field at a path of members; NULL: there is none, or it is in a list. */
static const struct field *field_at(const char *path)
{
    const struct field *fields = kind_node_configuration.fields, *field = NULL;
    char name[64];
    for (size_t len; fields; path += len + (path[len] == '.')) {
        len = strcspn(path, ".");
        if (len >= sizeof(name))
            return NULL;
        memcpy(name, path, len);
        name[len] = '\0';
        field = field_find(fields, name);
        if (!field || !path[len])
            return field;
        fields = field->type == FIELD_OBJECT && !field_is_list(field) ? field->fields : NULL;
    }
    return field && field->type == FIELD_MAP ? field : NULL;
}

/* Texts need no quotes on a command line; everything else is as in a file. */
static bool is_text(const struct field *field)
{
    static const unsigned yaml =
        1u << FIELD_INT | 1u << FIELD_BOOL | 1u << FIELD_TRI | 1u << FIELD_OBJECT | 1u << FIELD_MAP;
    return field && !field_is_list(field) && !(1u << field->type & yaml);
}

static json_t *parse_value(const char *path, const char *text, struct problems *problems)
{
    _autodocuments_ struct documents documents = {0};
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    if (is_text(field_at(path)))
        return json_string(text);
    if (yaml_parse(NULL, text, strlen(text), &documents, &found) < 0 || documents.n != 1) {
        problem_add(problems, PROBLEM_SYNTAX, path, "--var: not a value: \"%s\"", text);
        return NULL;
    }
    return json_incref(documents.items[0].json);
}

static int set_variable(json_t *json, const char *variable, struct problems *problems)
{
    const char *equals = strchr(variable, '=');
    _autofree_ char *path = equals ? strndup(variable, (size_t)(equals - variable)) : NULL;
    if (!equals || equals == variable) {
        problem_add(problems, PROBLEM_SYNTAX, NULL, "--var must be PATH=VALUE, not \"%s\"",
                    variable);
        return 0;
    }
    if (!path)
        return -ENOMEM;
    const struct field *field = field_at(path);
    if (field && field->flags & FIELD_SECRET) {
        problem_add(
            problems, PROBLEM_FORBIDDEN, path,
            "everybody on this host sees what is on a command line: write it into the file, "
            "or into the environment");
        return 0;
    }
    json_t *value = parse_value(path, equals + 1, problems);
    int r = value ? object_set(json, path, value) : 0;
    if (r == -EINVAL)
        problem_add(problems, PROBLEM_INVALID, path, "--var: something on the way is no object");
    return r == -ENOMEM ? r : 0;
}

int up_config_read(const struct up_sources *sources, struct up_document *ret,
                   struct problems *problems)
{
    _autoupdocument_ struct up_document document = {0};
    int r = read_file(sources, &document, problems);
    if (r == 0)
        r = set_environment(document.json, &sources->environment);
    for (size_t i = 0; r == 0 && i < sources->n_variables; i++)
        r = set_variable(document.json, sources->variables[i], problems);
    if (r == 0)
        r = set_cni(document.json, sources->cni);
    if (r == -ENOMEM)
        return r;
    /* -EINVAL: "cluster" is no object, which the check will tell. */
    if (!document.json || problems_any(problems))
        return -EINVAL;
    *ret = document;
    document = (struct up_document){0};
    return 0;
}

const char *up_config_kubeadm(const struct up_document *document)
{
    const char *path = object_text(document->json, "cluster.kubeadmPath");
    return path ? path : KUBEADM;
}

int up_config_finish(const struct up_sources *sources, struct up_document *document,
                     const char *version, struct node_configuration **ret,
                     struct problems *problems)
{
    struct err err = ERR_INIT;
    struct validate_options options = {.file = sources->file, .where = document->where};
    int r = node_configuration_complete(document->json, version);
    if (r < 0)
        return r;
    object_validate(&kind_node_configuration, document->json, &options, problems);
    if (problems_any(problems))
        return -EINVAL;
    r = node_configuration_decode(document->json, ret, &err);
    if (r == -EINVAL)
        problem_add(problems, PROBLEM_INVALID, NULL, "%s", err_text(&err));
    return r;
}
