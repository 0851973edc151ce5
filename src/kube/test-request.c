/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs as they look on the wire, lists page by page, pauses. */
#include "test-fixture.h"

#include "kube/backoff.h"
#include "kube/request.h"

enum { STEPS_MAX = 8 };

struct script {
    struct fake_reply replies[STEPS_MAX];
    unsigned n;
    unsigned asked;
    char targets[STEPS_MAX][512];
    char method[16];
    char content_type[64];
    char body[1024];
};

static struct fake_reply answer_next(void *user, const struct fake_request *request)
{
    struct script *s = user;
    unsigned i = s->asked < STEPS_MAX ? s->asked : STEPS_MAX - 1;
    s->asked++;
    (void)snprintf(s->targets[i], sizeof(s->targets[i]), "%s", request->target);
    (void)snprintf(s->method, sizeof(s->method), "%s", request->method);
    (void)snprintf(s->content_type, sizeof(s->content_type), "%s", request->content_type);
    (void)snprintf(s->body, sizeof(s->body), "%s", request->body);
    return i < s->n ? s->replies[i] : (struct fake_reply){.text = "{}"};
}

struct world {
    struct fake_pki pki;
    struct fake_server server;
    struct script script;
    struct test_loop l;
    struct test_answer seen;
};

static void world_start(struct world *w, const struct fake_reply *replies, unsigned n)
{
    *w = (struct world){.script.n = n};
    for (unsigned i = 0; i < n; i++)
        w->script.replies[i] = replies[i];
    fake_pki_make(&w->pki);
    fake_server_start(&w->server, &w->pki, 0, answer_next, &w->script);
    test_loop_start(&w->l, w->server.url, &w->pki, NULL);
}

static void world_stop(struct world *w)
{
    test_loop_stop(&w->l);
    test_answer_clear(&w->seen);
    fake_server_stop(&w->server);
    fake_pki_clear(&w->pki);
}

/* What the server saw of the request that was just made. */
static void expect(struct world *w, int made, const char *method, const char *target,
                   const char *type, const char *body)
{
    assert_int_equal(made, 0);
    test_loop_until(&w->l, &w->seen.count, 1);
    assert_int_equal(w->seen.error, 0);
    assert_string_equal(w->script.method, method);
    assert_string_equal(w->script.targets[0], target);
    assert_string_equal(w->script.content_type, type);
    json_auto_t *sent = body ? json_loads(w->script.body, 0, NULL) : NULL;
    json_auto_t *expected = body ? json_loads(body, 0, NULL) : NULL;
    if (body)
        assert_true(json_equal(sent, expected));
    else
        assert_string_equal(w->script.body, "");
    w->seen.count = 0;
    w->script.asked = 0;
}

#define THEN(w) ((struct kube_then){test_done, &(w).seen, NULL})
#define JSON "application/json"

static const struct kube_path node1 = {&kube_nodes, NULL, "node1", NULL};
static const struct kube_path nodes = {&kube_nodes, NULL, NULL, NULL};

static void test_reading_and_creating(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, NULL, 0);
    json_auto_t *object = json_pack("{s:s}", "kind", "Node");
    struct kube_client *c = w.l.client;
    expect(&w, kube_get(c, &node1, THEN(w)), "GET", "/api/v1/nodes/node1", "", NULL);
    expect(&w, kube_create(c, &nodes, object, NULL, THEN(w)), "POST",
           "/api/v1/nodes?fieldManager=slipway", JSON, "{\"kind\":\"Node\"}");
    const struct kube_path approval = {&kube_csrs, NULL, "csr-1", "approval"};
    const struct kube_write_options dry = {.field_manager = "a b", .dry_run = true};
    expect(&w, kube_update(c, &approval, object, &dry, THEN(w)), "PUT",
           "/apis/certificates.k8s.io/v1/certificatesigningrequests/csr-1/approval"
           "?fieldManager=a%20b&dryRun=All",
           JSON, "{\"kind\":\"Node\"}");
    world_stop(&w);
}

static void test_patching(void **state)
{
    (void)state;
    static const struct {
        enum kube_patch type;
        const char *target, *content_type;
    } cases[] = {
        {KUBE_PATCH_MERGE, "/api/v1/nodes/node1?fieldManager=slipway",
         "application/merge-patch+json"},
        {KUBE_PATCH_STRATEGIC, "/api/v1/nodes/node1?fieldManager=slipway",
         "application/strategic-merge-patch+json"},
        {KUBE_PATCH_JSON, "/api/v1/nodes/node1?fieldManager=slipway",
         "application/json-patch+json"},
        {KUBE_PATCH_APPLY, "/api/v1/nodes/node1?fieldManager=slipway&force=true",
         "application/apply-patch+yaml"},
    };
    struct world w;
    const struct kube_write_options force = {.force = true};
    world_start(&w, NULL, 0);
    json_auto_t *patch = json_pack("{s:{s:n}}", "spec", "taints");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(&w, kube_patch(w.l.client, &node1, cases[i].type, patch, &force, THEN(w)), "PATCH",
               cases[i].target, cases[i].content_type, "{\"spec\":{\"taints\":null}}");
    world_stop(&w);
}

