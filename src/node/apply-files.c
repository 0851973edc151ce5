/* SPDX-License-Identifier: Apache-2.0 */
/* The files that the Machine's specification lists. */
#include <string.h>

#include "node/accounts.h"
#include "node/apply.h"

enum { ACCOUNTS_MAX = 4 << 20 };

struct owners {
    char *passwd, *group;
};

static void owners_free(struct owners *owners)
{
    free(owners->passwd);
    free(owners->group);
}

/* Names are looked up only when a file has an owner. */
static int find_owner(const struct node *node, struct owners *owners, const char *owner, uid_t *uid,
                      gid_t *gid, struct err *err)
{
    if (!owners->passwd) {
        int r = node_read(node, "/etc/passwd", ACCOUNTS_MAX, &owners->passwd, NULL, err);
        if (r == 0)
            r = node_read(node, "/etc/group", ACCOUNTS_MAX, &owners->group, NULL, err);
        if (r < 0)
            return r;
    }
    int r = account_owner(owners->passwd, owners->group, owner, uid, gid);
    return r < 0 ? err_set(err, r, "there is no user or group \"%s\"", owner) : 0;
}

static int write_file(const struct node *node, struct owners *owners,
                      const struct provision_file *file, struct err *err)
{
    uid_t uid = 0;
    gid_t gid = 0;
    int r = file->owner ? find_owner(node, owners, file->owner, &uid, &gid, err) : 0;
    if (r < 0)
        return err_wrap(err, "%s", file->path);
    /* Without an owner the file stays whose process this is: root's, or the tester's. */
    if (!file->owner)
        uid = gid = (uid_t)-1;
    return node_write(node, file->path, file->content.data, file->content.len, file->mode, uid, gid,
                      err);
}

int apply_files(const struct node *node, const struct provision *p, struct err *err)
{
    _cleanup_(owners_free) struct owners owners = {0};
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->files.count; i++)
        r = write_file(node, &owners, &p->files.items[i], err);
    return r;
}
