/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database file: objects and records as rows, one transaction per batch. Write-ahead log with
 * synchronous=FULL, so what db_commit() returned for survives a power cut; locked for one process.
 * Not thread safe: one thread at a time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db;

/*
 * Opens or creates, checks, and upgrades from older versions. max_bytes 0: no limit. 0, -EBUSY,
 * -EUCLEAN, -EPROTONOSUPPORT, -ENOSPC, -EIO, -ENOMEM, ...
 */
int db_open(const char *path, uint64_t max_bytes, struct db **ret, struct err *err) _must_check_;
void db_close(struct db *db);
DEFINE_CLEANUP(struct db *, db_close)

/* The resourceVersion of the last commit. */
int db_version(struct db *db, uint64_t *ret, struct err *err) _must_check_;

/* Calls each with every object; stops when it returns nonzero and returns that. Borrowed. */
int db_each_object(struct db *db,
                   int (*each)(void *data, const char *kind, const char *name, uint64_t version,
                               const char *body, size_t len),
                   void *data, struct err *err) _must_check_;
int db_each_record(struct db *db, const char *bucket,
                   int (*each)(void *data, const void *key, size_t key_len, const void *value,
                               size_t value_len),
                   void *data, struct err *err) _must_check_;

/* Between db_begin() and db_commit(). After any failure: db_rollback(). */
int db_begin(struct db *db, struct err *err) _must_check_;
int db_put_object(struct db *db, const char *kind, const char *name, uint64_t version,
                  const char *body, size_t len, struct err *err) _must_check_;
int db_delete_object(struct db *db, const char *kind, const char *name, struct err *err)
    _must_check_;
int db_put_record(struct db *db, const char *bucket, const void *key, size_t key_len,
                  const void *value, size_t value_len, struct err *err) _must_check_;
int db_delete_record(struct db *db, const char *bucket, const void *key, size_t key_len,
                     struct err *err) _must_check_;
int db_set_version(struct db *db, uint64_t version, struct err *err) _must_check_;
int db_commit(struct db *db, struct err *err) _must_check_;
void db_rollback(struct db *db);
