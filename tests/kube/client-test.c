/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client of src/kube against a real API server, which tests/kube/apiserver runs and describes
 * in the environment. Usage: client-test PATTERN (of test names). APISERVER names that program, for
 * the tests that kill and start the API server.
 */
#include "kube/test-fixture.h"

#include <signal.h>

#include "base/buf.h"
#include "base/file.h"
#include "kube/bootstrap-token.h"
#include "kube/drain.h"
#include "kube/kubeconfig.h"
#include "kube/request.h"
#include "kube/watch.h"

enum { FILE_MAX = 1 << 20 };

struct world {
    char *authority, *certificate, *key;
    struct test_loop l;
    struct test_answer seen;
};

static const char *env(const char *name)
{
    const char *value = getenv(name);
    if (!value)
        fail_msg("%s is not set: run this by tests/kube/apiserver", name);
    return value;
}

static char *read_env_file(const char *name)
{
    char *text = NULL;
    struct err err = ERR_INIT;
    if (file_read(env(name), FILE_MAX, &text, NULL, &err) < 0)
        fail_msg("%s", err_text(&err));
    return text;
}

static void connect_as(struct world *w, const char *authority,
                       const struct kube_credentials *credentials)
{
    const struct fake_pki pki = {.authority = (char *)(uintptr_t)authority};
    const struct kube_options options = {.credentials = *credentials};
    test_loop_start(&w->l, env("KUBE_URL"), &pki, &options);
}

static void world_start(struct world *w)
{
    *w = (struct world){.authority = read_env_file("KUBE_CA"),
                        .certificate = read_env_file("KUBE_ADMIN_CERT"),
                        .key = read_env_file("KUBE_ADMIN_KEY")};
    connect_as(w, w->authority, &(struct kube_credentials){w->certificate, w->key, NULL});
}

static void world_stop(struct world *w)
{
    test_loop_stop(&w->l);
    test_answer_clear(&w->seen);
    free(w->authority);
    free(w->certificate);
    free(w->key);
}

#define THEN(w) ((struct kube_then){test_done, &(w)->seen, NULL})

/* Waits for the answer of a request that was just made. */
static int answered(struct world *w, int made)
{
    assert_int_equal(made, 0);
    test_loop_until(&w->l, &w->seen.count, w->seen.count + 1);
    return w->seen.error;
}

static void succeeds(struct world *w, int made)
{
    if (answered(w, made) < 0)
        fail_msg("%d: %s", w->seen.status.code, w->seen.status.message);
}

static json_t *parse(const char *format, ...) _printf_(1, 2);
static json_t *parse(const char *format, ...)
{
    _autobuf_ struct buf text = BUF_INIT;
    json_error_t error;
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    json_t *value = json_loads(buf_str(&text), 0, &error);
    if (!value)
        fail_msg("%s: %s", error.text, buf_str(&text));
    return value;
}

static struct kube_path in_default(const struct kube_kind *kind, const char *name)
{
    return (struct kube_path){kind, "default", name, NULL};
}

static void create(struct world *w, const struct kube_kind *kind, json_t *object)
{
    const struct kube_path path = in_default(kind, NULL);
    succeeds(w, kube_create(w->l.client, &path, object, NULL, THEN(w)));
    json_decref(object);
}

static void create_map(struct world *w, const char *name)
{
    create(w, &kube_config_maps,
           parse("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"%s\","
                 "\"labels\":{\"test\":\"yes\"}},\"data\":{\"x\":\"0\"}}",
                 name));
}

static void patch(struct world *w, const struct kube_path *path, json_t *body)
{
    succeeds(w, kube_patch(w->l.client, path, KUBE_PATCH_MERGE, body, NULL, THEN(w)));
    json_decref(body);
}

static void change_map(struct world *w, const char *name, int x)
{
    const struct kube_path path = in_default(&kube_config_maps, name);
    patch(w, &path, parse("{\"data\":{\"x\":\"%d\"}}", x));
}

static void delete_now(struct world *w, const struct kube_path *path)
{
    const struct kube_delete_options now = {.grace_seconds = 0};
    succeeds(w, kube_delete(w->l.client, path, &now, THEN(w)));
}

static void delete_map(struct world *w, const char *name)
{
    const struct kube_path path = in_default(&kube_config_maps, name);
    delete_now(w, &path);
}

