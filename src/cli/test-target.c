/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "cli/target.h"

/* What the words of a line name, as "kind/name kind ...", or the error. */
static char *parse(const char *line)
{
    char text[128];
    const char *words[16] = {0};
    size_t count = 0;
    assert_int_equal(str_copy(text, sizeof(text), line), 0);
    char *rest = *text ? text : NULL;
    for (char *word; (word = strsep(&rest, " "));)
        words[count++] = word;
    struct targets targets = {0};
    struct err err = ERR_INIT;
    if (targets_parse(words, &targets, &err) < 0)
        return str_format("error: %s", err_text(&err));
    struct buf out = BUF_INIT;
    for (size_t i = 0; i < targets.count; i++)
        buf_printf(&out, "%s%s%s%s", i ? " " : "", targets.items[i].kind->singular,
                   targets.items[i].name ? "/" : "",
                   targets.items[i].name ? targets.items[i].name : "");
    targets_clear(&targets);
    return buf_steal(&out);
}

static void test_parse(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"machines", "machine"},
        {"machines,images", "machine image"},
        {"mach n1 n2", "machine/n1 machine/n2"},
        {"Machine/n1 image/debian", "machine/n1 image/debian"},
        {"machines.slipway.dev n1", "machine/n1"},
        {"all", "machine image network profile cluster"},
        {"", "error: expected KIND or KIND/NAME"},
        {"machine/", "error: expected KIND/NAME, found \"machine/\""},
        {"machine/n1 n2", "error: expected KIND/NAME, found \"n2\""},
        {"things", "error: unknown kind \"things\": expected one of machines, images, networks, "
                   "profiles, clusters, events"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _autofree_ char *found = parse(cases[i][0]);
        assert_string_equal(found, cases[i][1]);
    }
}

static void test_path(void **state)
{
    (void)state;
    const struct target all = {&kind_machine, NULL}, odd = {&kind_machine, "a/b c"},
                        event = {&kind_event, "e"}, events = {&kind_event, NULL};
    _autobuf_ struct buf query = BUF_INIT;
    query_add(&query, "labelSelector", "a in (x,y)");
    query_add(&query, "limit", "5");
    _autofree_ char *p1 = target_path(&all, buf_str(&query)), *p2 = target_path(&odd, NULL);
    _autofree_ char *p3 = target_path(&event, NULL), *p4 = target_path(&events, NULL);
    assert_string_equal(
        p1, "/apis/slipway.dev/v1alpha1/machines?labelSelector=a%20in%20%28x%2Cy%29&limit=5");
    assert_string_equal(p2, "/apis/slipway.dev/v1alpha1/machines/a%2Fb%20c");
    assert_string_equal(p3, "/api/v1/namespaces/default/events/e");
    assert_string_equal(p4, "/api/v1/events");
    _autofree_ char *name = target_display(&kind_machine, "n1");
    assert_string_equal(name, "machine.slipway.dev/n1");
}

UNIT_MAIN(cmocka_unit_test(test_parse), cmocka_unit_test(test_path))
