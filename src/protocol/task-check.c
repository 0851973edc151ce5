/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/task-check.h"

#include <sodium.h>
#include <string.h>

#include "base/str.h"
#include "trust/chunk.h"

#define KUBERNETES_FOLDER "/etc/kubernetes/"

enum { NODE_NAME_MAX = 253, LABEL_MAX = 63, PART_MAX = 255 };

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

/* ---- paths ---- */

/* "/a/b": no empty, "." or ".." part, none that no file system takes. */
static bool is_normal(const char *path)
{
    if (path[0] != '/' || strlen(path) > PROTOCOL_TASK_PATH_MAX || has_control(path))
        return false;
    while (*path) {
        const char *part = path + 1;
        size_t n = strcspn(part, "/");
        bool dots = (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.');
        if (n == 0 || n > PART_MAX || dots)
            return false;
        path = part + n;
    }
    return true;
}

/* What slipway-node itself keeps in the folder. */
static bool is_own(const char *path)
{
    static const char *const names[] = {"lock", "task.json", "state.json", "undo.json",
                                        "saved.tar.gz"};
    const char *name = str_after(path, PROTOCOL_TASK_DIR "/");
    for (size_t i = 0; name && i < ARRAY_SIZE(names); i++) {
        const char *rest = str_after(name, names[i]);
        if (rest && (!*rest || *rest == '/'))
            return true;
    }
    return false;
}

bool protocol_task_path_is_allowed(const char *path)
{
    static const char *const folders[] = {
        KUBERNETES_FOLDER, "/etc/cni/net.d/", "/etc/systemd/system/kubelet.service.d/",
        "/etc/systemd/system/containerd.service.d/", "/etc/systemd/system/crio.service.d/"};
    static const char *const files[] = {"/etc/default/kubelet",
                                        "/etc/systemd/system.conf.d/20-slipway-proxy.conf",
                                        "/etc/profile.d/slipway-proxy.sh"};
    if (!path || !is_normal(path) || is_own(path))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        if (str_after(path, folders[i]))
            return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        if (str_eq(path, files[i]))
            return true;
    }
    return str_after(path, PROTOCOL_TASK_DIR "/") != NULL;
}

bool protocol_task_folder_is_allowed(const char *path)
{
    return path && is_normal(path) && str_after(path, KUBERNETES_FOLDER) && !is_own(path);
}

/* ---- names ---- */

bool task_id_is_valid(const char *id)
{
    static const char *const letters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = id ? strlen(id) : 0;
    return n > 0 && n <= PROTOCOL_TASK_ID_MAX && strspn(id, letters) == n;
}

static bool is_label(const char *s, size_t n)
{
    if (n == 0 || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++) {
        bool letter = s[i] >= 'a' && s[i] <= 'z', digit = s[i] >= '0' && s[i] <= '9';
        if (!letter && !digit && s[i] != '-')
            return false;
    }
    return true;
}

/* A DNS subdomain of RFC 1123, as Kubernetes demands of Nodes. */
static bool is_node_name(const char *name)
{
    if (str_empty(name) || strlen(name) > NODE_NAME_MAX)
        return false;
    for (;;) {
        size_t n = strcspn(name, ".");
        if (!is_label(name, n))
            return false;
        if (!name[n])
            return true;
        name += n + 1;
    }
}

static bool is_socket(const char *url)
{
    const char *path = url ? str_after(url, "unix://") : NULL;
    return path && is_normal(path);
}

/* ---- the task ---- */

static int check_files(const struct protocol_task *task, int code, struct err *err)
{
    if (task->file_count > PROTOCOL_TASK_FILES_MAX)
        return err_set(err, code, "files: more than %d", PROTOCOL_TASK_FILES_MAX);
    for (size_t i = 0; i < task->file_count; i++) {
        const struct protocol_task_file *file = &task->files[i];
        if (!file->data || strlen(file->data) > PROTOCOL_TASK_FILE_MAX)
            return err_set(err, code, "files[%zu].data: missing or too long", i);
        if (!protocol_task_path_is_allowed(file->path))
            return err_set(err, code, "files[%zu].path: not a path that a task may write", i);
        if (file->mode > 0777)
            return err_set(err, code, "files[%zu].mode: above 0777", i);
        for (size_t j = 0; j < i; j++) {
            if (str_eq(file->path, task->files[j].path))
                return err_set(err, code, "files[%zu].path: also of files[%zu]", i, j);
        }
    }
    return 0;
}

