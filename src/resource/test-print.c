/* SPDX-License-Identifier: Apache-2.0 */
/* Objects as text. */
#include "base/test.h"

#include "base/random.h"
#include "base/str.h"
#include "resource/print.h"
#include "resource/read.h"

static json_t *load(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!json)
        fail_msg("%s", text);
    return json;
}

static void check_yaml(const char *json, const char *want)
{
    json_t *value = load(json);
    _autobuf_ struct buf out = BUF_INIT;
    assert_int_equal(yaml_write(value, &out), 0);
    assert_string_equal(buf_str(&out), want);
    json_decref(value);
}

static void yaml_looks_as_kubectl_writes_it(void **state)
{
    (void)state;
    check_yaml("{\"b\":[1,\"x\",true,null],\"a\":{\"c\":\"d\"}}",
               "a:\n  c: d\nb:\n- 1\n- x\n- true\n- null\n");
    check_yaml("{\"a\":{},\"b\":[]}", "a: {}\nb: []\n");
    check_yaml("[{\"name\":\"a\",\"v\":1},{\"name\":\"b\"}]", "- name: a\n  v: 1\n- name: b\n");
    check_yaml("{\"a\":\"one\\ntwo\\n\"}", "a: |\n  one\n  two\n");
    check_yaml("{\"yes\":\"no\",\"t\":\"2026-01-01T00:00:00Z\",\"n\":\"12\",\"m\":"
               "\"12:34:56:00:11:22\",\"e\":\"\"}",
               "e: \"\"\nm: \"12:34:56:00:11:22\"\n\"n\": \"12\"\nt: \"2026-01-01T00:00:00Z\"\n"
               "\"yes\": \"no\"\n");
    check_yaml("{\"mac\":\"52:54:00:12:ab:cd\",\"s\":\"a: b\",\"h\":\"# x\"}",
               "h: '# x'\nmac: 52:54:00:12:ab:cd\ns: 'a: b'\n");
}

/* Random values made of what YAML stumbles over. */
static json_t *random_text(struct rng *rng)
{
    static const char *const parts[] = {"a",
                                        " ",
                                        "\n",
                                        "\t",
                                        ":",
                                        "#",
                                        "-",
                                        "'",
                                        "\"",
                                        "yes",
                                        "0",
                                        "1",
                                        ".",
                                        "e",
                                        "~",
                                        "{",
                                        "]",
                                        ",",
                                        "&",
                                        "*",
                                        "!",
                                        "|",
                                        ">",
                                        "%",
                                        "@",
                                        "`",
                                        "\\",
                                        "é",
                                        "\xe2\x80\xa8",
                                        "\x7f",
                                        "\r",
                                        "null",
                                        "<<",
                                        "=",
                                        "? ",
                                        ": ",
                                        " #",
                                        "_",
                                        "0x1",
                                        "2026-01-01",
                                        "\xf0\x9f\x98\x80",
                                        "\x01",
                                        "\xc2\x85",
                                        "---",
                                        "..."};
    _autobuf_ struct buf text = BUF_INIT;
    for (uint32_t n = rng_below(rng, 6); n; n--)
        buf_adds(&text, parts[rng_below(rng, ARRAY_SIZE(parts))]);
    return json_string(buf_str(&text));
}

