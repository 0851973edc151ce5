/* SPDX-License-Identifier: Apache-2.0 */
/* A watch against a server that plays a script: torn streams, lost versions, silence. */
#include "test-fixture.h"

#include "kube/watch.h"

enum { STEPS_MAX = 12 };

/* One request after the other; behind the last step every answer hangs. */
struct script {
    const struct fake_reply *replies;
    unsigned n;
    unsigned asked;
    char targets[STEPS_MAX][256];
};

static struct fake_reply answer_next(void *user, const struct fake_request *request)
{
    struct script *s = user;
    unsigned i = s->asked++;
    if (i < STEPS_MAX)
        (void)snprintf(s->targets[i], sizeof(s->targets[i]), "%s", request->target);
    return i < s->n ? s->replies[i] : (struct fake_reply){.end = FAKE_HANG};
}

/* What the watch told, in words. */
struct told {
    struct buf text;
    unsigned events;
    unsigned synced;
    unsigned troubles;
    int error;
    char trouble[128];
    int kept; /* that are alive */
    struct kube_watch *watch;
    unsigned free_at;        /* event at which the watch is to be freed; 0: never */
    struct kube_client *end; /* client to be ended at the first event */
    bool *freed;
};

static void *keep(void *user, json_t *object, void *previous)
{
    struct told *t = user;
    char *value = strdup(
        json_string_value(json_object_get(json_object_get(object, "metadata"), "resourceVersion")));
    assert_non_null(value);
    t->kept += previous ? 0 : 1;
    free(previous);
    return value;
}

static void drop(void *user, void *kept)
{
    struct told *t = user;
    t->kept--;
    free(kept);
}

static void on_freed(void *user)
{
    *(bool *)user = true;
}

static void changed(void *user, enum kube_change change, const struct kube_object *entry,
                    json_t *object)
{
    struct told *t = user;
    static const char signs[] = {'+', '~', '-'};
    buf_printf(&t->text, "%c%s%s%s@%s%s ", signs[change], entry->namespace,
               entry->namespace[0] ? "/" : "", entry->name, entry->resource_version,
               object ? "" : "!");
    t->events++;
    assert_non_null(entry->kept);
    assert_true(change == KUBE_DELETED ||
                kube_watch_find(t->watch, entry->namespace, entry->name) == entry);
    if (t->free_at == t->events)
        kube_watch_free(t->watch);
    if (t->end)
        kube_client_free(TAKE_PTR(t->end), on_freed, t->freed);
}

static void synced(void *user)
{
    struct told *t = user;
    t->synced++;
    buf_adds(&t->text, "| ");
}

static void trouble(void *user, int error, const char *text)
{
    struct told *t = user;
    t->troubles++;
    t->error = error;
    (void)snprintf(t->trouble, sizeof(t->trouble), "%s", text);
}

struct world {
    struct fake_pki pki;
    struct fake_server server;
    struct script script;
    struct test_loop l;
    struct told told;
};

static void world_start_with(struct world *w, const struct fake_reply *replies, unsigned n,
                             const struct kube_watch_options *limits,
                             const struct kube_options *options)
{
    struct kube_watch_options o = limits ? *limits : (struct kube_watch_options){0};
    *w = (struct world){.script = {.replies = replies, .n = n}};
    fake_pki_make(&w->pki);
    fake_server_start(&w->server, &w->pki, 0, answer_next, &w->script);
    test_loop_start(&w->l, w->server.url, &w->pki, options);
    o.kind = o.kind ? o.kind : &kube_nodes;
    o.user = &w->told;
    o.keep = keep;
    o.drop = drop;
    o.changed = changed;
    o.synced = synced;
    o.trouble = trouble;
    o.retry_min_ms = o.retry_min_ms ? o.retry_min_ms : 1;
    o.retry_max_ms = o.retry_max_ms ? o.retry_max_ms : 20;
    assert_int_equal(kube_watch_new(w->l.client, &o, &w->told.watch), 0);
    assert_false(kube_watch_is_synced(w->told.watch));
}

static void world_start(struct world *w, const struct fake_reply *replies, unsigned n,
                        const struct kube_watch_options *limits)
{
    world_start_with(w, replies, n, limits, NULL);
}

