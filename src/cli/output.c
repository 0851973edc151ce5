/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include "base/str.h"
#include "cli/jsonpath.h"
#include "cli/target.h"
#include "resource/print.h"

int output_parse(const char *text, struct output *ret, struct err *err)
{
    static const struct {
        const char *name;
        enum output_form form;
    } forms[] = {
        {"wide", OUTPUT_WIDE}, {"json", OUTPUT_JSON}, {"yaml", OUTPUT_YAML}, {"name", OUTPUT_NAME}};
    *ret = (struct output){OUTPUT_TABLE, NULL};
    if (!text)
        return 0;
    ret->template = str_after(text, "jsonpath=");
    if (ret->template) {
        ret->form = OUTPUT_JSONPATH;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        if (str_eq(text, forms[i].name)) {
            ret->form = forms[i].form;
            return 0;
        }
    }
    return err_set(err, -EINVAL,
                   "-o: expected wide, json, yaml, name or jsonpath=TEMPLATE, found \"%s\"", text);
}

static int print_name(const json_t *object, struct err *err)
{
    const char *version = json_string_value(json_object_get(object, "apiVersion"));
    const char *kind_name = json_string_value(json_object_get(object, "kind"));
    const struct kind *kind = kind_find(version, kind_name);
    const char *name = object_name(object);
    if (!kind || !name)
        return err_set(err, -EIO, "the server sent an object of an unknown kind");
    _autofree_ char *text = target_display(kind, name);
    (void)printf("%s\n", text ? text : "");
    return 0;
}

static int print_names(const json_t *object, struct err *err)
{
    const json_t *items = json_object_get(object, "items");
    if (!json_is_array(items))
        return print_name(object, err);
    size_t i;
    const json_t *item;
    json_array_foreach (items, i, item) {
        int r = print_name(item, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int output_print(const struct output *output, const json_t *object, struct err *err)
{
    _autobuf_ struct buf text = BUF_INIT;
    if (output->form == OUTPUT_NAME)
        return print_names(object, err);
    if (output->form == OUTPUT_JSON) {
        int failed = json_dumpf(object, stdout, JSON_INDENT(4) | JSON_SORT_KEYS);
        (void)fputc('\n', stdout);
        return failed ? err_set(err, -EIO, "cannot write JSON") : 0;
    }
    int r = output->form == OUTPUT_YAML ? yaml_write(object, &text)
                                        : jsonpath_write(output->template, object, &text, err);
    if (r < 0)
        return output->form == OUTPUT_YAML ? err_errno(err, r, "YAML") : r;
    (void)fwrite(buf_str(&text), 1, text.len, stdout);
    (void)fflush(stdout);
    return 0;
}
