/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/str.h"
#include "sandbox/control.h"
#include "sandbox/machine.h"
#include "sandbox/namespace.h"
#include "sandbox/paths.h"
#include "sandbox/service.h"

/* A sandbox is a few machines on one computer; more is a mistake. */
enum { MACHINES_MAX = 64, SERVICES_GRACE_MS = 8000, CLIENT_TIMEOUT_S = 5 };

struct supervisor {
    struct supervisor_options options;
    struct list machines;
    struct list services;
    unsigned next_index;
    int listener;
    int signals;
    bool down;
};

struct command {
    const char *name;
    /* Carries out a request; may put members into the answer. */
    int (*run)(struct supervisor *s, const json_t *request, json_t *answer, struct err *err);
};

static const char *text_of(const json_t *request, const char *name)
{
    return json_string_value(json_object_get(request, name));
}

static int find_machine(struct supervisor *s, const json_t *request, struct vm **ret,
                        struct err *err)
{
    const char *name = text_of(request, "machine");
    list_for_each (it, &s->machines) {
        struct vm *m = container_of(it, struct vm, list);
        if (str_eq(m->spec.name, name)) {
            *ret = m;
            return 0;
        }
    }
    return err_set(err, -ENOENT, "the sandbox has no machine %s", name ? name : "(no name)");
}

static int run_status(struct supervisor *s, const json_t *request, json_t *answer, struct err *err)
{
    (void)request;
    int64_t now = clock_now(&clock_system);
    json_t *machines = json_array();
    list_for_each (it, &s->machines) {
        struct vm *m = container_of(it, struct vm, list);
        (void)json_array_append_new(machines, vm_status(m, now));
    }
    json_t *services = json_array();
    list_for_each (it, &s->services) {
        struct service *service = container_of(it, struct service, list);
        (void)json_array_append_new(services, service_status(service, now));
    }
    char address[CIDR_TEXT_SIZE];
    json_auto_t *status = json_pack(
        "{s:s, s:s, s:b, s:s, s:s, s:s, s:o, s:o}", "state", s->options.state, "network",
        cidr_text(s->options.network.address, address), "nat", s->options.network.nat, "bridge",
        SANDBOX_BRIDGE, "accelerator", s->options.kvm ? "kvm" : "tcg", "acceleratorReason",
        s->options.reason, "machines", machines, "services", services);
    if (!status || json_object_update(answer, status) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    return 0;
}

static size_t machine_count(const struct supervisor *s)
{
    size_t n = 0;
    list_for_each (it, &s->machines)
        n++;
    return n;
}

static int run_add(struct supervisor *s, const json_t *request, json_t *answer, struct err *err)
{
    (void)answer;
    struct sandbox_machine spec;
    int r = sandbox_machine_parse(json_object_get(request, "machine"), &spec, err);
    if (r < 0)
        return r;
    struct vm *m = NULL;
    json_auto_t *named = json_pack("{s:s}", "machine", spec.name);
    if (find_machine(s, named, &m, NULL) == 0)
        return err_set(err, -EEXIST, "machine %s is there already", spec.name);
    if (machine_count(s) >= MACHINES_MAX)
        return err_set(err, -ENOSPC, "a sandbox holds at most %d machines", MACHINES_MAX);
    r = vm_new(&spec, s->next_index, s->options.state, &m, err);
    if (r < 0)
        return r;
    s->next_index++;
    list_append(&s->machines, &m->list);
    if (json_is_true(json_object_get(request, "power")))
        r = vm_power_on(m, s->options.kvm, err);
    return r;
}

static int run_remove(struct supervisor *s, const json_t *request, json_t *answer, struct err *err)
{
    (void)answer;
    struct vm *m = NULL;
    int r = find_machine(s, request, &m, err);
    if (r < 0)
        return r;
    list_remove(&m->list);
    return vm_remove(m, err);
}

static int run_power(struct supervisor *s, const json_t *request, json_t *answer, struct err *err)
{
    (void)answer;
    struct vm *m = NULL;
    int r = find_machine(s, request, &m, err);
    if (r < 0)
        return r;
    const char *action = text_of(request, "action");
    if (str_eq(action, "on"))
        return vm_power_on(m, s->options.kvm, err);
    if (str_eq(action, "off"))
        return vm_power_off(m, err);
    if (str_eq(action, "reset"))
        return vm_reset(m, err);
    if (str_eq(action, "blank"))
        return vm_blank(m, err);
    if (!str_eq(action, "cut"))
        return err_set(err, -EINVAL, "expected on, off, cut, reset or blank, found \"%s\"",
                       action ? action : "(no text)");
    vm_power_cut(m);
    return 0;
}

static int run_link(struct supervisor *s, const json_t *request, json_t *answer, struct err *err)
{
    (void)answer;
    struct vm *m = NULL;
    int r = find_machine(s, request, &m, err);
    json_int_t nic = json_integer_value(json_object_get(request, "nic"));
    if (r == 0)
        r = vm_set_link(m, (size_t)nic, json_is_true(json_object_get(request, "up")), err);
    return r;
}

static int run_run(struct supervisor *s, const json_t *request, json_t *answer, struct err *err)
{
    (void)answer;
    return service_run(&s->services, s->options.state, request, err);
}

static int run_signal(struct supervisor *s, const json_t *request, json_t *answer, struct err *err)
{
    (void)answer;
    json_int_t number = json_integer_value(json_object_get(request, "signal"));
    return service_signal(&s->services, text_of(request, "service"), (int)number, err);
}

static int run_down(struct supervisor *s, const json_t *request, json_t *answer, struct err *err)
{
    (void)request;
    (void)answer;
    (void)err;
    s->down = true;
    return 0;
}

static const struct command commands[] = {
    {"status", run_status}, {"add", run_add}, {"remove", run_remove}, {"power", run_power},
    {"link", run_link},     {"run", run_run}, {"signal", run_signal}, {"down", run_down},
};

static int dispatch(struct supervisor *s, const json_t *request, json_t *answer, struct err *err)
{
    const char *name = text_of(request, "command");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (str_eq(commands[i].name, name))
            return commands[i].run(s, request, answer, err);
    }
    return err_set(err, -EINVAL, "unknown command \"%s\"", name ? name : "(no text)");
}