static int check_arguments(const struct protocol_task *task, int code, struct err *err)
{
    static const char *const commands[] = {[PROTOCOL_TASK_INIT] = "init",
                                           [PROTOCOL_TASK_JOIN] = "join",
                                           [PROTOCOL_TASK_RESET] = NULL,
                                           [PROTOCOL_TASK_SAVE] = NULL,
                                           [PROTOCOL_TASK_RESUME] = NULL};
    const char *command = commands[task->kind];
    if (task->argument_count > PROTOCOL_TASK_ARGUMENTS_MAX)
        return err_set(err, code, "arguments: more than %d", PROTOCOL_TASK_ARGUMENTS_MAX);
    if (!command && task->argument_count)
        return err_set(err, code, "arguments: this kind of task has none");
    if (command && (!task->argument_count || !str_eq(task->arguments[0], command)))
        return err_set(err, code, "arguments[0]: not \"%s\"", command);
    for (size_t i = 0; i < task->argument_count; i++) {
        const char *argument = task->arguments[i];
        if (strlen(argument) > PROTOCOL_TASK_ARGUMENT_MAX || has_control(argument))
            return err_set(err, code, "arguments[%zu]: too long or with control characters", i);
    }
    return 0;
}

static int check_remove_after(const struct protocol_task *task, int code, struct err *err)
{
    if (task->remove_after_count > PROTOCOL_TASK_FILES_MAX)
        return err_set(err, code, "removeAfter: more than %d", PROTOCOL_TASK_FILES_MAX);
    for (size_t i = 0; i < task->remove_after_count; i++) {
        if (!protocol_task_path_is_allowed(task->remove_after[i]))
            return err_set(err, code, "removeAfter[%zu]: not a path that a task may remove", i);
    }
    return 0;
}

/* Data that is kept at the server: what a save makes, and an init may begin with. */
static int check_saved(const struct protocol_task *task, int code, struct err *err)
{
    uint8_t key[TRUST_CHUNK_KEY_SIZE];
    bool save = task->kind == PROTOCOL_TASK_SAVE, init = task->kind == PROTOCOL_TASK_INIT;
    if (!task->saved)
        return save ? err_set(err, code, "saved: missing") : 0;
    if (!save && !init)
        return err_set(err, code, "saved: not for this kind of task");
    if (!task_id_is_valid(task->saved))
        return err_set(err, code, "saved: not the id of a task");
    int r = task->saved_key ? str_unbase64_exact(task->saved_key, key, sizeof(key)) : -EINVAL;
    sodium_memzero(key, sizeof(key));
    return r < 0 ? err_set(err, code, "savedKey: not a key") : 0;
}

int task_check(const struct protocol_task *task, int code, struct err *err)
{
    if (!task_id_is_valid(task->id))
        return err_set(err, code, "id: not 1 to %d letters, digits, '.', '_', '-'",
                       PROTOCOL_TASK_ID_MAX);
    if (task->deadline_seconds < PROTOCOL_TASK_DEADLINE_LEAST ||
        task->deadline_seconds > PROTOCOL_TASK_DEADLINE_MOST)
        return err_set(err, code, "deadlineSeconds: not from %d to %d",
                       PROTOCOL_TASK_DEADLINE_LEAST, PROTOCOL_TASK_DEADLINE_MOST);
    if (!is_node_name(task->node_name))
        return err_set(err, code, "nodeName: not a name of a Node");
    if (!is_socket(task->cri_socket))
        return err_set(err, code, "criSocket: not unix:///PATH");
    if (task->kubeadm && !is_normal(task->kubeadm))
        return err_set(err, code, "kubeadm: not an absolute path");
    if (task->certificates_dir && !protocol_task_folder_is_allowed(task->certificates_dir))
        return err_set(err, code, "certificatesDir: not a folder below /etc/kubernetes");
    int r = check_files(task, code, err);
    if (r == 0)
        r = check_arguments(task, code, err);
    if (r == 0)
        r = check_saved(task, code, err);
    return r < 0 ? r : check_remove_after(task, code, err);
}
