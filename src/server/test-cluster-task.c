/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "base/test.h"
#include "server/cluster-task.h"

struct fixture {
    struct cluster *cluster;
    struct pki pki;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    json_auto_t *object = object_new(&kind_cluster, "demo");
    struct err err = ERR_INIT;
    assert_int_equal(object_set(object, "spec",
                                json_pack("{s:s, s:{s:b}}", "kubernetesVersion", "v1.20.2", "dns",
                                          "enabled", 0)),
                     0);
    if (cluster_decode(object, &f->cluster, &err) < 0)
        fail_msg("%s", err_text(&err));
    f->pki = PKI_INIT;
    if (pki_create(&f->pki, PKI_EC, &clock_system, &err) < 0)
        fail_msg("%s", err_text(&err));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    cluster_free(f->cluster);
    pki_clear(&f->pki);
    free(f);
    return 0;
}

static struct cluster_task_input input_for(const struct fixture *f, enum protocol_task_kind kind,
                                           enum machine_role role)
{
    return (struct cluster_task_input){
        .cluster = f->cluster,
        .pki = &f->pki,
        .kind = kind,
        .role = role,
        .id = "0123456789abcdef",
        .machine = "node1",
        .address = 0x0a000005,
        .first = 0x0a000004,
        .version = "v1.20.2",
        .token = kind == PROTOCOL_TASK_JOIN ? "abcdef.0123456789abcdef" : NULL,
    };
}

static struct protocol_task task_for(const struct fixture *f, enum protocol_task_kind kind,
                                     enum machine_role role)
{
    struct protocol_task task = {0};
    struct err err = ERR_INIT;
    const struct cluster_task_input input = input_for(f, kind, role);
    if (cluster_task_fill(&input, &task, &err) < 0)
        fail_msg("%s", err_text(&err));
    return task;
}

static const struct protocol_task_file *file_at(const struct protocol_task *task, const char *path)
{
    for (size_t i = 0; i < task->file_count; i++) {
        if (str_eq(task->files[i].path, path))
            return &task->files[i];
    }
    return NULL;
}

static bool mentions(const struct protocol_task *task, const char *text)
{
    for (size_t i = 0; i < task->file_count; i++) {
        if (strstr(task->files[i].data, text))
            return true;
    }
    return false;
}

static void the_first_control_plane_gets_the_whole_pki(void **state)
{
    const struct fixture *f = *state;
    struct protocol_task task _autotask_ = task_for(f, PROTOCOL_TASK_INIT, ROLE_CONTROL_PLANE);
    assert_int_equal(task.kind, PROTOCOL_TASK_INIT);
    assert_string_equal(task.arguments[0], "init");
    assert_string_equal(task.node_name, "node1");
    const struct protocol_task_file *key = file_at(&task, "/etc/kubernetes/pki/ca.key");
    assert_non_null(key);
    assert_int_equal(key->mode, 0600);
    assert_non_null(file_at(&task, "/etc/kubernetes/pki/etcd/ca.key"));
    assert_non_null(file_at(&task, "/etc/kubernetes/pki/sa.key"));
    assert_false(mentions(&task, "abcdef.0123456789abcdef"));
}

/* What a worker that somebody takes apart can tell: its own token, which is spent. */
static void a_worker_gets_no_key_of_the_pki(void **state)
{
    const struct fixture *f = *state;
    struct protocol_task task _autotask_ = task_for(f, PROTOCOL_TASK_JOIN, ROLE_WORKER);
    assert_int_equal(task.kind, PROTOCOL_TASK_JOIN);
    assert_false(mentions(&task, "PRIVATE KEY"));
    assert_null(file_at(&task, "/etc/kubernetes/pki/ca.crt"));
    assert_true(mentions(&task, "abcdef.0123456789abcdef"));
    for (size_t i = 0; i < task.argument_count; i++)
        assert_null(strstr(task.arguments[i], "abcdef"));
    assert_true(task.remove_after_count > 0);
}

static void a_control_plane_that_joins_gets_both(void **state)
{
    const struct fixture *f = *state;
    struct protocol_task task _autotask_ = task_for(f, PROTOCOL_TASK_JOIN, ROLE_CONTROL_PLANE);
    assert_string_equal(task.arguments[0], "join");
    assert_non_null(file_at(&task, "/etc/kubernetes/pki/ca.key"));
    assert_true(mentions(&task, "abcdef.0123456789abcdef"));
}

