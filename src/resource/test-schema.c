/* SPDX-License-Identifier: Apache-2.0 */
/* The tables themselves, and what is made from them for other programs. */
#include "base/test.h"

#include "base/file.h"
#include "base/str.h"
#include "resource/arena.h"
#include "resource/decode.h"
#include "resource/schema.h"
#include "resource/validate.h"

static void check_field_entry(const struct field *f)
{
    assert_true(f->name[0] >= 'a' && f->name[0] <= 'z');
    if (!f->doc || !str_ends_with(f->doc, "."))
        fail_msg("the documentation of %s is missing or no sentence", f->name);
    assert_true((f->type == FIELD_ENUM) == (f->values != NULL));
    assert_true((f->type == FIELD_OBJECT) == (f->fields != NULL));
    if (f->min != f->max)
        assert_true(f->min < f->max);
}

static void check_table(const struct field *fields)
{
    for (const struct field *f = fields; f->name; f++) {
        check_field_entry(f);
        assert_ptr_equal(field_find(fields, f->name), f); /* no name twice */
        if (f->type == FIELD_OBJECT)
            check_table(f->fields);
    }
}

static void tables_are_complete(void **state)
{
    (void)state;
    check_table(meta_fields);
    for (const struct kind *const *k = kinds; *k; k++)
        check_table((*k)->fields);
}

/* Defaults are valid values of their fields. */
static void check_defaults(const struct field *fields)
{
    for (const struct field *f = fields; f->name; f++) {
        if (f->type == FIELD_OBJECT)
            check_defaults(f->fields);
        if (!f->def)
            continue;
        const struct field one[] = {*f, {0}};
        json_t *object = json_object();
        json_object_set_new(object, f->name, json_loads(f->def, JSON_DECODE_ANY, NULL));
        _autoproblems_ struct problems found = PROBLEMS_INIT;
        fields_validate(one, object, &found);
        assert_int_equal(found.n, 0);
        json_decref(object);
    }
}

static void defaults_are_valid(void **state)
{
    (void)state;
    for (const struct kind *const *k = kinds; *k; k++)
        check_defaults((*k)->fields);
}

/* Fields of a column's path exist, so that it cannot show nothing for ever. */
static void columns_show_fields_that_exist(void **state)
{
    (void)state;
    for (const struct kind *const *k = kinds; *k; k++) {
        for (const struct column *c = (*k)->columns; c->name; c++) {
            const struct field *fields = (*k)->fields;
            _autofree_ char *path = strdup(c->path + 1);
            if (str_after(path, "metadata."))
                continue;
            char *rest = path, *part;
            while ((part = strsep(&rest, "."))) {
                part[strcspn(part, "[")] = '\0';
                const struct field *f = field_find(fields, part);
                if (!f) {
                    fail_msg("%s: column %s: no %s", (*k)->kind, c->name, part);
                    return;
                }
                fields = f->fields;
            }
        }
    }
}

static const char *v3_text(const json_t *schema, const char *path)
{
    _autofree_ char *copy = strdup(path);
    char *rest = copy, *part;
    while ((part = strsep(&rest, "/")))
        schema = json_object_get(schema, part);
    return json_string_value(schema);
}

static void v3_schema_says_what_the_table_says(void **state)
{
    (void)state;
    json_t *schema = schema_v3(&kind_machine);
    assert_non_null(schema);
    assert_string_equal(v3_text(schema, "type"), "object");
    assert_string_equal(v3_text(schema, "properties/spec/properties/macAddresses/type"), "array");
    assert_non_null(v3_text(schema, "properties/spec/properties/macAddresses/items/pattern"));
    assert_string_equal(v3_text(schema, "properties/spec/properties/network/properties/vlan/type"),
                        "integer");
    assert_string_equal(v3_text(schema, "properties/metadata/type"), "object");
    assert_string_equal(v3_text(schema, "properties/status/properties/lastSeen/format"),
                        "date-time");
    json_decref(schema);
}

/* What Kubernetes demands of a structural schema: a type everywhere, no $ref, no uniqueItems. */
static void check_structural(const json_t *schema)
{
    assert_true(json_object_get(schema, "type") ||
                json_is_true(json_object_get(schema, "x-kubernetes-int-or-string")) ||
                json_is_true(json_object_get(schema, "x-kubernetes-preserve-unknown-fields")));
    assert_null(json_object_get(schema, "$ref"));
    assert_null(json_object_get(schema, "uniqueItems"));
    assert_null(json_object_get(schema, "failed"));
    const char *name;
    json_t *property;
    json_object_foreach (json_object_get(schema, "properties"), name, property)
        check_structural(property);
    if (json_object_get(schema, "items"))
        check_structural(json_object_get(schema, "items"));
}

static void crds_are_structural(void **state)
{
    (void)state;
    for (const struct kind *const *k = kinds; *k; k++) {
        json_t *crd = kind_crd(*k);
        if (!(*k)->group[0]) {
            assert_null(crd);
            continue;
        }
        assert_non_null(crd);
        json_t *version = json_array_get(object_get(crd, "spec.versions"), 0);
        check_structural(object_get(version, "schema.openAPIV3Schema"));
        assert_string_equal(object_text(crd, "spec.scope"), "Cluster");
        assert_true(json_is_object(object_get(version, "subresources.status")));
        assert_true(json_array_size(object_get(version, "additionalPrinterColumns")) > 0);
        _autofree_ char *name = str_format("%s.slipway.dev", (*k)->plural);
        assert_string_equal(object_name(crd), name);
        json_decref(crd);
    }
}

static void v2_definitions_name_their_kind(void **state)
{
    (void)state;
    char name[64];
    assert_int_equal(schema_v2_name(&kind_machine, name, sizeof(name)), 0);
    assert_string_equal(name, "dev.slipway.v1alpha1.Machine");
    assert_int_equal(schema_v2_name(&kind_event, name, sizeof(name)), 0);
    assert_string_equal(name, "io.k8s.api.core.v1.Event");
    assert_int_equal(schema_v2_name(&kind_machine, name, 5), -ENOSPC);
    json_t *schema = schema_v2(&kind_machine);
    json_t *gvk = json_array_get(json_object_get(schema, "x-kubernetes-group-version-kind"), 0);
    assert_string_equal(object_text(gvk, "kind"), "Machine");
    assert_string_equal(v3_text(schema, "properties/metadata/$ref"),
                        "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
    json_decref(schema);
}

static void the_reference_pages_are_current(void **state)
{
    (void)state;
    const char *folder = getenv("SLIPWAY_REFERENCE");
    assert_non_null(folder);
    for (const struct kind *const *k = kinds; *k; k++) {
        if (!(*k)->group[0])
            continue;
        _autobuf_ struct buf page = BUF_INIT;
        assert_int_equal(kind_reference(*k, &page), 0);
        _autofree_ char *path = str_format("%s/%s.md", folder, (*k)->singular), *text = NULL;
        struct err err = ERR_INIT;
        if (file_read(path, 1 << 20, &text, NULL, &err) < 0)
            fail_msg("%s; run `ninja reference`", err_text(&err));
        if (!str_eq(text, page.data))
            fail_msg("%s is not what the field table says; run `ninja reference`", path);
    }
}

UNIT_MAIN(cmocka_unit_test(tables_are_complete), cmocka_unit_test(defaults_are_valid),
          cmocka_unit_test(columns_show_fields_that_exist),
          cmocka_unit_test(v3_schema_says_what_the_table_says),
          cmocka_unit_test(crds_are_structural), cmocka_unit_test(v2_definitions_name_their_kind),
          cmocka_unit_test(the_reference_pages_are_current))