/* A fresh namespace has everything but what tests left: they clean up after themselves. */
static const struct kube_path all_maps = {&kube_config_maps, "default", NULL, NULL};

/* ---- who we are ---- */

static void test_requests_identities(void **state)
{
    (void)state;
    struct world w, other = {0};
    world_start(&w);
    const struct kube_path nodes = {&kube_nodes, NULL, "nobody", NULL};
    assert_int_equal(answered(&w, kube_get(w.l.client, &nodes, THEN(&w))), -ENOENT);
    assert_string_equal(w.seen.status.reason, "NotFound");
    const struct kube_call ready = {.path = "/readyz", .plain = true};
    succeeds(&w, kube_call(w.l.client, &ready, THEN(&w)));
    assert_string_equal(w.seen.text, "ok");

    connect_as(&other, w.authority, &(struct kube_credentials){.token = env("KUBE_TOKEN")});
    assert_int_equal(answered(&other, kube_get(other.l.client, &nodes, THEN(&other))), -ENOENT);
    struct err err = ERR_INIT;
    const struct kube_credentials wrong = {.token = "wrong"};
    assert_int_equal(kube_client_set_credentials(other.l.client, &wrong, &err), 0);
    assert_int_equal(answered(&other, kube_get(other.l.client, &nodes, THEN(&other))), -EACCES);
    const struct kube_credentials nobody = {0};
    assert_int_equal(kube_client_set_credentials(other.l.client, &nobody, &err), 0);
    assert_int_equal(answered(&other, kube_get(other.l.client, &nodes, THEN(&other))), -EPERM);
    world_stop(&other);
    world_stop(&w);
}

static void test_requests_another_ca_is_refused(void **state)
{
    (void)state;
    struct world w = {0};
    _autofree_ char *path = str_format("%s/front-proxy-ca.crt", env("KUBE_PKI"));
    struct err err = ERR_INIT;
    assert_int_equal(file_read(path, FILE_MAX, &w.authority, NULL, &err), 0);
    connect_as(&w, w.authority, &(struct kube_credentials){.token = env("KUBE_TOKEN")});
    const struct kube_path nodes = {&kube_nodes, NULL, "nobody", NULL};
    assert_int_equal(answered(&w, kube_get(w.l.client, &nodes, THEN(&w))), -EKEYREJECTED);
    world_stop(&w);
}

static void test_requests_by_kubeconfig(void **state)
{
    (void)state;
    struct world w = {0};
    _autokubeconfig_ struct kube_config config = {0};
    struct err err = ERR_INIT;
    if (kube_config_load(env("KUBECONFIG"), NULL, &config, &err) < 0)
        fail_msg("%s", err_text(&err));
    assert_string_equal(config.server, env("KUBE_URL"));
    connect_as(&w, config.authority,
               &(struct kube_credentials){config.certificate, config.key, config.token});
    succeeds(&w, kube_call(w.l.client, &(struct kube_call){.path = "/version"}, THEN(&w)));
    assert_string_equal(json_string_value(json_object_get(w.seen.object, "major")), "1");
    world_stop(&w);
}

/* ---- verbs ---- */

static void test_requests_life_of_an_object(void **state)
{
    (void)state;
    struct world w;
    const struct kube_path path = in_default(&kube_config_maps, "life");
    world_start(&w);
    create_map(&w, "life");
    json_auto_t *first = json_incref(w.seen.object);
    json_auto_t *again = json_deep_copy(first);
    (void)json_object_del(json_object_get(again, "metadata"), "resourceVersion");
    const struct kube_path collection = in_default(&kube_config_maps, NULL);
    assert_int_equal(answered(&w, kube_create(w.l.client, &collection, again, NULL, THEN(&w))),
                     -EEXIST);
    change_map(&w, "life", 1);
    assert_int_equal(answered(&w, kube_update(w.l.client, &path, first, NULL, THEN(&w))), -ESTALE);
    succeeds(&w, kube_get(w.l.client, &path, THEN(&w)));
    json_auto_t *second = json_incref(w.seen.object);
    (void)json_object_set_new(json_object_get(second, "data"), "x", json_string("2"));
    const struct kube_write_options dry = {.dry_run = true};
    succeeds(&w, kube_update(w.l.client, &path, second, &dry, THEN(&w)));
    succeeds(&w, kube_update(w.l.client, &path, second, NULL, THEN(&w)));
    const struct kube_delete_options another = {.uid = "00000000-0000-0000-0000-000000000000",
                                                .grace_seconds = -1};
    assert_int_equal(answered(&w, kube_delete(w.l.client, &path, &another, THEN(&w))), -ESTALE);
    json_auto_t *invalid = parse("{\"data\":7}");
    assert_int_equal(
        answered(&w, kube_patch(w.l.client, &path, KUBE_PATCH_MERGE, invalid, NULL, THEN(&w))),
        -EINVAL);
    delete_map(&w, "life");
    assert_int_equal(answered(&w, kube_get(w.l.client, &path, THEN(&w))), -ENOENT);
    world_stop(&w);
}