static void serve_client(struct supervisor *s)
{
    _autofd_ int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    /* The client is this user's own command: it is slow only when it hangs. */
    struct timeval patience = {.tv_sec = CLIENT_TIMEOUT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    json_auto_t *request = NULL;
    if (control_receive(fd, &request) < 0)
        return;
    struct err err = ERR_INIT;
    json_auto_t *answer = json_object();
    int r = dispatch(s, request, answer, &err);
    (void)json_object_set_new(answer, "ok", json_boolean(r == 0));
    if (r < 0) {
        (void)json_object_set_new(answer, "code", json_integer(r));
        (void)json_object_set_new(answer, "error", json_string(err_text(&err)));
    }
    r = control_send(fd, answer);
    if (r < 0)
        log_debug("an answer could not be sent: %s", strerror(-r));
}

/* One ended child, which may also be a stranger's orphan: this is the first process in here. */
static void take_result(struct supervisor *s, pid_t pid, int status)
{
    char result[64];
    list_for_each (it, &s->machines) {
        struct vm *m = container_of(it, struct vm, list);
        if (process_reaped(&m->qemu, pid, status))
            log_info("machine %s is off: %s", m->spec.name,
                     process_result(&m->qemu, result, sizeof(result)));
    }
    list_for_each (it, &s->services) {
        struct service *service = container_of(it, struct service, list);
        if (process_reaped(&service->process, pid, status))
            log_info("service %s ended: %s", service->name,
                     process_result(&service->process, result, sizeof(result)));
    }
}

static void read_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGCHLD)
            s->down = true;
    }
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid <= 0)
            return;
        take_result(s, pid, status);
    }
}

static int open_signals(struct supervisor *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    (void)signal(SIGPIPE, SIG_IGN);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return s->signals < 0 ? -errno : 0;
}

/* Relative to the state folder, where the supervisor works: the address is short. */
static int open_listener(struct supervisor *s)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "control.sock"};
    if (chdir(s->options.state) < 0)
        return -errno;
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->listener < 0)
        return -errno;
    (void)unlink(address.sun_path);
    if (bind(s->listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        chmod(address.sun_path, 0600) < 0 || listen(s->listener, 32) < 0)
        return -errno;
    return 0;
}

int supervisor_new(const struct supervisor_options *options, struct supervisor **ret,
                   struct err *err)
{
    _cleanup_(supervisor_freep) struct supervisor *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, -ENOMEM, "out of memory");
    *s = (struct supervisor){.options = *options, .listener = -1, .signals = -1};
    list_init(&s->machines);
    list_init(&s->services);
    int r = open_signals(s);
    if (r == 0)
        r = open_listener(s);
    if (r < 0)
        return err_errno(err, r, "%s/control.sock", options->state);
    *ret = TAKE_PTR(s);
    return 0;
}

void supervisor_free(struct supervisor *s)
{
    services_end(&s->services, SERVICES_GRACE_MS);
    list_for_each_safe (it, &s->machines) {
        struct vm *m = container_of(it, struct vm, list);
        vm_power_cut(m);
        list_remove(&m->list);
        vm_free(m);
    }
    cleanup_fd(&s->listener);
    cleanup_fd(&s->signals);
    free(s);
}

int supervisor_run(struct supervisor *s, struct err *err)
{
    struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN},
                           {.fd = s->listener, .events = POLLIN}};
    while (!s->down) {
        if (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno != EINTR)
            return err_errno(err, -errno, "poll");
        if (fds[0].revents)
            read_signals(s);
        if (fds[1].revents)
            serve_client(s);
    }
    return 0;
}
