/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cluster-store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

enum { STATE_MAX = 65536, UNDO_MAX = 1 << 18 };

int cluster_folder_make(const struct node *node, struct err *err)
{
    _autofree_ char *folder = node_path(node, PROTOCOL_TASK_DIR);
    if (!folder)
        return err_set(err, -ENOMEM, "out of memory");
    return dir_make(folder, 0700, err);
}

/* Replaces a file of the folder, which is made when it is missing. */
static int save(const struct node *node, const char *path, const char *text, struct err *err)
{
    _autofree_ char *full = node_path(node, path);
    if (!full || !text)
        return err_set(err, -ENOMEM, "out of memory");
    int r = cluster_folder_make(node, err);
    return r < 0 ? r : file_write_atomic(full, text, strlen(text), 0600, err);
}

/* ---- the task ---- */

int cluster_task_save(const struct node *node, const struct protocol_task *task, struct err *err)
{
    char *text = NULL;
    int r = protocol_task_build(task, &text, err);
    if (r == 0)
        r = save(node, CLUSTER_TASK_FILE, text, err);
    protocol_task_text_free(text);
    return r;
}

int cluster_task_load(const struct node *node, struct protocol_task *ret, struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    int r = node_read(node, CLUSTER_TASK_FILE, PROTOCOL_TASK_TEXT_MAX, &text, &len, err);
    if (r == 0) {
        r = protocol_task_parse(text, len, ret, err);
        sodium_memzero(text, len);
    }
    free(text);
    return r;
}

/* ---- the state ---- */

int cluster_state_save(const struct node *node, const struct protocol_task_state *state,
                       struct err *err)
{
    json_auto_t *json = protocol_task_state_to_json(state);
    _autofree_ char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    return save(node, CLUSTER_STATE_FILE, text, err);
}

int cluster_state_load(const struct node *node, struct protocol_task_state *ret)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    int r = node_read(node, CLUSTER_STATE_FILE, STATE_MAX, &text, &len, NULL);
    if (r < 0)
        return r;
    json_auto_t *json = json_loadb(text, len, 0, NULL);
    r = protocol_task_state_parse(json, ret, NULL);
    return r == -EBADMSG ? -ENOENT : r;
}

/* ---- undoing ---- */

void cluster_undo_free(struct cluster_undo *undo)
{
    for (size_t i = 0; i < undo->count; i++)
        free(undo->files[i]);
    free(undo->files);
    free(undo->cri_socket);
    free(undo->kubeadm);
    free(undo->certificates_dir);
    *undo = (struct cluster_undo){0};
}

int cluster_undo_save(const struct node *node, const struct protocol_task *task, struct err *err)
{
    json_auto_t *json =
        json_pack("{s:s, s:s*, s:s*, s:[]}", "criSocket", task->cri_socket, "kubeadm",
                  task->kubeadm, "certificatesDir", task->certificates_dir, "files");
    json_t *files = json_object_get(json, "files");
    for (size_t i = 0; i < task->file_count; i++)
        (void)json_array_append_new(files, json_string(task->files[i].path));
    _autofree_ char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    return save(node, CLUSTER_UNDO_FILE, text, err);
}

static int set_text(json_t *json, const char *name, char **ret)
{
    return str_replace(ret, json_string_value(json_object_get(json, name)));
}

static int set_files(json_t *list, struct cluster_undo *undo)
{
    size_t i;
    json_t *item;
    undo->files = calloc(json_array_size(list) + 1, sizeof(*undo->files));
    if (!undo->files)
        return -ENOMEM;
    json_array_foreach (list, i, item) {
        const char *path = json_string_value(item);
        if (!protocol_task_path_is_allowed(path))
            continue;
        undo->files[undo->count] = strdup(path);
        if (!undo->files[undo->count])
            return -ENOMEM;
        undo->count++;
    }
    return 0;
}

int cluster_undo_load(const struct node *node, struct cluster_undo *ret)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    *ret = (struct cluster_undo){0};
    int r = node_read(node, CLUSTER_UNDO_FILE, UNDO_MAX, &text, &len, NULL);
    if (r < 0)
        return r == -ENOMEM ? r : 0;
    json_auto_t *json = json_loadb(text, len, 0, NULL);
    r = set_text(json, "criSocket", &ret->cri_socket);
    if (r == 0)
        r = set_text(json, "kubeadm", &ret->kubeadm);
    if (r == 0)
        r = set_text(json, "certificatesDir", &ret->certificates_dir);
    if (!protocol_task_folder_is_allowed(ret->certificates_dir))
        free(TAKE_PTR(ret->certificates_dir));
    if (r == 0)
        r = set_files(json_object_get(json, "files"), ret);
    if (r < 0)
        cluster_undo_free(ret);
    return r;
}

/* ---- secrets ---- */

/* Only a file that is this path's alone: what a link points to, or shares, is not ours. */
static int overwrite(const char *path)
{
    static const char zeros[4096];
    struct stat st;
    _autofd_ int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_nlink > 1)
        return 0;
    for (off_t at = 0; at < st.st_size;) {
        off_t left = st.st_size - at;
        size_t n = left < (off_t)sizeof(zeros) ? (size_t)left : sizeof(zeros);
        int r = fd_pwrite_full(fd, zeros, n, (uint64_t)at);
        if (r < 0)
            return r;
        at += (off_t)n;
    }
    return fdatasync(fd) < 0 ? -errno : 0;
}

int cluster_secret_remove(const struct node *node, const char *path, struct err *err)
{
    _autofree_ char *full = node_path(node, path);
    if (!full)
        return err_set(err, -ENOMEM, "out of memory");
    int r = overwrite(full);
    /* A file that cannot be overwritten is still better gone. */
    if (unlink(full) < 0 && errno != ENOENT)
        return err_errno(err, -errno, "cannot remove %s", full);
    return r < 0 && r != -ENOENT && r != -ELOOP ? err_errno(err, r, "cannot overwrite %s", full)
                                                : 0;
}

int cluster_task_remove(const struct node *node, struct err *err)
{
    return cluster_secret_remove(node, CLUSTER_TASK_FILE, err);
}

/* ---- the lock ---- */

int cluster_lock(const struct node *node, int *ret_fd, struct err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    _autofree_ char *path = node_path(node, CLUSTER_LOCK_FILE);
    int r = cluster_folder_make(node, err);
    if (r < 0)
        return r;
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    _autofd_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, -errno, "cannot open %s", path);
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        *ret_fd = TAKE_FD(fd);
        return 0;
    }
    if (errno == EAGAIN || errno == EACCES)
        return err_set(err, -EBUSY, "a task of the cluster is under way on this machine");
    return err_errno(err, -errno, "cannot lock %s", path);
}

bool cluster_is_locked(const struct node *node)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    _autofree_ char *path = node_path(node, CLUSTER_LOCK_FILE);
    _autofd_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* ---- a stopped control plane ---- */

bool cluster_is_stopped(const struct node *node)
{
    _autofree_ char *path = node_path(node, CLUSTER_STOPPED);
    DIR *folder = path ? opendir(path) : NULL;
    bool found = false;
    if (!folder)
        return false;
    for (struct dirent *e; !found && (e = readdir(folder));)
        found = e->d_type == DT_REG;
    (void)closedir(folder);
    return found;
}
