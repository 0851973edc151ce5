/* SPDX-License-Identifier: Apache-2.0 */
#include <sodium.h>
#include <string.h>

#include "base/str.h"
#include "protocol/json.h"
#include "protocol/task-check.h"

static const char *const kind_names[] = {[PROTOCOL_TASK_INIT] = "init",
                                         [PROTOCOL_TASK_JOIN] = "join",
                                         [PROTOCOL_TASK_RESET] = "reset",
                                         [PROTOCOL_TASK_SAVE] = "save",
                                         [PROTOCOL_TASK_RESUME] = "resume"};

/* ---- building ---- */

/* Overwrites the texts in a tree of values, which hold secrets, and lets go of it. */
static void json_wipe(json_t *value)
{
    const char *key;
    size_t i;
    json_t *item;
    json_object_foreach (value, key, item)
        json_wipe(json_incref(item));
    json_array_foreach (value, i, item)
        json_wipe(json_incref(item));
    if (json_is_string(value))
        sodium_memzero((void *)(uintptr_t)json_string_value(value), json_string_length(value));
    json_decref(value);
}

static json_t *files_to_json(const struct protocol_task *task)
{
    json_t *list = json_array();
    for (size_t i = 0; i < task->file_count; i++) {
        char mode[8];
        const struct protocol_task_file *file = &task->files[i];
        (void)snprintf(mode, sizeof(mode), "%04o", (unsigned)file->mode);
        json_t *item = json_object();
        set_string(item, "path", file->path);
        set_string(item, "mode", mode);
        set_string(item, "data", file->data);
        (void)json_array_append_new(list, item);
    }
    return list;
}

static json_t *texts_to_json(char *const *items, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, json_string(items[i]));
    return list;
}

static json_t *task_to_json(const struct protocol_task *task)
{
    json_t *object = json_object();
    set_string(object, "id", task->id);
    set_string(object, "kind", kind_names[task->kind]);
    set_u64(object, "deadlineSeconds", task->deadline_seconds);
    set_string(object, "nodeName", task->node_name);
    set_string(object, "criSocket", task->cri_socket);
    set_string(object, "certificatesDir", task->certificates_dir);
    set_string(object, "kubeadm", task->kubeadm);
    set_string(object, "saved", task->saved);
    set_string(object, "savedKey", task->saved_key);
    (void)json_object_set_new(object, "files", files_to_json(task));
    (void)json_object_set_new(object, "arguments",
                              texts_to_json(task->arguments, task->argument_count));
    (void)json_object_set_new(object, "removeAfter",
                              texts_to_json(task->remove_after, task->remove_after_count));
    return object;
}

/* Out of memory, and text that is not UTF-8, make smaller values: both would show here. */
static int check_built(const struct protocol_task *task, const char *text, struct err *err)
{
    _autotask_ struct protocol_task back = {0};
    size_t len = strlen(text);
    if (len > PROTOCOL_TASK_TEXT_MAX)
        return err_set(err, -EINVAL, "the task is longer than %d bytes", PROTOCOL_TASK_TEXT_MAX);
    int r = protocol_task_parse(text, len, &back, err);
    if (r < 0)
        return err_wrap(err, "not UTF-8, or out of memory"), -EINVAL;
    if (back.file_count != task->file_count || back.argument_count != task->argument_count ||
        back.remove_after_count != task->remove_after_count)
        return err_set(err, -EINVAL, "not UTF-8, or out of memory");
    return 0;
}

int protocol_task_build(const struct protocol_task *task, char **ret_text, struct err *err)
{
    int r = task_check(task, -EINVAL, err);
    if (r < 0)
        return r;
    json_t *object = task_to_json(task);
    char *text = json_dumps(object, JSON_COMPACT);
    json_wipe(object);
    if (!text)
        return err_set(err, -ENOMEM, "out of memory");
    r = check_built(task, text, err);
    if (r < 0) {
        protocol_task_text_free(text);
        return r;
    }
    *ret_text = text;
    return 0;
}

/* ---- parsing ---- */

/* One to four octal digits, "0644". */
static int parse_mode(const char *text, mode_t *ret)
{
    size_t n = text ? strlen(text) : 0;
    if (n < 1 || n > 4 || strspn(text, "01234567") != n)
        return -EBADMSG;
    mode_t mode = 0;
    for (; *text; text++)
        mode = mode * 8 + (mode_t)(*text - '0');
    *ret = mode;
    return 0;
}

