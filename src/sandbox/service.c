/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/service.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "sandbox/argv.h"
#include "sandbox/paths.h"

static void service_free(struct service *s)
{
    list_remove(&s->list);
    free(s->name);
    free(s->log);
    free(s);
}
DEFINE_CLEANUP(struct service *, service_free)

static struct service *find(struct list *services, const char *name)
{
    list_for_each (it, services) {
        struct service *s = container_of(it, struct service, list);
        if (str_eq(s->name, name))
            return s;
    }
    return NULL;
}

static void add_texts(struct argv *argv, const json_t *texts)
{
    size_t i;
    json_t *text;
    json_array_foreach (texts, i, text) {
        if (json_is_string(text))
            argv_push(argv, json_string_value(text));
    }
}

/* A name becomes a file's name: letters, digits, '-' and '_' only. */
static bool good_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    size_t n = name ? strlen(name) : 0;
    return n > 0 && n < 64 && strspn(name, allowed) == n;
}

static int service_new(const char *state, const char *name, struct service **ret, struct err *err)
{
    _cleanup_(service_freep) struct service *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, -ENOMEM, "out of memory");
    list_init(&s->list);
    s->name = str_format("%s", name);
    s->log = str_format("%s/logs/%s.log", state, name);
    if (!s->name || !s->log)
        return err_set(err, -ENOMEM, "out of memory");
    *ret = TAKE_PTR(s);
    return 0;
}

static int start(struct service *s, const char *state, const json_t *request, struct err *err)
{
    const char *folder = json_string_value(json_object_get(request, "folder"));
    _autoargv_ struct argv argv = ARGV_INIT;
    _autoargv_ struct argv env = ARGV_INIT;
    add_texts(&argv, json_object_get(request, "argv"));
    add_texts(&env, json_object_get(request, "env"));
    if (argv.count == 0 || argv.error || env.error)
        return err_set(err, argv.error || env.error ? -ENOMEM : -EINVAL,
                       "service %s: no command to run", s->name);
    return process_start(&s->process, argv_vector(&argv), argv_vector(&env),
                         folder ? folder : state, s->log, err);
}

int service_run(struct list *services, const char *state, const json_t *request, struct err *err)
{
    const char *name = json_string_value(json_object_get(request, "service"));
    if (!good_name(name))
        return err_set(err, -EINVAL, "a service needs a name of letters, digits, '-' and '_'");
    struct service *old = find(services, name);
    if (old && old->process.state == PROCESS_RUNNING)
        return err_set(err, -EEXIST, "service %s runs already", name);
    _cleanup_(service_freep) struct service *s = NULL;
    int r = service_new(state, name, &s, err);
    if (r == 0)
        r = start(s, state, request, err);
    if (r < 0)
        return r;
    if (old)
        service_free(old);
    list_append(services, &s->list);
    s = NULL;
    return 0;
}

int service_signal(struct list *services, const char *name, int number, struct err *err)
{
    struct service *s = find(services, name);
    if (!s)
        return err_set(err, -ENOENT, "there is no service %s", name ? name : "(no name)");
    if (s->process.state != PROCESS_RUNNING)
        return err_set(err, -ESRCH, "service %s does not run", name);
    if (number < 1 || number > 64)
        return err_set(err, -EINVAL, "%d is no signal", number);
    if (kill(-s->process.pid, number) < 0)
        return err_errno(err, -errno, "service %s", name);
    s->process.killed = true;
    return 0;
}

static bool any_runs(struct list *services)
{
    list_for_each (it, services) {
        struct service *s = container_of(it, struct service, list);
        int status;
        if (s->process.state == PROCESS_RUNNING &&
            waitpid(s->process.pid, &status, WNOHANG) == s->process.pid)
            (void)process_reaped(&s->process, s->process.pid, status);
        if (s->process.state == PROCESS_RUNNING)
            return true;
    }
    return false;
}

void services_end(struct list *services, int grace_ms)
{
    list_for_each (it, services) {
        struct service *s = container_of(it, struct service, list);
        if (s->process.state == PROCESS_RUNNING)
            (void)kill(-s->process.pid, SIGTERM);
    }
    int64_t deadline = clock_now(&clock_system) + grace_ms;
    while (any_runs(services) && clock_now(&clock_system) < deadline)
        clock_sleep_ms(20);
    list_for_each_safe (it, services) {
        struct service *s = container_of(it, struct service, list);
        process_kill(&s->process);
        service_free(s);
    }
}

json_t *service_status(const struct service *s, int64_t now_ms)
{
    bool on = s->process.state == PROCESS_RUNNING;
    char result[64] = "";
    if (!on)
        (void)process_result(&s->process, result, sizeof(result));
    return json_pack("{s:s, s:b, s:i, s:I, s:s, s:s}", "name", s->name, "running", on, "pid",
                     on ? (int)s->process.pid : 0, "uptimeSeconds",
                     on ? (json_int_t)((now_ms - s->process.started_ms) / 1000) : 0, "result",
                     result, "log", s->log);
}
