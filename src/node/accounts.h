/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passwd(5), shadow(5), group(5) and gshadow(5) as text that is edited line by line: no useradd, no
 * name service, and it works below any root folder. Pure functions on strings, thread safe.
 */
#pragma once

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

struct account {
    char name[40];
    uid_t uid;
    gid_t gid;
    char home[512];
};

/* The user of that name in the text of /etc/passwd. 0 or -ENOENT. */
int account_find(const char *passwd, const char *name, struct account *ret) _must_check_;

/* The group of that name in the text of /etc/group. 0 or -ENOENT. */
int account_find_group(const char *group, const char *name, gid_t *ret) _must_check_;

/* The first id from 1000 on that neither a user nor a group has. */
uid_t account_free_id(const char *passwd, const char *group);

/* "user", "user:group", numbers allowed; the user's own group when none is named. 0 or -ENOENT. */
int account_owner(const char *passwd, const char *group, const char *owner, uid_t *ret_uid,
                  gid_t *ret_gid) _must_check_;

/* Appends the whole text with the line of `name` replaced, or with the line at the end. */
void account_put_line(const char *text, const char *name, const char *line, struct buf *out);

/*
 * Appends the text of /etc/shadow with the user's password hash set ("*" for none); other fields of
 * an existing line are kept.
 */
void account_set_password(const char *shadow, const char *name, const char *hash, unsigned day,
                          struct buf *out);

/*
 * Appends the text of /etc/group or /etc/gshadow with the user among the members of the group.
 * Nothing changes when he is already. -ENOENT when there is no such group.
 */
int account_add_member(const char *text, const char *group, const char *user, struct buf *out)
    _must_check_;
