/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever is a valid Cluster can be rendered for every task of every machine: as YAML of the right
 * number of documents, as an environment of one variable per line, as arguments without blanks.
 */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "cluster/kubeadm.h"
#include "resource/read.h"
#include "resource/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_yaml(const char *text, size_t want)
{
    _autodocuments_ struct documents documents = {0};
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    must(yaml_parse(NULL, text, strlen(text), &documents, &problems) == 0);
    must(documents.n == want);
}

static void check_environment(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    while (*text) {
        size_t name = strspn(text, letters), line = strcspn(text, "\n");
        must(name > 0 && strncmp(text + name, "=\"", 2) == 0);
        must(text[line] == '\n' && text[line - 1] == '"');
        text += line + 1;
    }
}

static void check_file(const struct kubeadm_request *request, const struct kubeadm_file *file)
{
    if (str_eq(file->path, KUBEADM_CONFIG))
        check_yaml(file->data, request->task == KUBEADM_INIT ? 4 : 1);
    else if (str_ends_with(file->path, "/kube-vip.yaml") || str_eq(file->path, KUBEADM_DISCOVERY))
        check_yaml(file->data, 1);
    else if (str_eq(file->path, KUBEADM_ENVIRONMENT))
        check_environment(file->data);
}

static void check_task(const struct kubeadm_request *request)
{
    struct kubeadm_files files;
    json_t *arguments, *item;
    size_t i;
    must(kubeadm_files(request, &files, NULL) == 0);
    for (i = 0; i < files.n; i++)
        check_file(request, &files.items[i]);
    kubeadm_files_free(&files);
    must(kubeadm_arguments(request, &arguments, NULL) == 0);
    json_array_foreach (arguments, i, item)
        must(!strpbrk(json_string_value(item), " \n\t"));
    json_decref(arguments);
}

static void check_cluster(const struct cluster *cluster)
{
    struct kubeadm_request request = {
        .cluster = cluster,
        .machine = {.name = "node1", .address = 0x0a000001, .role = ROLE_CONTROL_PLANE},
        .version = cluster->spec.kubernetes_version,
        .task = KUBEADM_INIT,
        .first = 0x0a000001,
        .token = "abcdef.0123456789abcdef",
        .ca = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
    };
    check_task(&request);
    request.task = KUBEADM_JOIN;
    check_task(&request);
    request.machine.role = ROLE_WORKER;
    check_task(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    struct cluster *cluster = NULL;
    if (!json)
        return 0;
    object_validate(&kind_cluster, json, NULL, &problems);
    if (!problems_any(&problems)) {
        must(cluster_decode(json, &cluster, NULL) == 0);
        check_cluster(cluster);
        cluster_free(cluster);
    }
    json_decref(json);
    return 0;
}
