/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use the API over TLS: a file of users, each with a role and the hash of a random token.
 *
 *     [{"name": "admin", "role": "admin", "tokenHash": "<BLAKE2b-256, hex>"}, ...]
 *
 * A token is 32 random bytes as base64url without padding: too many to guess, so its plain hash is
 * kept and the file alone lets nobody in.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/random.h"

enum api_role {
    API_ROLE_NONE,
    API_ROLE_READER, /* get, list, watch */
    API_ROLE_ADMIN,  /* everything */
};

#define API_USER_NAME_SIZE 64
#define API_TOKEN_SIZE 44 /* 43 characters and NUL */
#define API_TOKEN_HASH_SIZE 32

struct api_user {
    char name[API_USER_NAME_SIZE];
    enum api_role role;
    uint8_t token_hash[API_TOKEN_HASH_SIZE];
};

struct api_users;

/* A missing file is one without users. 0 or a negative errno with err naming file and entry. */
int api_users_load(const char *path, struct api_users **ret, struct err *err) _must_check_;
void api_users_free(struct api_users *users);
DEFINE_CLEANUP(struct api_users *, api_users_free)

/* Writes the file (0600, atomically); when root does it, for the owner of the folder. */
int api_users_save(const struct api_users *users, const char *path, struct err *err) _must_check_;

/*
 * Gives a user a new token, which replaces an old one; adds the user when it is new. -EINVAL for a
 * name that is empty, too long or not of letters, digits and "-_.@"; -E2BIG, -ENOMEM.
 */
int api_users_set(struct api_users *users, const char *name, enum api_role role, struct rng *rng,
                  char token[static API_TOKEN_SIZE], struct err *err) _must_check_;

/* By name; NULL when there is none. */
const struct api_user *api_users_find(const struct api_users *users, const char *name);

/*
 * The user whose token this is, or NULL. The time it takes depends on the number of users, not on
 * the token.
 */
const struct api_user *api_users_authenticate(const struct api_users *users, const char *token);

/* "admin" or "reader"; API_ROLE_NONE for anything else. */
enum api_role api_role_parse(const char *text);
const char *api_role_text(enum api_role role);
