/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up-kubectl.h"

#include <string.h>

#include "base/proc.h"
#include "base/str.h"
#include "node/cluster-kubeadm.h"
#include "node/redact.h"

enum { OUTPUT_MAX = 4 << 20, ARGUMENTS_MAX = 15 };

void up_kubectl_free(struct up_kubectl *kubectl)
{
    free(kubectl->kubeconfig);
    free(kubectl->proxies);
    *kubectl = (struct up_kubectl){0};
}

static void free_environment(char ***environment)
{
    cluster_environment_free(*environment);
}

/* What kubectl says may quote what it was given. */
static int redact(struct err *err, int code)
{
    _autofree_ char *safe = err ? redact_line(err->text) : NULL;
    return err ? err_set(err, code, "%s", safe ? safe : "kubectl failed") : code;
}

int up_kubectl(const struct up_kubectl *kubectl, const char *const *arguments, const char *input,
               int timeout_ms, struct buf *output, struct err *err)
{
    _cleanup_(free_environment) char **environment = cluster_environment(kubectl->proxies);
    const char *argv[ARGUMENTS_MAX + 4] = {kubectl->program, "--kubeconfig", kubectl->kubeconfig};
    struct proc_options options = {
        .input = input,
        .input_len = input ? strlen(input) : 0,
        .output = output,
        .env = (const char *const *)environment,
        .timeout_ms = timeout_ms,
        .cancel = kubectl->cancel,
    };
    size_t n = 3;
    if (!environment)
        return -ENOMEM;
    for (size_t i = 0; arguments[i] && n < ARRAY_SIZE(argv) - 1; i++)
        argv[n++] = arguments[i];
    int r = proc_run(argv, &options, NULL, err);
    if (r == -ENOENT)
        return err_set(err, r, "there is no %s on this host", kubectl->program);
    return r < 0 ? redact(err, r) : 0;
}

int up_apply(const struct up_kubectl *kubectl, json_t *object, int timeout_ms, struct buf *output,
             struct err *err)
{
    static const char *const arguments[] = {"apply",
                                            "--server-side",
                                            "--force-conflicts",
                                            "--field-manager=slipway-node",
                                            "--output=name",
                                            "--filename=-",
                                            NULL};
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    int r = text ? up_kubectl(kubectl, arguments, text, timeout_ms, output, err) : -ENOMEM;
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    return r;
}
