/* SPDX-License-Identifier: Apache-2.0 */
#include "node/kubeadm-resume.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define OPTION "--skip-phases="
#define DONE "preflight,certs,kubeconfig,kubelet-start,control-plane,etcd,wait-control-plane"

bool kubeadm_can_resume(const char *phase)
{
    static const char *const phases[] = {"upload-config",      "upload-certs",
                                         "mark-control-plane", "bootstrap-token",
                                         "kubelet-finalize",   "addon"};
    for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
        const char *rest = str_after(phase, phases[i]);
        if (rest && (*rest == '\0' || *rest == '/'))
            return true;
    }
    return false;
}

static char *resume_argument(const char *argument, bool *skips)
{
    const char *skipped = str_after(argument, OPTION);
    if (!skipped)
        return strdup(argument);
    *skips = true;
    return str_format(OPTION DONE "%s%s", *skipped ? "," : "", skipped);
}

void kubeadm_resume_arguments_free(char **arguments)
{
    for (size_t i = 0; arguments && arguments[i]; i++)
        free(arguments[i]);
    free(arguments);
}

char **kubeadm_resume_arguments(const char *const *arguments, size_t count)
{
    char **list = calloc(count + 2, sizeof(*list));
    bool skips = false;
    for (size_t i = 0; list && i < count; i++) {
        list[i] = resume_argument(arguments[i], &skips);
        if (!list[i])
            goto no_memory;
    }
    if (list && !skips && !(list[count] = strdup(OPTION DONE)))
        goto no_memory;
    return list;
no_memory:
    kubeadm_resume_arguments_free(list);
    return NULL;
}
