/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api-accept.h"

#include <strings.h>

#include "base/str.h"

/* One media range: its type and the parameters that matter. Views into the header. */
struct word {
    const char *text;
    size_t len;
};

struct media_range {
    struct word type, as, group, version;
};

static bool word_is(struct word w, const char *text)
{
    return w.len == strlen(text) && strncasecmp(w.text, text, w.len) == 0;
}

static struct word trimmed(const char *text, size_t len)
{
    while (len > 0 && strchr(" \t", *text)) {
        text++;
        len--;
    }
    while (len > 0 && strchr(" \t", text[len - 1]))
        len--;
    return (struct word){text, len};
}

static void read_parameter(struct media_range *range, struct word parameter)
{
    const char *equals = memchr(parameter.text, '=', parameter.len);
    if (!equals)
        return;
    size_t name_len = (size_t)(equals - parameter.text);
    struct word name = trimmed(parameter.text, name_len);
    struct word value = trimmed(equals + 1, parameter.len - name_len - 1);
    if (word_is(name, "as"))
        range->as = value;
    else if (word_is(name, "g"))
        range->group = value;
    else if (word_is(name, "v"))
        range->version = value;
}

/* Reads the media range at *header and moves behind its comma. False at the end. */
static bool next_range(const char **header, struct media_range *ret)
{
    const char *p = *header;
    if (!*p)
        return false;
    size_t len = strcspn(p, ",");
    const char *end = p + len;
    *header = *end ? end + 1 : end;
    const struct word none = {"", 0};
    *ret = (struct media_range){none, none, none, none};
    size_t n = strcspn(p, ";,");
    ret->type = trimmed(p, n);
    for (p += n; p < end; p += n) {
        p++;
        n = strcspn(p, ";,");
        read_parameter(ret, trimmed(p, n));
    }
    return true;
}

static unsigned forms_of_json(const struct media_range *r)
{
    bool meta = word_is(r->group, "meta.k8s.io"), v1 = word_is(r->version, "v1");
    bool discovery = word_is(r->group, "apidiscovery.k8s.io");
    if (r->as.len == 0)
        return API_FORM_JSON;
    if (meta && word_is(r->as, "Table"))
        return v1 ? API_FORM_TABLE : API_FORM_TABLE_BETA;
    if (meta && v1 &&
        (word_is(r->as, "PartialObjectMetadata") || word_is(r->as, "PartialObjectMetadataList")))
        return API_FORM_PARTIAL;
    if (discovery && word_is(r->as, "APIGroupDiscoveryList"))
        return word_is(r->version, "v2") ? API_FORM_DISCOVERY : API_FORM_DISCOVERY_BETA;
    return API_FORM_NONE;
}

static unsigned forms_of(const struct media_range *r)
{
    if (word_is(r->type, "*/*"))
        return API_FORM_JSON | API_FORM_TEXT;
    if (word_is(r->type, "application/json") || word_is(r->type, "application/*"))
        return forms_of_json(r);
    if (word_is(r->type, "text/plain") || word_is(r->type, "text/*"))
        return API_FORM_TEXT;
    /* '@' before the version is how it was written first; '.' is what it became */
    if (word_is(r->type, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf") ||
        word_is(r->type, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"))
        return API_FORM_OPENAPI_PROTOBUF;
    return API_FORM_NONE;
}

enum api_form api_accept(const char *header, unsigned offered)
{
    struct media_range range;
    const char *rest = str_empty(header) ? "*/*" : header;
    while (next_range(&rest, &range)) {
        unsigned fits = forms_of(&range) & offered;
        if (fits)
            return (enum api_form)(fits & -fits); /* the lowest bit */
    }
    return API_FORM_NONE;
}

bool api_media_type_is(const char *content_type, const char *media_type)
{
    const char *rest = content_type ? content_type : "";
    struct media_range range;
    return next_range(&rest, &range) && word_is(range.type, media_type);
}