static void world_stop(struct world *w)
{
    kube_watch_free(w->told.watch);
    assert_int_equal(w->told.kept, 0);
    test_loop_stop(&w->l);
    fake_server_stop(&w->server);
    fake_pki_clear(&w->pki);
    buf_free(&w->told.text);
}

static unsigned version_asked(const struct world *w, unsigned i)
{
    const char *at = strstr(w->script.targets[i], "resourceVersion=");
    return at ? (unsigned)strtoul(at + strlen("resourceVersion="), NULL, 10) : 0;
}

#define META(name, uid, version)                                                                   \
    "{\"metadata\":{\"name\":\"" name "\",\"uid\":\"" uid "\",\"resourceVersion\":\"" version "\"" \
    "}}"
#define LIST(version, items)                                                                       \
    "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define EVENT(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version)                                                                          \
    "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version "\"}}}\n"
#define GONE                                                                                       \
    "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Expired\",\"code\":410,"             \
    "\"message\":\"too old resource version: 5 (9)\"}"

static void test_list_then_watch(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.text = LIST("5", META("a", "1", "3") "," META("b", "2", "5"))},
        {.text = EVENT("ADDED", META("c", "3", "6")) EVENT("MODIFIED", META("a", "1", "7"))
             EVENT("DELETED", META("b", "2", "8")),
         .end = FAKE_HANG},
    };
    struct world w;
    world_start(&w, replies, 2, NULL);
    test_loop_until(&w.l, &w.told.events, 5);
    assert_string_equal(buf_str(&w.told.text), "+a@3 +b@5 | +c@6 ~a@7 -b@5 ");
    assert_true(kube_watch_is_synced(w.told.watch));
    assert_int_equal(kube_watch_count(w.told.watch), 2);
    assert_null(kube_watch_find(w.told.watch, NULL, "b"));
    const struct kube_object *a = kube_watch_find(w.told.watch, "", "a");
    assert_string_equal(a->resource_version, "7");
    assert_string_equal(a->kept, "7");
    assert_string_equal(w.script.targets[0], "/api/v1/nodes?limit=100");
    assert_non_null(strstr(w.script.targets[1], "watch=1&allowWatchBookmarks=true"));
    assert_int_equal(version_asked(&w, 1), 5);
    assert_int_equal(w.told.troubles, 0);
    size_t cursor = 0, n = 0;
    while (kube_watch_next(w.told.watch, &cursor))
        n++;
    assert_int_equal(n, 2);
    world_stop(&w);
}

static void test_namespaces_and_selectors(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.text = LIST("5", "{\"metadata\":{\"namespace\":\"x\",\"name\":\"a\",\"uid\":\"1\","
                           "\"resourceVersion\":\"1\"}},{\"metadata\":{\"namespace\":\"y\","
                           "\"name\":\"a\",\"uid\":\"2\",\"resourceVersion\":\"2\"}}")},
    };
    const struct kube_watch_options options = {
        .kind = &kube_pods, .field_selector = "spec.nodeName=n", .label_selector = "l"};
    struct world w;
    world_start(&w, replies, 1, &options);
    test_loop_until(&w.l, &w.script.asked, 2);
    assert_string_equal(buf_str(&w.told.text), "+x/a@1 +y/a@2 | ");
    assert_string_equal(kube_watch_find(w.told.watch, "y", "a")->uid, "2");
    assert_null(kube_watch_find(w.told.watch, NULL, "a"));
    assert_non_null(strstr(w.script.targets[0], "fieldSelector=spec.nodeName%3Dn"));
    assert_non_null(strstr(w.script.targets[1], "labelSelector=l&fieldSelector=spec.nodeName%3Dn"));
    world_stop(&w);
}

