/* SPDX-License-Identifier: Apache-2.0 */
/* Undoing: kubeadm reset, then what that leaves behind. */
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "node/cluster-run.h"

enum { SYSTEMCTL_MS = 60000, PODNET_MS = 60000, CONTAINERS_MS = 30000 };

#define PODNET_CONFIG "/etc/kubernetes/slipway-podnet.json"
#define VIP_CONFIG "/etc/kubernetes/keepalived/keepalived.conf"

#define KUBEADM_CERTIFICATES "/etc/kubernetes/pki" /* its default */
#define MANIFESTS "/etc/kubernetes/manifests"
#define ADMIN_CONF "/etc/kubernetes/admin.conf"

bool cluster_is_dropin(const char *path)
{
    return str_after(path, "/etc/systemd/system/") ||
           str_after(path, "/etc/systemd/system.conf.d/");
}

static void run_quietly(const char *const *command, int timeout_ms)
{
    struct proc_options options = {.timeout_ms = timeout_ms};
    struct err err = ERR_INIT;
    if (proc_run(command, &options, NULL, &err) < 0)
        log_warn("%s", err_text(&err));
}

void cluster_reload_units(const struct cluster_run *run)
{
    const char *const command[] = {run->tools->systemctl, "daemon-reload", NULL};
    if (run->tools->systemctl)
        run_quietly(command, SYSTEMCTL_MS);
}

/*
 * kubeadm reset ends them by crictl, which not every machine has. An API server that goes on when
 * its etcd has gone keeps what it remembers of that, and the next attempt on this machine fails.
 */
static void end_containers(const struct cluster_run *run)
{
    const char *const scopes[] = {"cri-containerd-*.scope", "crio-*.scope"};
    const char *const stop[] = {run->tools->systemctl, "stop", scopes[0], scopes[1], NULL};
    const char *const kill[] = {
        run->tools->systemctl, "kill", "--signal=SIGKILL", scopes[0], scopes[1], NULL};
    if (!run->tools->systemctl)
        return;
    run_quietly(stop, CONTAINERS_MS);
    run_quietly(kill, SYSTEMCTL_MS);
}

/* Routes, tunnels and rules of the network between pods: nothing of it outlives the membership. Its
 * configuration goes last, or nobody would go on with this after a power cut. */
static void remove_podnet(const struct cluster_run *run)
{
    const char *const stop[] = {run->tools->systemctl, "stop", "slipway-podnet.service", NULL};
    const char *const remove[] = {run->tools->podnet, "--remove", NULL};
    if (!run->tools->systemctl || !run->tools->podnet || !node_exists(run->node, PODNET_CONFIG))
        return;
    run_quietly(stop, SYSTEMCTL_MS);
    run_quietly(remove, PODNET_MS);
    (void)!cluster_secret_remove(run->node, PODNET_CONFIG, NULL);
}

/* Another control plane gets the address as soon as nobody here speaks for it. */
static void give_up_address(const struct cluster_run *run)
{
    const char *const stop[] = {run->tools->systemctl, "stop", "slipway-vip.service", NULL};
    if (!run->tools->systemctl || !node_exists(run->node, VIP_CONFIG))
        return;
    run_quietly(stop, SYSTEMCTL_MS);
    (void)!cluster_secret_remove(run->node, VIP_CONFIG, NULL);
}

/* The folder stays: kubelet, of a worker too, says every second that it is missing. */
static int empty_manifests(const struct cluster_run *run, struct err *err)
{
    _autofree_ char *full = node_path(run->node, MANIFESTS);
    bool there = node_exists(run->node, MANIFESTS);
    int r = full ? tree_remove(full, err) : err_set(err, -ENOMEM, "out of memory");
    return r < 0 || !there ? r : dir_make(full, 0755, err);
}

/* What kubeadm leaves when it is not there, fails half way, or leaves anyway. Neither mount points
 * (volumes of pods may be below /var/lib/kubelet) nor the CNI configurations of other people. */
static int remove_leftovers(const struct cluster_run *run, const char *certificates_dir,
                            struct err *err)
{
    const char *const paths[] = {
        certificates_dir,
        ADMIN_CONF,
        "/etc/kubernetes/super-admin.conf",
        "/etc/kubernetes/kubelet.conf",
        "/etc/kubernetes/bootstrap-kubelet.conf",
        "/etc/kubernetes/controller-manager.conf",
        "/etc/kubernetes/scheduler.conf",
        "/etc/kubernetes/tmp",
        "/var/lib/etcd/member",
        "/var/lib/kubelet/pki",
        "/var/lib/kubelet/config.yaml",
        "/var/lib/kubelet/kubeadm-flags.env",
        "/var/lib/cni",
    };
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        _autofree_ char *full = node_path(run->node, paths[i]);
        if (!full)
            return err_set(err, -ENOMEM, "out of memory");
        int r = tree_remove(full, err);
        if (r < 0)
            return r;
    }
    return empty_manifests(run, err);
}

