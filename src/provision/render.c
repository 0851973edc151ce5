/* SPDX-License-Identifier: Apache-2.0 */
#include "provision/render.h"

#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "provision/template.h"

/* The variables of one provision: values that had to be made are kept in `made`. */
struct variables {
    struct template_variables list;
    struct template_variable *items;
    struct texts made;
};

static void variables_free(struct variables *v)
{
    free(v->items);
    texts_free(&v->made);
}

static int add_made(struct variables *v, const char *name, char *value)
{
    int r = value ? texts_add(&v->made, value) : -ENOMEM;
    free(value);
    if (r == 0)
        v->items[v->list.count++] =
            (struct template_variable){name, v->made.items[v->made.count - 1]};
    return r;
}

/* The first static address without its prefix length; "" when there is none. */
static char *first_address(const struct provision *p)
{
    for (size_t i = 0; i < p->links.count; i++) {
        const struct texts *addresses = &p->links.items[i].addresses;
        if (addresses->count)
            return strndup(addresses->items[0], strcspn(addresses->items[0], "/"));
    }
    return strdup("");
}

static bool is_replaced(const struct provision *p, const char *name)
{
    for (size_t i = 0; i < p->variables.count; i++) {
        if (str_eq(p->variables.items[i].name, name))
            return true;
    }
    return false;
}

static int add_builtin(struct variables *v, const struct provision *p, const char *name,
                       char *value)
{
    if (!is_replaced(p, name))
        return add_made(v, name, value);
    free(value);
    return 0;
}

enum { BUILTIN_COUNT = 7 };

static int variables_fill(struct variables *v, const struct provision *p)
{
    v->items = calloc(p->variables.count + BUILTIN_COUNT, sizeof(*v->items));
    if (!v->items)
        return -ENOMEM;
    int r = add_builtin(v, p, "machine", strdup(p->machine));
    if (r == 0)
        r = add_builtin(v, p, "hostname", provision_hostname(p));
    if (r == 0)
        r = add_builtin(v, p, "fqdn", strdup(p->fqdn ? p->fqdn : ""));
    if (r == 0)
        r = add_builtin(v, p, "generation", str_format("%u", p->generation));
    if (r == 0)
        r = add_builtin(v, p, "instance", provision_instance_id(p));
    if (r == 0)
        r = add_builtin(v, p, "server", strdup(p->server ? p->server : ""));
    if (r == 0)
        r = add_builtin(v, p, "address", first_address(p));
    for (size_t i = 0; r == 0 && i < p->variables.count; i++)
        r = add_made(v, p->variables.items[i].name, strdup(p->variables.items[i].value));
    v->list.items = v->items;
    return r;
}

static int expand_file(struct provision_file *file, const struct template_variables *variables,
                       struct err *err)
{
    if (!file->template)
        return 0;
    struct buf out = BUF_INIT_MAX(1 << 20);
    int r =
        template_render((const char *)file->content.data, file->content.len, variables, &out, err);
    if (r < 0) {
        buf_free(&out);
        return r;
    }
    if (file->content.data)
        sodium_memzero(file->content.data, file->content.len);
    free(file->content.data);
    file->content.len = out.len;
    file->content.data = (uint8_t *)buf_steal(&out);
    file->template = false;
    return 0;
}

static int expand_command(char **command, const struct template_variables *variables,
                          struct err *err)
{
    _autobuf_ struct buf out = BUF_INIT_MAX(16384);
    int r = template_render(*command, strlen(*command), variables, &out, err);
    if (r < 0)
        return r;
    r = str_replace(command, buf_str(&out));
    return r < 0 ? err_set(err, r, "out of memory") : 0;
}

static int expand_all(struct provision *p, const struct template_variables *variables,
                      struct err *err)
{
    for (size_t i = 0; i < p->files.count; i++) {
        int r = expand_file(&p->files.items[i], variables, err);
        if (r < 0)
            return err_wrap(err, "files[%zu] (%s)", i, p->files.items[i].path);
    }
    for (size_t i = 0; i < p->commands.count; i++) {
        int r = expand_command(&p->commands.items[i], variables, err);
        if (r < 0)
            return err_wrap(err, "commands[%zu]", i);
    }
    return 0;
}

int provision_expand(struct provision *p, struct err *err)
{
    _cleanup_(variables_free) struct variables variables = {0};
    int r = variables_fill(&variables, p);
    if (r < 0)
        return err_set(err, r, "out of memory");
    return expand_all(p, &variables.list, err);
}

int provision_copy(const struct provision *p, struct provision *ret)
{
    char *text = NULL;
    int r = provision_build(p, &text);
    if (r == 0)
        r = provision_parse(text, strlen(text), ret, NULL);
    seed_text_free(text);
    return r;
}

/* Takes the reference; the object as text behind a first line. */
static int put_json(struct seed *seed, const char *path, const char *first_line, json_t *json,
                    struct err *err)
{
    /* Not JSON_ENSURE_ASCII: YAML knows no surrogate pairs. */
    char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    json_decref(json);
    _autofree_ char *whole = text ? str_format("%s%s\n", first_line, text) : NULL;
    seed_text_free(text);
    if (!whole)
        return err_set(err, -ENOMEM, "out of memory");
    int r = seed_put(seed, path, 0600, whole, strlen(whole), err);
    sodium_memzero(whole, strlen(whole));
    return r;
}

static int put_node(struct seed *seed, const struct provision *p, struct err *err)
{
    char *text = NULL;
    int r = provision_build(p, &text);
    if (r < 0)
        return err_set(err, r, "out of memory");
    r = seed_put(seed, SEED_PATH_NODE, 0600, text, strlen(text), err);
    seed_text_free(text);
    return r;
}

static int render_expanded(const struct provision *p, struct seed *seed, struct err *err)
{
    bool node = p->style == PROVISION_NODE;
    json_t *user_data = node ? json_object() : provision_user_data(p);
    int r = put_json(seed, SEED_PATH_META_DATA, "", provision_meta_data(p), err);
    if (r < 0) {
        json_decref(user_data);
        return r;
    }
    r = put_json(seed, SEED_PATH_USER_DATA, "#cloud-config\n", user_data, err);
    if (r == 0)
        r = seed_put(seed, SEED_PATH_VENDOR_DATA, 0600, NULL, 0, err);
    if (r == 0 && p->links.count)
        r = put_json(seed, SEED_PATH_NETWORK_CONFIG, "", provision_network_config(p), err);
    if (r == 0 && node)
        r = put_node(seed, p, err);
    return r;
}

int provision_render(const struct provision *p, struct seed *seed, struct err *err)
{
    int r = provision_check(p, err);
    if (r < 0)
        return r;
    _autoprovision_ struct provision copy = {0};
    r = provision_copy(p, &copy);
    if (r != 0)
        return err_set(err, r, "out of memory");
    r = provision_expand(&copy, err);
    return r < 0 ? r : render_expanded(&copy, seed, err);
}