/* However the network cuts the stream. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    static const size_t chunks[] = {1, 2, 7, 64};
    for (size_t i = 0; i < ARRAY_SIZE(chunks); i++) {
        const struct fake_reply replies[] = {
            {.text = LIST("5", META("a", "1", "3"))},
            {.text = EVENT("ADDED", META("b", "2", "6")) EVENT("DELETED", META("a", "1", "7")),
             .chunk = chunks[i],
             .end = FAKE_HANG},
        };
        struct world w;
        world_start(&w, replies, 2, NULL);
        test_loop_until(&w.l, &w.told.events, 3);
        assert_string_equal(buf_str(&w.told.text), "+a@3 | +b@6 -a@3 ");
        world_stop(&w);
    }
}

static void test_drop_in_a_line_resumes_from_the_last_version(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.text = LIST("5", META("a", "1", "3"))},
        {.text = EVENT("MODIFIED", META("a", "1", "6")) "{\"type\":\"ADDED\",\"obj",
         .end = FAKE_DROP},
        {.text = BOOKMARK("20"), .end = FAKE_DROP},
        {.text = EVENT("ADDED", META("b", "2", "21")), .end = FAKE_HANG},
    };
    struct world w;
    world_start(&w, replies, 4, NULL);
    test_loop_until(&w.l, &w.told.events, 3);
    assert_string_equal(buf_str(&w.told.text), "+a@3 | ~a@6 +b@21 ");
    assert_int_equal(version_asked(&w, 2), 6);
    assert_int_equal(version_asked(&w, 3), 20);
    assert_int_equal(w.told.synced, 1);
    assert_int_equal(w.told.troubles, 2);
    assert_int_equal(w.told.error, -ECONNRESET);
    world_stop(&w);
}

/* A watch that knows a@6, and another address of its server, where a@7 comes. */
static void world_start_movable(struct world *w, char *other, size_t size)
{
    static const struct fake_reply replies[] = {
        {.text = LIST("5", META("a", "1", "3"))},
        {.text = EVENT("MODIFIED", META("a", "1", "6")), .end = FAKE_HANG},
        {.text = EVENT("MODIFIED", META("a", "1", "7")), .end = FAKE_HANG},
    };
    world_start(w, replies, 3, NULL);
    (void)snprintf(other, size, "%s/other", w->server.url);
    test_loop_until(&w->l, &w->told.events, 2);
}

static void set_urls(struct world *w, const char *first, const char *second)
{
    const char *const urls[] = {first, second};
    struct err err = ERR_INIT;
    assert_int_equal(kube_client_set_urls(w->l.client, urls, second ? 2 : 1, &err), 0);
}

/* It goes on there, and nobody is told. */
static void check_moved(struct world *w)
{
    test_loop_until(&w->l, &w->told.events, 3);
    assert_string_equal(buf_str(&w->told.text), "+a@3 | ~a@6 ~a@7 ");
    assert_ptr_equal(strstr(w->script.targets[2], "/other/api/v1/nodes?"), w->script.targets[2]);
    assert_int_equal(version_asked(w, 2), 6);
    assert_int_equal(w->told.troubles, 0);
}

/* Where it is already. */
static void check_stays(struct world *w)
{
    test_loop_for(&w->l, 50);
    assert_int_equal(w->script.asked, 3);
    assert_int_equal(w->told.troubles, 0);
}

/* The API server at the old address may be on its way out. */
static void test_goes_on_at_another_address(void **state)
{
    (void)state;
    struct world w;
    char other[128];
    world_start_movable(&w, other, sizeof(other));
    set_urls(&w, other, w.server.url);
    assert_int_equal(w.told.events, 2);
    check_moved(&w);
    set_urls(&w, other, NULL);
    set_urls(&w, other, NULL);
    check_stays(&w);
    world_stop(&w);
}

/* Its address was the second, and is the first: its place in the list counts, not the one it had.
 */
static void test_its_address_has_another_place(void **state)
{
    (void)state;
    struct world w;
    char other[128];
    world_start_movable(&w, other, sizeof(other));
    set_urls(&w, "https://127.0.0.1:1", other);
    check_moved(&w);
    set_urls(&w, other, "https://127.0.0.1:1");
    set_urls(&w, other, NULL);
    check_stays(&w);
    world_stop(&w);
}

