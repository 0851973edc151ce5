/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include "resource/kind.h"
#include "server/api-decide.h"

/* As an older server, or a machine, may have left it: its step is no single line. */
static const char live_text[] =
    "{\"apiVersion\":\"slipway.dev/v1alpha1\",\"kind\":\"Machine\",\"metadata\":{\"name\":\"n\","
    "\"uid\":\"u\",\"resourceVersion\":\"7\"},\"spec\":{\"macAddresses\":[\"52:54:00:00:00:01\"]},"
    "\"status\":{\"phase\":\"Running\",\"progress\":{\"step\":\"two\\nlines\"}}}";

/* Merges the patch; a new reference, or NULL when it is refused. */
static json_t *merge(const char *subresource, const char *text)
{
    struct api_path path = {.type = API_PATH_RESOURCE, .kind = &kind_machine, .name = "n"};
    const struct api_options options = {.manager = "test"};
    json_auto_t *body = json_loads(text, 0, NULL), *live = json_loads(live_text, 0, NULL);
    json_auto_t *failure = NULL;
    (void)snprintf(path.subresource, sizeof(path.subresource), "%s", subresource);
    assert_non_null(body);
    assert_non_null(live);
    const struct api_change change = {
        .type = API_CHANGE_MERGE_PATCH, .path = &path, .options = &options, .body = body};
    json_t *result = api_decide(&change, live, NULL, &failure);
    assert_int_equal(result == NULL, failure != NULL);
    return result;
}

static void what_is_wrong_with_the_status_hinders_no_decision(void **state)
{
    (void)state;
    json_auto_t *rejected = merge("", "{\"spec\":{\"approved\":false}}");
    assert_non_null(rejected);
    assert_true(json_is_false(object_get(rejected, "spec.approved")));
    assert_string_equal(object_text(rejected, "status.progress.step"), "two\nlines");
}

static void what_is_changed_is_checked(void **state)
{
    (void)state;
    assert_null(merge("", "{\"spec\":{\"approved\":7}}"));
    assert_null(merge("status", "{\"status\":{\"phase\":\"Nonsense\"}}"));
    json_auto_t *mended = merge("status", "{\"status\":{\"progress\":{\"step\":\"one\"}}}");
    assert_non_null(mended);
}

UNIT_MAIN(cmocka_unit_test(what_is_wrong_with_the_status_hinders_no_decision),
          cmocka_unit_test(what_is_changed_is_checked))
