/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of an init or a join: files, container runtime, kubeadm. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "node/cluster-run.h"
#include "node/kubeadm-output.h"
#include "node/kubeadm-resume.h"

enum {
    SYSTEMCTL_MS = 120000,
    RUNTIME_POLL_MS = 200,
    RESUME_POLL_MS = 100,
    RESUMES_MAX = 5,
    TAIL_BYTES = 1500,
};

/* ---- files ---- */

/* A folder is closed to others when a file of it is. */
static mode_t folder_mode(const struct protocol_task *task, const char *folder, size_t len)
{
    for (size_t i = 0; i < task->file_count; i++) {
        const struct protocol_task_file *file = &task->files[i];
        const char *name = strrchr(file->path, '/');
        bool inside = (size_t)(name - file->path) == len && strncmp(file->path, folder, len) == 0;
        if (inside && (file->mode & 077) == 0)
            return 0700;
    }
    return 0755;
}

/* Those that are there keep their modes. */
static int make_folders(const struct cluster_run *run, const char *path, struct err *err)
{
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t len = (size_t)(slash - path);
        _autofree_ char *folder = str_format("%s%.*s", run->node->root, (int)len, path);
        if (!folder)
            return err_set(err, -ENOMEM, "out of memory");
        int r = dir_make(folder, folder_mode(&run->task, path, len), err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int write_all(struct cluster_run *run, struct err *err)
{
    const struct protocol_task *task = &run->task;
    int r = cluster_undo_save(run->node, task, err);
    for (size_t i = 0; r == 0 && i < task->file_count; i++) {
        const struct protocol_task_file *file = &task->files[i];
        r = make_folders(run, file->path, err);
        if (r == 0)
            r = node_write_text(run->node, file->path, file->data, file->mode, err);
    }
    return r;
}

/* A runtime reads its drop-ins (proxies) only when it starts. */
static void restart_runtime(const struct cluster_run *run, const char *unit)
{
    const char *const command[] = {run->tools->systemctl, "restart", unit, NULL};
    struct proc_options options = {.timeout_ms = SYSTEMCTL_MS};
    struct err err = ERR_INIT;
    _autofree_ char *folder = str_format("/etc/systemd/system/%s.d/", unit);
    for (size_t i = 0; folder && i < run->task.file_count; i++) {
        if (!str_after(run->task.files[i].path, folder))
            continue;
        if (proc_run(command, &options, NULL, &err) < 0)
            log_warn("%s", err_text(&err));
        return;
    }
}

static void reload_units(const struct cluster_run *run)
{
    bool reload = false;
    for (size_t i = 0; i < run->task.file_count; i++)
        reload |= cluster_is_dropin(run->task.files[i].path);
    if (!reload || !run->tools->systemctl)
        return;
    cluster_reload_units(run);
    restart_runtime(run, "containerd.service");
    restart_runtime(run, "crio.service");
}

int cluster_write_files(struct cluster_run *run)
{
    struct err err = ERR_INIT;
    cluster_set_phase(run, "files");
    int r = write_all(run, &err);
    if (r < 0)
        return cluster_fail(run, r, PROTOCOL_FAILURE_FILES, "%s", err_text(&err));
    reload_units(run);
    return 0;
}

/* ---- the container runtime ---- */

static int try_runtime(const struct cluster_run *run)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _autofree_ char *path = node_path(run->node, str_after(run->task.cri_socket, "unix://"));
    if (!path)
        return -ENOMEM;
    if (str_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
        return -ENAMETOOLONG;
    _autofd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    return 0;
}

int cluster_wait_for_runtime(struct cluster_run *run)
{
    int64_t now = clock_now(run->node->clock), until = now + run->tools->runtime_ms;
    if (until > run->deadline)
        until = run->deadline;
    cluster_set_phase(run, "runtime");
    int r = try_runtime(run);
    while (r < 0 && clock_now(run->node->clock) < until && !cluster_is_cancelled(run)) {
        clock_sleep_ms(RUNTIME_POLL_MS);
        r = try_runtime(run);
    }
    if (r < 0 && cluster_is_cancelled(run))
        return cluster_fail(run, -EINTR, PROTOCOL_FAILURE_INTERRUPTED, "stopped while waiting");
    if (r < 0)
        return cluster_fail(run, r, PROTOCOL_FAILURE_RUNTIME,
                            "the container runtime does not answer at %s: %s", run->task.cri_socket,
                            strerror(-r));
    return 0;
}

/* ---- kubeadm ---- */

static const char *file_of(const struct protocol_task *task, const char *path)
{
    for (size_t i = 0; i < task->file_count; i++) {
        if (str_eq(task->files[i].path, path))
            return task->files[i].data;
    }
    return NULL;
}

static void on_phase(void *data, const char *phase)
{
    struct cluster_run *run = data;
    cluster_set_phase(run, phase);
}

static int explain(struct cluster_run *run, int code, int status)
{
    _autobuf_ struct buf kubeadm = BUF_INIT;
    _autobuf_ struct buf kubelet = BUF_INIT;
    struct cluster_tail log = {0};
    cluster_kubelet_log(run->tools->journalctl, &log);
    cluster_tail_text(&run->tail, SIZE_MAX, &kubeadm);
    cluster_tail_text(&log, SIZE_MAX, &kubelet);
    struct kubeadm_evidence evidence = {
        .phase = run->state.phase ? run->state.phase : "",
        .timed_out = code == -ETIMEDOUT,
        .kubeadm = buf_str(&kubeadm),
        .kubelet = buf_str(&kubelet),
    };
    struct kubeadm_verdict verdict = kubeadm_judge(&evidence);
    _autobuf_ struct buf ends = BUF_INIT;
    buf_adds(&ends, "\nkubeadm said:\n");
    cluster_tail_text(&run->tail, TAIL_BYTES, &ends);
    if (log.count)
        buf_adds(&ends, "kubelet said:\n");
    cluster_tail_text(&log, TAIL_BYTES, &ends);
    cluster_tail_free(&log);
    char how[64] = "killed at the deadline";
    if (code != -ETIMEDOUT)
        (void)snprintf(how, sizeof(how), "exit status %d", status);
    return cluster_fail(run, code, verdict.failure, "%s (kubeadm %s, phase %s, %s)%s",
                        verdict.sentence, run->task.arguments[0], evidence.phase, how,
                        buf_str(&ends));
}

int cluster_expect_node(struct cluster_run *run)
{
    struct err err = ERR_INIT;
    int r = str_replace(&run->state.node_name, run->task.node_name);
    if (r == 0)
        r = cluster_state_save(run->node, &run->state, &err);
    return r < 0 ? cluster_fail(run, r, PROTOCOL_FAILURE_FILES, "%s", err_text(&err)) : 0;
}

/* False: it is to end. */
static bool pause_before_resume(const struct cluster_run *run, unsigned tries)
{
    int64_t until = clock_now(run->node->clock) + ((int64_t)run->tools->resume_ms << tries);
    while (clock_now(run->node->clock) < until && !cluster_is_cancelled(run))
        clock_sleep_ms(RESUME_POLL_MS);
    return !cluster_is_cancelled(run);
}

static int resume(const struct cluster_run *run, const struct cluster_call *call, int *ret_status)
{
    struct cluster_call rest = *call;
    char **arguments = kubeadm_resume_arguments(call->arguments, call->count);
    if (!arguments)
        return -ENOMEM;
    rest.arguments = (const char *const *)arguments;
    for (rest.count = 0; arguments[rest.count];)
        rest.count++;
    rest.timeout_ms = cluster_left_ms(run);
    int r = cluster_kubeadm(&rest, ret_status);
    kubeadm_resume_arguments_free(arguments);
    return r;
}

/* An API server that is away for a while is no reason to begin anew: that would take it longer. */
static int call_kubeadm(const struct cluster_run *run, const struct cluster_call *call,
                        int *ret_status)
{
    int r = cluster_kubeadm(call, ret_status);
    for (unsigned tries = 0; r == -EIO && tries < RESUMES_MAX; tries++) {
        if (run->task.kind != PROTOCOL_TASK_INIT || !kubeadm_can_resume(call->failed))
            return r;
        log_warn(
            "kubeadm init failed in its phase %s. The control plane runs: going on there in %u s.",
            call->failed, (run->tools->resume_ms << tries) / 1000);
        if (!pause_before_resume(run, tries))
            return -EINTR;
        call->failed[0] = '\0';
        r = resume(run, call, ret_status);
    }
    return r;
}

int cluster_run_kubeadm(struct cluster_run *run)
{
    const struct protocol_task *task = &run->task;
    char failed[KUBEADM_PHASE_SIZE] = "";
    struct cluster_call call = {
        .program = task->kubeadm ? task->kubeadm : "kubeadm",
        .arguments = (const char *const *)task->arguments,
        .count = task->argument_count,
        .environment = file_of(task, PROTOCOL_TASK_ENVIRONMENT),
        .timeout_ms = cluster_left_ms(run),
        .cancel = run->tools->cancel,
        .on_phase = on_phase,
        .data = run,
        .tail = &run->tail,
        .failed = failed,
    };
    int status = 0;
    int r = cluster_expect_node(run);
    if (r < 0)
        return r;
    r = call_kubeadm(run, &call, &status);
    if (r == -ENOENT)
        return cluster_fail(run, r, PROTOCOL_FAILURE_KUBEADM_MISSING, "there is no %s",
                            call.program);
    if (r == -EINTR)
        return cluster_fail(run, r, PROTOCOL_FAILURE_INTERRUPTED, "kubeadm was stopped");
    return r < 0 ? explain(run, r, status) : 0;
}