static int apply(struct world *w, const char *manager, bool force, int x)
{
    const struct kube_path path = in_default(&kube_config_maps, "applied");
    const struct kube_write_options options = {.field_manager = manager, .force = force};
    json_auto_t *object = parse("{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":"
                                "{\"name\":\"applied\"},\"data\":{\"x\":\"%d\"}}",
                                x);
    return answered(w, kube_patch(w->l.client, &path, KUBE_PATCH_APPLY, object, &options, THEN(w)));
}

static void test_requests_conflict_of_field_managers(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    assert_int_equal(apply(&w, "one", false, 1), 0);
    assert_int_equal(w.seen.status.code, 201);
    assert_int_equal(apply(&w, "one", false, 2), 0);
    assert_int_equal(apply(&w, "two", false, 3), -ESTALE);
    const json_t *causes = json_object_get(json_object_get(w.seen.object, "details"), "causes");
    assert_string_equal(json_string_value(json_object_get(json_array_get(causes, 0), "field")),
                        ".data.x");
    assert_int_equal(apply(&w, "two", true, 3), 0);
    assert_int_equal(apply(&w, "one", false, 4), -ESTALE);
    delete_map(&w, "applied");
    world_stop(&w);
}

struct listed {
    struct world *world;
    unsigned items, done;
    int error;
};

static int on_item(void *user, json_t *object)
{
    struct listed *l = user;
    assert_non_null(json_object_get(object, "metadata"));
    l->items++;
    return 0;
}

static void on_list(void *user, const struct kube_answer *answer, const char *version)
{
    struct listed *l = user;
    l->done++;
    l->error = answer->error;
    assert_true(answer->error < 0 || version);
}

static unsigned count_maps(struct world *w, unsigned page)
{
    struct listed l = {.world = w};
    const struct kube_list_options options = {.label_selector = "test=yes", .page = page};
    const struct kube_list_then then = {on_item, on_list, &l, NULL};
    assert_int_equal(kube_list(w->l.client, &all_maps, &options, then), 0);
    test_loop_until(&w->l, &l.done, 1);
    assert_int_equal(l.error, 0);
    return l.items;
}

static void test_requests_list_in_chunks(void **state)
{
    (void)state;
    enum { MAPS = 45 };
    struct world w;
    char name[16];
    world_start(&w);
    for (int i = 0; i < MAPS; i++) {
        (void)snprintf(name, sizeof(name), "chunk-%d", i);
        create_map(&w, name);
    }
    assert_int_equal(count_maps(&w, 10), MAPS);
    assert_int_equal(count_maps(&w, MAPS), MAPS);
    assert_int_equal(count_maps(&w, 0), MAPS);
    assert_int_equal(count_maps(&w, KUBE_PAGE_ALL), MAPS);
    for (int i = 0; i < MAPS; i++) {
        (void)snprintf(name, sizeof(name), "chunk-%d", i);
        delete_map(&w, name);
    }
    assert_int_equal(count_maps(&w, 10), 0);
    world_stop(&w);
}

