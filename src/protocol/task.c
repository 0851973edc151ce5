/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/task.h"

#include <sodium.h>
#include <string.h>

#include "base/str.h"

static void text_wipe(char *text)
{
    if (text)
        sodium_memzero(text, strlen(text));
    free(text);
}

static void list_wipe(char **items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        text_wipe(items[i]);
    free(items);
}

void protocol_task_free(struct protocol_task *task)
{
    for (size_t i = 0; i < task->file_count; i++) {
        text_wipe(task->files[i].path);
        text_wipe(task->files[i].data);
    }
    free(task->files);
    list_wipe(task->arguments, task->argument_count);
    list_wipe(task->remove_after, task->remove_after_count);
    free(task->id);
    free(task->node_name);
    free(task->cri_socket);
    free(task->certificates_dir);
    free(task->kubeadm);
    free(task->saved);
    text_wipe(task->saved_key);
    *task = (struct protocol_task){0};
}

void protocol_task_text_free(char *text)
{
    text_wipe(text);
}

int protocol_task_add_file(struct protocol_task *task, const char *path, mode_t mode,
                           const char *data)
{
    struct protocol_task_file *files =
        reallocarray(task->files, task->file_count + 1, sizeof(*files));
    if (!files)
        return -ENOMEM;
    task->files = files;
    struct protocol_task_file file = {.path = strdup(path), .mode = mode, .data = strdup(data)};
    if (!file.path || !file.data) {
        text_wipe(file.path);
        text_wipe(file.data);
        return -ENOMEM;
    }
    files[task->file_count++] = file;
    return 0;
}

static int list_add(char ***items, size_t *count, const char *text)
{
    char **more = reallocarray(*items, *count + 1, sizeof(*more));
    if (!more)
        return -ENOMEM;
    *items = more;
    more[*count] = strdup(text);
    if (!more[*count])
        return -ENOMEM;
    (*count)++;
    return 0;
}

int protocol_task_add_argument(struct protocol_task *task, const char *argument)
{
    return list_add(&task->arguments, &task->argument_count, argument);
}

int protocol_task_add_remove_after(struct protocol_task *task, const char *path)
{
    return list_add(&task->remove_after, &task->remove_after_count, path);
}

int protocol_task_seal(const struct protocol_task *task, const struct trust_public *to,
                       char **ret_sealed, struct err *err)
{
    char *text = NULL;
    int r = protocol_task_build(task, &text, err);
    if (r < 0)
        return r;
    r = trust_seal(to, text, strlen(text), ret_sealed);
    protocol_task_text_free(text);
    return r < 0 ? err_errno(err, r, "cannot seal the task") : 0;
}

int protocol_task_unseal(const struct trust_key *key, const char *sealed, struct protocol_task *ret,
                         struct err *err)
{
    char *text = NULL;
    size_t len = 0;
    int r = trust_unseal(key, sealed, PROTOCOL_TASK_TEXT_MAX, &text, &len);
    if (r == -ENOMEM)
        return err_set(err, r, "out of memory");
    if (r < 0)
        return err_set(err, -EBADMSG, "the task is not sealed to this machine's key");
    r = protocol_task_parse(text, len, ret, err);
    sodium_memzero(text, len);
    free(text);
    return r;
}
