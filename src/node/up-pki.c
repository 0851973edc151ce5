/* SPDX-License-Identifier: Apache-2.0 */
#include "node/up-pki.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "node/cluster-store.h"

#define FOLDER PROTOCOL_TASK_DIR "/pki"
#define PARTIAL                                                                                    \
    PROTOCOL_TASK_DIR "/pki.partial" /* a copy that was not completed counts for nothing */

enum { FILE_MAX = 256 << 10 };

/* What kubeadm takes over when it is there. An authority may come without its key. */
static const struct {
    const char *name;
    mode_t mode;
} files[] = {
    {"ca.crt", 0644},
    {"ca.key", 0600},
    {"front-proxy-ca.crt", 0644},
    {"front-proxy-ca.key", 0600},
    {"etcd/ca.crt", 0644},
    {"etcd/ca.key", 0600},
    {"sa.pub", 0644},
    {"sa.key", 0600},
};

static void wipe(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
}

/* folder/name of the node, or nothing. */
static int read_one(const struct node *node, const char *folder, const char *name, char **ret,
                    struct err *err)
{
    _autofree_ char *path = str_format("%s/%s", folder, name);
    int r = path ? node_read(node, path, FILE_MAX, ret, NULL, err) : -ENOMEM;
    return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

static int keep_one(const struct node *node, const char *folder, const char *name, struct err *err)
{
    _cleanup_(wipe) char *text = NULL;
    _autofree_ char *path = str_format(PARTIAL "/%s", name);
    int r = path ? read_one(node, folder, name, &text, err) : -ENOMEM;
    return r < 0 || !text ? r : node_write_text(node, path, text, 0600, err);
}

/* Overwrites what is in a folder of ours, then removes it. */
static int forget(const struct node *node, const char *folder, struct err *err)
{
    _autofree_ char *own = node_path(node, folder);
    int r = own ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++) {
        _autofree_ char *path = str_format("%s/%s", folder, files[i].name);
        r = path ? cluster_secret_remove(node, path, err) : -ENOMEM;
    }
    return r < 0 ? r : tree_remove(own, err);
}

static int copy(const struct node *node, const char *folder, struct err *err)
{
    _autofree_ char *own = node_path(node, PARTIAL);
    int r = own ? forget(node, PARTIAL, err) : -ENOMEM;
    if (r == 0)
        r = dir_make(own, 0700, err);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(files); i++)
        r = keep_one(node, folder, files[i].name, err);
    return r;
}

/* On the disk before it gets its name, so that what has the name is whole. */
static int name_copy(const struct node *node, struct err *err)
{
    _autofree_ char *partial = node_path(node, PARTIAL), *own = node_path(node, FOLDER);
    _autofree_ char *parent = node_path(node, PROTOCOL_TASK_DIR);
    _autofd_ int fd = partial ? open(partial, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (!partial || !own || !parent)
        return err_set(err, -ENOMEM, "out of memory");
    if (fd < 0 || syncfs(fd) < 0)
        return err_errno(err, -errno, "cannot sync %s", partial);
    if (rename(partial, own) < 0)
        return err_errno(err, -errno, "cannot rename %s", partial);
    int r = dir_sync(parent);
    return r < 0 ? err_errno(err, r, "cannot sync %s", parent) : 0;
}

int up_pki_keep(const struct node *node, const char *folder, struct err *err)
{
    if (node_exists(node, FOLDER))
        return 0;
    int r = cluster_folder_make(node, err);
    if (r == 0)
        r = copy(node, folder, err);
    return r < 0 ? r : name_copy(node, err);
}

int up_pki_add(const struct node *node, const char *folder, struct protocol_task *task,
               struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        _cleanup_(wipe) char *text = NULL;
        _autofree_ char *path = str_format("%s/%s", folder, files[i].name);
        int r = path ? read_one(node, FOLDER, files[i].name, &text, err) : -ENOMEM;
        if (r == 0 && text)
            r = protocol_task_add_file(task, path, files[i].mode, text);
        if (r < 0)
            return r;
    }
    return 0;
}

int up_pki_forget(const struct node *node, struct err *err)
{
    int r = forget(node, PARTIAL, err);
    return r < 0 ? r : forget(node, FOLDER, err);
}
