/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <string.h>

#include "base/str.h"
#include "cluster/etcd.h"

/* As etcd 3.4 answers: what is empty is left out. */
static const char listed[] =
    "{\"header\":{\"cluster_id\":\"11404169511693699781\",\"raft_term\":\"2\"},\"members\":["
    "{\"ID\":\"1770919217198555546\",\"name\":\"cp2\",\"peerURLs\":[\"https://10.0.0.2:2380\"],"
    "\"clientURLs\":[\"https://10.0.0.2:2379\"]},"
    "{\"ID\":\"14350346418788406652\",\"name\":\"cp3\",\"peerURLs\":[\"https://10.0.0.3:2380\"],"
    "\"clientURLs\":[\"https://10.0.0.3:2379\"]},"
    "{\"ID\":\"77\",\"peerURLs\":[\"https://10.0.0.4:2380\"]}]}";

static int parse(const char *text, struct etcd_members *ret)
{
    json_t *json = json_loads(text, 0, NULL);
    int r = etcd_members_parse(json, ret);
    json_decref(json);
    return r;
}

static void members_are_read(void **state)
{
    _autoetcdmembers_ struct etcd_members m = {.n = 0};
    (void)state;
    assert_int_equal(parse(listed, &m), 0);
    assert_int_equal(m.n, 3);
    assert_string_equal(m.items[0].id, "1770919217198555546");
    assert_string_equal(m.items[0].name, "cp2");
    assert_string_equal(m.items[0].client_url, "https://10.0.0.2:2379");
    assert_int_equal(m.items[0].address, 0x0a000002);
    assert_string_equal(m.items[1].id, "14350346418788406652");
    assert_string_equal(m.items[2].name, "");
    assert_null(m.items[2].client_url);
    json_t *body = etcd_remove_body(&m.items[1]);
    assert_string_equal(json_string_value(json_object_get(body, "ID")), "14350346418788406652");
    json_decref(body);
}

static void what_is_no_list_is_refused(void **state)
{
    static const char *const bad[] = {
        "{}",
        "[]",
        "{\"members\":{}}",
        "{\"members\":[]}",
        "{\"members\":[1]}",
        "{\"members\":[{\"name\":\"a\"}]}",
        "{\"members\":[{\"ID\":7}]}",
        "{\"members\":[{\"ID\":\"-1\"}]}",
        "{\"members\":[{\"ID\":\"18446744073709551616\"}]}",
        "{\"members\":[{\"ID\":\"1\"},{\"ID\":\"x\"}]}",
    };
    struct etcd_members m = {.n = 0};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (parse(bad[i], &m) != -EBADMSG)
            fail_msg("accepted: %s", bad[i]);
    json_t *many = json_pack("{s:[]}", "members");
    for (int i = 0; i <= ETCD_MEMBERS_MAX; i++)
        (void)json_array_append_new(json_object_get(many, "members"), json_pack("{ss}", "ID", "1"));
    assert_int_equal(etcd_members_parse(many, &m), -E2BIG);
    json_decref(many);
}

