/* SPDX-License-Identifier: Apache-2.0 */
/* What the seeder tells others, and what a node makes of it. */
#include "node/up-cluster.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/str.h"
#include "base/test.h"
#include "node/up-join.h"
#include "node/up-pki.h"
#include "resource/read.h"
#include "resource/validate.h"

#define TOKEN "abcdef.0123456789abcdef"
#define HASH "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define PKI "/etc/kubernetes/pki"
#define PODNET "/etc/kubernetes/slipway-podnet.json"

struct scratch {
    char folder[64];
    struct node node;
};

static int set_up(void **state)
{
    struct scratch *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    memcpy(s->folder, "/tmp/up-cluster-XXXXXX", sizeof("/tmp/up-cluster-XXXXXX"));
    assert_non_null(mkdtemp(s->folder));
    s->node = (struct node){.root = s->folder, .clock = &clock_system};
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scratch *s = *state;
    (void)!tree_remove(s->folder, NULL);
    free(s);
    return 0;
}

static char *get(const struct scratch *s, const char *path)
{
    char *text = NULL;
    return node_read(&s->node, path, 1 << 20, &text, NULL, NULL) < 0 ? NULL : text;
}

static void put(const struct scratch *s, const char *path, const char *text)
{
    assert_int_equal(node_write_text(&s->node, path, text, 0644, NULL), 0);
}

static mode_t mode_of(const struct scratch *s, const char *path)
{
    struct stat st;
    _autofree_ char *full = node_path(&s->node, path);
    assert_int_equal(stat(full, &st), 0);
    return st.st_mode & 07777;
}

/* ---- joining ---- */

static void what_joining_nodes_need_is_a_configuration(void **state)
{
    const struct scratch *s = *state;
    struct up_join join = {"10.0.0.1:6443", HASH, TOKEN};
    _autodocuments_ struct documents documents = {0};
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    assert_null(up_join_token(&s->node));
    assert_int_equal(up_join_save(&s->node, &join, NULL), 0);
    assert_int_equal(mode_of(s, UP_JOIN_FILE), 0600);
    _autofree_ char *text = get(s, UP_JOIN_FILE);
    assert_int_equal(yaml_parse(NULL, text, strlen(text), &documents, &problems), 0);
    assert_int_equal(node_configuration_complete(documents.items[0].json, "v1.20.2"), 0);
    object_validate(&kind_node_configuration, documents.items[0].json, NULL, &problems);
    assert_false(problems_any(&problems));
    _autofree_ char *token = up_join_token(&s->node);
    assert_string_equal(token, TOKEN);
    join.token = NULL;
    _autofree_ char *shown = up_join_text(&join);
    assert_null(strstr(shown, "0123456789abcdef\"\ntoken"));
    assert_null(strstr(shown, TOKEN));
    assert_non_null(strstr(shown, UP_JOIN_FILE));
}

static void the_token_has_kubeadms_group_and_an_end(void **state)
{
    (void)state;
    struct kube_token token;
    assert_int_equal(kube_token_parse(TOKEN, &token), 0);
    json_auto_t *secret = up_token_object(&token, 1800000000000);
    assert_string_equal(object_text(secret, "stringData.auth-extra-groups"),
                        "system:bootstrappers:kubeadm:default-node-token");
    assert_string_equal(object_text(secret, "stringData.expiration"), "2027-01-15T08:00:00Z");
    assert_string_equal(object_text(secret, "stringData.usage-bootstrap-signing"), "true");
}

/* ---- the network ---- */

static struct cluster_spec spec_with(enum cni_driver driver)
{
    return (struct cluster_spec){
        .networking = {.pod_subnet = {0x0af40000, 16}},
        .cni = {.driver = driver, .bin_dir = "/opt/cni/bin", .conf_dir = "/etc/cni/net.d"}};
}

/* The ConfigMap's text, as a joining node gets it. */
static char *network_text(enum cni_driver driver, size_t *ret_objects)
{
    struct cluster_spec spec = spec_with(driver);
    json_auto_t *list = up_network_objects(&spec);
    const json_t *items = json_object_get(list, "items");
    *ret_objects = json_array_size(items);
    return strdup(json_string_value(
        json_object_get(json_object_get(json_array_get(items, 0), "data"), UP_NETWORK_KEY)));
}

static void a_node_follows_the_seeders_network(void **state)
{
    const struct scratch *s = *state;
    struct err err = ERR_INIT;
    bool changed = false;
    size_t objects;
    _autofree_ char *bridge = network_text(CNI_BRIDGE, &objects);
    assert_int_equal(objects, 5); /* the map, the right to read it, the right to see nodes */
    assert_int_equal(up_network_apply(&s->node, "node2", bridge, &changed, &err), 0);
    assert_true(changed);
    _autofree_ char *config = get(s, PODNET);
    json_auto_t *json = json_loads(config, 0, NULL);
    assert_string_equal(object_text(json, "nodeName"), "node2");
    assert_string_equal(object_text(json, "podSubnet"), "10.244.0.0/16");
    assert_null(json_object_get(json, "driver"));
    assert_int_equal(up_network_apply(&s->node, "node2", bridge, &changed, &err), 0);
    assert_false(changed);
}

