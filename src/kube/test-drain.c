/* SPDX-License-Identifier: Apache-2.0 */
/* The decisions of a drain, and its driver against a server that plays a node's part. */
#include "test-fixture.h"

#include "kube/drain.h"

/* ---- decisions ---- */

static enum kube_drain_pod classify(const char *text)
{
    json_auto_t *pod = json_loads(text, 0, NULL);
    assert_non_null(pod);
    return kube_drain_classify(pod);
}

static void test_which_pods_go(void **state)
{
    (void)state;
    assert_int_equal(classify("{\"metadata\":{\"name\":\"a\"},\"status\":{\"phase\":\"Running\"}}"),
                     KUBE_DRAIN_EVICT);
    assert_int_equal(classify("{}"), KUBE_DRAIN_EVICT);
    assert_int_equal(classify("{\"metadata\":{\"ownerReferences\":[{\"kind\":\"ReplicaSet\","
                              "\"controller\":true}]}}"),
                     KUBE_DRAIN_EVICT);
    assert_int_equal(classify("{\"metadata\":{\"ownerReferences\":[{\"kind\":\"X\"},"
                              "{\"kind\":\"DaemonSet\",\"controller\":true}]}}"),
                     KUBE_DRAIN_LEAVE_DAEMON_SET);
    /* Somebody's claim that is not the controller's counts for nothing. */
    assert_int_equal(classify("{\"metadata\":{\"ownerReferences\":[{\"kind\":\"DaemonSet\"}]}}"),
                     KUBE_DRAIN_EVICT);
    assert_int_equal(
        classify("{\"metadata\":{\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}}}"),
        KUBE_DRAIN_LEAVE_MIRROR);
    assert_int_equal(classify("{\"status\":{\"phase\":\"Succeeded\"}}"), KUBE_DRAIN_LEAVE_FINISHED);
    assert_int_equal(classify("{\"status\":{\"phase\":\"Failed\"}}"), KUBE_DRAIN_LEAVE_FINISHED);
    assert_int_equal(classify("{\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"}}"),
                     KUBE_DRAIN_WAIT);
}

static void test_what_follows_an_eviction(void **state)
{
    (void)state;
    assert_int_equal(kube_drain_decide(0), KUBE_DRAIN_NEXT_WAIT);
    assert_int_equal(kube_drain_decide(-ENOENT), KUBE_DRAIN_NEXT_GONE);
    assert_int_equal(kube_drain_decide(-ESTALE), KUBE_DRAIN_NEXT_GONE);
    assert_int_equal(kube_drain_decide(-EAGAIN), KUBE_DRAIN_NEXT_RETRY);
    assert_int_equal(kube_drain_decide(-ECONNREFUSED), KUBE_DRAIN_NEXT_RETRY);
    assert_int_equal(kube_drain_decide(-EREMOTEIO), KUBE_DRAIN_NEXT_RETRY);
    assert_int_equal(kube_drain_decide(-EPERM), KUBE_DRAIN_NEXT_FAIL);
    assert_int_equal(kube_drain_decide(-EINVAL), KUBE_DRAIN_NEXT_FAIL);
}

static void test_pauses(void **state)
{
    (void)state;
    assert_int_equal(kube_drain_pause_ms(0, 0), 1000);
    assert_int_equal(kube_drain_pause_ms(1, 0), 1000);
    assert_int_equal(kube_drain_pause_ms(2, 0), 2000);
    assert_int_equal(kube_drain_pause_ms(4, 0), 8000);
    assert_int_equal(kube_drain_pause_ms(~0u, 0), 15000);
    assert_int_equal(kube_drain_pause_ms(1, 10), 10000);
    assert_int_equal(kube_drain_pause_ms(1, 100000), 15000);
    assert_int_equal(kube_drain_pause_ms(1, -5), 1000);
}

static void assert_version(const char *text, const char *expected)
{
    json_auto_t *answer = json_loads(text, 0, NULL);
    const char *version = kube_drain_eviction_version(answer);
    if (expected)
        assert_string_equal(version, expected);
    else
        assert_null(version);
}

