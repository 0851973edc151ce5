/* SPDX-License-Identifier: Apache-2.0 */
/* Files to resources: what YAML means, and what is said about mistakes. */
#include "base/test.h"

#include "base/str.h"
#include "resource/read.h"
#include "resource/validate.h"
#include "resource/yaml-scalar.h"

static void words_mean_what_kubectl_makes_of_them(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum yaml_word type;
        long long value;
    } cases[] = {
        {"yes", YAML_BOOL, 1},
        {"Off", YAML_BOOL, 0},
        {"y", YAML_BOOL, 1},
        {"TRUE", YAML_BOOL, 1},
        {"yEs", YAML_STRING, 0},
        {"~", YAML_NULL, 0},
        {"", YAML_NULL, 0},
        {"null", YAML_NULL, 0},
        {"nil", YAML_STRING, 0},
        {"0644", YAML_INT, 0644},
        {"0x1F", YAML_INT, 31},
        {"0o17", YAML_INT, 15},
        {"0b101", YAML_INT, 5},
        {"1_000", YAML_INT, 1000},
        {"-12", YAML_INT, -12},
        {"+3", YAML_INT, 3},
        {"08", YAML_INT, 8},
        {"1e3", YAML_INT, 1000},
        {"1.0", YAML_INT, 1},
        {"1.5", YAML_REAL, 0},
        {".5", YAML_REAL, 0},
        {"1.", YAML_INT, 1},
        {".", YAML_STRING, 0},
        {"-", YAML_STRING, 0},
        {"1e", YAML_STRING, 0},
        {"0x", YAML_STRING, 0},
        {"--1", YAML_STRING, 0},
        {"0xg", YAML_STRING, 0},
        {".inf", YAML_BAD, 0},
        {"1e999", YAML_BAD, 0},
        {"_", YAML_STRING, 0},
        {"10.0.0.1", YAML_STRING, 0},
        {"10Gi", YAML_STRING, 0},
        {"2026-01-01", YAML_STRING, 0},
        {"52:54:00:12:34:56", YAML_STRING, 0},
        {"9223372036854775807", YAML_INT, INT64_MAX},
        {"9223372036854775808", YAML_BAD, 0},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct yaml_value v = yaml_word_value(cases[i].word);
        if (v.type != cases[i].type)
            fail_msg("%s: type %d instead of %d", cases[i].word, (int)v.type, (int)cases[i].type);
        if (v.type == YAML_INT)
            assert_true(v.integer == cases[i].value);
        if (v.type == YAML_BOOL)
            assert_int_equal(v.boolean, cases[i].value);
    }
}

/* Parses and compares the documents with a JSON array, or the problems with `problems`. */
static void check_yaml(const char *text, const char *json, const char *problems)
{
    _autodocuments_ struct documents docs = {0};
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    int r = yaml_parse("f", text, strlen(text), &docs, &found);
    _autobuf_ struct buf out = BUF_INIT;
    problems_write(&found, &out);
    if (!str_eq(buf_str(&out), problems ? problems : ""))
        fail_msg("%s\n---- said\n%s---- instead of\n%s", text, buf_str(&out), problems);
    assert_int_equal(r, problems ? -EINVAL : 0);
    if (!json)
        return;
    json_t *want = json_loads(json, 0, NULL);
    assert_non_null(want);
    assert_int_equal(json_array_size(want), docs.n);
    for (size_t i = 0; i < docs.n; i++) {
        if (!json_equal(docs.items[i].json, json_array_get(want, i)))
            fail_msg("document %zu of %s", i, text);
    }
    json_decref(want);
}

