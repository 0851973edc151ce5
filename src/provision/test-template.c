/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/template.h"

#include <string.h>

#include "base/test.h"

static const struct template_variable items[] = {{"hostname", "node1"},
                                                 {"address", "10.0.0.5"},
                                                 {"disk.size", "{{ .hostname }}"},
                                                 {"empty", ""}};
static const struct template_variables variables = {items, ARRAY_SIZE(items)};

static void assert_renders(const char *text, const char *expected)
{
    _autobuf_ struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    if (template_render(text, strlen(text), &variables, &out, &err) < 0)
        fail_msg("%s: %s", text, err_text(&err));
    assert_string_equal(buf_str(&out), expected);
}

static void assert_refused(const char *text, const char *message)
{
    _autobuf_ struct buf out = BUF_INIT;
    struct err err = ERR_INIT;
    assert_int_equal(template_render(text, strlen(text), &variables, &out, &err), -EINVAL);
    if (!strstr(err_text(&err), message))
        fail_msg("\"%s\" does not say \"%s\"", err_text(&err), message);
}

static void test_variables_are_replaced(void **state)
{
    (void)state;
    assert_renders("", "");
    assert_renders("plain { text } }}", "plain { text } }}");
    assert_renders("{{ .hostname }}", "node1");
    assert_renders("a{{.hostname}}b{{\t.address  }}c\n", "anode1b10.0.0.5c\n");
    assert_renders("[{{ .empty }}]", "[]");
    assert_refused("{{{ .hostname }}}", "expected {{ .name }}");
}

static void test_values_are_not_templates(void **state)
{
    (void)state;
    assert_renders("{{ .disk.size }}", "{{ .hostname }}");
}

static void test_braces_can_be_written(void **state)
{
    (void)state;
    assert_renders("--format '{{ \"{{\" }}.Names{{ \"}}\" }}'", "--format '{{.Names}}'");
}

static void test_errors_name_the_line(void **state)
{
    (void)state;
    assert_refused("a\nb\n{{ .hostnam }}", "line 3: no variable .hostnam; there are .hostname,");
    assert_refused("{{ hostname }}", "line 1: expected {{ .name }}");
    assert_refused("{{ .hostname", "expected }}");
    assert_refused("{{ .hostname }", "expected }}");
    assert_refused("\n{{", "line 2");
    assert_refused("{{ . }}", "a name is missing");
    assert_refused("{{ \"x }}", "the quote does not end");
    assert_refused("{{ .hostname | upper }}", "expected }}");
}

static void test_the_result_is_bounded(void **state)
{
    (void)state;
    _autobuf_ struct buf out = BUF_INIT_MAX(9);
    const char *text = "{{ .hostname }}{{ .hostname }}";
    assert_int_equal(template_render(text, strlen(text), &variables, &out, NULL), -EMSGSIZE);
}

UNIT_MAIN(cmocka_unit_test(test_variables_are_replaced),
          cmocka_unit_test(test_values_are_not_templates),
          cmocka_unit_test(test_braces_can_be_written), cmocka_unit_test(test_errors_name_the_line),
          cmocka_unit_test(test_the_result_is_bounded))