/* Nothing came from there yet. */
static void test_begins_at_another_address(void **state)
{
    (void)state;
    struct world w;
    char silent[64], other[128];
    _autofd_ _unused_ int fd = fake_silent_port(silent, sizeof(silent));
    world_start_movable(&w, other, sizeof(other));
    set_urls(&w, silent, NULL);
    test_loop_for(&w.l, 50);
    set_urls(&w, other, silent);
    check_moved(&w);
    world_stop(&w);
}

static void check_new_list(const struct fake_reply *gone)
{
    const struct fake_reply replies[] = {
        {.text = LIST("5", META("a", "1", "1") "," META("b", "2", "2") "," META("c", "3", "3"))},
        *gone,
        /* a is as it was, b is another, c is gone, d is new */
        {.text = LIST("9", META("a", "1", "1") "," META("b", "22", "8") "," META("d", "4", "9"))},
    };
    struct world w;
    world_start(&w, replies, 3, NULL);
    test_loop_until(&w.l, &w.script.asked, 4);
    assert_string_equal(buf_str(&w.told.text), "+a@1 +b@2 +c@3 | -b@2! +b@8 +d@9 -c@3! | ");
    assert_int_equal(version_asked(&w, 3), 9);
    assert_int_equal(w.told.synced, 2);
    assert_int_equal(w.told.error, -EIDRM);
    assert_string_equal(w.told.trouble, "too old resource version: 5 (9)");
    world_stop(&w);
}

static void test_gone_as_an_answer_lists_anew(void **state)
{
    (void)state;
    check_new_list(&(struct fake_reply){.http = 410, .text = GONE});
}

static void test_gone_as_an_event_lists_anew(void **state)
{
    (void)state;
    check_new_list(&(struct fake_reply){.text = EVENT("ERROR", GONE), .end = FAKE_HANG});
}

static void test_other_errors_resume(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.http = 500, .text = "etcd is away"},
        {.text = LIST("5", META("a", "1", "3"))},
        {.text = EVENT("ERROR", "{\"kind\":\"Status\",\"code\":500,\"message\":\"oops\"}")},
        {.http = 429, .text = "later", .retry_after = "1000"}, /* more than retry_max_ms */
        {.text = EVENT("DELETED", META("a", "1", "7")), .end = FAKE_HANG},
    };
    struct world w;
    world_start(&w, replies, 5, NULL);
    test_loop_until(&w.l, &w.told.events, 2);
    assert_string_equal(buf_str(&w.told.text), "+a@3 | -a@3 ");
    assert_int_equal(w.told.troubles, 3);
    assert_int_equal(version_asked(&w, 4), 5);
    world_stop(&w);
}

static void test_orderly_ends_are_no_trouble(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.text = LIST("5", "")},
        {.text = BOOKMARK("6")},
        {.text = ""},
        {.text = EVENT("ADDED", META("a", "1", "7")), .end = FAKE_HANG},
    };
    struct world w;
    world_start(&w, replies, 4, NULL);
    test_loop_until(&w.l, &w.told.events, 1);
    assert_int_equal(w.told.troubles, 0);
    assert_int_equal(version_asked(&w, 3), 6);
    world_stop(&w);
}

static void test_silence_is_given_up(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.text = LIST("5", "")},
        {.text = BOOKMARK("6"), .end = FAKE_HANG},
        {.text = EVENT("ADDED", META("a", "1", "7")), .end = FAKE_HANG},
    };
    const struct kube_watch_options limits = {.timeout_seconds = 1, .grace_seconds = 1};
    struct world w;
    world_start(&w, replies, 3, &limits);
    test_loop_until(&w.l, &w.told.events, 1);
    assert_int_equal(w.told.error, -ETIMEDOUT);
    assert_int_equal(w.told.troubles, 1);
    assert_int_equal(version_asked(&w, 2), 6);
    assert_non_null(strstr(w.script.targets[1], "timeoutSeconds=1"));
    world_stop(&w);
}