static json_t *random_value(struct rng *rng, int depth)
{
    uint32_t kind = rng_below(rng, depth ? 7 : 5);
    json_t *made;
    switch (kind) {
    case 0:
        return json_integer((json_int_t)rng_below(rng, 1000) - 500);
    case 1:
        return json_boolean(rng_below(rng, 2));
    case 2:
        return json_null();
    case 5:
        made = json_array();
        for (uint32_t n = rng_below(rng, 4); n; n--)
            json_array_append_new(made, random_value(rng, depth - 1));
        return made;
    case 6:
        made = json_object();
        for (uint32_t n = rng_below(rng, 4); n; n--) {
            json_t *key = random_text(rng);
            json_object_set_new(made, json_string_value(key), random_value(rng, depth - 1));
            json_decref(key);
        }
        return made;
    default:
        return random_text(rng);
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct rng_seeded seeded;
    rng_seeded_init(&seeded, 7);
    for (int round = 0; round < 3000; round++) {
        json_t *value = json_object();
        json_object_set_new(value, "v", random_value(&seeded.rng, 4));
        _autobuf_ struct buf out = BUF_INIT;
        assert_int_equal(yaml_write(value, &out), 0);
        _autodocuments_ struct documents docs = {0};
        _autoproblems_ struct problems found = PROBLEMS_INIT;
        int r = yaml_parse(NULL, out.data, out.len, &docs, &found);
        if (r < 0 || docs.n != 1 || !json_equal(value, docs.items[0].json)) {
            char *json = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
            fail_msg("%s\nwas written as\n%s", json, buf_str(&out));
        }
        json_decref(value);
    }
}

static const char machine_text[] =
    "{\"apiVersion\":\"slipway.dev/v1alpha1\",\"kind\":\"Machine\",\"metadata\":{\"name\":\"a\","
    "\"labels\":{\"rack\":\"r1\"},\"creationTimestamp\":\"2026-01-31T12:00:00Z\"},"
    "\"spec\":{\"macAddresses\":[\"52:54:00:00:00:01\"],\"role\":\"worker\",\"approved\":true,"
    "\"firstBoot\":{\"users\":[{\"name\":\"u\",\"groups\":[\"g\"]}]}},"
    "\"status\":{\"phase\":\"Running\",\"role\":\"worker\",\"inventory\":{\"memoryBytes\":"
    "8589934592,\"nics\":["
    "{\"name\":\"eth0\",\"mac\":\"52:54:00:00:00:01\"},{\"name\":\"eth1\\u001b[31m\"}]},"
    "\"failure\":{\"message\":\"one\\ntwo\"},\"lastSeen\":\"2026-01-31T12:59:00Z\"}}";
static const int64_t now = 1769864400000; /* 2026-01-31T13:00:00Z */

static void tables_have_columns_and_ages(void **state)
{
    (void)state;
    json_t *objects[] = {load(machine_text), load("{\"metadata\":{\"name\":\"longer-name\"}}")};
    _autobuf_ struct buf out = BUF_INIT;
    struct table_text options = {.headings = true};
    assert_int_equal(table_write(&kind_machine, objects, 2, &options, now, &out), 0);
    assert_string_equal(buf_str(&out), "NAME          PHASE     IMAGE   ROLE     ADDRESS   AGE\n"
                                       "a             Running   -       worker   -         60m\n"
                                       "longer-name   -         -       -        -         -\n");
    buf_reset(&out);
    options = (struct table_text){.wide = true, .kind_prefix = true};
    assert_int_equal(table_write(&kind_machine, objects, 1, &options, now, &out), 0);
    assert_string_equal(buf_str(&out), "machine.slipway.dev/a   Running   -   worker   -   60m   "
                                       "52:54:00:00:00:01   -   -   -   -   -   one...\n");
    json_decref(objects[0]);
    json_decref(objects[1]);
}

static void table_cells_match_their_definitions(void **state)
{
    (void)state;
    json_t *object = load(machine_text);
    for (const struct kind *const *k = kinds; *k; k++) {
        json_t *columns = table_columns(*k), *cells = table_cells(*k, object, now);
        assert_int_equal(json_array_size(columns), json_array_size(cells));
        json_decref(columns);
        json_decref(cells);
    }
    json_t *columns = table_columns(&kind_machine);
    json_t *cells = table_cells(&kind_machine, object, now);
    assert_string_equal(object_text(json_array_get(columns, 0), "format"), "name");
    assert_string_equal(json_string_value(json_array_get(cells, 0)), "a");
    assert_string_equal(json_string_value(json_array_get(cells, 1)), "Running");
    assert_true(json_is_null(json_array_get(cells, 2)));
    assert_string_equal(json_string_value(json_array_get(cells, 5)), "60m");
    json_decref(columns);
    json_decref(cells);
    json_decref(object);
}

static void descriptions_are_complete_and_harmless(void **state)
{
    (void)state;
    json_t *object = load(machine_text);
    json_t *events = load("[{\"type\":\"Warning\",\"reason\":\"Late\",\"message\":\"no carrier\","
                          "\"count\":3,\"lastTimestamp\":\"2026-01-31T12:59:30Z\","
                          "\"source\":{\"component\":\"slipway\"}}]");
    _autobuf_ struct buf out = BUF_INIT;
    assert_int_equal(describe_write(&kind_machine, object, events, now, &out), 0);
    assert_string_equal(buf_str(&out), "Name:         a\n"
                                       "Labels:       rack=r1\n"
                                       "Annotations:  <none>\n"
                                       "API Version:  slipway.dev/v1alpha1\n"
                                       "Kind:         Machine\n"
                                       "Created:      2026-01-31T12:00:00Z (60m ago)\n"
                                       "Spec:\n"
                                       "  Approved:  true\n"
                                       "  Role:      worker\n"
                                       "  Mac Addresses:\n"
                                       "    52:54:00:00:00:01\n"
                                       "  First Boot:\n"
                                       "    Users:\n"
                                       "      Name:  u\n"
                                       "      Groups:\n"
                                       "        g\n"
                                       "Status:\n"
                                       "  Phase:      Running\n"
                                       "  Role:       worker\n"
                                       "  Last Seen:  2026-01-31T12:59:00Z (60s ago)\n"
                                       "  Inventory:\n"
                                       "    Memory Bytes:  8589934592 (8.0 GiB)\n"
                                       "    Nics:\n"
                                       "      Name       Mac\n"
                                       "      eth0       52:54:00:00:00:01\n"
                                       "      eth1?[31m\n"
                                       "  Failure:\n"
                                       "    Message:\n"
                                       "      one\n"
                                       "      two\n"
                                       "Events:\n"
                                       "  Type     Reason  Age       From     Message\n"
                                       "  Warning  Late    30s (x3)  slipway  no carrier\n");
    json_decref(events);
    json_decref(object);
}

UNIT_MAIN(cmocka_unit_test(yaml_looks_as_kubectl_writes_it),
          cmocka_unit_test(what_is_written_is_read_back),
          cmocka_unit_test(tables_have_columns_and_ages),
          cmocka_unit_test(table_cells_match_their_definitions),
          cmocka_unit_test(descriptions_are_complete_and_harmless))