static const char *certificates_dir(const struct cluster_run *run, const struct cluster_undo *undo)
{
    const char *known =
        undo->certificates_dir ? undo->certificates_dir : run->task.certificates_dir;
    return known ? known : KUBEADM_CERTIFICATES;
}

static int kubeadm_reset(struct cluster_run *run, const struct cluster_undo *undo)
{
    const char *socket = undo->cri_socket ? undo->cri_socket : run->task.cri_socket;
    const char *kubeadm = undo->kubeadm ? undo->kubeadm : run->task.kubeadm;
    const char *arguments[] = {"reset",        "--force", "--cert-dir", certificates_dir(run, undo),
                               "--cri-socket", socket};
    struct cluster_call call = {
        .program = kubeadm ? kubeadm : "kubeadm",
        .arguments = arguments,
        .count = socket ? 6 : 4,
        .timeout_ms = cluster_left_ms(run),
        .cancel = run->tools->cancel,
        .tail = &run->tail,
    };
    int status = 0;
    int r = cluster_kubeadm(&call, &status);
    if (r == -ENOENT) {
        log_warn("There is no kubeadm: removing files only.");
        return 0;
    }
    _autobuf_ struct buf said = BUF_INIT;
    cluster_tail_text(&run->tail, 2000, &said);
    if (r == -EINTR)
        return cluster_fail(run, r, PROTOCOL_FAILURE_INTERRUPTED, "kubeadm reset was interrupted");
    if (r < 0)
        return cluster_fail(run, r, PROTOCOL_FAILURE_UNDO, "kubeadm reset %s (status %d):\n%s",
                            r == -ETIMEDOUT ? "did not end in time" : "failed", status,
                            buf_str(&said));
    cluster_tail_free(&run->tail);
    return 0;
}

static int leave_cluster(struct cluster_run *run, const struct cluster_undo *undo)
{
    struct err err = ERR_INIT;
    /* A machine that initialises anew belongs to no cluster that reset would have to ask, and
     * asking an API server that is not there takes it a minute. */
    if (run->task.id && run->task.kind == PROTOCOL_TASK_INIT)
        (void)!cluster_secret_remove(run->node, ADMIN_CONF, NULL);
    /* what was put aside is not to be started again, whatever becomes of the rest */
    _autofree_ char *stopped = node_path(run->node, CLUSTER_STOPPED);
    int r = stopped ? tree_remove(stopped, &err) : err_set(&err, -ENOMEM, "out of memory");
    if (r < 0)
        return cluster_fail(run, r, PROTOCOL_FAILURE_UNDO, "%s", err_text(&err));
    r = kubeadm_reset(run, undo);
    if (r < 0)
        return r;
    end_containers(run);
    remove_podnet(run);
    give_up_address(run);
    r = remove_leftovers(run, certificates_dir(run, undo), &err);
    return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_UNDO, "%s", err_text(&err)) : 0;
}

static int remove_files(struct cluster_run *run, const struct cluster_undo *undo)
{
    struct err err = ERR_INIT;
    bool reload = false;
    int r = 0;
    for (size_t i = 0; r == 0 && i < undo->count; i++) {
        r = cluster_secret_remove(run->node, undo->files[i], &err);
        reload |= cluster_is_dropin(undo->files[i]);
    }
    if (r == 0)
        r = cluster_secret_remove(run->node, CLUSTER_UNDO_FILE, &err);
    if (reload)
        cluster_reload_units(run);
    return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_UNDO, "%s", err_text(&err)) : 0;
}

/* That nothing is left is written down before the list of files goes. */
static int forget_node(struct cluster_run *run)
{
    struct err err = ERR_INIT;
    free(TAKE_PTR(run->state.node_name));
    if (!run->state.task)
        return 0;
    int r = cluster_state_save(run->node, &run->state, &err);
    return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_FILES, "%s", err_text(&err)) : 0;
}

/* All that etcd held, for everybody to read who gets hold of this disk. */
static int remove_data(struct cluster_run *run)
{
    struct err err = ERR_INIT;
    int r = cluster_secret_remove(run->node, CLUSTER_SAVED_FILE, &err);
    return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_UNDO, "%s", err_text(&err)) : 0;
}

int cluster_undo(struct cluster_run *run)
{
    _autoundo_ struct cluster_undo undo = {0};
    /* When it is asked for, then also if nothing is known that there would be to undo. */
    bool asked = run->by_hand || (run->task.id && run->task.kind == PROTOCOL_TASK_RESET);
    bool member = run->state.node_name || asked;
    int r = remove_data(run);
    if (r < 0)
        return r;
    r = cluster_undo_load(run->node, &undo);
    if (r < 0)
        return cluster_fail(run, r, PROTOCOL_FAILURE_UNDO, "out of memory");
    if (!member && !undo.count)
        return 0;
    cluster_set_phase(run, "reset");
    if (member)
        r = leave_cluster(run, &undo);
    if (r == 0 && member)
        r = forget_node(run);
    return r < 0 ? r : remove_files(run, &undo);
}
