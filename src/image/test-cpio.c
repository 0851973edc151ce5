/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "base/proc.h"
#include "base/rd.h"
#include "image/cpio.h"

static void fill(struct buf *out)
{
    struct cpio cpio = cpio_init(out);
    cpio_dir(&cpio, "sbin", 0755);
    cpio_file(&cpio, "init", 0755, "hello", 5);
    cpio_symlink(&cpio, "sbin/modprobe", "/init");
    cpio_file(&cpio, "empty", 0600, NULL, 0);
    assert_int_equal(cpio_end(&cpio), 0);
}

static void test_debian_cpio_lists_what_was_written(void **state)
{
    (void)state;
    struct buf archive _autobuf_ = BUF_INIT;
    struct buf output _autobuf_ = BUF_INIT;
    fill(&archive);
    const char *argv[] = {"cpio", "-t", "--quiet", NULL};
    struct proc_options options = {
        .input = archive.data, .input_len = archive.len, .output = &output};
    struct err err = ERR_INIT;
    if (proc_run(argv, &options, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_string_equal(buf_str(&output), "sbin\ninit\nsbin/modprobe\nempty\n");
}

static void test_debian_cpio_reads_contents(void **state)
{
    (void)state;
    struct buf archive _autobuf_ = BUF_INIT;
    struct buf output _autobuf_ = BUF_INIT;
    fill(&archive);
    const char *argv[] = {"cpio", "-i", "--quiet", "--to-stdout", "init", NULL};
    struct proc_options options = {
        .input = archive.data, .input_len = archive.len, .output = &output};
    struct err err = ERR_INIT;
    if (proc_run(argv, &options, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_string_equal(buf_str(&output), "hello");
}

static void test_entries_are_aligned_and_repeatable(void **state)
{
    (void)state;
    struct buf one _autobuf_ = BUF_INIT;
    struct buf two _autobuf_ = BUF_INIT;
    fill(&one);
    fill(&two);
    assert_int_equal(one.len % 4, 0);
    assert_int_equal(one.len, two.len);
    assert_memory_equal(one.data, two.data, one.len);
    assert_memory_equal(one.data, "070701", 6);
}

static void test_failure_of_the_buffer_is_reported(void **state)
{
    (void)state;
    struct buf small _autobuf_ = BUF_INIT_MAX(64);
    struct cpio cpio = cpio_init(&small);
    cpio_dir(&cpio, "a", 0755);
    assert_int_equal(cpio_end(&cpio), -EMSGSIZE);
}

UNIT_MAIN(cmocka_unit_test(test_debian_cpio_lists_what_was_written),
          cmocka_unit_test(test_debian_cpio_reads_contents),
          cmocka_unit_test(test_entries_are_aligned_and_repeatable),
          cmocka_unit_test(test_failure_of_the_buffer_is_reported))
