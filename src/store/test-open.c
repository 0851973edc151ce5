/* SPDX-License-Identifier: Apache-2.0 */
/* Opening: damage, other owners, other versions; and what a killed process leaves behind. */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/test-fixture.h"

static int try_open(struct fixture *f, struct err *err)
{
    struct store *store = NULL;
    int r = store_open(&f->options, &store, err);
    store_close(store);
    return r;
}

static void run_sql(const struct fixture *f, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_second_process_is_told_so(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    struct err err = ERR_INIT;
    assert_int_equal(try_open(&f, &err), -EBUSY);
    assert_non_null(strstr(err_text(&err), "another process uses the database"));
    fixture_done(&f);
}

static void a_newer_schema_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    store_close(TAKE_PTR(f.store));
    run_sql(&f, "PRAGMA user_version = 99");
    struct err err = ERR_INIT;
    assert_int_equal(try_open(&f, &err), -EPROTONOSUPPORT);
    assert_non_null(strstr(err_text(&err), "newer version"));
    fixture_done(&f);
}

static void an_unknown_kind_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    store_close(TAKE_PTR(f.store));
    run_sql(&f, "INSERT INTO object VALUES('gadgets', 'a', 1, '{}')");
    struct err err = ERR_INIT;
    assert_int_equal(try_open(&f, &err), -EPROTONOSUPPORT);
    assert_non_null(strstr(err_text(&err), "gadgets"));
    fixture_done(&f);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    fixture_open(&f);
    for (int i = 0; i < 50; i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "m%d", i);
        assert_int_equal(create_machine(f.store, name, "{\"serial\":\"some text to fill pages\"}"),
                         0);
    }
    store_close(TAKE_PTR(f.store));
    int fd = open(f.path, O_RDWR | O_CLOEXEC);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    char junk[4096];
    memset(junk, 0xa5, sizeof(junk));
    for (off_t at = 4096; at + 4096 <= st.st_size; at += 4096)
        assert_int_equal(fd_pwrite_full(fd, junk, sizeof(junk), (uint64_t)at), 0);
    close(fd);
    struct err err = ERR_INIT;
    assert_int_equal(try_open(&f, &err), -EUCLEAN);
    assert_non_null(strstr(err_text(&err), "damaged"));
    fixture_done(&f);
}

static void something_else_is_no_database(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const char text[] =
        "this is a text file, long enough to be read as a header of one hundred "
        "bytes or more, which it is not.";
    assert_int_equal(file_write_atomic(f.path, text, sizeof(text), 0600, NULL), 0);
    struct err err = ERR_INIT;
    assert_int_equal(try_open(&f, &err), -EUCLEAN);
    f.options.path = "/nonexistent/folder/slipway.db";
    assert_int_equal(try_open(&f, &err), -ENOENT);
    assert_non_null(strstr(err_text(&err), "/nonexistent/folder/slipway.db"));
    fixture_done(&f);
}

/* The child's life: one object and one record after the other, each told once it is promised. */
struct writer {
    struct store *store;
    int fd;
    uint32_t i;
};

static void write_next(struct writer *w);

static void record_written(void *data, int rc, json_t *object, const struct err *err)
{
    struct writer *w = data;
    (void)object;
    (void)err;
    if (rc < 0 || write(w->fd, &w->i, sizeof(w->i)) != sizeof(w->i))
        _exit(3);
    w->i++;
}

static void write_next(struct writer *w)
{
    char name[16], key[16];
    (void)snprintf(name, sizeof(name), "m%u", w->i);
    int n = snprintf(key, sizeof(key), "k%u", w->i);
    if (store_create(w->store, &kind_machine, STORE_ALL, machine_json(name, NULL), NULL, NULL) <
            0 ||
        store_record_put(w->store, "lease", key, (size_t)n, name, strlen(name), record_written, w) <
            0)
        _exit(3);
}

static void child(const struct fixture *f, int fd, uint32_t start)
{
    struct writer w = {.fd = fd, .i = start};
    if (store_open(&f->options, &w.store, NULL) < 0)
        _exit(2);
    for (;;)
        write_next(&w);
}

/* Kills a writing child after `promises` of its promises; returns how many it made in all. */
static uint32_t run_and_kill(const struct fixture *f, uint32_t start, int promises)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child(f, fds[1], start);
    }
    close(fds[1]);
    uint32_t seen = start, i;
    for (int n = 0; n < promises; n++) {
        assert_int_equal(fd_read_full(fds[0], &i, sizeof(i)), sizeof(i));
        seen = i + 1;
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (fd_read_full(fds[0], &i, sizeof(i)) == sizeof(i)) /* what was on its way */
        seen = i + 1;
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    return seen;
}

static int count_record(void *data, const void *key, size_t key_len, const void *value,
                        size_t value_len)
{
    (void)key;
    (void)key_len;
    (void)value;
    (void)value_len;
    ++*(uint32_t *)data;
    return 0;
}

static void killing_loses_no_promise(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.options.clock = NULL;
    f.options.rng = NULL;
    uint32_t next = 0;
    for (int round = 0; round < 12; round++) {
        uint32_t promised = run_and_kill(&f, next, 1 + round * 3 % 17);
        fixture_open(&f);
        for (uint32_t i = 0; i < promised; i++) {
            char name[16];
            (void)snprintf(name, sizeof(name), "m%u", i);
            json_t *m = store_get(f.store, &kind_machine, name);
            if (!m)
                fail_msg("round %d: %s was promised and is lost", round, name);
            json_decref(m);
        }
        uint32_t records = 0;
        assert_int_equal(store_record_each(f.store, "lease", count_record, &records, NULL), 0);
        assert_true(records >= promised);
        assert_true(store_version(f.store) >= promised);
        next = promised;
        store_close(TAKE_PTR(f.store));
    }
    fixture_done(&f);
}

UNIT_MAIN(cmocka_unit_test(a_second_process_is_told_so),
          cmocka_unit_test(a_newer_schema_is_refused), cmocka_unit_test(an_unknown_kind_is_refused),
          cmocka_unit_test(damage_is_noticed), cmocka_unit_test(something_else_is_no_database),
          cmocka_unit_test(killing_loses_no_promise))
