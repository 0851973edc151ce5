/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kubeadm-task.h"

int kubeadm_task_add_files(const struct kubeadm_request *request, struct protocol_task *task,
                           struct err *err)
{
    struct kubeadm_files files _autokubeadmfiles_ = {0};
    int r = kubeadm_files(request, &files, err);
    for (size_t i = 0; r == 0 && i < files.n; i++) {
        const struct kubeadm_file *file = &files.items[i];
        mode_t mode = (mode_t)strtoul(file->mode, NULL, 8);
        r = protocol_task_add_file(task, file->path, mode, file->data);
        if (r == 0 && file->remove_after)
            r = protocol_task_add_remove_after(task, file->path);
    }
    return r;
}

int kubeadm_task_add_arguments(const struct kubeadm_request *request, struct protocol_task *task,
                               struct err *err)
{
    json_auto_t *arguments = NULL;
    size_t i;
    json_t *argument;
    int r = kubeadm_arguments(request, &arguments, err);
    if (r < 0)
        return r;
    json_array_foreach (arguments, i, argument) {
        r = protocol_task_add_argument(task, json_string_value(argument));
        if (r < 0)
            return r;
    }
    return 0;
}
