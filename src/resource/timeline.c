/* SPDX-License-Identifier: Apache-2.0 */
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

int machine_timeline_add(json_t *machine, int64_t now_ms, const char *event, const char *message)
{
    json_t *timeline;
    int r = status_array(machine, "timeline", &timeline);
    if (r < 0)
        return r;
    char now[CLOCK_TEXT_SIZE];
    json_t *entry = json_pack("{s:s, s:s, s:s*}", "time", clock_text(now_ms, now), "event", event,
                              "message", message);
    if (json_array_append_new(timeline, entry) < 0)
        return -ENOMEM;
    while (json_array_size(timeline) > MACHINE_TIMELINE_MAX)
        (void)json_array_remove(timeline, 0);
    return 0;
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
