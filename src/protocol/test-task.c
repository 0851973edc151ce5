/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/task.h"

#include <string.h>

#include "base/str.h"
#include "base/test.h"
#include "protocol/chunk.h"
#include "protocol/message.h"

#define SECRET "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n"

static void make(struct protocol_task *task)
{
    *task = (struct protocol_task){.id = strdup("a1-2.b_3"),
                                   .kind = PROTOCOL_TASK_JOIN,
                                   .deadline_seconds = 900,
                                   .node_name = strdup("node1.example"),
                                   .cri_socket = strdup("unix:///run/containerd/containerd.sock"),
                                   .certificates_dir = strdup("/etc/kubernetes/pki"),
                                   .kubeadm = strdup("/opt/bin/kubeadm")};
    assert_int_equal(protocol_task_add_file(task, "/etc/kubernetes/pki/ca.key", 0600, SECRET), 0);
    assert_int_equal(protocol_task_add_file(task, PROTOCOL_TASK_DIR "/kubeadm.yaml", 0640, "x: 1"),
                     0);
    assert_int_equal(protocol_task_add_argument(task, "join"), 0);
    assert_int_equal(protocol_task_add_argument(task, "--v=5"), 0);
    assert_int_equal(protocol_task_add_remove_after(task, PROTOCOL_TASK_DIR "/kubeadm.yaml"), 0);
}

static void test_round_trip(void **state)
{
    (void)state;
    _autotask_ struct protocol_task task = {0};
    _autotask_ struct protocol_task back = {0};
    char *text = NULL;
    char *again = NULL;
    make(&task);
    assert_int_equal(protocol_task_build(&task, &text, NULL), 0);
    assert_int_equal(protocol_task_parse(text, strlen(text), &back, NULL), 0);
    assert_int_equal(back.kind, PROTOCOL_TASK_JOIN);
    assert_int_equal(back.deadline_seconds, 900);
    assert_int_equal(back.file_count, 2);
    assert_int_equal(back.files[0].mode, 0600);
    assert_string_equal(back.files[0].data, SECRET);
    assert_string_equal(back.arguments[1], "--v=5");
    assert_string_equal(back.kubeadm, "/opt/bin/kubeadm");
    assert_string_equal(back.certificates_dir, "/etc/kubernetes/pki");
    assert_int_equal(protocol_task_build(&back, &again, NULL), 0);
    assert_string_equal(text, again);
    protocol_task_text_free(text);
    protocol_task_text_free(again);
}

static void test_sealed_for_one_machine(void **state)
{
    (void)state;
    struct trust_key machine, other;
    _autotask_ struct protocol_task task = {0};
    _autotask_ struct protocol_task back = {0};
    _autofree_ char *sealed = NULL;
    trust_key_generate(&machine);
    trust_key_generate(&other);
    make(&task);
    assert_int_equal(protocol_task_seal(&task, &machine.public, &sealed, NULL), 0);
    assert_null(strstr(sealed, "PRIVATE"));
    assert_int_equal(protocol_task_unseal(&other, sealed, &back, NULL), -EBADMSG);
    assert_int_equal(protocol_task_unseal(&machine, sealed, &back, NULL), 0);
    assert_string_equal(back.id, "a1-2.b_3");
    assert_int_equal(protocol_task_unseal(&machine, "not base64!", &back, NULL), -EBADMSG);
}