static void another_network_is_left_to_others(void **state)
{
    const struct scratch *s = *state;
    struct err err = ERR_INIT;
    bool changed = true;
    size_t objects;
    _autofree_ char *none = network_text(CNI_NONE, &objects);
    assert_int_equal(objects, 3);
    assert_int_equal(up_network_apply(&s->node, "node2", none, &changed, &err), 0);
    assert_false(changed);
    assert_null(get(s, PODNET));
    static const char *const wrong[] = {"", "[]", "{}", "{\"driver\":1}", "nonsense"};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(up_network_apply(&s->node, "n", wrong[i], &changed, &err), -EBADMSG);
}

/* ---- authorities ---- */

static void authorities_that_were_there_outlive_an_attempt(void **state)
{
    const struct scratch *s = *state;
    struct err err = ERR_INIT;
    _autotask_ struct protocol_task task = {0};
    put(s, PKI "/ca.crt", "certificate");
    put(s, PKI "/ca.key", "key");
    put(s, PKI "/apiserver.crt", "kubeadm makes it anew");
    assert_int_equal(up_pki_keep(&s->node, PKI, &err), 0);
    assert_int_equal(mode_of(s, PROTOCOL_TASK_DIR "/pki"), 0700);
    assert_int_equal(mode_of(s, PROTOCOL_TASK_DIR "/pki/ca.key"), 0600);
    /* kubeadm reset, and an attempt that made others */
    put(s, PKI "/ca.crt", "another");
    put(s, PKI "/sa.key", "another");
    assert_int_equal(up_pki_keep(&s->node, PKI, &err), 0);
    assert_int_equal(up_pki_add(&s->node, PKI, &task, &err), 0);
    assert_int_equal(task.file_count, 2);
    assert_string_equal(task.files[0].path, PKI "/ca.crt");
    assert_string_equal(task.files[0].data, "certificate");
    assert_int_equal(task.files[1].mode, 0600);
    assert_int_equal(up_pki_forget(&s->node, &err), 0);
    assert_false(node_exists(&s->node, PROTOCOL_TASK_DIR "/pki"));
    assert_int_equal(up_pki_forget(&s->node, &err), 0);
}

/* Begins to copy, and stays at a pipe in its way until it is killed. */
static void keep_until_killed(const struct scratch *s, const char *pipe)
{
    int status, fd = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)!up_pki_keep(&s->node, PKI, NULL);
        _exit(1);
    }
    while (fd < 0 && waitpid(child, &status, WNOHANG) == 0) {
        fd = open(pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        clock_sleep_ms(10);
    }
    assert_true(fd >= 0); /* it reads */
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    (void)close(fd);
}

static void a_copy_that_was_cut_off_counts_for_nothing(void **state)
{
    const struct scratch *s = *state;
    struct err err = ERR_INIT;
    _autotask_ struct protocol_task task = {0};
    _autofree_ char *pipe = node_path(&s->node, PKI "/etcd/ca.key");
    put(s, PKI "/ca.crt", "certificate");
    put(s, PKI "/ca.key", "key");
    put(s, PKI "/etcd/ca.crt", "certificate of etcd's");
    put(s, PKI "/sa.key", "key of service accounts");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    keep_until_killed(s, pipe);
    assert_int_equal(unlink(pipe), 0);
    put(s, PKI "/etcd/ca.key", "key of etcd's");
    put(s, PKI "/ca.key", "a better key");
    assert_int_equal(up_pki_keep(&s->node, PKI, &err), 0);
    assert_int_equal(up_pki_add(&s->node, PKI, &task, &err), 0);
    assert_int_equal(task.file_count, 5);
    assert_string_equal(task.files[1].data, "a better key");
    assert_string_equal(task.files[3].data, "key of etcd's");
    assert_string_equal(task.files[4].data, "key of service accounts");
    assert_false(node_exists(&s->node, PROTOCOL_TASK_DIR "/pki.partial"));
    assert_int_equal(up_pki_forget(&s->node, &err), 0);
    /* a reset leaves nothing of one either */
    assert_int_equal(unlink(pipe), 0);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    keep_until_killed(s, pipe);
    assert_int_equal(up_pki_forget(&s->node, &err), 0);
    assert_false(node_exists(&s->node, PROTOCOL_TASK_DIR "/pki.partial"));
}

#define ON_SCRATCH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

UNIT_MAIN(ON_SCRATCH(what_joining_nodes_need_is_a_configuration),
          cmocka_unit_test(the_token_has_kubeadms_group_and_an_end),
          ON_SCRATCH(a_node_follows_the_seeders_network),
          ON_SCRATCH(another_network_is_left_to_others),
          ON_SCRATCH(authorities_that_were_there_outlive_an_attempt),
          ON_SCRATCH(a_copy_that_was_cut_off_counts_for_nothing))
