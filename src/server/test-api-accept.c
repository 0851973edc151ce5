/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "base/str.h"
#include "server/api-accept.h"

static void test_forms(void **state)
{
    (void)state;
    const unsigned object = API_FORM_JSON | API_FORM_TABLE | API_FORM_TABLE_BETA | API_FORM_PARTIAL;
    const unsigned groups = API_FORM_JSON | API_FORM_DISCOVERY | API_FORM_DISCOVERY_BETA;
    static const char table[] =
        "application/json;as=Table;v=v1;g=meta.k8s.io,"
        "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
    const struct {
        const char *header;
        unsigned offered;
        enum api_form form;
    } cases[] = {
        {NULL, object, API_FORM_JSON},
        {"", object, API_FORM_JSON},
        {"*/*", object, API_FORM_JSON},
        {"application/json", object, API_FORM_JSON},
        {table, object, API_FORM_TABLE},
        {table, API_FORM_JSON, API_FORM_JSON},
        {"application/json; as = Table ; g=meta.k8s.io; v=v1beta1", object, API_FORM_TABLE_BETA},
        {"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1", object,
         API_FORM_PARTIAL},
        {"application/vnd.kubernetes.protobuf,application/json", object, API_FORM_JSON},
        {"application/vnd.kubernetes.protobuf", object, API_FORM_NONE},
        {"application/yaml", object, API_FORM_NONE},
        {"application/json;as=Frob;g=meta.k8s.io;v=v1", object, API_FORM_NONE},
        {"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json",
         groups, API_FORM_DISCOVERY},
        {"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList", groups,
         API_FORM_DISCOVERY_BETA},
        {"application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
         API_FORM_JSON | API_FORM_OPENAPI_PROTOBUF, API_FORM_OPENAPI_PROTOBUF},
        {"text/html, */*;q=0.1", API_FORM_TEXT, API_FORM_TEXT},
        {",;,;;as=,", object, API_FORM_NONE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (api_accept(cases[i].header, cases[i].offered) != cases[i].form)
            fail_msg("%s", cases[i].header ? cases[i].header : "(none)");
}

static void test_content_type(void **state)
{
    (void)state;
    assert_true(api_media_type_is("application/json", "application/json"));
    assert_true(api_media_type_is("Application/JSON; charset=utf-8", "application/json"));
    assert_false(api_media_type_is("application/jsonx", "application/json"));
    assert_false(api_media_type_is(NULL, "application/json"));
}

UNIT_MAIN(cmocka_unit_test(test_forms), cmocka_unit_test(test_content_type))
