/* SPDX-License-Identifier: Apache-2.0 */
#include "store/db.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum statement {
    PUT_OBJECT,
    DELETE_OBJECT,
    PUT_RECORD,
    DELETE_RECORD,
    SET_VERSION,
    STATEMENTS,
};

static const char *const statement_text[STATEMENTS] = {
    [PUT_OBJECT] = "INSERT INTO object(kind, name, version, body) VALUES(?1, ?2, ?3, ?4)"
                   " ON CONFLICT(kind, name) DO UPDATE SET version = ?3, body = ?4",
    [DELETE_OBJECT] = "DELETE FROM object WHERE kind = ?1 AND name = ?2",
    [PUT_RECORD] = "INSERT INTO record(bucket, key, value) VALUES(?1, ?2, ?3)"
                   " ON CONFLICT(bucket, key) DO UPDATE SET value = ?3",
    [DELETE_RECORD] = "DELETE FROM record WHERE bucket = ?1 AND key = ?2",
    [SET_VERSION] = "UPDATE counter SET value = ?1 WHERE name = 'resourceVersion'",
};

/* Step i takes a database of version i to version i + 1. Never change one that was released. */
static const char *const upgrades[] = {
    "CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO counter VALUES('resourceVersion', 0);"
    "CREATE TABLE object(kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,"
    " body TEXT NOT NULL, PRIMARY KEY(kind, name));"
    "CREATE TABLE record(bucket TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY(bucket, key)) WITHOUT ROWID;",
};

enum { SCHEMA_VERSION = ARRAY_SIZE(upgrades), APPLICATION_ID = 0x534c4950 /* "SLIP" */ };

struct db {
    sqlite3 *sqlite;
    sqlite3_stmt *statements[STATEMENTS];
};

static int system_code(sqlite3 *sqlite, int fallback)
{
    int code = sqlite ? sqlite3_system_errno(sqlite) : 0;
    return code > 0 ? -code : fallback;
}

static int code_of(sqlite3 *sqlite, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_CANTOPEN:
        return system_code(sqlite, -ENOENT);
    case SQLITE_TOOBIG:
        return -E2BIG;
    default:
        return system_code(sqlite, -EIO);
    }
}

static int fail(struct db *db, int rc, struct err *err, const char *what)
{
    int code = code_of(db->sqlite, rc);
    if (code == -EBUSY)
        return err_set(err, code, "%s: another process uses the database", what);
    if (code == -EUCLEAN)
        return err_set(err, code, "%s: the database is damaged (%s); put a backup in its place",
                       what, sqlite3_errmsg(db->sqlite));
    if (code == -ENOSPC)
        return err_set(err, code, "%s: no space left for %s", what,
                       sqlite3_db_filename(db->sqlite, "main"));
    return err_set(err, code ? code : -EIO, "%s: %s", what, sqlite3_errmsg(db->sqlite));
}

static int run(struct db *db, const char *sql, struct err *err, const char *what)
{
    int rc = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : fail(db, rc, err, what);
}

static int one_number(struct db *db, const char *sql, int64_t *ret, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int64(statement, 0);
    int code = rc == SQLITE_ROW ? 0 : fail(db, rc, err, "cannot read the database");
    (void)sqlite3_finalize(statement);
    return code;
}

static int set_limit(struct db *db, uint64_t max_bytes, struct err *err)
{
    int64_t page_size = 0;
    if (!max_bytes)
        return 0;
    int r = one_number(db, "PRAGMA page_size", &page_size, err);
    if (r >= 0 && page_size <= 0)
        r = err_set(err, -EUCLEAN, "the database says that its pages have no size");
    if (r < 0)
        return r;
    char sql[64];
    (void)snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %lld",
                   (long long)(max_bytes / (uint64_t)page_size));
    return run(db, sql, err, "cannot limit the database");
}