static void yaml_becomes_json(void **state)
{
    (void)state;
    check_yaml("a: 1\nb: [x, \"1\", 'yes', yes, ~]\n",
               "[{\"a\":1,\"b\":[\"x\",\"1\",\"yes\",true,"
               "null]}]",
               NULL);
    check_yaml("---\n---\na: b\n---\n# nothing\n...\n---\n- 1\n", "[{\"a\":\"b\"},[1]]", NULL);
    check_yaml("{\"a\":{\"b\":[1,2,{\"c\":\"\\u00e9\"}]},\n\t\"d\":\"x\\/y\"}",
               "[{\"a\":{\"b\":[1,2,{\"c\":\"\\u00e9\"}]},\"d\":\"x/y\"}]", NULL);
    check_yaml("{\"a\":\"\\ud83d\\ude00\"}", "[{\"a\":\"\\ud83d\\ude00\"}]", NULL);
    check_yaml("a: &x [1]\nb: *x\nc: {d: *x}\n", "[{\"a\":[1],\"b\":[1],\"c\":{\"d\":[1]}}]", NULL);
    check_yaml("a: |\n  one\n  two\nb: >-\n  one\n  two\n",
               "[{\"a\":\"one\\ntwo\\n\",\"b\":\"one two\"}]", NULL);
    check_yaml("a: !!str 1\nb: !!int \"7\"\nc: ! 5\n", "[{\"a\":\"1\",\"b\":7,\"c\":\"5\"}]", NULL);
    check_yaml("1: x\ntrue: z\n", "[{\"1\":\"x\",\"true\":\"z\"}]", NULL);
    check_yaml("", "[]", NULL);
}

static void bad_yaml_is_explained(void **state)
{
    (void)state;
    check_yaml("a: 1\nb: 2\na: 3\n", NULL, "f:3: the key \"a\" appears twice\n");
    check_yaml("x:\n  y:\n  - a: 1\n    a: 2\n", NULL,
               "f:4: x.y[0]: the key \"a\" appears twice\n");
    check_yaml("a: .inf\nb: 99999999999999999999\n", NULL,
               "f:1: a: neither infinities nor NaN have a JSON form: .inf\n"
               "f:2: b: number too large: 99999999999999999999\n");
    check_yaml("a: *nobody\n", NULL, "f:1: a: unknown alias *nobody\n");
    check_yaml("a: &x\n  b: *x\n", NULL, "f:2: a.b: unknown alias *x\n");
    check_yaml("base: &b {x: 1}\na:\n  <<: *b\n", NULL,
               "f:3: a: merge keys (<<) are not supported; repeat the fields\n");
    check_yaml("? [a]\n: 1\nb: 2\n", NULL, "f:1: a key must be a plain word or a string\n");
    check_yaml("a: !custom 1\n", NULL, "f:1: a: the tag !custom is not supported\n");
    check_yaml("a: \"x\\0y\"\n", NULL, "f:1: a: has a NUL character in it\n");
    check_yaml("a: [1\nb: 2\n", NULL,
               "f:2: did not find expected ',' or ']' while parsing a flow sequence\n");
    check_yaml("a: 1\n---\n}\n", NULL,
               "f:3: did not find expected node content while parsing a "
               "block node\n");
}