static void the_pod_network_is_told_what_it_is(void **state)
{
    const struct fixture *f = *state;
    struct protocol_task task _autotask_ = task_for(f, PROTOCOL_TASK_JOIN, ROLE_WORKER);
    const struct protocol_task_file *file = file_at(&task, "/etc/kubernetes/slipway-podnet.json");
    assert_non_null(file);
    json_auto_t *json = json_loads(file->data, 0, NULL);
    assert_string_equal(object_text(json, "podSubnet"), "10.244.0.0/16");
    assert_string_equal(object_text(json, "nodeName"), "node1");
}

static void a_machine_that_leaves_gets_nothing(void **state)
{
    const struct fixture *f = *state;
    struct cluster_task_input input = input_for(f, PROTOCOL_TASK_RESET, ROLE_CONTROL_PLANE);
    struct protocol_task task _autotask_ = {0};
    assert_int_equal(cluster_task_fill(&input, &task, NULL), 0);
    assert_int_equal(task.kind, PROTOCOL_TASK_RESET);
    assert_string_equal(task.node_name, "node1");
    assert_int_equal(task.file_count, 0);
    assert_int_equal(task.argument_count, 0);
    char *text = NULL; /* a machine takes it */
    assert_int_equal(protocol_task_build(&task, &text, NULL), 0);
    protocol_task_text_free(text);
}

static void saved_data_has_a_key_of_its_own(void **state)
{
    const struct fixture *f = *state;
    struct cluster_task_input input = input_for(f, PROTOCOL_TASK_SAVE, ROLE_CONTROL_PLANE);
    struct protocol_task save _autotask_ = {0}, init _autotask_ = {0}, other _autotask_ = {0};
    input.saved = "s1";
    assert_int_equal(cluster_task_fill(&input, &save, NULL), 0);
    assert_int_equal(save.file_count, 0);
    char *text = NULL;
    assert_int_equal(protocol_task_build(&save, &text, NULL), 0);
    protocol_task_text_free(text);
    input = input_for(f, PROTOCOL_TASK_INIT, ROLE_CONTROL_PLANE);
    input.saved = "s1";
    assert_int_equal(cluster_task_fill(&input, &init, NULL), 0);
    assert_string_equal(init.saved, "s1");
    assert_string_equal(init.saved_key, save.saved_key);
    assert_non_null(file_at(&init, "/etc/kubernetes/pki/etcd/ca.key"));
    input.saved = "s2";
    assert_int_equal(cluster_task_fill(&input, &other, NULL), 0);
    assert_string_not_equal(other.saved_key, save.saved_key);
}

/* It passes the checks of the machine that is to carry it out. */
static void every_task_can_be_sealed(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        enum protocol_task_kind kind;
        enum machine_role role;
    } tasks[] = {{PROTOCOL_TASK_INIT, ROLE_CONTROL_PLANE},
                 {PROTOCOL_TASK_JOIN, ROLE_CONTROL_PLANE},
                 {PROTOCOL_TASK_JOIN, ROLE_WORKER}};
    struct trust_key key;
    assert_int_equal(trust_init(), 0);
    trust_key_generate(&key);
    for (size_t i = 0; i < ARRAY_SIZE(tasks); i++) {
        struct protocol_task task _autotask_ = task_for(f, tasks[i].kind, tasks[i].role);
        struct protocol_task opened _autotask_ = {0};
        struct err err = ERR_INIT;
        _autofree_ char *sealed = NULL;
        if (protocol_task_seal(&task, &key.public, &sealed, &err) < 0)
            fail_msg("%s", err_text(&err));
        assert_int_equal(protocol_task_unseal(&key, sealed, &opened, &err), 0);
        assert_int_equal(opened.file_count, task.file_count);
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

UNIT_MAIN(test(the_first_control_plane_gets_the_whole_pki), test(a_worker_gets_no_key_of_the_pki),
          test(a_control_plane_that_joins_gets_both), test(the_pod_network_is_told_what_it_is),
          test(a_machine_that_leaves_gets_nothing), test(saved_data_has_a_key_of_its_own),
          test(every_task_can_be_sealed))
