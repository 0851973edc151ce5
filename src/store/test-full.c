/* SPDX-License-Identifier: Apache-2.0 */
/* A really full file system: a tmpfs of one megabyte in a mount namespace of this test. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "store/test-fixture.h"

enum { EXIT_FINE = 0, EXIT_SKIP = 77 };

static void need(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s\n", what);
    _exit(1);
}

/* Takes every free byte; returns the file that does. */
static void fill_up(const char *path)
{
    static const char block[4096];
    _autofd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (write(fd, block, sizeof(block)) > 0)
        ;
}

static void enter_small_file_system(const char *folder)
{
    int flags = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER;
    if (unshare(flags) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", folder, "tmpfs", 0, "size=1m") < 0)
        _exit(EXIT_SKIP);
}

static int create_some(struct store *store, int *next, int count)
{
    int rc = 0;
    for (int i = 0; rc == 0 && i < count; i++) {
        char name[16];
        struct outcome o = {0};
        (void)snprintf(name, sizeof(name), "m%d", *next);
        need(store_create(store, &kind_machine, STORE_ALL,
                          machine_json(name, "{\"serial\":\"a serial number\"}"), outcome_done,
                          &o) == 0,
             "submitting");
        rc = o.rc;
        *next += rc == 0;
        outcome_free(&o);
    }
    return rc;
}

static void live_through_a_full_disk(struct fixture *f)
{
    struct store *store = NULL;
    int stored = 0;
    _autofree_ char *filler = str_format("%s/filler", f->folder);
    enter_small_file_system(f->folder);
    need(store_open(&f->options, &store, NULL) == 0, "opening");
    need(create_some(store, &stored, 5) == 0, "writing while there is room");
    fill_up(filler);
    need(create_some(store, &stored, 2000) == -ENOSPC, "a full disk is told as one");
    need((int)store_count(store, &kind_machine) == stored, "memory shows what is durable");
    need(unlink(filler) == 0 && create_some(store, &stored, 5) == 0, "writing after making room");
    store_close(store);
    need(store_open(&f->options, &store, NULL) == 0, "opening again");
    need((int)store_count(store, &kind_machine) == stored, "nothing was lost");
    store_close(store);
    _exit(EXIT_FINE);
}

static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        live_through_a_full_disk(&f);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    fixture_done(&f);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == EXIT_SKIP)
        skip();
    assert_int_equal(WEXITSTATUS(status), EXIT_FINE);
}

UNIT_MAIN(cmocka_unit_test(a_full_disk_loses_nothing))
