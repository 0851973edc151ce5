/* SPDX-License-Identifier: Apache-2.0 */
#include "server/seed-first-boot.h"

#include <string.h>

#include "base/str.h"
#include "provision/seed.h"

static int add_root(const struct first_boot *fb, struct provision *p)
{
    if (fb->n_ssh_authorized_keys == 0)
        return 0;
    struct provision_user *root = items_add(&p->users, sizeof(*root));
    int r = root ? text_set(&root->name, "root") : -ENOMEM;
    return r < 0 ? r
                 : texts_add_all(&root->ssh_authorized_keys, fb->ssh_authorized_keys,
                                 fb->n_ssh_authorized_keys);
}

static int add_user(const struct first_boot_user *from, struct provision *p)
{
    struct provision_user *user = items_add(&p->users, sizeof(*user));
    if (!user)
        return -ENOMEM;
    user->sudo = from->sudo;
    int r = text_set(&user->name, from->name);
    if (r == 0)
        r = text_set(&user->password_hash, from->password_hash);
    if (r == 0)
        r = text_set(&user->shell, from->shell);
    if (r == 0)
        r = texts_add_all(&user->groups, from->groups, from->n_groups);
    if (r == 0)
        r = texts_add_all(&user->ssh_authorized_keys, from->ssh_authorized_keys,
                          from->n_ssh_authorized_keys);
    return r;
}

static int file_content(const struct first_boot_file *from, struct bytes *ret)
{
    const char *text = from->content ? from->content : "";
    if (from->encoding == FILE_ENCODING_BASE64)
        return str_unbase64(text, SEED_BYTES_MAX, &ret->data, &ret->len);
    ret->len = strlen(text);
    ret->data = ret->len ? malloc(ret->len) : NULL;
    if (ret->len && !ret->data)
        return -ENOMEM;
    if (ret->len)
        memcpy(ret->data, text, ret->len);
    return 0;
}

static int add_file(const struct first_boot_file *from, struct provision *p)
{
    struct provision_file *file = items_add(&p->files, sizeof(*file));
    if (!file)
        return -ENOMEM;
    file->mode = from->permissions ? (mode_t)strtoul(from->permissions, NULL, 8) : 0644;
    file->template = from->template;
    int r = text_set(&file->path, from->path);
    if (r == 0)
        r = text_set(&file->owner, from->owner);
    return r < 0 ? r : file_content(from, &file->content);
}

int seed_first_boot(const struct first_boot *fb, struct provision *p)
{
    int r = text_set(&p->hostname, fb->hostname);
    if (r == 0)
        r = text_set(&p->timezone, fb->timezone);
    if (r == 0)
        r = add_root(fb, p);
    for (size_t i = 0; r == 0 && i < fb->n_users; i++)
        r = add_user(&fb->users[i], p);
    for (size_t i = 0; r == 0 && i < fb->n_files; i++)
        r = add_file(&fb->files[i], p);
    if (r == 0)
        r = texts_add_all(&p->commands, fb->commands, fb->n_commands);
    return r;
}