static void test_version_of_evictions(void **state)
{
    (void)state;
    assert_version("{\"resources\":[{\"name\":\"pods\"},{\"name\":\"pods/eviction\","
                   "\"group\":\"policy\",\"version\":\"v1\"}]}",
                   "policy/v1");
    assert_version("{\"resources\":[{\"name\":\"pods/eviction\",\"group\":\"policy\","
                   "\"version\":\"v1beta1\"}]}",
                   "policy/v1beta1");
    assert_version("{\"resources\":[{\"name\":\"pods\"}]}", NULL);
    assert_version("{}", NULL);
}

#define BUDGET_WORDS "The disruption budget web needs 2 healthy pods and has 2 currently"
#define REFUSED                                                                                    \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"message\":\"Cannot evict pod as it would "      \
    "violate the pod's disruption budget.\",\"reason\":\"TooManyRequests\",\"details\":{"          \
    "\"causes\":[{\"reason\":\"DisruptionBudget\",\"message\":\"" BUDGET_WORDS "\"}]},"            \
    "\"code\":429}"

static void test_reasons(void **state)
{
    (void)state;
    char reason[128];
    json_auto_t *status = json_loads(REFUSED, 0, NULL);
    assert_string_equal(kube_drain_reason(status, "x", reason, sizeof(reason)), BUDGET_WORDS);
    assert_string_equal(kube_drain_reason(NULL, "no way", reason, sizeof(reason)), "no way");
    assert_string_equal(kube_drain_reason(NULL, "", reason, sizeof(reason)),
                        "the eviction was refused");
    assert_string_equal(kube_drain_reason(status, "x", reason, 8), "The dis");
}

/* ---- the driver ---- */

#define POD(name, more)                                                                            \
    "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"" name "\",\"uid\":\"u-" name                  \
    "\",\"resourceVersion\":\"1\"" more "}}"
#define PODS(items) "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" items "]}"
#define DAEMON ",\"ownerReferences\":[{\"kind\":\"DaemonSet\",\"controller\":true}]"
#define DELETED(name) "{\"type\":\"DELETED\",\"object\":" POD(name, "") "}\n"
#define DISCOVERY "{\"resources\":[{\"name\":\"pods/eviction\",\"version\":\"v1beta1\"}]}"

/* The cluster: what each kind of request is answered. */
struct cluster {
    struct fake_reply cordon, discovery, pods, watch, eviction;
    unsigned cordoned;
    unsigned evictions;
    char order[1024]; /* methods and paths */
    bool dead;        /* the node's kubelet */
};

static struct fake_reply answer(void *user, const struct fake_request *request)
{
    struct cluster *c = user;
    size_t n = strlen(c->order);
    (void)snprintf(c->order + n, sizeof(c->order) - n, "%s %.*s\n", request->method,
                   (int)strcspn(request->target, "?"), request->target);
    if (str_eq(request->method, "PATCH")) {
        c->cordoned++;
        return c->cordon;
    }
    if (str_eq(request->target, "/api/v1"))
        return c->discovery;
    if (str_eq(request->method, "POST")) {
        c->evictions++;
        return c->eviction;
    }
    return strstr(request->target, "watch=1") ? c->watch : c->pods;
}

struct world {
    struct fake_pki pki;
    struct fake_server server;
    struct cluster cluster;
    struct test_loop l;
    struct kube_drain *drain;
    unsigned done;
    int error;
    size_t n_blockers;
    size_t n_evicted;
    char blocker[256];
    char message[256];
    unsigned told;
};

static void on_progress(void *user, const char *text)
{
    struct world *w = user;
    assert_non_null(text);
    w->told++;
}

static void on_drained(void *user, const struct kube_drain_result *result)
{
    struct world *w = user;
    w->done++;
    w->error = result->error;
    w->n_blockers = result->n_blockers;
    w->n_evicted = result->n_evicted;
    (void)snprintf(w->message, sizeof(w->message), "%s", result->message);
    if (result->n_blockers > 0)
        (void)snprintf(w->blocker, sizeof(w->blocker), "%s/%s: %s", result->blockers[0].namespace,
                       result->blockers[0].name, result->blockers[0].reason);
}

