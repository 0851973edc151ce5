/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "base/test.h"

static void test_atomic_write_and_remove(void **state)
{
    (void)state;
    char root[] = "/tmp/test-file.XXXXXX";
    assert_non_null(mkdtemp(root));
    _autofree_ char *folder = str_format("%s/a/b/c", root);
    _autofree_ char *path = str_format("%s/file", folder);
    struct err err = ERR_INIT;
    assert_int_equal(dir_make(folder, 0700, &err), 0);
    assert_int_equal(dir_make(folder, 0700, &err), 0);
    assert_int_equal(file_write_atomic(path, "one", 3, 0600, &err), 0);
    assert_int_equal(file_write_atomic(path, "second", 6, 0640, &err), 0);
    _autofree_ char *text = NULL;
    size_t len;
    assert_int_equal(file_read(path, 6, &text, &len, &err), 0);
    assert_string_equal(text, "second");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    _autofree_ char *to_etc = str_format("%s/link", root);
    assert_int_equal(symlink("/etc", to_etc), 0);
    assert_int_equal(tree_remove(root, &err), 0);
    assert_int_equal(access(root, F_OK), -1);
    assert_int_equal(access("/etc", F_OK), 0);
    assert_int_equal(tree_remove(root, &err), 0);
}

static void test_read_limits(void **state)
{
    (void)state;
    _autofree_ char *text = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(file_read("/nowhere/file", 10, &text, NULL, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nowhere/file"));
    assert_int_equal(file_read("/proc/self/maps", 10, &text, NULL, &err), -EFBIG);
    assert_int_equal(file_read("/proc/self/stat", 100000, &text, NULL, &err), 0);
}

UNIT_MAIN(cmocka_unit_test(test_atomic_write_and_remove), cmocka_unit_test(test_read_limits))