static int parse_file(json_t *item, size_t i, struct protocol_task *task, struct err *err)
{
    const char *path = json_string_value(json_object_get(item, "path"));
    json_t *data = json_object_get(item, "data");
    mode_t mode = 0;
    if (!path)
        return err_set(err, -EBADMSG, "files[%zu].path: missing", i);
    if (parse_mode(json_string_value(json_object_get(item, "mode")), &mode) < 0)
        return err_set(err, -EBADMSG, "files[%zu].mode: not like \"0644\"", i);
    if (!json_is_string(data) || strlen(json_string_value(data)) != json_string_length(data))
        return err_set(err, -EBADMSG, "files[%zu].data: not a text", i);
    return protocol_task_add_file(task, path, mode, json_string_value(data));
}

static int parse_files(json_t *object, struct protocol_task *task, struct err *err)
{
    json_auto_t *list = NULL;
    int r = field_array(object, "files", PROTOCOL_TASK_FILES_MAX, &list, err);
    for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
        r = parse_file(json_array_get(list, i), i, task, err);
    return r;
}

static int parse_texts(json_t *object, const char *name, size_t max, struct protocol_task *task,
                       int (*add)(struct protocol_task *task, const char *text), struct err *err)
{
    json_auto_t *list = NULL;
    int r = field_array(object, name, max, &list, err);
    for (size_t i = 0; r == 0 && i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        const char *text = json_string_value(item);
        if (!text || strlen(text) != json_string_length(item))
            return err_set(err, -EBADMSG, "%s[%zu]: not a text", name, i);
        r = add(task, text);
    }
    return r;
}

static int parse_names(json_t *object, struct protocol_task *task, struct err *err)
{
    uint64_t deadline = 0;
    int r = field_enum(object, "kind", kind_names, ARRAY_SIZE(kind_names), err);
    if (r < 0)
        return r;
    task->kind = (enum protocol_task_kind)r;
    r = field_string(object, "id", &task->id, err);
    if (r == 0)
        r = field_u64(object, "deadlineSeconds", &deadline, err);
    if (r == 0)
        r = field_string(object, "nodeName", &task->node_name, err);
    if (r == 0)
        r = field_string(object, "criSocket", &task->cri_socket, err);
    if (r == 0)
        r = field_string(object, "certificatesDir", &task->certificates_dir, err);
    if (r == 0)
        r = field_string(object, "kubeadm", &task->kubeadm, err);
    if (r == 0)
        r = field_string(object, "saved", &task->saved, err);
    if (r == 0)
        r = field_string(object, "savedKey", &task->saved_key, err);
    task->deadline_seconds = deadline > UINT32_MAX ? UINT32_MAX : (uint32_t)deadline;
    return r;
}

static int parse(json_t *object, struct protocol_task *task, struct err *err)
{
    int r = parse_names(object, task, err);
    if (r == 0)
        r = parse_files(object, task, err);
    if (r == 0)
        r = parse_texts(object, "arguments", PROTOCOL_TASK_ARGUMENTS_MAX, task,
                        protocol_task_add_argument, err);
    if (r == 0)
        r = parse_texts(object, "removeAfter", PROTOCOL_TASK_FILES_MAX, task,
                        protocol_task_add_remove_after, err);
    return r < 0 ? r : task_check(task, -EBADMSG, err);
}

int protocol_task_parse(const char *text, size_t len, struct protocol_task *ret, struct err *err)
{
    json_error_t error;
    if (len > PROTOCOL_TASK_TEXT_MAX)
        return err_set(err, -EBADMSG, "the task is longer than %d bytes", PROTOCOL_TASK_TEXT_MAX);
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    /* jansson's own words would quote the text. */
    if (!json_is_object(object)) {
        json_wipe(object);
        return err_set(err, -EBADMSG, "the task is not a JSON object (line %d)", error.line);
    }
    struct protocol_task task = {0};
    int r = parse(object, &task, err);
    json_wipe(object);
    if (r < 0) {
        protocol_task_free(&task);
        return r;
    }
    *ret = task;
    return 0;
}