static void test_deleting_and_evicting(void **state)
{
    (void)state;
    struct world w;
    struct kube_client *c;
    world_start(&w, NULL, 0);
    c = w.l.client;
    expect(&w, kube_delete(c, &node1, NULL, THEN(w)), "DELETE", "/api/v1/nodes/node1", JSON,
           "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\"}");
    const struct kube_delete_options precise = {.uid = "u",
                                                .resource_version = "7",
                                                .grace_seconds = 0,
                                                .propagation = KUBE_PROPAGATION_FOREGROUND};
    expect(&w, kube_delete(c, &node1, &precise, THEN(w)), "DELETE", "/api/v1/nodes/node1", JSON,
           "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"gracePeriodSeconds\":0,"
           "\"propagationPolicy\":\"Foreground\","
           "\"preconditions\":{\"uid\":\"u\",\"resourceVersion\":\"7\"}}");
    expect(&w, kube_evict(c, "ns", "pod", "policy/v1beta1", "u", -1, THEN(w)), "POST",
           "/api/v1/namespaces/ns/pods/pod/eviction?fieldManager=slipway", JSON,
           "{\"apiVersion\":\"policy/v1beta1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":"
           "\"pod\",\"namespace\":\"ns\"},\"deleteOptions\":{\"apiVersion\":\"v1\",\"kind\":"
           "\"DeleteOptions\",\"preconditions\":{\"uid\":\"u\"}}}");
    world_stop(&w);
}

static int no_item(void *user, json_t *object)
{
    (void)user;
    (void)object;
    return 0;
}

static void no_list(void *user, const struct kube_answer *answer, const char *version)
{
    (void)user;
    (void)answer;
    (void)version;
}

static void test_requests_that_cannot_be(void **state)
{
    (void)state;
    struct world w;
    const struct kube_path up = {&kube_nodes, NULL, "..", NULL};
    const struct kube_list_then list = {no_item, no_list, NULL, NULL};
    world_start(&w, NULL, 0);
    json_auto_t *object = json_object();
    struct kube_client *c = w.l.client;
    assert_int_equal(kube_get(c, &up, THEN(w)), -EINVAL);
    assert_int_equal(kube_get(c, &nodes, THEN(w)), -EINVAL);
    assert_int_equal(kube_create(c, &node1, object, NULL, THEN(w)), -EINVAL);
    assert_int_equal(kube_update(c, &nodes, object, NULL, THEN(w)), -EINVAL);
    assert_int_equal(kube_delete(c, &nodes, NULL, THEN(w)), -EINVAL);
    assert_int_equal(kube_list(c, &node1, NULL, list), -EINVAL);
    static const char *const paths[] = {"", "api", "/a b", "/a\r\nX: y", "/a#b", "/\xc3\xa4"};
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        const struct kube_call call = {.path = paths[i]};
        assert_int_equal(kube_call(c, &call, THEN(w)), -EINVAL);
    }
    test_loop_for(&w.l, 20);
    assert_int_equal(w.server.requests, 0);
    world_stop(&w);
}

/* ---- lists ---- */

struct listed {
    struct buf names;
    unsigned done;
    int error;
    char version[32];
    int stop_at; /* the object at which to stop; 0: none */
    int n;
    struct kube_client *end; /* to be ended at the first object */
    bool *freed;
    struct kube_request *slot;
};

static void on_freed(void *user)
{
    *(bool *)user = true;
}

static int on_item(void *user, json_t *object)
{
    struct listed *l = user;
    buf_printf(&l->names, "%s ", json_string_value(json_object_get(object, "name")));
    if (l->end)
        kube_client_free(TAKE_PTR(l->end), on_freed, l->freed);
    return ++l->n == l->stop_at ? 1 : 0;
}

static void on_list(void *user, const struct kube_answer *answer, const char *version)
{
    struct listed *l = user;
    l->done++;
    l->error = answer->error;
    (void)snprintf(l->version, sizeof(l->version), "%s", version ? version : "");
}

static void list_nodes(struct world *w, struct listed *l, const struct kube_list_options *options)
{
    const struct kube_list_then then = {on_item, on_list, l, &l->slot};
    assert_int_equal(kube_list(w->l.client, &nodes, options, then), 0);
}

#define PAGE_1                                                                                     \
    "{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"x+/=\"},"                             \
    "\"items\":[{\"name\":\"a\"},{\"name\":\"b\"}]}"
#define PAGE_2 "{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[{\"name\":\"c\"}]}"

