/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

bool node_is_live(const struct node *node)
{
    return !node->root[0];
}

char *node_path(const struct node *node, const char *path)
{
    return str_format("%s%s", node->root, path);
}

int node_read(const struct node *node, const char *path, size_t max, char **ret_data,
              size_t *ret_len, struct err *err)
{
    _autofree_ char *full = node_path(node, path);
    if (!full)
        return err_set(err, -ENOMEM, "out of memory");
    return file_read(full, max, ret_data, ret_len, err);
}

bool node_exists(const struct node *node, const char *path)
{
    _autofree_ char *full = node_path(node, path);
    return full && access(full, F_OK) == 0;
}

static int make_parent(const char *path, struct err *err)
{
    _autofree_ char *parent = strdup(path);
    if (!parent)
        return err_set(err, -ENOMEM, "out of memory");
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent)
        return 0;
    *slash = '\0';
    return dir_make(parent, 0755, err);
}

static int fill(int fd, const void *data, size_t len, mode_t mode, uid_t uid, gid_t gid)
{
    int r = fd_write_full(fd, data, len);
    if (r < 0)
        return r;
    bool own = uid != (uid_t)-1 || gid != (gid_t)-1;
    if (own && fchown(fd, uid, gid) < 0)
        return -errno;
    return fchmod(fd, mode) < 0 ? -errno : 0;
}

int node_write(const struct node *node, const char *path, const void *data, size_t len, mode_t mode,
               uid_t uid, gid_t gid, struct err *err)
{
    _autofree_ char *full = node_path(node, path);
    _autofree_ char *temporary = full ? str_format("%s.slipway-XXXXXX", full) : NULL;
    if (!temporary)
        return err_set(err, -ENOMEM, "out of memory");
    int r = make_parent(full, err);
    if (r < 0)
        return r;
    _autofd_ int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, -errno, "cannot create %s", temporary);
    r = fill(fd, data, len, mode, uid, gid);
    if (r == 0 && rename(temporary, full) < 0)
        r = -errno;
    if (r < 0) {
        (void)unlink(temporary);
        return err_errno(err, r, "cannot write %s", full);
    }
    return 0;
}

int node_write_durably(const struct node *node, const char *path, const char *text, mode_t mode,
                       struct err *err)
{
    _autofree_ char *full = node_path(node, path);
    if (!full)
        return err_set(err, -ENOMEM, "out of memory");
    int r = make_parent(full, err);
    return r < 0 ? r : file_write_atomic(full, text, strlen(text), mode, err);
}

int node_write_text(const struct node *node, const char *path, const char *text, mode_t mode,
                    struct err *err)
{
    return node_write(node, path, text, strlen(text), mode, (uid_t)-1, (gid_t)-1, err);
}

int node_sync(const struct node *node, struct err *err)
{
    static const char *const folders[] = {"/", "/etc", "/var", "/var/lib", "/home"};
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        _autofree_ char *full = node_path(node, folders[i]);
        _autofd_ int fd = full ? open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (!full)
            return err_set(err, -ENOMEM, "out of memory");
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0 || syncfs(fd) < 0)
            return err_errno(err, -errno, "cannot sync the file system of %s", full);
    }
    return 0;
}