static void world_start(struct world *w, const struct cluster *cluster, uint32_t deadline_ms)
{
    *w = (struct world){.cluster = *cluster};
    if (!w->cluster.cordon.http)
        w->cluster.cordon = (struct fake_reply){.text = "{\"kind\":\"Node\"}"};
    if (!w->cluster.discovery.text)
        w->cluster.discovery = (struct fake_reply){.text = DISCOVERY};
    if (!w->cluster.watch.text)
        w->cluster.watch = (struct fake_reply){.end = FAKE_HANG};
    fake_pki_make(&w->pki);
    fake_server_start(&w->server, &w->pki, 0, answer, &w->cluster);
    test_loop_start(&w->l, w->server.url, &w->pki, NULL);
    const struct kube_drain_options options = {.node = "node1",
                                               .deadline_ms = deadline_ms,
                                               .grace_seconds = -1,
                                               .dead = cluster->dead,
                                               .user = w,
                                               .progress = on_progress,
                                               .done = on_drained};
    assert_int_equal(kube_drain_start(w->l.client, &options, &w->drain), 0);
    assert_int_equal(w->done, 0);
}

static void world_stop(struct world *w)
{
    test_loop_stop(&w->l);
    fake_server_stop(&w->server);
    fake_pki_clear(&w->pki);
}

static void test_empty_node(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {.pods.text = PODS(POD("ds", DAEMON))};
    world_start(&w, &cluster, 10000);
    test_loop_until(&w.l, &w.done, 1);
    assert_int_equal(w.error, 0);
    assert_int_equal(w.n_evicted, 0);
    assert_int_equal(w.cluster.cordoned, 1);
    assert_int_equal(w.cluster.evictions, 0);
    assert_non_null(str_after(w.cluster.order, "PATCH /api/v1/nodes/node1\nGET /api/v1\n"
                                               "GET /api/v1/pods\n"));
    world_stop(&w);
}

static void test_pods_go(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {
        .pods.text = PODS(POD("a", "") "," POD("ds", DAEMON) "," POD("b", "")),
        .watch = {.text = DELETED("a") DELETED("b"), .chunk = 64, .pause_ms = 5, .end = FAKE_HANG},
        .eviction = {.http = 201, .text = "{\"kind\":\"Status\",\"status\":\"Success\"}"},
    };
    world_start(&w, &cluster, 20000);
    test_loop_until(&w.l, &w.done, 1);
    assert_int_equal(w.error, 0);
    assert_int_equal(w.n_evicted, 2);
    assert_int_equal(w.n_blockers, 0);
    assert_in_range(w.told, 2, 10);
    world_stop(&w);
}

static void test_budget_in_the_way(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {.pods.text = PODS(POD("a", "")),
                                    .eviction = {.http = 429, .text = REFUSED}};
    world_start(&w, &cluster, 4000);
    test_loop_until(&w.l, &w.done, 1);
    assert_int_equal(w.error, -ETIMEDOUT);
    assert_int_equal(w.n_blockers, 1);
    assert_int_equal(w.n_evicted, 0);
    assert_string_equal(w.blocker, "ns/a: " BUDGET_WORDS);
    world_stop(&w);
}

static void test_what_it_waits_for(void **state)
{
    (void)state;
    struct world w;
    char text[256];
    const struct cluster cluster = {.pods.text = PODS(POD("a", "") "," POD("ds", DAEMON)),
                                    .eviction = {.http = 429, .text = REFUSED}};
    world_start(&w, &cluster, 60000);
    assert_string_equal(kube_drain_describe(w.drain, text, sizeof(text)),
                        "its pods are not known yet");
    test_loop_until(&w.l, &w.told, 1);
    assert_string_equal(kube_drain_describe(w.drain, text, sizeof(text)),
                        "1 pod left; ns/a: " BUDGET_WORDS);
    kube_drain_cancel(w.drain);
    world_stop(&w);
}

static void test_dead_node(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {
        .pods.text = PODS(POD("a", "")), .eviction = {.http = 201, .text = "{}"}, .dead = true};
    world_start(&w, &cluster, 60000);
    test_loop_until(&w.l, &w.done, 1);
    assert_int_equal(w.error, 0);
    assert_int_equal(w.n_blockers, 0);
    assert_int_equal(w.cluster.evictions, 1);
    world_stop(&w);
}

