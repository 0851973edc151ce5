/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts with their groups, passwords, sudo rights and SSH keys. */
#include <dirent.h>
#include <shadow.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "node/accounts.h"
#include "node/apply.h"

enum { DATABASE_MAX = 4 << 20, KEYS_MAX = 1 << 20, SKELETON_FILE_MAX = 1 << 20, DAY = 86400 };

enum { DB_PASSWD, DB_SHADOW, DB_GROUP, DB_GSHADOW, DB_COUNT };

static const char *const database_paths[DB_COUNT] = {"/etc/passwd", "/etc/shadow", "/etc/group",
                                                     "/etc/gshadow"};

struct databases {
    const struct node *node;
    char *text[DB_COUNT]; /* NULL: the file is missing (gshadow may be) */
    bool changed[DB_COUNT];
};

static void databases_free(struct databases *d)
{
    for (int i = 0; i < DB_COUNT; i++)
        free(d->text[i]);
}

static int databases_read(struct databases *d, struct err *err)
{
    for (int i = 0; i < DB_COUNT; i++) {
        int r = node_read(d->node, database_paths[i], DATABASE_MAX, &d->text[i], NULL, err);
        if (r < 0 && !(r == -ENOENT && (i == DB_GSHADOW || i == DB_SHADOW)))
            return r;
    }
    return 0;
}

static int write_database(const struct databases *d, int i, struct err *err)
{
    struct stat st;
    _autofree_ char *path = node_path(d->node, database_paths[i]);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    if (stat(path, &st) < 0)
        return err_errno(err, -errno, "cannot look at %s", path);
    return node_write(d->node, database_paths[i], d->text[i], strlen(d->text[i]), st.st_mode & 0777,
                      st.st_uid, st.st_gid, err);
}

static int databases_write(const struct databases *d, struct err *err)
{
    int r = 0;
    for (int i = 0; r == 0 && i < DB_COUNT; i++)
        r = d->changed[i] ? write_database(d, i, err) : 0;
    return r;
}

/* Takes the text out of `text` as the new content of a database. */
static int replace_text(struct databases *d, int i, struct buf *text, struct err *err)
{
    char *new = buf_steal(text);
    if (!new)
        return err_set(err, -ENOMEM, "out of memory");
    d->changed[i] |= strcmp(new, d->text[i]) != 0;
    free(d->text[i]);
    d->text[i] = new;
    return 0;
}

static int put_line(struct databases *d, int i, const char *name, const char *line, struct err *err)
{
    _autobuf_ struct buf text = BUF_INIT;
    if (!d->text[i])
        return 0;
    if (!line)
        return err_set(err, -ENOMEM, "out of memory");
    account_put_line(d->text[i], name, line, &text);
    return replace_text(d, i, &text, err);
}

static int set_password(struct databases *d, const char *name, const char *hash, struct err *err)
{
    _autobuf_ struct buf text = BUF_INIT;
    unsigned day = (unsigned)(clock_wall(d->node->clock) / 1000 / DAY);
    if (!d->text[DB_SHADOW])
        return err_set(err, -ENOENT, "the image has no /etc/shadow");
    account_set_password(d->text[DB_SHADOW], name, hash, day, &text);
    return replace_text(d, DB_SHADOW, &text, err);
}

/* A user with a group of his own, as Debian's adduser makes them; without a password. */
static int add_account(struct databases *d, const struct provision_user *user, struct err *err)
{
    unsigned id = (unsigned)account_free_id(d->text[DB_PASSWD], d->text[DB_GROUP]);
    const char *shell = user->shell ? user->shell : "/bin/bash";
    _autofree_ char *passwd =
        str_format("%s:x:%u:%u::/home/%s:%s", user->name, id, id, user->name, shell);
    _autofree_ char *group = str_format("%s:x:%u:", user->name, id);
    _autofree_ char *gshadow = str_format("%s:!::", user->name);
    int r = put_line(d, DB_PASSWD, user->name, passwd, err);
    if (r == 0)
        r = put_line(d, DB_GROUP, user->name, group, err);
    if (r == 0)
        r = put_line(d, DB_GSHADOW, user->name, gshadow, err);
    return r < 0 ? r : set_password(d, user->name, "*", err);
}

static int add_member(struct databases *d, int i, const char *group, const char *user,
                      struct err *err)
{
    _autobuf_ struct buf text = BUF_INIT;
    if (!d->text[i])
        return 0;
    if (account_add_member(d->text[i], group, user, &text) < 0)
        return i == DB_GSHADOW ? 0 : err_set(err, -ENOENT, "the image has no group %s", group);
    return replace_text(d, i, &text, err);
}

static int edit_account(struct databases *d, const struct provision_user *user, struct err *err)
{
    struct account account;
    int r = 0;
    if (account_find(d->text[DB_PASSWD], user->name, &account) < 0)
        r = add_account(d, user, err);
    if (r == 0 && user->password_hash)
        r = set_password(d, user->name, user->password_hash, err);
    for (size_t i = 0; r == 0 && i < user->groups.count; i++) {
        r = add_member(d, DB_GROUP, user->groups.items[i], user->name, err);
        if (r == 0)
            r = add_member(d, DB_GSHADOW, user->groups.items[i], user->name, err);
    }
    return r < 0 ? err_wrap(err, "user %s", user->name) : 0;
}