static int check(struct db *db, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db->sqlite, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    int code = 0;
    if (rc != SQLITE_ROW)
        code = fail(db, rc, err, "cannot check the database");
    else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
        code = err_set(err, -EUCLEAN, "the database is damaged (%s); put a backup in its place",
                       (const char *)sqlite3_column_text(statement, 0));
    (void)sqlite3_finalize(statement);
    return code;
}

static int upgrade(struct db *db, struct err *err)
{
    int64_t version = 0;
    int r = one_number(db, "PRAGMA user_version", &version, err);
    if (r < 0)
        return r;
    if (version > SCHEMA_VERSION)
        return err_set(err, -EPROTONOSUPPORT,
                       "the database was written by a newer version (its schema is %lld, this "
                       "program knows %d)",
                       (long long)version, (int)SCHEMA_VERSION);
    for (; version < SCHEMA_VERSION; version++) {
        char sql[2048];
        (void)snprintf(sql, sizeof(sql),
                       "BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %lld;"
                       "COMMIT;",
                       upgrades[version], (int)APPLICATION_ID, (long long)version + 1);
        r = run(db, sql, err, "cannot prepare the database");
        if (r < 0)
            return r;
    }
    return 0;
}

static int prepare_all(struct db *db, struct err *err)
{
    for (int i = 0; i < STATEMENTS; i++) {
        int rc = sqlite3_prepare_v3(db->sqlite, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &db->statements[i], NULL);
        if (rc != SQLITE_OK)
            return fail(db, rc, err, "cannot prepare the database");
    }
    return 0;
}

static int set_up(struct db *db, uint64_t max_bytes, struct err *err)
{
    /* An exclusive lock keeps a second server off this file, and needs no shared memory. The cache
     * is small: every row that is read twice is in the memory view. */
    static const char pragmas[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                                  "PRAGMA synchronous = FULL; PRAGMA cache_size = -256;"
                                  "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                                  "PRAGMA journal_size_limit = 4194304;"
                                  "BEGIN IMMEDIATE; COMMIT;";
    int r = run(db, pragmas, err, "cannot open the database");
    if (r < 0)
        return r;
    r = check(db, err);
    if (r < 0)
        return r;
    r = upgrade(db, err);
    if (r < 0)
        return r;
    r = prepare_all(db, err);
    if (r < 0)
        return r;
    return set_limit(db, max_bytes, err);
}

/* Specifications may hold password hashes; SQLite gives its other files the same permissions. */
static int make_private(const char *path, struct err *err)
{
    _autofd_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? err_errno(err, -errno, "cannot open %s", path) : 0;
}

int db_open(const char *path, uint64_t max_bytes, struct db **ret, struct err *err)
{
    int made = make_private(path, err);
    if (made < 0)
        return made;
    _cleanup_(db_closep) struct db *db = calloc(1, sizeof(*db));
    if (!db)
        return err_errno(err, -ENOMEM, "cannot open %s", path);
    int rc =
        sqlite3_open_v2(path, &db->sqlite,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, NULL);
    int r = rc == SQLITE_OK ? 0 : fail(db, rc, err, "cannot open the database");
    if (r == 0)
        r = set_up(db, max_bytes, err);
    if (r < 0)
        return err_wrap(err, "%s", path);
    *ret = TAKE_PTR(db);
    return 0;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(db->statements[i]);
    (void)sqlite3_close(db->sqlite);
    free(db);
}

int db_version(struct db *db, uint64_t *ret, struct err *err)
{
    int64_t value = 0;
    int r = one_number(db, "SELECT value FROM counter WHERE name = 'resourceVersion'", &value, err);
    if (r >= 0)
        *ret = (uint64_t)value;
    return r;
}

int db_each_object(struct db *db,
                   int (*each)(void *data, const char *kind, const char *name, uint64_t version,
                               const char *body, size_t len),
                   void *data, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db->sqlite,
                                "SELECT kind, name, version, body FROM object ORDER BY kind, name",
                                -1, &s, NULL);
    int stop = 0;
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(s);
        if (rc != SQLITE_ROW)
            break;
        stop = each(data, (const char *)sqlite3_column_text(s, 0),
                    (const char *)sqlite3_column_text(s, 1), (uint64_t)sqlite3_column_int64(s, 2),
                    (const char *)sqlite3_column_text(s, 3), (size_t)sqlite3_column_bytes(s, 3));
        if (stop)
            break;
    }
    int code = stop || rc == SQLITE_DONE ? stop : fail(db, rc, err, "cannot read the database");
    (void)sqlite3_finalize(s);
    return code;
}