static void test_too_long_a_page_is_made_shorter(void **state)
{
    (void)state;
    _autobuf_ struct buf page = BUF_INIT;
    buf_adds(&page, LIST("5", ""));
    for (int i = 0; i < 4096; i++)
        buf_adds(&page, "                ");
    const struct fake_reply replies[] = {{.text = buf_str(&page)},
                                         {.text = buf_str(&page)},
                                         {.text = LIST("5", META("a", "1", "1"))}};
    const struct kube_options options = {.response_max = 4096};
    struct world w;
    world_start_with(&w, replies, 3, NULL, &options);
    test_loop_until(&w.l, &w.told.synced, 1);
    assert_int_equal(w.told.error, -EMSGSIZE);
    assert_string_equal(w.script.targets[0], "/api/v1/nodes?limit=100");
    assert_string_equal(w.script.targets[1], "/api/v1/nodes?limit=25");
    assert_string_equal(w.script.targets[2], "/api/v1/nodes?limit=6");
    world_stop(&w);
}

static void test_expired_continuation_lists_in_one_piece(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.text = "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"x\"},\"items\":[" META(
             "a", "1", "1") "]}"},
        {.http = 410, .text = GONE},
        {.text = LIST("9", META("b", "2", "2"))},
    };
    struct world w;
    world_start(&w, replies, 3, NULL);
    test_loop_until(&w.l, &w.told.synced, 1);
    assert_string_equal(buf_str(&w.told.text), "+a@1 +b@2 -a@1! | ");
    assert_string_equal(w.script.targets[2], "/api/v1/nodes");
    world_stop(&w);
}

static void test_too_long_an_event_lists_anew(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.text = LIST("5", META("a", "1", "1"))},
        {.text = EVENT("MODIFIED", "{\"metadata\":{\"name\":\"a\",\"uid\":\"1\","
                                   "\"resourceVersion\":\"6\",\"annotations\":{\"x\":\""
                                   "0123456789012345678901234567890123456789\"}}}"),
         .end = FAKE_HANG},
        {.text = LIST("9", META("a", "1", "6"))},
    };
    const struct kube_watch_options limits = {.line_max = 100};
    struct world w;
    world_start(&w, replies, 3, &limits);
    test_loop_until(&w.l, &w.told.synced, 2);
    assert_string_equal(buf_str(&w.told.text), "+a@1 | ~a@6 | ");
    assert_int_equal(w.told.error, -EMSGSIZE);
    world_stop(&w);
}

static void test_what_cannot_be_read_is_passed_over(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.text = LIST("5", META("a", "1", "1") ",{\"metadata\":{}},7")},
        {.text = "no json\n\n" EVENT("LATER", "{}") EVENT("ADDED", "{}")
             EVENT("ADDED", META("b", "2", "6")),
         .end = FAKE_HANG},
    };
    struct world w;
    world_start(&w, replies, 2, NULL);
    test_loop_until(&w.l, &w.told.events, 2);
    assert_string_equal(buf_str(&w.told.text), "+a@1 | +b@6 ");
    assert_int_equal(w.told.troubles, 4);
    assert_int_equal(w.told.error, -EBADMSG);
    world_stop(&w);
}

static void test_what_is_known_is_not_told_again(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.text = LIST("5", META("a", "1", "1"))},
        {.text = EVENT("ADDED", META("a", "1", "1")) EVENT("ADDED", META("a", "1", "6"))
             EVENT("DELETED", META("x", "9", "7")) EVENT("ADDED", META("b", "2", "8")),
         .end = FAKE_HANG},
    };
    struct world w;
    world_start(&w, replies, 2, NULL);
    test_loop_until(&w.l, &w.told.events, 3);
    assert_string_equal(buf_str(&w.told.text), "+a@1 | ~a@6 +b@8 ");
    world_stop(&w);
}

static void test_number_of_objects_is_bounded(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {
        {.text = LIST("5", META("a", "1", "1") "," META("b", "2", "2") "," META("c", "3", "3"))},
        {.text = EVENT("DELETED", META("a", "1", "6")) EVENT("ADDED", META("d", "4", "7")),
         .end = FAKE_HANG},
    };
    const struct kube_watch_options limits = {.objects_max = 1};
    struct world w;
    world_start(&w, replies, 2, &limits);
    test_loop_until(&w.l, &w.told.events, 3);
    assert_string_equal(buf_str(&w.told.text), "+a@1 | -a@1 +d@7 ");
    assert_int_equal(w.told.troubles, 1);
    assert_int_equal(w.told.error, -ENOSPC);
    world_stop(&w);
}

