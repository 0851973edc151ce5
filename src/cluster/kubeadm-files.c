/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a task, put together. */
#include <string.h>

#include "base/str.h"
#include "cluster/kubeadm-private.h"

#define DROPIN_NAME "20-slipway-proxy.conf"

void kubeadm_files_free(struct kubeadm_files *files)
{
    for (size_t i = 0; i < files->n; i++) {
        struct kubeadm_file *file = &files->items[i];
        if (file->data)
            explicit_bzero(file->data, strlen(file->data));
        free(file->data);
        free(file->path);
    }
    files->n = 0;
}

/* Takes path and data over, also when it fails: -ENOMEM where one of them is NULL. */
static int add_file(struct kubeadm_files *files, char *path, const char *mode, char *data,
                    bool remove_after)
{
    files->items[files->n++] = (struct kubeadm_file){
        .path = path, .mode = mode, .data = data, .remove_after = remove_after};
    return path && data ? 0 : -ENOMEM;
}

/* The path of a drop-in of a service; malloc'd or NULL. */
static char *dropin_path(const char *service)
{
    return str_format("/etc/systemd/system/%s.service.d/" DROPIN_NAME, service);
}

/* Takes path over. */
static int add_proxy_file(const struct kubeadm_request *request, char *path, const char *mode,
                          enum kubeadm_proxy_form form, struct kubeadm_files *files)
{
    struct buf text = BUF_INIT;
    kubeadm_proxy(request->cluster, &request->machine, request->first, form, &text);
    char *data = buf_steal(&text);
    buf_free(&text);
    return add_file(files, path, mode, data, false);
}

static int add_dropin(const struct kubeadm_request *request, const char *service,
                      struct kubeadm_files *files)
{
    return add_proxy_file(request, dropin_path(service), "0644", KUBEADM_PROXY_SERVICE, files);
}

static int add_proxy_for_all(const struct kubeadm_request *request, struct kubeadm_files *files)
{
    int r = add_proxy_file(request, strdup(KUBEADM_PROXY_SERVICES), "0644", KUBEADM_PROXY_MANAGER,
                           files);
    return r < 0 ? r
                 : add_proxy_file(request, strdup(KUBEADM_PROXY_LOGINS), "0644",
                                  KUBEADM_PROXY_SHELL, files);
}

static int add_proxy(const struct kubeadm_request *request, struct kubeadm_files *files)
{
    const struct cluster_spec *spec = &request->cluster->spec;
    if (!spec->proxy.http && !spec->proxy.https)
        return 0;
    int r = add_proxy_file(request, strdup(KUBEADM_ENVIRONMENT), "0600", KUBEADM_PROXY_ENVIRONMENT,
                           files);
    if (r == 0)
        r = add_dropin(request, "kubelet", files);
    if (r == 0)
        r = add_dropin(request, spec->container_runtime == RUNTIME_CRIO ? "crio" : "containerd",
                       files);
    return r < 0 || !spec->proxy.system_wide ? r : add_proxy_for_all(request, files);
}

/* Every API server reads it. */
static int add_oidc(const struct kubeadm_request *request, struct kubeadm_files *files)
{
    const struct cluster_spec *spec = &request->cluster->spec;
    if (request->machine.role != ROLE_CONTROL_PLANE || !spec->oidc.client_id || !spec->oidc.ca)
        return 0;
    return add_file(files, str_format("%s/" KUBEADM_OIDC_CA, spec->certificates_dir), "0644",
                    strdup(spec->oidc.ca), false);
}

static int add_configuration(const struct kubeadm_request *request, struct kubeadm_files *files,
                             struct err *err)
{
    bool join = request->task == KUBEADM_JOIN;
    char *config = NULL, *discovery = NULL;
    int r = kubeadm_config(request, &config, err);
    if (r < 0)
        return r;
    r = add_file(files, strdup(KUBEADM_CONFIG), "0600", config, true);
    if (r == 0 && join && !kubeadm_asks_for_authority(request)) {
        r = kubeadm_discovery(request, &discovery, err);
        if (r < 0)
            return r;
        r = add_file(files, strdup(KUBEADM_DISCOVERY), "0600", discovery, true);
    }
    return r;
}

static int add_vip(const struct kubeadm_request *request, struct kubeadm_files *files,
                   struct err *err)
{
    char *pod = NULL;
    if (!kubeadm_has_vip_pod(request))
        return 0;
    int r = kubeadm_vip_pod(request, &pod, err);
    return r < 0 ? r
                 : add_file(files, strdup("/etc/kubernetes/manifests/kube-vip.yaml"), "0600", pod,
                            false);
}

/* The configuration comes last: it is what slipway-vip.path waits for. */
static int add_keepalived(const struct kubeadm_request *request, struct kubeadm_files *files)
{
    char *config = NULL, *environment = NULL;
    if (!kubeadm_has_keepalived(request))
        return 0;
    int r = kubeadm_keepalived_environment(request, &environment);
    if (r == 0)
        r = add_file(files, strdup(KUBEADM_KEEPALIVED_ENVIRONMENT), "0644", environment, false);
    if (r == 0)
        r = kubeadm_keepalived_config(request, &config);
    return r < 0 ? r : add_file(files, strdup(KUBEADM_KEEPALIVED_CONFIG), "0644", config, false);
}

static int add_all(const struct kubeadm_request *request, struct kubeadm_files *files,
                   struct err *err)
{
    int r = add_configuration(request, files, err);
    if (r == 0)
        r = add_vip(request, files, err);
    if (r < 0)
        return r;
    r = add_keepalived(request, files);
    if (r == 0)
        r = add_proxy(request, files);
    if (r == 0)
        r = add_oidc(request, files);
    return r < 0 ? err_errno(err, r, "files for %s", request->machine.name) : 0;
}

int kubeadm_files(const struct kubeadm_request *request, struct kubeadm_files *ret, struct err *err)
{
    struct kubeadm_files files = {.n = 0};
    int r = add_all(request, &files, err);
    if (r < 0)
        kubeadm_files_free(&files);
    else
        *ret = files;
    return r;
}