/* The API server takes the Secret, and whom it says the token is of. */
static void test_requests_bootstrap_token(void **state)
{
    (void)state;
    static const char *const groups[] = {"system:bootstrappers:slipway"};
    static const struct kube_kind reviews = {"authorization.k8s.io", "v1",
                                             "selfsubjectaccessreviews"};
    struct world w, machine = {0};
    struct kube_token token;
    char text[KUBE_TOKEN_TEXT_SIZE], name[KUBE_TOKEN_NAME_SIZE];
    json_t *secret = NULL;
    world_start(&w);
    kube_token_make(&rng_system, &token);
    const struct kube_token_options options = {.expires_wall_ms =
                                                   clock_wall(&clock_system) + 600000,
                                               .authentication = true,
                                               .groups = groups,
                                               .n_groups = 1};
    assert_int_equal(kube_token_secret(&token, &options, &secret), 0);
    const struct kube_path secrets = {&kube_secrets, "kube-system", NULL, NULL};
    succeeds(&w, kube_create(w.l.client, &secrets, secret, NULL, THEN(&w)));
    json_decref(secret);

    const struct kube_credentials credentials = {.token = kube_token_text(&token, text)};
    const struct kube_path review = {&reviews, NULL, NULL, NULL};
    json_auto_t *question = parse("{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":"
                                  "\"SelfSubjectAccessReview\",\"spec\":{\"resourceAttributes\":"
                                  "{\"verb\":\"list\",\"resource\":\"secrets\"}}}");
    connect_as(&machine, w.authority, &credentials);
    succeeds(&machine, kube_create(machine.l.client, &review, question, NULL, THEN(&machine)));
    assert_false(
        json_is_true(json_object_get(json_object_get(machine.seen.object, "status"), "allowed")));

    const struct kube_path one = {&kube_secrets, "kube-system",
                                  kube_token_secret_name(token.id, name), NULL};
    delete_now(&w, &one);
    /* The API server forgets answers about tokens after some seconds. */
    for (int i = 0; i < 60; i++) {
        int r = answered(&machine,
                         kube_create(machine.l.client, &review, question, NULL, THEN(&machine)));
        if (r == -EACCES)
            break;
        test_loop_for(&machine.l, 500);
    }
    assert_int_equal(machine.seen.error, -EACCES);
    world_stop(&machine);
    world_stop(&w);
}

/* ---- watches ---- */

struct watcher {
    struct world *world;
    struct kube_watch *watch;
    struct buf told; /* without deletions that only a list showed: those are "!" */
    unsigned events, synced, troubles, refused, timed_out;
};

static void on_changed(void *user, enum kube_change change, const struct kube_object *entry,
                       json_t *object)
{
    static const char signs[] = {'+', '~', '-'};
    struct watcher *t = user;
    const char *x = json_string_value(json_object_get(json_object_get(object, "data"), "x"));
    buf_printf(&t->told, "%c%s%s ", signs[change], entry->name, object ? x : "!");
    t->events++;
}

static void on_synced(void *user)
{
    struct watcher *t = user;
    t->synced++;
    buf_adds(&t->told, "| ");
}

static void on_trouble(void *user, int error, const char *text)
{
    struct watcher *t = user;
    t->troubles++;
    t->refused += error == -ECONNREFUSED;
    t->timed_out += error == -ETIMEDOUT;
    print_message("# trouble: %s\n", text);
}

static void watch_maps(struct watcher *t, struct world *w, unsigned timeout_seconds)
{
    const struct kube_watch_options options = {.kind = &kube_config_maps,
                                               .namespace = "default",
                                               .label_selector = "test=yes",
                                               .user = t,
                                               .changed = on_changed,
                                               .synced = on_synced,
                                               .trouble = on_trouble,
                                               .timeout_seconds = timeout_seconds,
                                               .grace_seconds = 1,
                                               .retry_max_ms = 1000};
    *t = (struct watcher){.world = w};
    assert_int_equal(kube_watch_new(w->l.client, &options, &t->watch), 0);
    test_loop_until(&w->l, &t->synced, 1);
}

static void watcher_stop(struct watcher *t)
{
    kube_watch_free(t->watch);
    buf_free(&t->told);
}

static void control_apiserver(const char *what)
{
    _autofree_ char *command = str_format("'%s' --%s", env("APISERVER"), what);
    assert_int_equal(system(command), 0);
}

static void signal_apiserver(int number)
{
    _autofree_ char *path = str_format("%s/kube-apiserver.pid", env("KUBE_FOLDER"));
    _autofree_ char *text = NULL;
    struct err err = ERR_INIT;
    uint64_t pid = 0;
    assert_int_equal(file_read(path, 64, &text, NULL, &err), 0);
    text[strcspn(text, "\n")] = '\0';
    assert_int_equal(str_parse_u64(text, 2, 1 << 22, &pid), 0);
    assert_int_equal(kill((pid_t)pid, number), 0);
}