static void hostile_yaml_is_bounded(void **state)
{
    (void)state;
    _autobuf_ struct buf bomb = BUF_INIT;
    buf_adds(&bomb, "a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (int c = 'b'; c <= 'j'; c++) {
        buf_printf(&bomb, "%c: &%c [", c, c);
        for (int i = 0; i < 10; i++)
            buf_printf(&bomb, "%s*%c", i ? ", " : "", c - 1);
        buf_adds(&bomb, "]\n");
    }
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    _autodocuments_ struct documents docs = {0};
    assert_int_equal(yaml_parse("f", bomb.data, bomb.len, &docs, &found), -EINVAL);
    assert_non_null(strstr(found.items[0].text, "values in one file"));

    _autobuf_ struct buf deep = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_addc(&deep, '[');
    _autoproblems_ struct problems found_deep = PROBLEMS_INIT;
    _autodocuments_ struct documents docs_deep = {0};
    assert_int_equal(yaml_parse("f", deep.data, deep.len, &docs_deep, &found_deep), -EINVAL);
    assert_string_equal(found_deep.items[0].text, "more than 64 levels deep");

    _autofree_ char *big = calloc(1, YAML_SIZE_MAX + 1);
    _autoproblems_ struct problems found_big = PROBLEMS_INIT;
    _autodocuments_ struct documents docs_big = {0};
    assert_int_equal(yaml_parse(NULL, big, YAML_SIZE_MAX + 1, &docs_big, &found_big), -EINVAL);

    _autobuf_ struct buf deep_json = BUF_INIT;
    for (int i = 0; i < 80; i++)
        buf_adds(&deep_json, "{\"a\":");
    buf_adds(&deep_json, "\"\\ud83d\\ude00\"");
    for (int i = 0; i < 80; i++)
        buf_addc(&deep_json, '}');
    _autoproblems_ struct problems found_json = PROBLEMS_INIT;
    _autodocuments_ struct documents docs_json = {0};
    assert_int_equal(yaml_parse("f", deep_json.data, deep_json.len, &docs_json, &found_json),
                     -EINVAL);
}

static void check_resources(const char *text, size_t n, const char *problems)
{
    _autoresources_ struct resources got = {0};
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    int r = resources_parse("machines.yaml", text, strlen(text), &got, &found);
    _autobuf_ struct buf out = BUF_INIT;
    problems_write(&found, &out);
    if (!str_eq(buf_str(&out), problems))
        fail_msg("%s\n---- said\n%s---- instead of\n%s", text, buf_str(&out), problems);
    assert_int_equal(r, problems[0] ? -EINVAL : 0);
    assert_int_equal(got.n, n);
}

#define HEAD(kind) "apiVersion: slipway.dev/v1alpha1\nkind: " kind "\n"

static void all_mistakes_are_told_at_once_with_their_places(void **state)
{
    (void)state;
    check_resources(HEAD("Machine") /* lines 1 and 2 */
                    "metadata:\n"
                    "  name: Node_1\n"
                    "spec:\n"
                    "  macAddresses:\n"
                    "  - 52:54:00:12:34:56\n"
                    "  - zz\n"
                    "  - 52-54-00-12-34-56\n"
                    "  role: king\n"
                    "  colour: blue\n"
                    "  macAddress: x\n"
                    "  serial: 12345\n"
                    "  network:\n"
                    "    vlan: 5000\n"
                    "    dns: 10.0.0.1\n"
                    "  firstBoot:\n"
                    "    files:\n"
                    "    - content: x\n"
                    "      permissions: 0644\n"
                    "  approved: maybe\n",
                    0,
                    "machines.yaml:4: metadata.name: not a name (lower-case letters, digits, '-' "
                    "and '.'): \"Node_1\"\n"
                    "machines.yaml:8: spec.macAddresses[1]: not a MAC address: \"zz\"\n"
                    "machines.yaml:9: spec.macAddresses[2]: the same as item 0: "
                    "\"52-54-00-12-34-56\"\n"
                    "machines.yaml:10: spec.role: not one of none, controlPlane, worker: \"king\"\n"
                    "machines.yaml:11: spec.colour: unknown field\n"
                    "machines.yaml:12: spec.macAddress: unknown field; did you mean macAddresses?\n"
                    "machines.yaml:13: spec.serial: must be a string, not a number (write it in "
                    "quotes): 12345\n"
                    "machines.yaml:15: spec.network.vlan: not between 1 and 4094: 5000\n"
                    "machines.yaml:16: spec.network.dns: must be a list, not a string: "
                    "\"10.0.0.1\"\n"
                    "machines.yaml:20: spec.firstBoot.files[0].permissions: must be a string, not "
                    "a number (write it in quotes): 420\n"
                    "machines.yaml:19: spec.firstBoot.files[0].path: required\n"
                    "machines.yaml:21: spec.approved: must be true or false, not a string: "
                    "\"maybe\"\n");
}