static void test_paths(void **state)
{
    (void)state;
    static const char *const allowed[] = {
        "/etc/kubernetes/admin.conf",
        "/etc/kubernetes/pki/etcd/ca.crt",
        "/etc/cni/net.d/10-slipway.conflist",
        "/etc/systemd/system/kubelet.service.d/20-slipway.conf",
        "/etc/default/kubelet",
        "/etc/systemd/system/containerd.service.d/20-slipway.conf",
        "/etc/kubernetes/..data",
        "/etc/systemd/system.conf.d/20-slipway-proxy.conf",
        "/etc/profile.d/slipway-proxy.sh",
    };
    static const char *const refused[] = {
        "",
        "/",
        "etc/kubernetes/a",
        "/etc/kubernetes",
        "/etc/kubernetes/",
        "/etc/kubernetes//a",
        "/etc/kubernetes/./a",
        "/etc/kubernetes/../shadow",
        "/etc/kubernetes/pki/../../shadow",
        "/etc/kubernetes/..",
        "/etc/kubernetes/a/",
        "/etc/kubernetes/a\nb",
        "/etc/kubernetes-else/a",
        "/etc/default/kubelet/a",
        "/etc/default/grub",
        "/etc/systemd/system/kubelet.service",
        "/etc/systemd/system.conf.d/20-slipway.conf",
        "/etc/systemd/system.conf.d/20-slipway-proxy.conf/a",
        "/etc/profile.d/a.sh",
        "/var/lib/slipway-node/identity.json",
        "/root/.ssh/authorized_keys",
    };
    for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
        assert_true(protocol_task_path_is_allowed(allowed[i]));
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
        assert_false(protocol_task_path_is_allowed(refused[i]));
    assert_false(protocol_task_path_is_allowed(NULL));
    assert_true(protocol_task_path_is_allowed(PROTOCOL_TASK_DIR "/discovery.conf"));
    assert_true(protocol_task_path_is_allowed(PROTOCOL_TASK_ENVIRONMENT));
    assert_false(protocol_task_path_is_allowed(PROTOCOL_TASK_DIR "/task.json"));
    assert_false(protocol_task_path_is_allowed(PROTOCOL_TASK_DIR "/state.json"));
    assert_false(protocol_task_path_is_allowed(PROTOCOL_TASK_DIR "/undo.json"));
    assert_false(protocol_task_path_is_allowed(PROTOCOL_TASK_DIR "/lock"));
    char *end = stpcpy((char[1024]){0}, "/etc/kubernetes/");
    char *path = end - strlen("/etc/kubernetes/");
    memset(end, 'a', 255);
    assert_true(protocol_task_path_is_allowed(path));
    end[255] = 'a';
    assert_false(protocol_task_path_is_allowed(path));
}

