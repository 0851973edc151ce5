/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /apis/slipway.dev/v1alpha1/clusters/NAME/kubeconfig?expirationSeconds=N: access to a cluster
 * for a while, as a TokenRequest gives it for a service account.
 */
#include <sodium.h>

#include "base/clock.h"
#include "base/str.h"
#include "server/api-internal.h"

#define PREFIX "/apis/" GROUP_NAME "/" GROUP_VERSION "/clusters/"
#define SUFFIX "/kubeconfig"

enum { SECONDS_DEFAULT = 8 * 3600, SECONDS_MIN = 60, SECONDS_MAX = 366 * 24 * 3600 };

bool api_cluster_path(const char *path, char name[static API_NAME_SIZE])
{
    const char *rest = str_after(path, PREFIX);
    const char *end = rest ? strchr(rest, '/') : NULL;
    if (!end || !str_eq(end, SUFFIX) || (size_t)(end - rest) >= API_NAME_SIZE)
        return false;
    memcpy(name, rest, (size_t)(end - rest));
    name[end - rest] = '\0';
    return true;
}

static json_t *failure(int r, const char *name, const struct err *err)
{
    if (r == -ENOENT)
        return api_status_not_found(&kind_cluster, name);
    if (r == -EAGAIN)
        return api_status(503, "ServiceUnavailable", "%s", err_text(err));
    return api_status(500, "InternalError", "%s", err_text(err));
}

void api_serve_cluster_kubeconfig(struct api *api, struct http_request *http, const char *name)
{
    const char *text = http_request_arg(http, "expirationSeconds");
    int64_t seconds = SECONDS_DEFAULT;
    char *kubeconfig = NULL, end[CLOCK_TEXT_SIZE];
    struct err err = ERR_INIT;
    if (text && str_parse_i64(text, SECONDS_MIN, SECONDS_MAX, &seconds) < 0) {
        api_send_status(http, api_status(400, "BadRequest",
                                         "expirationSeconds: expected a number from %d to %d",
                                         SECONDS_MIN, SECONDS_MAX));
        return;
    }
    int r = api->setup.kubeconfig
                ? api->setup.kubeconfig(api->setup.data, name, seconds, &kubeconfig, &err)
                : -ENOENT;
    if (r < 0) {
        api_send_status(http, failure(r, name, &err));
        return;
    }
    int64_t until = clock_wall(api->setup.clock) + seconds * 1000;
    json_t *answer =
        json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", GROUP_NAME "/" GROUP_VERSION, "kind",
                  "KubeconfigRequest", "status", "expirationTimestamp", clock_text(until, end),
                  "kubeconfig", kubeconfig);
    sodium_memzero(kubeconfig, strlen(kubeconfig));
    free(kubeconfig);
    api_send(http, 201, answer);
}
