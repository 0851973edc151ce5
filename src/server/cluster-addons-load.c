/* SPDX-License-Identifier: Apache-2.0 */
/* Files and addresses into objects, in a thread. */
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "cluster/addons-manifests.h"
#include "resource/kind.h"
#include "resource/read.h"
#include "server/cluster-addons.h"

enum { VARIABLES_FILE_MAX = 1 << 20 };

struct addons_load {
    uv_async_t async;
    uv_thread_t thread;
    json_t *input;
    struct addon_set *set;
    _Atomic bool cancelled;
    void (*done)(void *user, struct addon_set *set);
    void *user;
};

void addon_set_free(struct addon_set *set)
{
    for (size_t i = 0; set && i < set->n; i++) {
        addon_objects_free(&set->items[i].objects);
        buf_free(&set->items[i].problems);
        free(set->items[i].failure);
        free(set->items[i].name);
    }
    if (set)
        free(set->items);
    free(set);
}

/* One add-on while it is loaded. */
struct loading {
    const struct addons_load *load;
    const json_t *spec, *values;
    json_t *own; /* variables */
    struct addon_loaded *ret;
};

static void problem(struct loading *l, const char *text)
{
    buf_printf(&l->ret->problems, "%s\n", text);
}

/* ---- variables and certificates ---- */

static void take_variables(struct loading *l, const json_t *from, const char *path)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)from, name, value) {
        char number[32];
        (void)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        if (json_is_string(value))
            (void)json_object_set(l->own, name, value);
        else if (json_is_integer(value))
            (void)json_object_set_new(l->own, name, json_string(number));
        else
            buf_printf(&l->ret->problems, "%s: %s is no text\n", path, name);
    }
}

static void read_variables(struct loading *l, const char *path)
{
    _autodocuments_ struct documents documents = {0};
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    _autofree_ char *text = NULL;
    size_t len = 0;
    struct err err = ERR_INIT;
    if (file_read(path, VARIABLES_FILE_MAX, &text, &len, &err) < 0)
        problem(l, err_text(&err));
    /* what is wrong with it is told without its content */
    else if (yaml_parse(path, text, len, &documents, &problems) < 0 || documents.n != 1 ||
             !json_is_object(documents.items[0].json))
        buf_printf(&l->ret->problems, "%s: no YAML mapping of names to texts\n", path);
    else
        take_variables(l, documents.items[0].json, path);
    if (text)
        explicit_bzero(text, len);
}

static json_t *render_names(struct loading *l, const json_t *names)
{
    json_t *ret = json_array();
    size_t i;
    json_t *name;
    json_array_foreach ((json_t *)(uintptr_t)names, i, name) {
        _autobuf_ struct buf out = BUF_INIT_MAX(1024);
        struct err err = ERR_INIT;
        const char *text = json_string_value(name);
        if (addons_render(text, strlen(text), l->own, l->values, &out, &err) < 0)
            buf_printf(&l->ret->problems, "a certificate's name %s: %s\n", text, err_text(&err));
        else
            (void)json_array_append_new(ret, json_string(buf_str(&out)));
    }
    return ret;
}

static void take_certificates(struct loading *l)
{
    size_t i;
    json_t *c;
    json_array_foreach (json_object_get(l->spec, "certificates"), i, c) {
        json_t *names = render_names(l, json_object_get(c, "names"));
        if (json_array_size(names) == 0)
            json_decref(names); /* a problem was told */
        else if (addon_objects_add_certificate(&l->ret->objects, l->ret->name,
                                               object_text(c, "namespace"),
                                               object_text(c, "secret"), names) < 0)
            problem(l, "out of memory");
    }
}

/* ---- all of them ---- */

static int fetch(void *data, const char *url, struct buf *out, struct err *err)
{
    return addons_fetch(url, data, out, err);
}

static void load_one(const struct addons_load *load, const json_t *spec, struct addon_loaded *ret)
{
    json_auto_t *own = json_deep_copy(json_object_get(spec, "variables"));
    struct loading l = {.load = load,
                        .spec = spec,
                        .values = json_object_get(load->input, "values"),
                        .own = own,
                        .ret = ret};
    const char *from = object_text(spec, "variablesFrom");
    ret->name = strdup(object_text(spec, "name"));
    if (!own || !ret->name) {
        problem(&l, "out of memory");
        return;
    }
    if (from)
        read_variables(&l, from);
    const struct addon_source source = {
        .name = ret->name,
        .template = json_is_true(json_object_get(spec, "template")),
        .own = own,
        .values = l.values,
        .cancelled = &load->cancelled,
        .data = (void *)(uintptr_t)&load->cancelled,
        .fetch = fetch,
    };
    addon_manifests_read(&source, object_text(spec, "path"), &ret->objects, &ret->problems);
    take_certificates(&l);
    addon_objects_sort(&ret->objects, &ret->problems);
}

static void run(void *data)
{
    struct addons_load *load = data;
    const json_t *specs = json_object_get(load->input, "addons");
    struct addon_set *set = calloc(1, sizeof(*set));
    size_t n = json_array_size(specs);
    if (set)
        set->items = calloc(n + 1, sizeof(set->items[0]));
    for (; set && set->items && set->n < n; set->n++)
        load_one(load, json_array_get(specs, set->n), &set->items[set->n]);
    load->set = set;
    (void)uv_async_send(&load->async);
}

static void on_closed(uv_handle_t *handle)
{
    struct addons_load *load = handle->data;
    json_decref(load->input);
    free(load);
}

static void on_loaded(uv_async_t *async)
{
    struct addons_load *load = async->data;
    (void)uv_thread_join(&load->thread); /* it has nothing left to do */
    uv_close((uv_handle_t *)async, on_closed);
    if (load->cancelled)
        addon_set_free(load->set);
    else
        load->done(load->user, load->set);
}

int addons_load_start(uv_loop_t *loop, const json_t *input,
                      void (*done)(void *user, struct addon_set *set), void *user,
                      struct addons_load **ret)
{
    struct addons_load *load = calloc(1, sizeof(*load));
    if (!load)
        return -ENOMEM;
    load->input = json_deep_copy(input);
    load->done = done;
    load->user = user;
    load->async.data = load;
    if (!load->input || uv_async_init(loop, &load->async, on_loaded) < 0) {
        json_decref(load->input);
        free(load);
        return -ENOMEM;
    }
    int r = uv_thread_create(&load->thread, run, load);
    if (r < 0)
        uv_close((uv_handle_t *)&load->async, on_closed);
    else
        *ret = load;
    return r;
}

void addons_load_cancel(struct addons_load *load)
{
    if (load)
        load->cancelled = true;
}