static void test_refusals_are_tried_again(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {.pods.text = PODS(POD("a", "")),
                                    .eviction = {.http = 429, .text = REFUSED}};
    world_start(&w, &cluster, 60000);
    test_loop_until(&w.l, &w.cluster.evictions, 2);
    kube_drain_cancel(w.drain);
    world_stop(&w);
}

static void test_pod_that_does_not_end(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {.pods.text = PODS(POD("a", "")),
                                    .eviction = {.http = 201, .text = "{}"}};
    world_start(&w, &cluster, 3000);
    test_loop_until(&w.l, &w.done, 1);
    assert_int_equal(w.error, -ETIMEDOUT);
    assert_string_equal(w.blocker, "ns/a: is still terminating");
    assert_int_equal(w.cluster.evictions, 1);
    world_stop(&w);
}

static void test_pod_that_may_not_be_evicted(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {
        .pods.text = PODS(POD("a", "")),
        .eviction = {.http = 403,
                     .text = "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"no\"}"}};
    world_start(&w, &cluster, 20000);
    test_loop_until(&w.l, &w.done, 1);
    assert_int_equal(w.error, -EBUSY);
    assert_string_equal(w.blocker, "ns/a: no");
    world_stop(&w);
}

static void test_no_such_node(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {
        .cordon = {.http = 404,
                   .text = "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"nodes "
                           "\\\"node1\\\" not found\"}"}};
    world_start(&w, &cluster, 20000);
    test_loop_until(&w.l, &w.done, 1);
    assert_int_equal(w.error, -ENOENT);
    assert_string_equal(w.message, "nodes \"node1\" not found");
    world_stop(&w);
}

static void test_server_without_evictions(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {.discovery.text = "{\"resources\":[]}"};
    world_start(&w, &cluster, 20000);
    test_loop_until(&w.l, &w.done, 1);
    assert_int_equal(w.error, -EOPNOTSUPP);
    world_stop(&w);
}

static void test_server_away(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {.cordon = {.http = 503, .text = "away"}};
    world_start(&w, &cluster, 60000);
    test_loop_until(&w.l, &w.cluster.cordoned, 2);
    kube_drain_cancel(w.drain);
    world_stop(&w);
    world_start(&w, &cluster, 200);
    test_loop_until(&w.l, &w.done, 1);
    assert_int_equal(w.error, -ETIMEDOUT);
    world_stop(&w);
}

static void test_given_up(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {.pods.text = PODS(POD("a", "")),
                                    .eviction = {.end = FAKE_HANG}};
    world_start(&w, &cluster, 20000);
    test_loop_until(&w.l, &w.cluster.evictions, 1);
    kube_drain_cancel(w.drain);
    test_loop_for(&w.l, 20);
    assert_int_equal(w.done, 0);
    world_stop(&w);
}

static void on_freed(void *user)
{
    *(bool *)user = true;
}

static void test_client_ends(void **state)
{
    (void)state;
    struct world w;
    const struct cluster cluster = {.pods.text = PODS(POD("a", "")),
                                    .eviction = {.end = FAKE_HANG}};
    world_start(&w, &cluster, 20000);
    test_loop_until(&w.l, &w.cluster.evictions, 1);
    kube_client_free(w.l.client, on_freed, &w.l.freed);
    assert_int_equal(w.done, 1);
    assert_int_equal(w.error, -ECANCELED);
    world_stop(&w);
}

UNIT_MAIN(cmocka_unit_test(test_which_pods_go), cmocka_unit_test(test_what_follows_an_eviction),
          cmocka_unit_test(test_pauses), cmocka_unit_test(test_version_of_evictions),
          cmocka_unit_test(test_reasons), cmocka_unit_test(test_empty_node),
          cmocka_unit_test(test_pods_go), cmocka_unit_test(test_budget_in_the_way),
          cmocka_unit_test(test_what_it_waits_for), cmocka_unit_test(test_dead_node),
          cmocka_unit_test(test_refusals_are_tried_again),
          cmocka_unit_test(test_pod_that_does_not_end),
          cmocka_unit_test(test_pod_that_may_not_be_evicted), cmocka_unit_test(test_no_such_node),
          cmocka_unit_test(test_server_without_evictions), cmocka_unit_test(test_server_away),
          cmocka_unit_test(test_given_up), cmocka_unit_test(test_client_ends))