static void a_member_without_a_leader_is_not_healthy(void **state)
{
    static const struct {
        const char *answer;
        bool healthy;
    } cases[] = {
        {"{\"leader\":\"14350346418788406652\",\"raftTerm\":\"2\"}", true},
        {"{\"raftTerm\":\"3\",\"errors\":[\"etcdserver: no leader\"]}", false},
        {"{\"leader\":\"0\"}", false},
        {"{\"leader\":12}", false},
        {"[]", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *json = json_loads(cases[i].answer, 0, NULL);
        assert_int_equal(etcd_status_is_healthy(json), cases[i].healthy);
        json_decref(json);
    }
    assert_false(etcd_status_is_healthy(NULL));
}

static struct etcd_members sample(const char *health)
{
    static char names[][8] = {"cp1", "cp2", "cp3", "cp4", "cp5"};
    static char id[] = "1", url[] = "https://x";
    struct etcd_members m = {.n = strlen(health)};
    for (size_t i = 0; i < m.n; i++)
        m.items[i] = (struct etcd_member){.id = id,
                                          .name = names[i],
                                          .client_url = url,
                                          .address = 0x0a000001 + (ipv4)i,
                                          .healthy = health[i] == '+'};
    return m;
}

static void a_member_goes_only_where_a_quorum_is_left(void **state)
{
    static const struct {
        const char *health; /* a sign for each member: + answers */
        size_t index;
        int result;
    } cases[] = {
        {"+", 0, -EDOM},    {"-", 0, -EDOM},      {"++", 0, 0},        {"+-", 0, -EBUSY},
        {"+-", 1, -EBUSY},  {"+++", 0, 0},        {"++-", 2, 0},       {"++-", 0, -EBUSY},
        {"+--", 1, -EBUSY}, {"+--", 0, -EBUSY},   {"---", 0, -EBUSY},  {"++++", 0, 0},
        {"+++-", 3, 0},     {"+++-", 0, 0},       {"++--", 2, -EBUSY}, {"++--", 0, -EBUSY},
        {"+++--", 4, 0},    {"+++--", 0, -EBUSY},
    };
    char text[ETCD_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct etcd_members m = sample(cases[i].health);
        int r = etcd_may_remove(&m, cases[i].index, text);
        if (r != cases[i].result || (r == -EBUSY) != (text[0] != '\0'))
            fail_msg("%s, removing %zu: %d \"%s\"", cases[i].health, cases[i].index, r, text);
    }
}

static void a_refusal_names_the_numbers(void **state)
{
    char text[ETCD_TEXT_SIZE];
    struct etcd_members m = sample("+--");
    (void)state;
    assert_int_equal(etcd_may_remove(&m, 1, text), -EBUSY);
    assert_string_equal(text, "etcd has lost its quorum: 1 of 3 members answer, 2 are needed");
    m = sample("++-");
    assert_int_equal(etcd_may_remove(&m, 0, text), -EBUSY);
    assert_string_equal(text, "etcd would lose its quorum without member cp1: 1 of the other 2 "
                              "answer, 2 are needed");
}

static void a_member_is_found_by_its_name_or_where_it_should_have_started(void **state)
{
    static char none[] = "";
    struct etcd_members m = sample("+++");
    (void)state;
    assert_ptr_equal(etcd_find(&m, "cp2", 0), &m.items[1]);
    assert_null(etcd_find(&m, "cp9", 0));
    assert_null(etcd_find(&m, "cp9", 0x0a000002)); /* another one's address */
    assert_null(etcd_find(&m, "", 0));
    m.items[2].name = none;
    assert_ptr_equal(etcd_find(&m, "cp9", 0x0a000003), &m.items[2]);
    assert_null(etcd_find(&m, "cp9", 0));
}

static void members_of_nobody_are_stale(void **state)
{
    static char none[] = "";
    static const char *const known[] = {"cp1", "cp2", "cp4"};
    struct etcd_members m = sample("+++");
    (void)state;
    assert_null(etcd_stale(&m, "cp4", known, ARRAY_SIZE(known))); /* cp3 is not ours, and works */
    m = sample("++-");
    assert_ptr_equal(etcd_stale(&m, "cp4", known, ARRAY_SIZE(known)), &m.items[2]);
    m = sample("+-+"); /* down, but a control plane of ours: it comes back, or leaves in order */
    assert_null(etcd_stale(&m, "cp4", known, ARRAY_SIZE(known)));
    m = sample("+++");
    assert_ptr_equal(etcd_stale(&m, "cp2", known, ARRAY_SIZE(known)), &m.items[1]);
    m.items[0].name = none;
    assert_ptr_equal(etcd_stale(&m, "cp4", known, ARRAY_SIZE(known)), &m.items[0]);
}

static void errors_are_read(void **state)
{
    json_t *json = json_loads("{\"error\":\"etcdserver: unhealthy cluster\",\"code\":14}", 0, NULL);
    (void)state;
    assert_string_equal(etcd_error_text(json), "etcdserver: unhealthy cluster");
    assert_null(etcd_error_text(NULL));
    json_decref(json);
}

UNIT_MAIN(cmocka_unit_test(members_are_read), cmocka_unit_test(what_is_no_list_is_refused),
          cmocka_unit_test(a_member_without_a_leader_is_not_healthy),
          cmocka_unit_test(a_member_goes_only_where_a_quorum_is_left),
          cmocka_unit_test(a_refusal_names_the_numbers),
          cmocka_unit_test(a_member_is_found_by_its_name_or_where_it_should_have_started),
          cmocka_unit_test(members_of_nobody_are_stale), cmocka_unit_test(errors_are_read))
