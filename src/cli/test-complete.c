/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "cli/completion.h"

/* The first words of the candidates, each with a space behind it. */
static char *candidates(const char *line, enum complete *ret_dynamic)
{
    static char text[128];
    const char *words[16];
    size_t count = 0;
    assert_int_equal(str_copy(text, sizeof(text), line), 0);
    char *rest = text;
    for (char *word; (word = strsep(&rest, " "));)
        words[count++] = word;
    struct completion c;
    completion_find(words, count, &c);
    struct buf out = BUF_INIT;
    const char *p = buf_str(&c.candidates);
    for (; *p; p = strchr(p, '\n') + 1) {
        buf_add(&out, p, strcspn(p, "\t"));
        buf_addc(&out, ' ');
    }
    buf_free(&c.candidates);
    *ret_dynamic = c.dynamic;
    char *all = buf_steal(&out);
    return all ? all : strdup("");
}

static void test_candidates(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words;
        enum complete dynamic;
    } cases[] = {
        {"descr", "describe ", COMPLETE_NOTHING},
        {"comp", "completion ", COMPLETE_NOTHING},
        {"get mach", "machines ", COMPLETE_NOTHING},
        {"get machines n", "", COMPLETE_NAME},
        {"get -w machines n", "", COMPLETE_NAME},
        {"get -o wide machines n", "", COMPLETE_NAME},
        {"get machines n1 n", "", COMPLETE_NAME},
        {"get --sel", "--selector ", COMPLETE_NOTHING},
        {"get -o js", "json jsonpath= ", COMPLETE_NOTHING},
        {"get --output=ya", "yaml ", COMPLETE_NOTHING},
        {"get --kubec", "--kubeconfig ", COMPLETE_NOTHING},
        {"get --kubeconfig x", "", COMPLETE_FILE},
        {"apply -f x", "", COMPLETE_FILE},
        {"approve n", "", COMPLETE_MACHINE},
        {"kubeconfig d", "", COMPLETE_CLUSTER},
        {"nothing x", "", COMPLETE_NOTHING},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        enum complete dynamic;
        _autofree_ char *words = candidates(cases[i].line, &dynamic);
        if (!str_eq(words, cases[i].words) || dynamic != cases[i].dynamic)
            fail_msg("\"%s\": \"%s\" %d", cases[i].line, words, (int)dynamic);
    }
}

UNIT_MAIN(cmocka_unit_test(test_candidates))
