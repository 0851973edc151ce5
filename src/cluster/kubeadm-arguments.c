/* SPDX-License-Identifier: Apache-2.0 */
/* kubeadm's command line. */
#include "cluster/kubeadm-private.h"

/* Items joined by commas behind an option; nothing when there are none. */
struct option {
    const char *name; /* "--skip-phases" */
    struct buf text;
};

static void option_add(struct option *option, const char *item)
{
    buf_printf(&option->text, "%s%s", option->text.len ? "," : "", item);
}

static void option_append(struct kubeadm_making *m, struct option *option, json_t *arguments)
{
    if (option->text.len)
        kubeadm_append(m, arguments, json_sprintf("%s=%s", option->name, buf_str(&option->text)));
    m->failed |= buf_error(&option->text) < 0;
    buf_free(&option->text);
}

/* Until 1.30 kubeadm talked to container runtimes by the program crictl alone. */
static bool lacks_crictl(const struct kubeadm_making *m)
{
    return !m->request->machine.has_crictl && !kube_version_at_least(m->version, 1, 31);
}

/*
 * Without crictl the checks of a control plane end with an error that cannot be ignored, where they
 * want to pull the images, all of which the machine's image holds. A worker's checks can go on.
 */
static void add_preflight(const struct kubeadm_making *m, struct option *skip,
                          struct option *ignore)
{
    if (kubeadm_has_vip_pod(m->request)) /* which the folder of static Pods holds already */
        option_add(ignore, "DirAvailable--etc-kubernetes-manifests");
    if (m->request->restored)
        option_add(ignore, "DirAvailable--var-lib-etcd");
    if (!lacks_crictl(m))
        return;
    if (m->request->machine.role == ROLE_CONTROL_PLANE)
        option_add(skip, "preflight");
    else
        option_add(ignore, "FileExisting-crictl");
}

static void add_init(struct kubeadm_making *m, json_t *arguments, struct option *skip)
{
    const struct cluster_spec *spec = &m->request->cluster->spec;
    if (!m->request->alone)
        option_add(skip, "bootstrap-token");
    if (m->request->restored)
        option_add(skip, "addon");
    else if (spec->dns.enabled == TRI_FALSE)
        option_add(skip, "addon/coredns");
    /* It would print how to join by a token that does not exist, or soon will not. */
    kubeadm_append(m, arguments, json_string("--skip-token-print"));
}

int kubeadm_arguments(const struct kubeadm_request *request, json_t **ret, struct err *err)
{
    struct kubeadm_making m;
    struct option skip = {"--skip-phases", BUF_INIT};
    struct option ignore = {"--ignore-preflight-errors", BUF_INIT};
    int r = kubeadm_begin(request, &m, err);
    if (r < 0)
        return r;
    bool init = request->task == KUBEADM_INIT;
    json_t *arguments = json_pack("[s, s, s]", init ? "init" : "join", "--config", KUBEADM_CONFIG);
    add_preflight(&m, &skip, &ignore);
    if (init)
        add_init(&m, arguments, &skip);
    option_append(&m, &skip, arguments);
    option_append(&m, &ignore, arguments);
    if (arguments && !m.failed) {
        *ret = arguments;
        return 0;
    }
    json_decref(arguments);
    return err_errno(err, -ENOMEM, "kubeadm's arguments for %s", request->machine.name);
}