static void each_document_counts(void **state)
{
    (void)state;
    check_resources(HEAD("Machine") "metadata:\n  name: a\n---\n" HEAD(
                        "Network") "metadata:\n  name: net\nspec:\n  subnet: 10.0.0.0/24\n  mode: "
                                   "proxy\n---\n",
                    2, "");
    check_resources("apiVersion: v1\nkind: List\nitems:\n- apiVersion: slipway.dev/v1alpha1\n"
                    "  kind: Image\n  metadata:\n    name: i\n- apiVersion: slipway.dev/v1alpha1\n"
                    "  kind: Image\n  metadata: {}\n",
                    1, "machines.yaml:10: metadata.name: required\n");
    check_resources("- a\n", 0,
                    "machines.yaml:1: not a resource: an object with apiVersion and kind is "
                    "expected\n");
    check_resources("kind: Machine\n", 0,
                    "machines.yaml:1: apiVersion: required; Slipway's kinds have "
                    "slipway.dev/v1alpha1\n");
    check_resources("apiVersion: v1\nkind: Machine\n", 0,
                    "machines.yaml:1: apiVersion: not slipway.dev/v1alpha1: \"v1\"\n");
    check_resources(
        "apiVersion: v1\nkind: Pod\n", 0,
        "machines.yaml:1: kind: not one of Machine, Image, Network, Profile: \"Pod\"\n");
    check_resources("", 0, "");
}

static void rules_between_fields_have_places_too(void **state)
{
    (void)state;
    check_resources(HEAD("Network") "metadata:\n  name: net\nspec:\n  subnet: 10.0.0.7/24\n"
                                    "  mode: authoritative\n  gateway: 10.0.1.1\n  ranges:\n"
                                    "  - start: 10.0.0.50\n    end: 10.0.0.20\n"
                                    "  - start: 10.0.0.10\n    end: 10.0.0.30\n"
                                    "  - {start: 10.0.0.30, end: 10.0.0.31}\n"
                                    "  routes:\n  - {destination: 0.0.0.0/0, via: 1.1.1.1}\n",
                    0,
                    "machines.yaml:6: spec.subnet: has bits behind its prefix; the subnet is "
                    "10.0.0.0/24\n"
                    "machines.yaml:8: spec.gateway: outside spec.subnet 10.0.0.7/24\n"
                    "machines.yaml:11: spec.ranges[0].end: below spec.ranges[0].start\n"
                    "machines.yaml:14: spec.ranges[2]: overlaps spec.ranges[1]\n"
                    "machines.yaml:16: spec.routes[0].via: outside spec.subnet 10.0.0.7/24\n");
    check_resources(HEAD("Machine") "metadata:\n  name: a\nspec:\n  rootDisk:\n    minSize: 10Gi\n"
                                    "    maxSize: 5Gi\n  firstBoot:\n    files:\n    - path: /a\n"
                                    "      encoding: base64\n      content: '%%'\n",
                    0,
                    "machines.yaml:7: spec.rootDisk.minSize: above spec.rootDisk.maxSize\n"
                    "machines.yaml:13: spec.firstBoot.files[0].content: not base64, as encoding "
                    "says\n");
    check_resources(HEAD("Machine") "metadata:\n  name: a\nspec:\n  rootDisk:\n"
                                    "    path: /dev/sda\n",
                    0,
                    "machines.yaml:7: spec.rootDisk.path: not below /dev/disk/by-path/: only those "
                    "names stay with a disk\n");
}