/* A task whose text, with `from` replaced by `to`, is refused with this in the message. */
static void refused(const char *from, const char *to, const char *expected)
{
    _autotask_ struct protocol_task task = {0};
    struct protocol_task back;
    struct err err = ERR_INIT;
    char *text = NULL;
    make(&task);
    assert_int_equal(protocol_task_build(&task, &text, NULL), 0);
    char *at = strstr(text, from);
    assert_non_null(at);
    _autofree_ char *bad = str_format("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_int_equal(protocol_task_parse(bad, strlen(bad), &back, &err), -EBADMSG);
    if (!strstr(err.text, expected))
        fail_msg("\"%s\" instead of \"%s\"", err.text, expected);
    assert_null(strstr(err.text, "MC4CAQ"));
    protocol_task_text_free(text);
}

static void test_refused(void **state)
{
    (void)state;
    refused("\"a1-2.b_3\"", "\"../x\"", "id:");
    refused("\"a1-2.b_3\"", "null", "id:");
    refused("\"join\",\"deadline", "\"explode\",\"deadline", "kind:");
    refused("900", "9", "deadlineSeconds:");
    refused("900", "7201", "deadlineSeconds:");
    refused("900", "99999999999", "deadlineSeconds:");
    refused("node1.example", "Node1", "nodeName:");
    refused("node1.example", "node1..example", "nodeName:");
    refused("node1.example", "-node1", "nodeName:");
    refused("unix:///run", "tcp://run", "criSocket:");
    refused("unix:///run", "unix:///run/..", "criSocket:");
    refused("/etc/kubernetes/pki/", "/etc/ssl/", "files[0].path:");
    refused("/etc/kubernetes/pki\"", "/etc/ssl\"", "certificatesDir:");
    refused("/etc/kubernetes/pki\"", "/etc/kubernetes/\"", "certificatesDir:");
    refused("\"0600\"", "\"4755\"", "files[0].mode:");
    refused("\"0600\"", "\"0x1f\"", "files[0].mode:");
    refused("\"0600\"", "384", "files[0].mode:");
    refused("-----BEGIN", "\\u0000", "JSON");
    refused("/etc/kubernetes/pki/ca.key", PROTOCOL_TASK_DIR "/kubeadm.yaml", "also of files[0]");
    refused("[\"join\"", "[\"init\"", "arguments[0]:");
    refused("--v=5", "--v=5\\n", "arguments[1]:");
    refused("[\"" PROTOCOL_TASK_DIR, "[\"/etc", "removeAfter[0]:");
    refused("/opt/bin", "opt", "kubeadm:");
    refused("\"files\":[", "\"files\":\"\",\"other\":[", "files:");
    refused("{\"id\"", "{\"id\":\"b\",\"id\"", "JSON");
    refused("{\"id\"", "[\"id\"", "JSON");
}

static void test_building_refuses_too(void **state)
{
    (void)state;
    _autotask_ struct protocol_task task = {0};
    struct err err = ERR_INIT;
    char *text = NULL;
    make(&task);
    assert_int_equal(protocol_task_add_file(&task, "/etc/shadow", 0600, "x"), 0);
    assert_int_equal(protocol_task_build(&task, &text, &err), -EINVAL);
    assert_string_equal(err.text, "files[2].path: not a path that a task may write");
    free(task.files[2].path);
    task.files[2].path = strdup("/etc/kubernetes/b");
    task.files[2].data[0] = (char)0xff;
    assert_int_equal(protocol_task_build(&task, &text, &err), -EINVAL);
    assert_null(text);
}

static void test_reset_has_no_arguments(void **state)
{
    (void)state;
    static const char good[] = "{\"id\":\"r\",\"kind\":\"reset\",\"deadlineSeconds\":60,"
                               "\"nodeName\":\"n\",\"criSocket\":\"unix:///s\"}";
    static const char bad[] =
        "{\"id\":\"r\",\"kind\":\"reset\",\"deadlineSeconds\":60,\"nodeName\":"
        "\"n\",\"criSocket\":\"unix:///s\",\"arguments\":[\"reset\"]}";
    _autotask_ struct protocol_task task = {0};
    struct protocol_task refused_task;
    assert_int_equal(protocol_task_parse(good, strlen(good), &task, NULL), 0);
    assert_int_equal(protocol_task_parse(bad, strlen(bad), &refused_task, NULL), -EBADMSG);
}

static void test_state_round_trip(void **state)
{
    (void)state;
    struct protocol_task_state said = {.task = strdup("t1"),
                                       .outcome = PROTOCOL_TASK_FAILED,
                                       .phase = strdup("kubelet-start"),
                                       .failure = strdup(PROTOCOL_FAILURE_KUBELET),
                                       .message = strdup("kubelet: no such file"),
                                       .node_name = strdup("node1")};
    _autotaskstate_ struct protocol_task_state back = {0};
    json_auto_t *object = protocol_task_state_to_json(&said);
    assert_int_equal(protocol_task_state_parse(object, &back, NULL), 0);
    json_auto_t *again = protocol_task_state_to_json(&back);
    assert_true(json_equal(object, again));
    assert_string_equal(json_string_value(json_object_get(object, "state")), "failed");
    protocol_task_state_free(&said);
    struct protocol_task_state refused_state;
    json_object_set_new(object, "state", json_string("lost"));
    assert_int_equal(protocol_task_state_parse(object, &refused_state, NULL), -EBADMSG);
    json_object_set_new(object, "state", json_string("done"));
    json_object_del(object, "task");
    assert_int_equal(protocol_task_state_parse(object, &refused_state, NULL), -EBADMSG);
    assert_int_equal(protocol_task_state_parse(NULL, &refused_state, NULL), -EBADMSG);
}

static int setup(void **state)
{
    (void)state;
    return trust_init();
}

#define KEY "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define NAMES "\"deadlineSeconds\":60,\"nodeName\":\"n\",\"criSocket\":\"unix:///s\""

/* 0, or what is wrong. */
static int parses(const char *text)
{
    _autotask_ struct protocol_task task = {0};
    return protocol_task_parse(text, strlen(text), &task, NULL);
}

static void test_saved_data_has_a_name_and_a_key(void **state)
{
    (void)state;
    static const char save[] =
        "{\"id\":\"s\",\"kind\":\"save\"," NAMES ",\"saved\":\"s\",\"savedKey\":\"" KEY "\"}";
    _autotask_ struct protocol_task task = {0};
    char *text = NULL;
    assert_int_equal(protocol_task_parse(save, strlen(save), &task, NULL), 0);
    assert_int_equal(task.kind, PROTOCOL_TASK_SAVE);
    assert_string_equal(task.saved, "s");
    assert_string_equal(task.saved_key, KEY);
    assert_int_equal(protocol_task_build(&task, &text, NULL), 0);
    assert_non_null(strstr(text, "\"savedKey\":\"" KEY "\""));
    protocol_task_text_free(text);
    assert_int_equal(parses("{\"id\":\"i\",\"kind\":\"init\"," NAMES ",\"arguments\":[\"init\"],"
                            "\"saved\":\"s\",\"savedKey\":\"" KEY "\"}"),
                     0);
    assert_int_equal(parses("{\"id\":\"s\",\"kind\":\"save\"," NAMES "}"), -EBADMSG);
    assert_int_equal(parses("{\"id\":\"s\",\"kind\":\"resume\"," NAMES "}"), 0);
    assert_int_equal(parses("{\"id\":\"s\",\"kind\":\"resume\"," NAMES
                            ",\"saved\":\"s\",\"savedKey\":\"" KEY "\"}"),
                     -EBADMSG);
    assert_int_equal(parses("{\"id\":\"s\",\"kind\":\"save\"," NAMES ",\"saved\":\"s\"}"),
                     -EBADMSG);
    assert_int_equal(parses("{\"id\":\"s\",\"kind\":\"save\"," NAMES
                            ",\"saved\":\"../s\",\"savedKey\":\"" KEY "\"}"),
                     -EBADMSG);
    assert_int_equal(
        parses("{\"id\":\"s\",\"kind\":\"save\"," NAMES ",\"saved\":\"s\",\"savedKey\":\"AAEC\"}"),
        -EBADMSG);
    assert_int_equal(parses("{\"id\":\"j\",\"kind\":\"join\"," NAMES ",\"arguments\":[\"join\"],"
                            "\"saved\":\"s\",\"savedKey\":\"" KEY "\"}"),
                     -EBADMSG);
    assert_false(protocol_task_path_is_allowed(PROTOCOL_TASK_DIR "/saved.tar.gz"));
    assert_true(protocol_task_path_is_allowed(PROTOCOL_TASK_DIR "/saved.tar.gzip"));
}

/* 0, or what is wrong. */
static int chunk_parses(const char *text)
{
    _autochunk_ struct protocol_chunk chunk = {0};
    json_auto_t *json = json_loads(text, 0, NULL);
    return protocol_chunk_parse(json, &chunk, NULL);
}

static void test_chunks(void **state)
{
    (void)state;
    _autochunk_ struct protocol_chunk back = {0};
    struct protocol_chunk chunk = {.id = strdup("s1"), .index = 7, .last = true, .size = 9};
    chunk.sealed = strdup("AAAA");
    json_auto_t *json = protocol_chunk_to_json(&chunk);
    protocol_chunk_free(&chunk);
    assert_int_equal(protocol_chunk_parse(json, &back, NULL), 0);
    assert_string_equal(back.id, "s1");
    assert_int_equal(back.index, 7);
    assert_true(back.last);
    assert_int_equal(back.size, 9);
    assert_string_equal(back.sealed, "AAAA");
    assert_int_equal(chunk_parses("{\"id\":\"s\"}"), 0);
    assert_int_equal(chunk_parses("{\"index\":1}"), -EBADMSG);
    assert_int_equal(chunk_parses("{\"id\":\"a/b\"}"), -EBADMSG);
    assert_int_equal(chunk_parses("{\"id\":\"s\",\"index\":16384}"), -EBADMSG);
    assert_int_equal(chunk_parses("{\"id\":\"s\",\"index\":-1}"), -EBADMSG);
    assert_int_equal(chunk_parses("{\"id\":\"s\",\"size\":-1}"), -EBADMSG);
    assert_int_equal(chunk_parses("{\"id\":\"s\",\"data\":1}"), -EBADMSG);
    assert_int_equal(chunk_parses("[]"), -EBADMSG);
    char *text = malloc(PROTOCOL_CHUNK_SIZE * 2);
    assert_non_null(text);
    memset(text, 'A', PROTOCOL_CHUNK_SIZE * 2);
    text[PROTOCOL_CHUNK_SIZE * 2 - 1] = '\0';
    json_auto_t *long_one = json_pack("{s:s, s:s}", "id", "s", "data", text);
    free(text);
    assert_int_equal(protocol_chunk_parse(long_one, &chunk, NULL), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_sealed_for_one_machine),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_building_refuses_too),
        cmocka_unit_test(test_reset_has_no_arguments),
        cmocka_unit_test(test_saved_data_has_a_name_and_a_key),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_state_round_trip),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