static void test_list_in_pages(void **state)
{
    (void)state;
    struct world w;
    struct listed l = {0};
    const struct fake_reply pages[] = {{.text = PAGE_1}, {.text = PAGE_2}};
    const struct kube_list_options options = {.label_selector = "a=b", .page = 2};
    world_start(&w, pages, 2);
    list_nodes(&w, &l, &options);
    test_loop_until(&w.l, &l.done, 1);
    assert_int_equal(l.error, 0);
    assert_string_equal(buf_str(&l.names), "a b c ");
    assert_string_equal(l.version, "9");
    assert_string_equal(w.script.targets[0], "/api/v1/nodes?labelSelector=a%3Db&limit=2");
    assert_string_equal(w.script.targets[1],
                        "/api/v1/nodes?labelSelector=a%3Db&limit=2&continue=x%2B%2F%3D");
    buf_free(&l.names);
    world_stop(&w);
}

static void test_list_whose_continuation_expires(void **state)
{
    (void)state;
    struct world w;
    struct listed l = {0};
    const struct fake_reply pages[] = {
        {.text = PAGE_1}, {.http = 410, .text = "{\"kind\":\"Status\",\"reason\":\"Expired\"}"}};
    const struct kube_list_options options = {.page = KUBE_PAGE_ALL};
    world_start(&w, pages, 2);
    list_nodes(&w, &l, &options);
    test_loop_until(&w.l, &l.done, 1);
    assert_int_equal(l.error, -EIDRM);
    assert_string_equal(l.version, "");
    assert_string_equal(w.script.targets[0], "/api/v1/nodes");
    buf_free(&l.names);
    world_stop(&w);
}

static void test_list_that_is_none(void **state)
{
    (void)state;
    struct world w;
    struct listed l = {0};
    const struct fake_reply pages[] = {{.text = "{\"items\":[{\"name\":\"a\"}]}"}};
    world_start(&w, pages, 1);
    list_nodes(&w, &l, NULL);
    test_loop_until(&w.l, &l.done, 1);
    assert_int_equal(l.error, -EBADMSG);
    assert_int_equal(l.names.len, 0);
    buf_free(&l.names);
    world_stop(&w);
}

static void test_list_stopped_inside(void **state)
{
    (void)state;
    struct world w;
    struct listed l = {.stop_at = 1};
    const struct fake_reply pages[] = {{.text = PAGE_1}, {.text = PAGE_2}};
    world_start(&w, pages, 2);
    list_nodes(&w, &l, NULL);
    test_loop_for(&w.l, 100);
    assert_string_equal(buf_str(&l.names), "a ");
    assert_int_equal(l.done, 0);
    assert_int_equal(w.server.requests, 1);
    buf_free(&l.names);
    world_stop(&w);
}

static void test_list_cancelled_and_ended(void **state)
{
    (void)state;
    struct world w;
    struct listed l = {0};
    const struct fake_reply pages[] = {{.text = PAGE_1}, {.text = PAGE_1}};
    world_start(&w, pages, 2);
    list_nodes(&w, &l, NULL);
    kube_request_cancel(l.slot);
    assert_null(l.slot);
    test_loop_for(&w.l, 20);
    assert_int_equal(l.done, 0);
    l.end = w.l.client;
    l.freed = &w.l.freed;
    list_nodes(&w, &l, NULL);
    test_loop_until(&w.l, &l.done, 1);
    assert_int_equal(l.error, -ECANCELED);
    buf_free(&l.names);
    world_stop(&w);
}

/* ---- pauses ---- */

static void test_backoff(void **state)
{
    (void)state;
    struct rng_seeded seeded;
    rng_seeded_init(&seeded, 3);
    assert_int_equal(kube_backoff_ms(0, 200, 30000, &seeded.rng), 0);
    for (int i = 0; i < 1000; i++) {
        assert_in_range(kube_backoff_ms(1, 200, 30000, &seeded.rng), 100, 200);
        assert_in_range(kube_backoff_ms(4, 200, 30000, &seeded.rng), 800, 1600);
        assert_in_range(kube_backoff_ms(9, 200, 30000, &seeded.rng), 15000, 30000);
        assert_in_range(kube_backoff_ms(~0u, 200, 30000, &seeded.rng), 15000, 30000);
        assert_in_range(kube_backoff_ms(~0u, UINT32_MAX, UINT32_MAX, &seeded.rng), UINT32_MAX / 2,
                        UINT32_MAX);
    }
}

UNIT_MAIN(cmocka_unit_test(test_reading_and_creating), cmocka_unit_test(test_patching),
          cmocka_unit_test(test_deleting_and_evicting),
          cmocka_unit_test(test_requests_that_cannot_be), cmocka_unit_test(test_list_in_pages),
          cmocka_unit_test(test_list_whose_continuation_expires),
          cmocka_unit_test(test_list_that_is_none), cmocka_unit_test(test_list_stopped_inside),
          cmocka_unit_test(test_list_cancelled_and_ended), cmocka_unit_test(test_backoff))
