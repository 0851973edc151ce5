/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/line.h"

#include <errno.h>

#include "base/str.h"

void kube_lines_clear(struct kube_lines *lines)
{
    buf_free(&lines->rest);
    *lines = KUBE_LINES_INIT(lines->max);
}

/* A whole line: what is left over from before, and these bytes. */
static int finish_line(struct kube_lines *lines, const char *data, size_t len,
                       int (*line)(void *user, const char *text, size_t len), void *user)
{
    if (lines->rest.len == 0)
        return len > 0 ? line(user, data, len) : 0;
    buf_add(&lines->rest, data, len);
    int r = buf_error(&lines->rest);
    if (r == 0)
        r = line(user, lines->rest.data, lines->rest.len);
    buf_reset(&lines->rest);
    return r;
}

int kube_lines_feed(struct kube_lines *lines, const void *data, size_t len,
                    int (*line)(void *user, const char *text, size_t len), void *user)
{
    const char *at = data;
    while (len > 0) {
        const char *newline = memchr(at, '\n', len);
        size_t n = newline ? (size_t)(newline - at) : len;
        if (n > lines->max - lines->rest.len)
            return -EMSGSIZE;
        if (!newline) {
            buf_add(&lines->rest, at, n);
            return buf_error(&lines->rest);
        }
        int r = finish_line(lines, at, n, line, user);
        if (r != 0)
            return r;
        at += n + 1;
        len -= n + 1;
    }
    return 0;
}

static int parse_type(const char *name, enum kube_event_type *ret)
{
    static const char *const names[] = {
        [KUBE_EVENT_ADDED] = "ADDED",     [KUBE_EVENT_MODIFIED] = "MODIFIED",
        [KUBE_EVENT_DELETED] = "DELETED", [KUBE_EVENT_BOOKMARK] = "BOOKMARK",
        [KUBE_EVENT_ERROR] = "ERROR",
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (str_eq(name, names[i])) {
            *ret = (enum kube_event_type)i;
            return 0;
        }
    }
    return name ? -EOPNOTSUPP : -EBADMSG;
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

int kube_event_from_object(enum kube_event_type type, json_t *object, struct kube_event *ret)
{
    const json_t *metadata = json_object_get(object, "metadata");
    struct kube_event event = {
        .type = type,
        .object = object,
        .namespace = text_of(metadata, "namespace"),
        .name = text_of(metadata, "name"),
        .uid = text_of(metadata, "uid"),
        .resource_version = text_of(metadata, "resourceVersion"),
    };
    if (!json_is_object(object))
        return -EBADMSG;
    if (type != KUBE_EVENT_ERROR && str_empty(event.resource_version))
        return -EBADMSG;
    if (type != KUBE_EVENT_ERROR && type != KUBE_EVENT_BOOKMARK && str_empty(event.name))
        return -EBADMSG;
    *ret = event;
    return 0;
}

int kube_event_parse(const char *text, size_t len, struct kube_event *ret)
{
    /* Strangers' strings may hold NUL, which must not make a whole collection unreadable. */
    json_auto_t *event = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    enum kube_event_type type = KUBE_EVENT_ERROR;
    if (!json_is_object(event))
        return -EBADMSG;
    int r = parse_type(json_string_value(json_object_get(event, "type")), &type);
    if (r == 0)
        r = kube_event_from_object(type, json_object_get(event, "object"), ret);
    if (r == 0)
        json_incref(ret->object);
    return r;
}
