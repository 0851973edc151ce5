/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: render-files CLUSTER.json FOLDER: writes the files of a worker's join into FOLDER, as
 * below the machine's root. */
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cluster/kubeadm.h"

#define CA "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"

/* base/file.h's dir_make() makes one folder. */
static int make_folders(char *path, struct err *err)
{
    int r = 0;
    for (char *slash = strchr(path + 1, '/'); r == 0 && slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        r = dir_make(path, 0755, err);
        *slash = '/';
    }
    return r;
}

static int write_file(const char *folder, const struct kubeadm_file *file, struct err *err)
{
    _autofree_ char *path = str_format("%s%s", folder, file->path);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    int r = make_folders(path, err);
    return r < 0 ? r : file_write_atomic(path, file->data, strlen(file->data), 0644, err);
}

static int run(const char *input, const char *folder, struct err *err)
{
    json_error_t error;
    json_auto_t *json = json_load_file(input, 0, &error);
    _cleanup_(cluster_freep) struct cluster *cluster = NULL;
    _autokubeadmfiles_ struct kubeadm_files files = {0};
    if (!json)
        return err_set(err, -EINVAL, "%s: %s", input, error.text);
    int r = cluster_decode(json, &cluster, err);
    if (r < 0)
        return r;
    const struct kubeadm_request request = {
        .cluster = cluster,
        .machine = {.name = "node2",
                    .address = 0x0a4d0002, /* 10.77.0.2 */
                    .subnet = {0x0a4d0002, 24},
                    .role = ROLE_WORKER},
        .version = cluster->spec.kubernetes_version,
        .task = KUBEADM_JOIN,
        .first = 0x0a4e0001, /* 10.78.0.1 */
        .token = "abcdef.0123456789abcdef",
        .ca = CA,
    };
    r = kubeadm_files(&request, &files, err);
    for (size_t i = 0; r == 0 && i < files.n; i++)
        r = write_file(folder, &files.items[i], err);
    return r;
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    if (argc != 3) {
        fprintf(stderr, "usage: render-files CLUSTER.json FOLDER\n");
        return 2;
    }
    if (run(argv[1], argv[2], &err) < 0) {
        fprintf(stderr, "render-files: %s\n", err_text(&err));
        return 1;
    }
    return 0;
}
