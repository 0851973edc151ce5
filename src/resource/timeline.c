/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "resource/condition.h"
#include "resource/machine.h"

/* status.MEMBER as an array, made when it is absent. */
static int status_array(json_t *object, const char *member, json_t **ret)
{
    json_t *status = json_object_get(object, "status");
    json_t *array = json_object_get(status, member);
    if (!array) {
        _autofree_ char *path = str_format("status.%s", member);
        array = json_array();
        int r = path ? object_set(object, path, array) : -ENOMEM;
        if (r < 0)
            return r;
    }
    *ret = array;
    return json_is_array(array) ? 0 : -EINVAL;
}

static const char *text_of(const json_t *entry, const char *member)
{
    const char *text = json_string_value(json_object_get(entry, member));
    return text ? text : "";
}

/* Entries are in the order of their times, whose texts compare as they do. Steals the entry. */
static int insert(json_t *timeline, json_t *entry)
{
    size_t at = json_array_size(timeline);
    while (at > 0 &&
           strcmp(text_of(json_array_get(timeline, at - 1), "time"), text_of(entry, "time")) > 0)
        at--;
    if (json_array_insert_new(timeline, at, entry) < 0)
        return -ENOMEM;
    while (json_array_size(timeline) > MACHINE_TIMELINE_MAX)
        (void)json_array_remove(timeline, 0);
    return 0;
}

int machine_timeline_add(json_t *machine, int64_t now_ms, const char *event, const char *message)
{
    json_t *timeline;
    int r = status_array(machine, "timeline", &timeline);
    char now[CLOCK_TEXT_SIZE];
    return r < 0 ? r
                 : insert(timeline, json_pack("{s:s, s:s, s:s*}", "time", clock_text(now_ms, now),
                                              "event", event, "message", message));
}

static bool is_repeated(const json_t *entry, const char *event, const char *message,
                        int64_t seen_ms)
{
    int64_t before;
    return str_eq(text_of(entry, "event"), event) && str_eq(text_of(entry, "message"), message) &&
           clock_parse(text_of(entry, "time"), &before) == 0 &&
           seen_ms - before <= MACHINE_TIMELINE_MERGE_MS;
}

/* Takes the newest equal entry out and returns how often it was seen; 0 when there is none. */
static int64_t take_repeated(json_t *timeline, const char *event, const char *message,
                             int64_t seen_ms)
{
    for (size_t i = json_array_size(timeline); i-- > 0;) {
        const json_t *entry = json_array_get(timeline, i);
        if (!is_repeated(entry, event, message, seen_ms))
            continue;
        int64_t count = json_integer_value(json_object_get(entry, "count"));
        (void)json_array_remove(timeline, i);
        return count > 1 ? count : 1;
    }
    return 0;
}

int machine_timeline_count(json_t *machine, int64_t seen_ms, const char *event, const char *message,
                           int64_t count)
{
    json_t *timeline;
    int r = status_array(machine, "timeline", &timeline);
    if (r < 0)
        return r;
    char seen[CLOCK_TEXT_SIZE];
    count += take_repeated(timeline, event, message, seen_ms);
    json_t *entry = json_pack("{s:s, s:s, s:s*}", "time", clock_text(seen_ms, seen), "event", event,
                              "message", message);
    if (entry && count > 1)
        (void)json_object_set_new(entry, "count", json_integer(count));
    return insert(timeline, entry);
}

static json_t *find_condition(json_t *conditions, const char *type)
{
    size_t i;
    json_t *condition;
    json_array_foreach (conditions, i, condition) {
        if (str_eq(json_string_value(json_object_get(condition, "type")), type))
            return condition;
    }
    return NULL;
}

int object_set_condition(json_t *object, const char *type, enum condition_status status,
                         const char *reason, const char *message, int64_t now_ms)
{
    json_t *conditions;
    int r = status_array(object, "conditions", &conditions);
    if (r < 0)
        return r;
    const char *text = field_enum_text(condition_status_values, (int)status);
    json_t *condition = find_condition(conditions, type);
    char now[CLOCK_TEXT_SIZE];
    const char *since = clock_text(now_ms, now);
    _autofree_ char *before = NULL;
    if (condition && str_eq(json_string_value(json_object_get(condition, "status")), text)) {
        const char *old = json_string_value(json_object_get(condition, "lastTransitionTime"));
        before = old ? strdup(old) : NULL;
        since = before ? before : since;
    }
    if (!condition) {
        condition = json_object();
        if (json_array_append_new(conditions, condition) < 0)
            return -ENOMEM;
    }
    json_t *fresh = json_pack("{s:s, s:s, s:s*, s:s*, s:s}", "type", type, "status", text, "reason",
                              reason, "message", message, "lastTransitionTime", since);
    if (!fresh)
        return -ENOMEM;
    (void)json_object_clear(condition);
    r = json_object_update(condition, fresh);
    json_decref(fresh);
    return r < 0 ? -ENOMEM : 0;
}
