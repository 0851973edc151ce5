/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "cli/table.h"

static json_t *table_of(const char *rows)
{
    _autofree_ char *text =
        str_format("{\"columnDefinitions\":[{\"name\":\"Name\",\"priority\":0},{\"name\":\"Phase\","
                   "\"priority\":0},{\"name\":\"MAC\",\"priority\":1}],\"rows\":%s}",
                   rows);
    json_t *table = json_loads(text, 0, NULL);
    assert_non_null(table);
    return table;
}

static void assert_prints(struct table_printer *printer, const char *rows, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    printer->out = open_memstream(&text, &size);
    assert_non_null(printer->out);
    json_auto_t *table = table_of(rows);
    table_print(printer, table);
    assert_int_equal(fclose(printer->out), 0);
    assert_string_equal(text, expected);
    free(text);
}

#define ROW(name, phase) "{\"cells\":[\"" name "\"," phase ",\"52:54\"]}"

static void test_columns(void **state)
{
    (void)state;
    struct table_printer narrow = {.headings = true}, wide = {.headings = true, .wide = true};
    const char *rows = "[" ROW("n1", "\"Ready\"") "," ROW("node22", "null") "]";
    assert_prints(&narrow, rows, "NAME     PHASE\nn1       Ready\nnode22   -\n");
    assert_prints(&wide, rows,
                  "NAME     PHASE   MAC\nn1       Ready   52:54\nnode22   -       52:54\n");
    table_printer_clear(&narrow);
    table_printer_clear(&wide);
}

/* Later tables of a watch keep the widths and have no headings. */
static void test_watch(void **state)
{
    (void)state;
    struct table_printer printer = {.headings = true};
    assert_prints(&printer, "[" ROW("node22", "\"Ready\"") "]", "NAME     PHASE\nnode22   Ready\n");
    assert_prints(&printer, "[" ROW("n1", "\"Ready\"") "]", "n1       Ready\n");
    assert_prints(&printer, "[]", "");
    table_printer_clear(&printer);
}

static void test_strangers_text(void **state)
{
    (void)state;
    struct table_printer printer = {.colour = true, .prefix = "machine/"};
    assert_prints(&printer, "[" ROW("n\\u001b[2J\\n", "\"Failed\"") "]",
                  "machine/n?[2J?   \033[31mFailed\033[0m\n");
    table_printer_clear(&printer);
}

UNIT_MAIN(cmocka_unit_test(test_columns), cmocka_unit_test(test_watch),
          cmocka_unit_test(test_strangers_text))
