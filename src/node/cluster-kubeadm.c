/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cluster-kubeadm.h"

#include <string.h>

#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "node/kubeadm-output.h"
#include "node/redact.h"
#include "protocol/task.h"

enum { LINE_SIZE = 512, JOURNAL_MAX = 1 << 17, JOURNAL_MS = 10000, VARIABLES_MAX = 32 };

/* ---- the last lines ---- */

void cluster_tail_free(struct cluster_tail *tail)
{
    for (size_t i = 0; i < ARRAY_SIZE(tail->lines); i++)
        free(tail->lines[i]);
    *tail = (struct cluster_tail){0};
}

static void tail_add(struct cluster_tail *tail, const char *line)
{
    char **place = &tail->lines[tail->count % ARRAY_SIZE(tail->lines)];
    if (str_replace(place, line) == 0)
        tail->count++;
}

void cluster_tail_text(const struct cluster_tail *tail, size_t max, struct buf *out)
{
    size_t size = ARRAY_SIZE(tail->lines);
    size_t first = tail->count > size ? tail->count - size : 0, bytes = 0;
    for (size_t i = tail->count; i > first; i--) {
        bytes += strlen(tail->lines[(i - 1) % size]) + 1;
        if (bytes > max)
            first = i;
    }
    for (size_t i = first; i < tail->count; i++)
        buf_printf(out, "%s\n", tail->lines[i % size]);
}

/* Without secrets, and in printable ASCII: for the journal, JSON and terminals. */
static bool clean_line(const char *line, char ret[static LINE_SIZE])
{
    _autofree_ char *safe = redact_line(line);
    for (char *c = safe; c && *c; c++)
        *c = *c == '\t' ? ' ' : *c;
    if (safe)
        (void)log_quote(ret, LINE_SIZE, safe, strlen(safe));
    return safe != NULL;
}

/* ---- the environment ---- */

static bool is_proxy_name(const char *name, size_t n)
{
    static const char *const names[] = {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strlen(names[i]) == n && strncasecmp(names[i], name, n) == 0)
            return true;
    }
    return false;
}

/* NAME=VALUE of one line without the quotes around the value; NULL: it is something else. */
static char *variable(const char *line, size_t n)
{
    const char *equals = memchr(line, '=', n);
    if (!equals || !is_proxy_name(line, (size_t)(equals - line)))
        return NULL;
    const char *value = equals + 1, *end = line + n;
    bool quoted = end - value >= 2 && *value == '"' && end[-1] == '"';
    value += quoted;
    end -= quoted;
    struct buf text = BUF_INIT_MAX(PROTOCOL_TASK_FILE_MAX);
    buf_add(&text, line, (size_t)(equals + 1 - line));
    for (; value < end; value++) {
        if (quoted && *value == '\\' && value + 1 < end)
            value++;
        buf_addc(&text, *value);
    }
    return buf_steal(&text);
}

static void add_proxies(const char *text, char **list, size_t *count)
{
    while (*text && *count < VARIABLES_MAX) {
        size_t n = strcspn(text, "\r\n");
        list[*count] = variable(text, n);
        *count += list[*count] != NULL;
        text += n + (text[n] != '\0');
    }
}

char **cluster_environment(const char *text)
{
    char **list = calloc(VARIABLES_MAX + 1, sizeof(*list));
    if (!list)
        return NULL;
    list[0] = strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    list[1] = strdup("HOME=/root");
    size_t count = 2;
    if (!list[0] || !list[1]) {
        free(list[1]);
        free(list[0]);
        free(list);
        return NULL;
    }
    add_proxies(text ? text : "", list, &count);
    return list;
}

void cluster_environment_free(char **environment)
{
    for (size_t i = 0; environment && environment[i]; i++)
        free(environment[i]);
    free(environment);
}

static void environment_cleanup(char ***environment)
{
    cluster_environment_free(*environment);
}

/* ---- kubeadm ---- */

struct output {
    const struct cluster_call *call;
    char phase[KUBEADM_PHASE_SIZE];
    bool in_piece; /* the next line is the rest of one that was too long */
};

/* The rest of a line that is too long is dropped: a secret may be cut in two there. */
static bool is_whole(struct output *o, const char *line)
{
    bool rest = o->in_piece;
    o->in_piece = strlen(line) > PROC_LINE_MAX;
    return !rest;
}

static void take_line(void *data, const char *line)
{
    struct output *o = data;
    char text[LINE_SIZE], phase[KUBEADM_PHASE_SIZE] = "";
    if (!is_whole(o, line) || !clean_line(line, text))
        return;
    log_info("kubeadm: %s", text);
    if (kubeadm_line_matters(text))
        tail_add(o->call->tail, text);
    if (o->call->failed)
        (void)kubeadm_failed_phase(text, o->call->failed);
    if (!kubeadm_phase(text, phase) || str_eq(phase, o->phase))
        return;
    memcpy(o->phase, phase, sizeof(o->phase));
    if (o->call->on_phase)
        o->call->on_phase(o->call->data, phase);
}

int cluster_kubeadm(const struct cluster_call *call, int *ret_status)
{
    _cleanup_(environment_cleanup) char **environment = cluster_environment(call->environment);
    _autofree_ const char **argv = calloc(call->count + 2, sizeof(*argv));
    struct output output = {.call = call};
    if (!environment || !argv)
        return -ENOMEM;
    argv[0] = call->program;
    for (size_t i = 0; i < call->count; i++)
        argv[i + 1] = call->arguments[i];
    struct proc_options options = {
        .merge = true,
        .on_line = take_line,
        .data = &output,
        .env = (const char *const *)environment,
        .timeout_ms = call->timeout_ms,
        .cancel = call->cancel,
    };
    /* The error's text would hold what it printed, with its secrets. */
    return proc_run(argv, &options, ret_status, NULL);
}

/* ---- kubelet ---- */

void cluster_kubelet_log(const char *journalctl, struct cluster_tail *ret_tail)
{
    const char *const command[] = {journalctl,   "--unit=kubelet", "--lines=20", "--output=cat",
                                   "--no-pager", "--quiet",        NULL};
    _autobuf_ struct buf output = BUF_INIT_MAX(JOURNAL_MAX);
    struct proc_options options = {.output = &output, .timeout_ms = JOURNAL_MS};
    if (!journalctl || proc_run(command, &options, NULL, NULL) < 0)
        return;
    for (char *line = output.data; line && *line;) {
        char text[LINE_SIZE];
        size_t n = strcspn(line, "\n");
        bool more = line[n] == '\n';
        line[n] = '\0';
        if (n && clean_line(line, text))
            tail_add(ret_tail, text);
        line += n + more;
    }
}
