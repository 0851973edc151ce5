/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cluster's PKI and the decision about certificate requests, for tests with a real Kubernetes:
 *
 *   cluster-tool create FOLDER ec|rsa              a new PKI in kubeadm's layout
 *   cluster-tool hash CERTIFICATE                  kubeadm's discovery hash of it
 *   cluster-tool issue FOLDER NAME GROUP SECONDS PREFIX
 *                                                  a client certificate: PREFIX.crt, PREFIX.key
 *   cluster-tool decide MACHINES <OBJECT           the object that goes to .../approval, if any
 *
 * MACHINES is JSON: [{"name", "nodeName", "standing", "tokenID", "seconds", "boundKey",
 * "addresses": [...]}]. decide says on standard error what it decides and why.
 */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cluster/csr-object.h"
#include "cluster/pki.h"

enum { MACHINES_MAX = 8, ADDRESSES_MAX = 8 };

static int fail(const struct err *err)
{
    (void)fprintf(stderr, "cluster-tool: %s\n", err_text(err));
    return 1;
}

static int write_file(const char *folder, const char *name, const char *data, mode_t mode,
                      struct err *err)
{
    _autofree_ char *path = str_format("%s/%s", folder, name);
    return file_write_atomic(path, data, strlen(data), mode, err);
}

static int create(const char *folder, const char *algorithm)
{
    _autopki_ struct pki pki = PKI_INIT;
    _autofree_ char *etcd = str_format("%s/etcd", folder);
    struct pki_file files[PKI_FILE_COUNT];
    struct err err = ERR_INIT;
    if (pki_create(&pki, str_eq(algorithm, "rsa") ? PKI_RSA : PKI_EC, &clock_system, &err) < 0 ||
        dir_make(etcd, 0700, &err) < 0)
        return fail(&err);
    pki_files(&pki, files);
    for (size_t i = 0; i < PKI_FILE_COUNT; i++)
        if (write_file(folder, files[i].path, files[i].data, files[i].mode, &err) < 0)
            return fail(&err);
    return 0;
}

static int read_pair(const char *folder, struct pki_pair *ret, struct err *err)
{
    _autofree_ char *certificate = str_format("%s/ca.crt", folder);
    _autofree_ char *key = str_format("%s/ca.key", folder);
    int r = file_read(certificate, PKI_PEM_MAX, &ret->certificate, NULL, err);
    return r < 0 ? r : file_read(key, PKI_PEM_MAX, &ret->key, NULL, err);
}

static int hash(const char *path)
{
    _autofree_ char *pem = NULL;
    char text[PKI_HASH_TEXT_SIZE];
    struct err err = ERR_INIT;
    if (file_read(path, PKI_PEM_MAX, &pem, NULL, &err) < 0)
        return fail(&err);
    if (pki_hash(pem, text) < 0)
        return 1;
    (void)puts(text);
    return 0;
}

static int issue(char *argv[])
{
    _autopair_ struct pki_pair authority = {0}, issued = {0};
    struct err err = ERR_INIT;
    const char *const groups[] = {argv[2], NULL};
    struct pki_subject subject = {
        .common_name = argv[1], .organizations = groups, .usages = PKI_USAGE_CLIENT};
    if (str_parse_i64(argv[3], 1, 1 << 30, &subject.lifetime_seconds) < 0 ||
        read_pair(argv[0], &authority, &err) < 0 ||
        pki_issue(&authority, &subject, &clock_system, &issued, &err) < 0)
        return fail(&err);
    _autofree_ char *certificate = str_format("%s.crt", argv[4]);
    _autofree_ char *key = str_format("%s.key", argv[4]);
    if (file_write_atomic(certificate, issued.certificate, strlen(issued.certificate), 0644, &err) <
            0 ||
        file_write_atomic(key, issued.key, strlen(issued.key), 0600, &err) < 0)
        return fail(&err);
    return 0;
}

/* ---- deciding ---- */

struct machines {
    struct csr_machine list[MACHINES_MAX];
    const char *addresses[MACHINES_MAX][ADDRESSES_MAX + 1];
    size_t count;
};

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static enum csr_standing standing_of(const json_t *object)
{
    static const char *const words[] = {"pending", "rejected", "joining", "member", "released"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(words[i], text_of(object, "standing")))
            return (enum csr_standing)i;
    return CSR_STANDING_PENDING;
}

static void add_machine(struct machines *m, const json_t *object, int64_t now_ms)
{
    const char **addresses = m->addresses[m->count];
    const json_t *list = json_object_get(object, "addresses");
    for (size_t i = 0; i < json_array_size(list) && i < ADDRESSES_MAX; i++)
        addresses[i] = json_string_value(json_array_get(list, i));
    const json_int_t seconds = json_integer_value(json_object_get(object, "seconds"));
    m->list[m->count++] = (struct csr_machine){.name = text_of(object, "name"),
                                               .node_name = text_of(object, "nodeName"),
                                               .addresses = addresses,
                                               .standing = standing_of(object),
                                               .token_id = text_of(object, "tokenID"),
                                               .window_ends_ms = now_ms + 1000 * (int64_t)seconds,
                                               .bound_key = text_of(object, "boundKey")};
}

static int decide(const char *machines_path)
{
    static const char *const words[] = {"ignore", "approve", "deny"};
    struct machines machines = {0};
    struct csr_decision decision;
    struct err err = ERR_INIT;
    const int64_t now_ms = clock_wall(&clock_system);
    json_t *known = json_load_file(machines_path, 0, NULL), *object = json_loadf(stdin, 0, NULL);
    for (size_t i = 0; i < json_array_size(known) && i < MACHINES_MAX; i++)
        add_machine(&machines, json_array_get(known, i), now_ms);
    struct csr_object o = {0};
    int r = csr_object_parse(object, &o, &err);
    if (r == 0) {
        csr_decide(&o.facts, machines.list, machines.count, now_ms, &decision);
        (void)fprintf(stderr, "%s %s: %s\n", words[decision.action], decision.reason,
                      decision.message);
        json_t *answer = csr_object_approval(object, &decision, now_ms);
        if (answer)
            (void)json_dumpf(answer, stdout, JSON_COMPACT);
        json_decref(answer);
        csr_object_clear(&o);
    }
    json_decref(object);
    json_decref(known);
    return r < 0 ? fail(&err) : 0;
}

int main(int argc, char *argv[])
{
    if (argc == 4 && str_eq(argv[1], "create"))
        return create(argv[2], argv[3]);
    if (argc == 3 && str_eq(argv[1], "hash"))
        return hash(argv[2]);
    if (argc == 7 && str_eq(argv[1], "issue"))
        return issue(argv + 2);
    if (argc == 3 && str_eq(argv[1], "decide"))
        return decide(argv[2]);
    (void)fprintf(stderr, "usage: cluster-tool create|hash|issue|decide ...\n");
    return 2;
}
