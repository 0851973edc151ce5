/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/hostkey.h"

#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/test.h"

static void key_free(struct provision_host_key *key)
{
    free(key->type);
    free(key->private);
    free(key->public);
}

static void test_keys_are_repeatable(void **state)
{
    (void)state;
    struct rng_seeded a, b;
    rng_seeded_init(&a, 7);
    rng_seeded_init(&b, 7);
    _cleanup_(key_free) struct provision_host_key first = {0}, second = {0}, third = {0};
    assert_int_equal(hostkey_generate(&a.rng, "root@node1", &first), 0);
    assert_int_equal(hostkey_generate(&b.rng, "root@node1", &second), 0);
    assert_int_equal(hostkey_generate(&b.rng, "root@node1", &third), 0);
    assert_string_equal(first.private, second.private);
    assert_string_equal(first.public, second.public);
    assert_string_not_equal(first.public, third.public);
    assert_int_equal(hostkey_generate(&a.rng, "two\nlines", &first), -EINVAL);
}

/* The public half as ssh-keygen reads it out of our private file, and its fingerprint. */
static void test_openssh_reads_the_key(void **state)
{
    (void)state;
    char program[256];
    if (!proc_find("ssh-keygen", program, sizeof(program)))
        skip();
    _cleanup_(key_free) struct provision_host_key key = {0};
    assert_int_equal(hostkey_generate(&rng_system, "root@node1", &key), 0);
    char path[] = "/tmp/test-hostkey.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_full(fd, key.private, strlen(key.private)), 0);
    assert_int_equal(fchmod(fd, 0600), 0);
    close(fd);
    struct err err = ERR_INIT;
    _autobuf_ struct buf public = BUF_INIT, listing = BUF_INIT;
    const char *const show[] = {"ssh-keygen", "-y", "-f", path, NULL};
    const char *const list[] = {"ssh-keygen", "-l", "-f", path, NULL};
    int r = proc_run(show, &(struct proc_options){.output = &public}, NULL, &err);
    if (r == 0)
        r = proc_run(list, &(struct proc_options){.output = &listing}, NULL, &err);
    unlink(path);
    if (r < 0)
        fail_msg("%s", err_text(&err));
    _autofree_ char *expected = str_format("%s\n", key.public);
    assert_string_equal(buf_str(&public), expected);
    char fingerprint[HOSTKEY_FINGERPRINT_SIZE];
    assert_non_null(hostkey_fingerprint(key.public, fingerprint));
    assert_non_null(strstr(buf_str(&listing), fingerprint));
}

/* The fingerprint that ssh-keygen 9.2 prints for this key. */
static void test_known_fingerprint(void **state)
{
    (void)state;
    static const char line[] = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBU"
                               "WFxgZGhscHR4f comment here";
    char fingerprint[HOSTKEY_FINGERPRINT_SIZE];
    assert_string_equal(hostkey_fingerprint(line, fingerprint),
                        "SHA256:ZkAslGjFiUHdGf/WUL8rQvkib4PTvQatUV0OUQSncCA");
    _autofree_ char *known = hostkey_known_hosts_line("10.0.0.5", line);
    assert_string_equal(known,
                        "10.0.0.5 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8"
                        "QERITFBUWFxgZGhscHR4f");
    assert_null(hostkey_fingerprint("nonsense", fingerprint));
    assert_null(hostkey_fingerprint("ssh-rsa !!!", fingerprint));
}

UNIT_MAIN(cmocka_unit_test(test_keys_are_repeatable), cmocka_unit_test(test_openssh_reads_the_key),
          cmocka_unit_test(test_known_fingerprint))