int db_each_record(struct db *db, const char *bucket,
                   int (*each)(void *data, const void *key, size_t key_len, const void *value,
                               size_t value_len),
                   void *data, struct err *err)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(
        db->sqlite, "SELECT key, value FROM record WHERE bucket = ?1 ORDER BY key", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(s, 1, bucket, -1, SQLITE_STATIC);
    int stop = 0;
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(s);
        if (rc != SQLITE_ROW)
            break;
        stop = each(data, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0),
                    sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1));
        if (stop)
            break;
    }
    int code = stop || rc == SQLITE_DONE ? stop : fail(db, rc, err, "cannot read the database");
    (void)sqlite3_finalize(s);
    return code;
}

/* Runs a statement whose parameters were bound with result rc. */
static int finish(struct db *db, enum statement which, int rc, struct err *err)
{
    sqlite3_stmt *s = db->statements[which];
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    int code = rc == SQLITE_DONE ? 0 : fail(db, rc, err, "cannot write to the database");
    (void)sqlite3_reset(s);
    (void)sqlite3_clear_bindings(s);
    return code;
}

/* A zero-length value is an empty blob, not NULL. */
static int bind_blob(sqlite3_stmt *s, int at, const void *data, size_t len)
{
    return sqlite3_bind_blob64(s, at, len ? data : "", len, SQLITE_STATIC);
}

int db_begin(struct db *db, struct err *err)
{
    return run(db, "BEGIN IMMEDIATE", err, "cannot write to the database");
}

int db_put_object(struct db *db, const char *kind, const char *name, uint64_t version,
                  const char *body, size_t len, struct err *err)
{
    sqlite3_stmt *s = db->statements[PUT_OBJECT];
    int rc = sqlite3_bind_text(s, 1, kind, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(s, 3, (sqlite3_int64)version);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text64(s, 4, body, len, SQLITE_STATIC, SQLITE_UTF8);
    return finish(db, PUT_OBJECT, rc, err);
}

int db_delete_object(struct db *db, const char *kind, const char *name, struct err *err)
{
    sqlite3_stmt *s = db->statements[DELETE_OBJECT];
    int rc = sqlite3_bind_text(s, 1, kind, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
    return finish(db, DELETE_OBJECT, rc, err);
}

int db_put_record(struct db *db, const char *bucket, const void *key, size_t key_len,
                  const void *value, size_t value_len, struct err *err)
{
    sqlite3_stmt *s = db->statements[PUT_RECORD];
    int rc = sqlite3_bind_text(s, 1, bucket, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = bind_blob(s, 2, key, key_len);
    if (rc == SQLITE_OK)
        rc = bind_blob(s, 3, value, value_len);
    return finish(db, PUT_RECORD, rc, err);
}

int db_delete_record(struct db *db, const char *bucket, const void *key, size_t key_len,
                     struct err *err)
{
    sqlite3_stmt *s = db->statements[DELETE_RECORD];
    int rc = sqlite3_bind_text(s, 1, bucket, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = bind_blob(s, 2, key, key_len);
    return finish(db, DELETE_RECORD, rc, err);
}

int db_set_version(struct db *db, uint64_t version, struct err *err)
{
    int rc = sqlite3_bind_int64(db->statements[SET_VERSION], 1, (sqlite3_int64)version);
    return finish(db, SET_VERSION, rc, err);
}

int db_commit(struct db *db, struct err *err)
{
    return run(db, "COMMIT", err, "cannot write to the database");
}

void db_rollback(struct db *db)
{
    if (!sqlite3_get_autocommit(db->sqlite))
        (void)sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
}
