/* SPDX-License-Identifier: Apache-2.0 */
#include "resource/event.h"

#include <sodium.h>

#include "base/clock.h"
#include "base/str.h"
#include "resource/format.h"

static const char *const event_type_values[] = {"Normal", "Warning", NULL};

#define S struct event_object
static const struct field event_object_fields[] = {
    F_STRING(S, api_version, "apiVersion", .doc = "API version of the object."),
    F_STRING(S, kind, "kind", .flags = FIELD_SELECTABLE, .doc = "Kind of the object."),
    F_STRING(S, name, "name", .flags = FIELD_SELECTABLE, .doc = "Name of the object."),
    F_STRING(S, namespace, "namespace", .flags = FIELD_SELECTABLE,
             .doc = "Namespace of the object."),
    F_STRING(S, uid, "uid", .flags = FIELD_SELECTABLE, .doc = "UID of the object."),
    {0}};
#undef S

static const struct field event_source_fields[] = {
    F_STRING(struct event_source, component, "component", .doc = "Program that reported it."),
    F_STRING(struct event_source, host, "host", .doc = "Host that it runs on."),
    {0}};

#define S struct event
static const struct field event_fields[] = {
    F_OBJECT(S, involved_object, "involvedObject", struct event_object, event_object_fields,
             .flags = FIELD_REQUIRED, .doc = "What the Event is about."),
    F_ENUM(S, type, "type", event_type_values, .flags = FIELD_SELECTABLE,
           .doc = "Normal or Warning."),
    F_STRING(S, reason, "reason", .format = &format_reason, .flags = FIELD_SELECTABLE,
             .doc = "What happened, in one CamelCase word."),
    F_STRING(S, message, "message", .format = &format_text, .doc = "What happened, for people."),
    F_INT(S, count, "count", .doc = "How often it happened."),
    F_TIME(S, first_timestamp, "firstTimestamp", .doc = "When it first happened."),
    F_TIME(S, last_timestamp, "lastTimestamp", .doc = "When it last happened."),
    F_OBJECT(S, source, "source", struct event_source, event_source_fields,
             .doc = "Who reported it."),
    {0}};
#undef S

static const struct column event_columns[] = {
    {"Last Seen", "date", ".lastTimestamp", "When it last happened", 0},
    {"Type", "string", ".type", "Normal or Warning", 0},
    {"Reason", "string", ".reason", "What happened", 0},
    {"Object", "string", ".involvedObject.name", "What the Event is about", 0},
    {"Message", "string", ".message", "What happened, for people", 0},
    {"Count", "integer", ".count", "How often it happened", 1},
    {"Source", "string", ".source.component", "Who reported it", 1},
    {0}};

const struct kind kind_event = {
    .group = "",
    .version = "v1",
    .kind = "Event",
    .singular = "event",
    .plural = "events",
    .short_names = (const char *const[]){"ev", NULL},
    .categories = (const char *const[]){NULL},
    .doc = "Something that happened to an object.",
    .namespaced = true,
    .fields = event_fields,
    .columns = event_columns,
    .size = sizeof(struct event),
};

int event_decode(const json_t *json, struct event **ret, struct err *err)
{
    void *object;
    int r = object_decode(&kind_event, json, &object, err);
    if (r >= 0)
        *ret = object;
    return r;
}

void event_free(struct event *event)
{
    object_free(event);
}

static void hash_text(crypto_generichash_state *state, const char *text)
{
    if (!text)
        text = "";
    crypto_generichash_update(state, (const unsigned char *)text, strlen(text) + 1);
}

enum { EVENT_OBJECT_MAX = 253 - 17 }; /* what a name has room for beside the digits */

/* NAME.0123456789abcdef, the same for the same happening. */
static char *event_name(const json_t *object, const char *type, const char *reason,
                        const char *message)
{
    crypto_generichash_state state;
    uint8_t digest[crypto_generichash_BYTES_MIN];
    crypto_generichash_init(&state, NULL, 0, sizeof(digest));
    hash_text(&state, object_text(object, "kind"));
    hash_text(&state, object_meta_text(object, "uid"));
    hash_text(&state, type);
    hash_text(&state, reason);
    hash_text(&state, message);
    crypto_generichash_final(&state, digest, sizeof(digest));
    _autofree_ char *hex = str_hex(digest, 8);
    const char *name = object_name(object);
    if (!hex)
        return NULL;
    bool fits = !str_empty(name) && strlen(name) <= EVENT_OBJECT_MAX;
    return str_format("%s.%s", fits ? name : "unnamed", hex);
}

json_t *event_new(const json_t *object, bool warning, const char *reason, const char *message,
                  const char *component, int64_t now_ms)
{
    const char *type = warning ? "Warning" : "Normal";
    _autofree_ char *name = event_name(object, type, reason, message);
    if (!name)
        return NULL;
    char now[CLOCK_TEXT_SIZE];
    (void)clock_text(now_ms, now);
    json_t *event = json_pack(
        "{s:s, s:s, s:{s:s, s:s}, s:{s:s*, s:s*, s:s*, s:s*}, s:s, s:s, s:s, s:i, s:s, s:s, "
        "s:{s:s}}",
        "apiVersion", "v1", "kind", "Event", "metadata", "name", name, "namespace", EVENT_NAMESPACE,
        "involvedObject", "apiVersion", object_text(object, "apiVersion"), "kind",
        object_text(object, "kind"), "name", object_name(object), "uid",
        object_meta_text(object, "uid"), "type", type, "reason", reason, "message", message,
        "count", 1, "firstTimestamp", now, "lastTimestamp", now, "source", "component", component);
    return event;
}

int event_repeat(json_t *event, int64_t now_ms)
{
    char now[CLOCK_TEXT_SIZE];
    json_int_t count = json_integer_value(json_object_get(event, "count"));
    if (json_object_set_new(event, "count", json_integer(count + 1)) < 0 ||
        json_object_set_new(event, "lastTimestamp", json_string(clock_text(now_ms, now))) < 0)
        return -ENOMEM;
    return 0;
}