static int write_sudo(const struct node *node, const struct provision_user *user, struct err *err)
{
    if (!user->sudo || str_eq(user->name, "root"))
        return 0;
    char path[96];
    (void)snprintf(path, sizeof(path), "/etc/sudoers.d/90-slipway-%s", user->name);
    _autofree_ char *line = str_format("%s ALL=(ALL) NOPASSWD:ALL\n", user->name);
    return line ? node_write_text(node, path, line, 0440, err)
                : err_set(err, -ENOMEM, "out of memory");
}

/* Makes a folder of the user's; one that exists keeps its mode. */
static int own_folder(const struct node *node, const struct account *account, const char *path,
                      mode_t mode, struct err *err)
{
    _autofree_ char *full = node_path(node, path);
    if (!full)
        return err_set(err, -ENOMEM, "out of memory");
    if (mkdir(full, mode) == 0)
        return chown(full, account->uid, account->gid) < 0
                   ? err_errno(err, -errno, "cannot give away %s", full)
                   : 0;
    return errno == EEXIST ? 0 : err_errno(err, -errno, "cannot make %s", full);
}

static int copy_skeleton_file(const struct node *node, const struct account *account,
                              const char *name, struct err *err)
{
    _autofree_ char *from = str_format("/etc/skel/%s", name);
    _autofree_ char *to = str_format("%s/%s", account->home, name);
    _autofree_ char *data = NULL;
    size_t len = 0;
    if (!from || !to)
        return err_set(err, -ENOMEM, "out of memory");
    /* What is no plain file there is not needed for a login. */
    if (node_exists(node, to) || node_read(node, from, SKELETON_FILE_MAX, &data, &len, NULL) < 0)
        return 0;
    return node_write(node, to, data, len, 0644, account->uid, account->gid, err);
}

static int copy_skeleton(const struct node *node, const struct account *account, struct err *err)
{
    _autofree_ char *folder = node_path(node, "/etc/skel");
    DIR *dir = folder ? opendir(folder) : NULL;
    if (!dir)
        return 0;
    int r = 0;
    for (struct dirent *entry; r == 0 && (entry = readdir(dir));) {
        if (entry->d_type == DT_REG)
            r = copy_skeleton_file(node, account, entry->d_name, err);
    }
    (void)closedir(dir);
    return r;
}

/* The home of a user who has none yet. /home itself is the image's. */
static int make_home(const struct node *node, const struct account *account, struct err *err)
{
    if (node_exists(node, account->home))
        return 0;
    int r = own_folder(node, account, account->home, 0700, err);
    return r < 0 ? r : copy_skeleton(node, account, err);
}

static bool has_line(const char *text, const char *line)
{
    size_t len = strlen(line);
    for (const char *s = text; *s;) {
        size_t n = strcspn(s, "\n");
        if (n == len && memcmp(s, line, n) == 0)
            return true;
        s += n + (s[n] == '\n');
    }
    return false;
}

/* The keys that were there, and those that are new. */
static int write_keys(const struct node *node, const struct account *account,
                      const struct provision_user *user, struct err *err)
{
    _autofree_ char *folder = str_format("%s/.ssh", account->home);
    _autofree_ char *path = str_format("%s/.ssh/authorized_keys", account->home);
    _autofree_ char *old = NULL;
    _autobuf_ struct buf text = BUF_INIT;
    if (!folder || !path)
        return err_set(err, -ENOMEM, "out of memory");
    int r = own_folder(node, account, folder, 0700, err);
    if (r < 0)
        return r;
    if (node_read(node, path, KEYS_MAX, &old, NULL, NULL) == 0)
        buf_adds(&text, old);
    if (text.len && text.data[text.len - 1] != '\n')
        buf_addc(&text, '\n');
    for (size_t i = 0; i < user->ssh_authorized_keys.count; i++) {
        if (!has_line(buf_str(&text), user->ssh_authorized_keys.items[i]))
            buf_printf(&text, "%s\n", user->ssh_authorized_keys.items[i]);
    }
    if (buf_error(&text))
        return err_set(err, buf_error(&text), "out of memory");
    return node_write(node, path, buf_str(&text), text.len, 0600, account->uid, account->gid, err);
}

static int write_user(const struct databases *d, const struct provision_user *user, struct err *err)
{
    struct account account;
    int r = account_find(d->text[DB_PASSWD], user->name, &account);
    if (r < 0)
        return err_set(err, r, "the account of user %s is damaged", user->name);
    r = make_home(d->node, &account, err);
    if (r == 0 && user->ssh_authorized_keys.count)
        r = write_keys(d->node, &account, user, err);
    return r < 0 ? r : write_sudo(d->node, user, err);
}

static int edit_accounts(struct databases *d, const struct provision *p, struct err *err)
{
    int r = databases_read(d, err);
    for (size_t i = 0; r == 0 && i < p->users.count; i++)
        r = edit_account(d, &p->users.items[i], err);
    return r < 0 ? r : databases_write(d, err);
}

int apply_users(const struct node *node, const struct provision *p, struct err *err)
{
    _cleanup_(databases_free) struct databases d = {.node = node};
    if (!p->users.count)
        return 0;
    /* systemd-sysusers may be at work beside us. */
    bool locked = node_is_live(node) && lckpwdf() == 0;
    int r = edit_accounts(&d, p, err);
    if (locked)
        (void)ulckpwdf();
    for (size_t i = 0; r == 0 && i < p->users.count; i++)
        r = write_user(&d, &p->users.items[i], err);
    return r;
}
