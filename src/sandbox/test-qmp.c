/* SPDX-License-Identifier: Apache-2.0 */
/* The QMP client against a scripted QEMU on a real socket. */
#include "base/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "sandbox/qmp.h"

static char folder[] = "/tmp/slipway-test-qmp-XXXXXX";

static int listen_in(const char *dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/qmp.sock", dir);
    (void)unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* Greets, then answers each line that comes with the next of the given texts. Exits 0 when done. */
static pid_t script(int listener, const char *const answers[], const char *expected)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    int fd = accept(listener, NULL, NULL);
    dprintf(fd, "{\"QMP\": {\"version\": {}}}\r\n");
    FILE *in = fdopen(fd, "r");
    char line[512] = "";
    for (size_t i = 0; answers[i]; i++) {
        if (!fgets(line, sizeof(line), in))
            _exit(2);
        dprintf(fd, "%s", answers[i]);
    }
    _exit(expected && !strstr(line, expected) ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void assert_script_ended(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_command_and_value(void **state)
{
    (void)state;
    _autofd_ int listener = listen_in(folder);
    const char *const answers[] = {
        "{\"return\": {}}\r\n", "{\"event\": \"RESET\"}\r\n{\"return\": {\"running\": true}}\r\n",
        NULL};
    pid_t pid = script(listener, answers, "query-status");
    struct err err = ERR_INIT;
    json_t *value = NULL;
    if (qmp_execute(folder, "query-status", NULL, &value, &err) < 0)
        fail_msg("%s", err_text(&err));
    json_auto_t *owned = value;
    assert_true(json_is_true(json_object_get(owned, "running")));
    assert_script_ended(pid);
}

static void test_error_carries_the_description(void **state)
{
    (void)state;
    _autofd_ int listener = listen_in(folder);
    const char *const answers[] = {
        "{\"return\": {}}\r\n",
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such link\"}}\r\n", NULL};
    pid_t pid = script(listener, answers, "\"up\"");
    struct err err = ERR_INIT;
    int r = qmp_execute(folder, "set_link", json_pack("{s:b}", "up", 1), NULL, &err);
    assert_int_equal(r, -EIO);
    assert_string_equal(err.text, "set_link: no such link");
    assert_script_ended(pid);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    _autofd_ int listener = listen_in(folder);
    const char *const answers[] = {"not json\r\n", NULL};
    pid_t pid = script(listener, answers, NULL);
    assert_int_equal(qmp_execute(folder, "quit", NULL, NULL, NULL), -EPROTO);
    assert_script_ended(pid);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_true(qmp_execute("/nonexistent", "quit", json_object(), NULL, &err) < 0);
    assert_non_null(strstr(err.text, "does not answer"));
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return tree_remove(folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_and_value),
        cmocka_unit_test(test_error_carries_the_description),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_nobody_there),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
