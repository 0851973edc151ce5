/* SPDX-License-Identifier: Apache-2.0 */
#include "node/state.h"

#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "provision/fields.h"

enum { STATE_MAX = 1 << 20 };

#define AT(type, member) .offset = offsetof(struct type, member)

static const struct field step_fields[] = {
    {.name = "name", .kind = FIELD_TEXT, AT(node_step, name), .max = 64, .required = true},
    {.name = "failure", .kind = FIELD_TEXT, AT(node_step, failure), .max = 2048},
    {.name = "milliseconds", .kind = FIELD_UINT, AT(node_step, milliseconds), .max = 0x7fffffff},
};
static const struct field_table step_table = {step_fields, ARRAY_SIZE(step_fields),
                                              sizeof(struct node_step)};

static const struct field state_fields[] = {
    {.name = "instance", .kind = FIELD_TEXT, AT(node_state, instance), .max = 512},
    {.name = "configured", .kind = FIELD_BOOL, AT(node_state, configured)},
    {.name = "commandsDone", .kind = FIELD_UINT, AT(node_state, commands_done), .max = 65536},
    {.name = "commandFailure", .kind = FIELD_TEXT, AT(node_state, command_failure), .max = 2048},
    {.name = "milliseconds", .kind = FIELD_UINT, AT(node_state, milliseconds), .max = 0x7fffffff},
    {.name = "steps", .kind = FIELD_ITEMS, AT(node_state, steps), .max = 64, .table = &step_table},
};
static const struct field_table state_table = {state_fields, ARRAY_SIZE(state_fields),
                                               sizeof(struct node_state)};

void node_state_free(struct node_state *state)
{
    fields_free(&state_table, state);
}

int node_state_load(const struct node *node, struct node_state *ret)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    memset(ret, 0, sizeof(*ret));
    int r = node_read(node, NODE_STATE_FILE, STATE_MAX, &text, &len, NULL);
    if (r < 0)
        return r == -ENOMEM ? r : 0;
    json_t *json = json_loadb(text, len, 0, NULL);
    r = json ? fields_read(&state_table, json, ret, NULL) : 0;
    json_decref(json);
    return r == -ENOMEM ? r : 0;
}

int node_state_save(const struct node *node, const struct node_state *state, struct err *err)
{
    _autofree_ char *folder = node_path(node, NODE_STATE_DIR);
    _autofree_ char *path = node_path(node, NODE_STATE_FILE);
    json_t *json = fields_write(&state_table, state);
    _autofree_ char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    json_decref(json);
    if (!folder || !path || !text)
        return err_set(err, -ENOMEM, "out of memory");
    int r = dir_make(folder, 0700, err);
    return r < 0 ? r : file_write_atomic(path, text, strlen(text), 0600, err);
}

/* One line of printable text, as the table wants it. */
static char *one_line(const char *text)
{
    char *line = strndup(text, 2000);
    for (char *c = line; c && *c; c++) {
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            *c = '?';
    }
    return line;
}

int node_state_add_step(struct node_state *state, const char *name, const char *failure,
                        unsigned milliseconds)
{
    struct node_step *step = items_add(&state->steps, sizeof(*step));
    if (!step)
        return -ENOMEM;
    step->name = strdup(name);
    step->failure = failure ? one_line(failure) : NULL;
    step->milliseconds = milliseconds;
    return step->name && (step->failure || !failure) ? 0 : -ENOMEM;
}