static void test_watch_changes(void **state)
{
    (void)state;
    struct world w;
    struct watcher t;
    world_start(&w);
    create_map(&w, "a");
    watch_maps(&t, &w, 60);
    create_map(&w, "b");
    change_map(&w, "a", 1);
    delete_map(&w, "b");
    test_loop_until(&w.l, &t.events, 4);
    delete_map(&w, "a");
    test_loop_until(&w.l, &t.events, 5);
    assert_string_equal(buf_str(&t.told), "+a0 | +b0 ~a1 -b0 -a1 ");
    assert_int_equal(t.troubles, 0);
    watcher_stop(&t);
    world_stop(&w);
}

/* The server ends each stream after a second or so: nothing is listed again, nothing is lost. */
static void test_watch_streams_that_end(void **state)
{
    (void)state;
    struct world w;
    struct watcher t;
    world_start(&w);
    watch_maps(&t, &w, 1);
    create_map(&w, "a");
    for (int i = 1; i <= 12; i++) {
        test_loop_for(&w.l, 300);
        change_map(&w, "a", i);
    }
    delete_map(&w, "a");
    test_loop_until(&w.l, &t.events, 14);
    assert_string_equal(buf_str(&t.told),
                        "| +a0 ~a1 ~a2 ~a3 ~a4 ~a5 ~a6 ~a7 ~a8 ~a9 ~a10 ~a11 ~a12 -a12 ");
    assert_int_equal(t.troubles, 0);
    assert_int_equal(t.synced, 1);
    watcher_stop(&t);
    world_stop(&w);
}

static void test_watch_outlives_the_api_server(void **state)
{
    (void)state;
    struct world w;
    struct watcher t;
    world_start(&w);
    create_map(&w, "a");
    create_map(&w, "b");
    watch_maps(&t, &w, 60);
    control_apiserver("stop");
    test_loop_until(&w.l, &t.refused, 2);
    assert_int_equal(kube_watch_count(t.watch), 2);
    control_apiserver("start");
    change_map(&w, "a", 1);
    create_map(&w, "c");
    test_loop_until(&w.l, &t.events, 4);
    assert_non_null(strstr(buf_str(&t.told), "~a1 "));
    assert_non_null(strstr(buf_str(&t.told), "+c0 "));
    assert_int_equal(kube_watch_count(t.watch), 3);
    delete_map(&w, "a");
    delete_map(&w, "b");
    delete_map(&w, "c");
    test_loop_until(&w.l, &t.events, 7);
    assert_int_equal(t.events, 7);
    watcher_stop(&t);
    world_stop(&w);
}

/* A key of etcd, removed behind the API server's back while that is down. */
static void remove_from_etcd(const char *name)
{
    _autofree_ char *key = str_format("/registry/configmaps/default/%s", name);
    _autofree_ char *encoded = str_base64(key, strlen(key));
    const char *pki = env("KUBE_PKI");
    _autofree_ char *command = str_format(
        "curl -fsS --noproxy '*' --cacert '%s/etcd/ca.crt' --cert '%s/apiserver-etcd-client.crt' "
        "--key '%s/apiserver-etcd-client.key' -d '{\"key\":\"%s\"}' -o /dev/null "
        "https://127.0.0.1:2379/v3/kv/deleterange",
        pki, pki, pki, encoded);
    assert_int_equal(system(command), 0);
}

static void test_watch_whose_version_is_gone(void **state)
{
    (void)state;
    struct world w;
    struct watcher t;
    world_start(&w);
    create_map(&w, "a");
    create_map(&w, "b");
    watch_maps(&t, &w, 60);
    control_apiserver("stop");
    remove_from_etcd("b");
    control_apiserver("start");
    test_loop_until(&w.l, &t.synced, 2);
    assert_string_equal(buf_str(&t.told), "+a0 +b0 | -b! | ");
    change_map(&w, "a", 1);
    delete_map(&w, "a");
    test_loop_until(&w.l, &t.events, 5);
    assert_string_equal(buf_str(&t.told), "+a0 +b0 | -b! | ~a1 -a1 ");
    watcher_stop(&t);
    world_stop(&w);
}

