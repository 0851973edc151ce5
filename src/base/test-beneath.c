/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stddef.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/beneath.h"
#include "base/file.h"
#include "base/test.h"

static char folder[] = "/tmp/slipway-beneath-XXXXXX";
static int root = -1;

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("root", 0755), 0);
    assert_int_equal(mkdir("root/sub", 0755), 0);
    assert_int_equal(file_write_atomic("secret", "s", 1, 0644, NULL), 0);
    assert_int_equal(file_write_atomic("root/a", "a", 1, 0644, NULL), 0);
    assert_int_equal(file_write_atomic("root/.hidden", "h", 1, 0644, NULL), 0);
    assert_int_equal(file_write_atomic("root/sub/b", "b", 1, 0644, NULL), 0);
    assert_int_equal(mkfifo("root/pipe", 0644), 0);
    assert_int_equal(symlink("../secret", "root/escape"), 0);
    assert_int_equal(symlink("/etc/passwd", "root/absolute"), 0);
    assert_int_equal(symlink("..", "root/up"), 0);
    assert_int_equal(symlink("sub/b", "root/inside"), 0);
    assert_int_equal(symlink("loop", "root/loop"), 0);
    root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return root < 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)close(root);
    return chdir("/") || tree_remove(folder, NULL);
}

static bool opens(const char *name)
{
    _autofd_ int fd = open_beneath(root, name);
    return fd >= 0;
}

static bool nothing_escapes(void)
{
    static const char *const refused[] = {
        "",         "/",      "/a",       "..",        "../secret", "sub/../../secret",
        "sub/../a", "escape", "absolute", "up/secret", "up/root/a", "sub",
        "sub/",     "pipe",   ".hidden",  "sub/.x",    "loop",      "missing",
        "a/b",      "./a",    "sub//b",
    };
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        _autofd_ int fd = open_beneath(root, refused[i]);
        if (fd != -ENOENT)
            return false;
    }
    return opens("a") && opens("sub/b");
}

static void test_names(void **state)
{
    (void)state;
    assert_true(nothing_escapes());
    assert_true(opens("inside"));
}

/* A filter that makes openat2(2) fail as old kernels and container sandboxes do. */
static bool forbid_openat2(int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static void test_without_openat2(void **state)
{
    static const int errors[] = {ENOSYS, EPERM};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0)
            _exit(forbid_openat2(errors[i]) && nothing_escapes() && !opens("inside") ? 0 : 1);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_without_openat2)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
