/* SPDX-License-Identifier: Apache-2.0 */
/* Lists page by page, so that neither side holds a large collection in one piece. */
#include "base/str.h"
#include "kube/private.h"
#include "kube/request.h"

enum { PAGE_DEFAULT = 100, PATH_MAX_BYTES = 64 << 10 };

struct list_run {
    struct kube_client *client;
    struct buf path; /* without the continuation */
    struct kube_list_then then;
};

static void run_free(void *user)
{
    struct list_run *run = user;
    buf_free(&run->path);
    free(run);
}

static void on_page(void *user, const struct kube_answer *answer);

static int ask_page(struct list_run *run, const char *continuation)
{
    size_t base = run->path.len;
    kube_query_add(&run->path, "continue", continuation);
    const struct kube_call call = {.path = buf_str(&run->path)};
    const struct kube_then then = {on_page, run, run->then.slot};
    int r = buf_error(&run->path);
    if (r == 0)
        r = kube_call_owned(run->client, &call, then, run_free);
    if (r == 0 && run->path.len > base) {
        run->path.data[base] = '\0';
        run->path.len = base;
    }
    return r;
}

/* The end; the run is freed before its user may start another one. */
static void end(struct list_run *run, const struct kube_answer *answer, const char *version)
{
    struct kube_list_then then = run->then;
    run_free(run);
    then.done(then.user, answer, version);
}

static void end_with(struct list_run *run, int error, const char *text)
{
    struct kube_answer answer = {.error = error, .text = ""};
    (void)kube_status_set(&answer.status, error, "%s", text);
    end(run, &answer, NULL);
}

static int hand_items(struct list_run *run, const json_t *items)
{
    size_t i;
    json_t *object;
    int r = 0;
    json_array_foreach (items, i, object) {
        if (r == 0)
            r = run->then.item(run->then.user, object);
    }
    return r;
}

static void on_page(void *user, const struct kube_answer *answer)
{
    struct list_run *run = user;
    if (answer->error < 0) {
        end(run, answer, NULL);
        return;
    }
    const json_t *metadata = json_object_get(answer->object, "metadata");
    const char *version = json_string_value(json_object_get(metadata, "resourceVersion"));
    const char *more = json_string_value(json_object_get(metadata, "continue"));
    if (str_empty(version)) {
        end_with(run, -EBADMSG, "the answer is no list: it has no resourceVersion");
        return;
    }
    if (hand_items(run, json_object_get(answer->object, "items")) != 0) {
        run_free(run);
        return;
    }
    if (str_empty(more)) {
        end(run, answer, version);
        return;
    }
    int r = ask_page(run, more);
    if (r < 0)
        end_with(run, r == -ESHUTDOWN ? -ECANCELED : r, "the next page cannot be asked for");
}

int kube_list(struct kube_client *client, const struct kube_path *path,
              const struct kube_list_options *options, struct kube_list_then then)
{
    static const struct kube_list_options none;
    const struct kube_list_options *o = options ? options : &none;
    if (path->name || !then.item || !then.done)
        return -EINVAL;
    struct list_run *run = calloc(1, sizeof(*run));
    if (!run)
        return -ENOMEM;
    run->client = client;
    run->then = then;
    run->path = BUF_INIT_MAX(PATH_MAX_BYTES);
    int r = kube_path_write(path, &run->path);
    kube_query_add(&run->path, "labelSelector", o->label_selector);
    kube_query_add(&run->path, "fieldSelector", o->field_selector);
    if (o->page != KUBE_PAGE_ALL)
        kube_query_add_number(&run->path, "limit", o->page ? o->page : PAGE_DEFAULT);
    if (r == 0)
        r = ask_page(run, NULL);
    if (r < 0)
        run_free(run);
    return r;
}
