/* SPDX-License-Identifier: Apache-2.0 */
#include "node/commands.h"

#include <string.h>

#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"

#define UNIT "slipway-node-command.service"

enum {
    OUTPUT_MAX = 1 << 20,
    LINE_SIZE = 512,
    STOP_MS = 120000,
    NOT_LOADED = 5, /* systemctl's status */
};

static void log_line(void *data, const char *line)
{
    char text[LINE_SIZE];
    (void)data;
    log_info("%s", log_quote(text, sizeof(text), line, strlen(line)));
}

/* What a command printed, line by line. */
static void log_output(const struct buf *output)
{
    for (const char *s = buf_str(output); *s;) {
        char text[LINE_SIZE];
        size_t n = strcspn(s, "\n");
        log_info("%s", log_quote(text, sizeof(text), s, n));
        s += n + (s[n] == '\n');
    }
}

/* One that goes on since slipway-node was killed: it is not run beside itself. */
static void end_earlier(void)
{
    static const char *const stop[] = {"systemctl", "--quiet", "stop", UNIT, NULL};
    const struct proc_options options = {.timeout_ms = STOP_MS};
    struct err err = ERR_INIT;
    int status = 0;
    if (proc_run(stop, &options, &status, &err) < 0 && status != NOT_LOADED)
        log_warn("%s", err_text(&err));
}

static int run_one(const struct node *node, const char *command, struct err *err)
{
    const char *const live[] = {
        "systemd-run", "--quiet", "--wait", "--pipe",
        "--collect",   "--unit",  UNIT,     "--property=After=slipway-node-grow.service",
        "/bin/sh",     "-c",      command,  NULL};
    const char *const rooted[] = {"chroot", node->root, "/bin/sh", "-c", command, NULL};
    _autobuf_ struct buf output = BUF_INIT_MAX(OUTPUT_MAX);
    struct proc_options options = {.output = &output, .on_line = log_line};
    if (node_is_live(node))
        end_earlier();
    int r = proc_run(node_is_live(node) ? live : rooted, &options, NULL, err);
    log_output(&output);
    return r;
}

/* One line of printable ASCII, as the state file takes it. */
static int set_failure(struct node_state *state, const char *text)
{
    char line[LINE_SIZE];
    return str_replace(&state->command_failure,
                       text ? log_quote(line, sizeof(line), text, strlen(text)) : NULL);
}

/* "systemd-run failed with ..." without the program, which the reader did not start. */
static const char *without_program(const char *text)
{
    const char *what = strstr(text, " failed with ");
    return what ? what + 1 : text;
}

static int run_next(const struct node *node, const struct texts *commands, struct node_state *state,
                    struct err *err)
{
    unsigned number = state->commands_done;
    struct err failure = ERR_INIT;
    log_info("Running command %u of %zu.", number + 1, commands->count);
    int r = run_one(node, commands->items[number], &failure);
    if (r == 0)
        state->commands_done++;
    else
        err_set(err, r, "command %u of %zu %s", number + 1, commands->count,
                without_program(err_text(&failure)));
    int kept = set_failure(state, r < 0 ? err_text(err) : NULL);
    if (kept == 0)
        kept = node_state_save(node, state, r < 0 ? NULL : err);
    return r < 0 ? r : kept;
}

int commands_run(const struct node *node, const struct texts *commands, struct node_state *state,
                 struct err *err)
{
    int r = 0;
    while (r == 0 && state->commands_done < commands->count)
        r = run_next(node, commands, state, err);
    return r;
}