static void defaults_come_and_nulls_go(void **state)
{
    (void)state;
    static const char text[] = HEAD("Network") "metadata:\n  name: net\n  labels:\nspec:\n"
                                               "  subnet: 10.0.0.0/24\n  mode: proxy\n  dns:\n";
    _autoresources_ struct resources got = {0};
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    assert_int_equal(resources_parse(NULL, text, strlen(text), &got, &found), 0);
    json_t *json = got.items[0].json;
    assert_null(object_get(json, "spec.leaseSeconds")); /* not yet: that is the server's */
    assert_int_equal(object_normalize(got.items[0].kind, json), 0);
    assert_int_equal(json_integer_value(object_get(json, "spec.leaseSeconds")), 3600);
    assert_string_equal(object_text(json, "spec.unknownClients"), "ignore");
    assert_null(object_get(json, "spec.dns"));
    assert_null(object_get(json, "metadata.labels"));
}

static void too_many_problems_are_counted(void **state)
{
    (void)state;
    _autobuf_ struct buf text = BUF_INIT;
    buf_adds(&text, HEAD("Machine") "metadata: {name: a}\nspec:\n");
    for (int i = 0; i < PROBLEMS_MAX + 20; i++)
        buf_printf(&text, "  unknown%d: 1\n", i);
    _autoresources_ struct resources got = {0};
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    assert_int_equal(resources_parse(NULL, text.data, text.len, &got, &found), -EINVAL);
    assert_int_equal(found.n, PROBLEMS_MAX);
    assert_int_equal(found.dropped, 20);
}

static void unchangeable_fields_stay(void **state)
{
    (void)state;
    json_t *a = json_loads("{\"metadata\":{\"name\":\"a\"},\"spec\":{\"image\":\"i\"}}", 0, NULL);
    json_t *b = json_loads("{\"metadata\":{\"name\":\"b\"},\"spec\":{\"image\":\"j\"}}", 0, NULL);
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    object_validate_update(&kind_machine, a, a, &found);
    assert_int_equal(found.n, 0);
    object_validate_update(&kind_machine, a, b, &found);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.items[0].path, "metadata.name");
    assert_int_equal(found.items[0].reason, PROBLEM_FORBIDDEN);
    json_decref(a);
    json_decref(b);
}

static void salvage_keeps_the_good_half(void **state)
{
    (void)state;
    json_t *sent = json_loads(
        "{\"memoryBytes\":5,\"dmi\":{\"serial\":\"a\\u001b[2J\",\"product\":\"PC\",\"x\":1},"
        "\"nics\":[{\"mac\":\"zz\",\"name\":\"eth0\"},3,{\"name\":\"eth1\"}],"
        "\"disks\":{},\"firmware\":\"coreboot\",\"extra\":true}",
        0, NULL);
    json_t *want = json_loads("{\"memoryBytes\":5,\"dmi\":{\"product\":\"PC\"},"
                              "\"nics\":[{\"name\":\"eth0\"},{\"name\":\"eth1\"}]}",
                              0, NULL);
    const struct field *status = field_find(kind_machine.fields, "status");
    const struct field *inventory = field_find(status->fields, "inventory");
    json_t *got = fields_salvage(inventory->fields, sent);
    assert_true(json_equal(got, want));
    _autoproblems_ struct problems found = PROBLEMS_INIT;
    fields_validate(inventory->fields, got, &found);
    assert_int_equal(found.n, 0);
    json_decref(sent);
    json_decref(want);
    json_decref(got);
}

UNIT_MAIN(cmocka_unit_test(words_mean_what_kubectl_makes_of_them),
          cmocka_unit_test(yaml_becomes_json), cmocka_unit_test(bad_yaml_is_explained),
          cmocka_unit_test(hostile_yaml_is_bounded),
          cmocka_unit_test(all_mistakes_are_told_at_once_with_their_places),
          cmocka_unit_test(each_document_counts),
          cmocka_unit_test(rules_between_fields_have_places_too),
          cmocka_unit_test(defaults_come_and_nulls_go),
          cmocka_unit_test(too_many_problems_are_counted),
          cmocka_unit_test(unchangeable_fields_stay), cmocka_unit_test(salvage_keeps_the_good_half))