static void test_watch_server_that_hangs(void **state)
{
    (void)state;
    struct world w;
    struct watcher t;
    world_start(&w);
    watch_maps(&t, &w, 2);
    create_map(&w, "a");
    test_loop_until(&w.l, &t.events, 1);
    signal_apiserver(SIGSTOP);
    test_loop_until(&w.l, &t.timed_out, 1);
    signal_apiserver(SIGCONT);
    change_map(&w, "a", 1);
    delete_map(&w, "a");
    test_loop_until(&w.l, &t.events, 3);
    assert_non_null(strstr(buf_str(&t.told), "+a0 "));
    assert_int_equal(kube_watch_count(t.watch), 0);
    watcher_stop(&t);
    world_stop(&w);
}

/* ---- draining ---- */

static const struct kube_kind budgets = {"policy", "v1beta1", "poddisruptionbudgets"};
static const struct kube_kind service_accounts = {"", "v1", "serviceaccounts"};

static void create_node(struct world *w, const char *name)
{
    const struct kube_path path = {&kube_nodes, NULL, NULL, NULL};
    json_auto_t *node =
        parse("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":\"%s\"}}", name);
    succeeds(w, kube_create(w->l.client, &path, node, NULL, THEN(w)));
}

/* A pod that is bound to a node, runs and is ready, as far as the API can tell. */
static void create_pod(struct world *w, const char *name, const char *node, const char *metadata)
{
    create(w, &kube_pods,
           parse("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"%s\"%s},"
                 "\"spec\":{\"nodeName\":\"%s\",\"terminationGracePeriodSeconds\":0,"
                 "\"automountServiceAccountToken\":false,"
                 "\"containers\":[{\"name\":\"c\",\"image\":\"x\"}]}}",
                 name, metadata, node));
    struct kube_path status = in_default(&kube_pods, name);
    status.subresource = "status";
    patch(w, &status,
          parse("{\"status\":{\"phase\":\"Running\",\"conditions\":[{\"type\":\"Ready\","
                "\"status\":\"True\"}]}}"));
}

/* How many disruptions the budget allows, in its controller's place. */
static void allow_disruptions(struct world *w, int allowed)
{
    struct kube_path status = in_default(&budgets, "web");
    status.subresource = "status";
    patch(w, &status,
          parse("{\"status\":{\"observedGeneration\":1,\"disruptionsAllowed\":%d,"
                "\"currentHealthy\":2,\"desiredHealthy\":2,\"expectedPods\":2}}",
                allowed));
}

static void prepare_node(struct world *w)
{
    create_node(w, "node1");
    create(w, &service_accounts,
           parse("{\"apiVersion\":\"v1\",\"kind\":\"ServiceAccount\",\"metadata\":{\"name\":"
                 "\"default\"}}"));
    create_pod(w, "web-1", "node1", ",\"labels\":{\"app\":\"web\"}");
    create_pod(w, "web-2", "node1", ",\"labels\":{\"app\":\"web\"}");
    create_pod(w, "free", "node1", "");
    create_pod(w, "elsewhere", "node2", ",\"labels\":{\"app\":\"web\"}");
    create_pod(w, "of-daemon-set", "node1",
               ",\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\","
               "\"name\":\"d\",\"uid\":\"1\",\"controller\":true}]");
    create(w, &budgets,
           parse("{\"apiVersion\":\"policy/v1beta1\",\"kind\":\"PodDisruptionBudget\","
                 "\"metadata\":{\"name\":\"web\"},\"spec\":{\"minAvailable\":2,"
                 "\"selector\":{\"matchLabels\":{\"app\":\"web\"}}}}"));
    allow_disruptions(w, 0);
}

struct drained {
    unsigned done, refusals, gone;
    int error;
    struct buf blockers;
    size_t n_evicted;
};

static void on_progress(void *user, const char *text)
{
    struct drained *d = user;
    d->refusals += strstr(text, "disruption budget web") != NULL;
    d->gone += strstr(text, "is gone") != NULL;
    print_message("# %s\n", text);
}

static void on_drained(void *user, const struct kube_drain_result *result)
{
    struct drained *d = user;
    d->done++;
    d->error = result->error;
    d->n_evicted = result->n_evicted;
    for (size_t i = 0; i < result->n_blockers; i++)
        buf_printf(&d->blockers, "%s/%s: %s\n", result->blockers[i].namespace,
                   result->blockers[i].name, result->blockers[i].reason);
}