/* ---- ending inside callbacks ---- */

static const struct fake_reply ending[] = {
    {.text = LIST("5", META("a", "1", "1") "," META("b", "2", "2"))},
    {.text = EVENT("DELETED", META("a", "1", "6")) EVENT("ADDED", META("c", "3", "7")),
     .end = FAKE_HANG},
};

static void test_freed_inside(void **state)
{
    (void)state;
    static const char *const told[] = {"+a@1 ", "+a@1 +b@2 ", "+a@1 +b@2 | -a@1 ",
                                       "+a@1 +b@2 | -a@1 +c@7 "};
    for (unsigned at = 1; at <= ARRAY_SIZE(told); at++) {
        struct world w;
        world_start(&w, ending, 2, NULL);
        w.told.free_at = at;
        test_loop_until(&w.l, &w.told.events, at);
        assert_int_equal(w.told.kept, 0);
        test_loop_for(&w.l, 20);
        assert_string_equal(buf_str(&w.told.text), told[at - 1]);
        w.told.watch = NULL;
        world_stop(&w);
    }
}

static void test_client_ended_inside(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, ending, 2, NULL);
    w.told.end = w.l.client;
    w.told.freed = &w.l.freed;
    test_loop_until(&w.l, &w.told.events, 1);
    test_loop_for(&w.l, 20);
    assert_string_equal(buf_str(&w.told.text), "+a@1 ");
    assert_int_equal(kube_watch_count(w.told.watch), 1);
    assert_int_equal(w.told.troubles, 0);
    world_stop(&w);
}

static void test_client_ended_in_a_pause(void **state)
{
    (void)state;
    static const struct fake_reply replies[] = {{.http = 500}};
    const struct kube_watch_options limits = {.retry_min_ms = 60000, .retry_max_ms = 60000};
    struct world w;
    world_start(&w, replies, 1, &limits);
    test_loop_until(&w.l, &w.told.troubles, 1);
    kube_client_free(w.l.client, on_freed, &w.l.freed);
    world_stop(&w);
}

static void test_options_that_cannot_be(void **state)
{
    (void)state;
    struct world w;
    struct kube_watch *watch = NULL;
    struct kube_watch_options o = {.kind = &kube_pods, .namespace = "../x", .changed = changed};
    world_start(&w, ending, 0, NULL);
    assert_int_equal(kube_watch_new(w.l.client, &o, &watch), -EINVAL);
    o.namespace = NULL;
    o.changed = NULL;
    assert_int_equal(kube_watch_new(w.l.client, &o, &watch), -EINVAL);
    world_stop(&w);
}

UNIT_MAIN(cmocka_unit_test(test_list_then_watch), cmocka_unit_test(test_namespaces_and_selectors),
          cmocka_unit_test(test_cut_anywhere),
          cmocka_unit_test(test_drop_in_a_line_resumes_from_the_last_version),
          cmocka_unit_test(test_gone_as_an_answer_lists_anew),
          cmocka_unit_test(test_gone_as_an_event_lists_anew),
          cmocka_unit_test(test_other_errors_resume),
          cmocka_unit_test(test_orderly_ends_are_no_trouble),
          cmocka_unit_test(test_goes_on_at_another_address),
          cmocka_unit_test(test_its_address_has_another_place),
          cmocka_unit_test(test_begins_at_another_address),
          cmocka_unit_test(test_silence_is_given_up),
          cmocka_unit_test(test_too_long_a_page_is_made_shorter),
          cmocka_unit_test(test_expired_continuation_lists_in_one_piece),
          cmocka_unit_test(test_too_long_an_event_lists_anew),
          cmocka_unit_test(test_what_cannot_be_read_is_passed_over),
          cmocka_unit_test(test_what_is_known_is_not_told_again),
          cmocka_unit_test(test_number_of_objects_is_bounded), cmocka_unit_test(test_freed_inside),
          cmocka_unit_test(test_client_ended_inside),
          cmocka_unit_test(test_client_ended_in_a_pause),
          cmocka_unit_test(test_options_that_cannot_be))