static struct kube_drain *drain(struct world *w, struct drained *d, uint32_t deadline_ms)
{
    struct kube_drain *drain = NULL;
    const struct kube_drain_options options = {.node = "node1",
                                               .deadline_ms = deadline_ms,
                                               .grace_seconds = -1,
                                               .user = d,
                                               .progress = on_progress,
                                               .done = on_drained};
    *d = (struct drained){0};
    assert_int_equal(kube_drain_start(w->l.client, &options, &drain), 0);
    return drain;
}

static void test_drain_with_a_budget(void **state)
{
    (void)state;
    struct world w;
    struct drained d;
    world_start(&w);
    prepare_node(&w);

    /* The budget allows nothing: the deadline names it. */
    (void)drain(&w, &d, 2000);
    test_loop_until(&w.l, &d.done, 1);
    assert_int_equal(d.error, -ETIMEDOUT);
    assert_int_equal(d.n_evicted, 1);
    assert_non_null(strstr(buf_str(&d.blockers), "default/web-1: The disruption budget web needs"));
    assert_non_null(strstr(buf_str(&d.blockers), "default/web-2: The disruption budget web needs"));
    buf_free(&d.blockers);
    const struct kube_path node = {&kube_nodes, NULL, "node1", NULL};
    succeeds(&w, kube_get(w.l.client, &node, THEN(&w)));
    assert_true(
        json_is_true(json_object_get(json_object_get(w.seen.object, "spec"), "unschedulable")));

    /* It allows two while the drain waits. */
    (void)drain(&w, &d, 60000);
    test_loop_until(&w.l, &d.refusals, 2);
    allow_disruptions(&w, 2);
    test_loop_until(&w.l, &d.done, 1);
    assert_int_equal(d.error, 0);
    assert_int_equal(d.n_evicted, 2);
    buf_free(&d.blockers);
    static const char *const stay[] = {"elsewhere", "of-daemon-set"};
    static const char *const go[] = {"web-1", "web-2", "free"};
    for (size_t i = 0; i < ARRAY_SIZE(stay); i++) {
        const struct kube_path pod = in_default(&kube_pods, stay[i]);
        succeeds(&w, kube_get(w.l.client, &pod, THEN(&w)));
    }
    for (size_t i = 0; i < ARRAY_SIZE(go); i++) {
        const struct kube_path pod = in_default(&kube_pods, go[i]);
        assert_int_equal(answered(&w, kube_get(w.l.client, &pod, THEN(&w))), -ENOENT);
    }
    succeeds(&w, kube_cordon(w.l.client, "node1", false, THEN(&w)));
    assert_null(json_object_get(json_object_get(w.seen.object, "spec"), "unschedulable"));
    world_stop(&w);
}

/* An eviction by uid leaves a pod alone that has the same name and is another. */
static void test_drain_evicts_that_very_pod(void **state)
{
    (void)state;
    struct world w;
    world_start(&w);
    create_pod(&w, "another", "node9", "");
    assert_int_equal(answered(&w, kube_evict(w.l.client, "default", "another", "policy/v1beta1",
                                             "00000000-0000-0000-0000-000000000000", -1, THEN(&w))),
                     -ESTALE);
    const struct kube_path pod = in_default(&kube_pods, "another");
    succeeds(&w, kube_get(w.l.client, &pod, THEN(&w)));
    succeeds(&w, kube_evict(w.l.client, "default", "another", "policy/v1beta1", NULL, 0, THEN(&w)));
    assert_int_equal(answered(&w, kube_get(w.l.client, &pod, THEN(&w))), -ENOENT);
    world_stop(&w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_identities),
        cmocka_unit_test(test_requests_another_ca_is_refused),
        cmocka_unit_test(test_requests_by_kubeconfig),
        cmocka_unit_test(test_requests_life_of_an_object),
        cmocka_unit_test(test_requests_conflict_of_field_managers),
        cmocka_unit_test(test_requests_list_in_chunks),
        cmocka_unit_test(test_requests_bootstrap_token),
        cmocka_unit_test(test_watch_changes),
        cmocka_unit_test(test_watch_streams_that_end),
        cmocka_unit_test(test_watch_outlives_the_api_server),
        cmocka_unit_test(test_watch_whose_version_is_gone),
        cmocka_unit_test(test_watch_server_that_hangs),
        cmocka_unit_test(test_drain_with_a_budget),
        cmocka_unit_test(test_drain_evicts_that_very_pod),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
