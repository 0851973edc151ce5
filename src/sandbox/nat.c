/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/nat.h"

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "sandbox/namespace.h"
#include "sandbox/paths.h"

static const char forward_path[] = "/proc/sys/net/ipv4/ip_forward";

struct nat_plan nat_plan(const char *state)
{
    struct nat_plan plan = {0};
    uint8_t hash[16];
    (void)crypto_generichash(hash, sizeof(hash), (const uint8_t *)state, strlen(state), NULL, 0);
    /* A /30 out of 100.64.0.0/10 (RFC 6598), which hardly any host uses on its own links. */
    ipv4 base = 0x64400000u | ((ipv4)hash[0] << 14) | ((ipv4)hash[1] << 6) | (hash[2] & 0x3cu);
    char text[IPV4_TEXT_SIZE];
    (void)snprintf(plan.veth, sizeof(plan.veth), "sandbox-%02x%02x%02x", hash[3], hash[4], hash[5]);
    (void)snprintf(plan.table, sizeof(plan.table), "slipway_sandbox_%02x%02x%02x", hash[3], hash[4],
                   hash[5]);
    (void)snprintf(plan.subnet, sizeof(plan.subnet), "%s/30", ipv4_text(base, text));
    (void)snprintf(plan.host, sizeof(plan.host), "%s/30", ipv4_text(base + 1, text));
    (void)snprintf(plan.gateway, sizeof(plan.gateway), "%s", text);
    (void)snprintf(plan.inside, sizeof(plan.inside), "%s/30", ipv4_text(base + 2, text));
    return plan;
}

/* Feeds a script to a program that reads its commands from standard input. */
static int run_script(const char *const argv[], const char *package, const struct buf *script,
                      struct err *err)
{
    int r = buf_error(script);
    if (r < 0)
        return err_set(err, r, "out of memory");
    struct proc_options options = {.input = script->data, .input_len = script->len};
    r = proc_run(argv, &options, NULL, err);
    return r == -ENOENT ? err_set(err, r, "%s is missing: install the package %s", argv[0], package)
                        : r;
}

static int run_ip(const struct buf *script, struct err *err)
{
    return run_script((const char *const[]){"ip", "-batch", "-", NULL}, "iproute2", script, err);
}

static int run_nft(const struct buf *script, struct err *err)
{
    return run_script((const char *const[]){"nft", "-f", "-", NULL}, "nftables", script, err);
}

static int set_forwarding(bool on, struct err *err)
{
    _autofd_ int fd = open(forward_path, O_WRONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd_write_full(fd, on ? "1\n" : "0\n", 2);
    return r < 0 ? err_errno(err, r, "%s", forward_path) : 0;
}

static bool forwarding(void)
{
    _autofree_ char *value = NULL;
    return file_read(forward_path, 16, &value, NULL, NULL) == 0 && value[0] == '1';
}

/* Written before the first change, so that a crash in between leaves nothing unknown behind. */
static int record_changes(const char *state, const struct nat_plan *plan, struct err *err)
{
    char path[SANDBOX_PATH_MAX];
    json_auto_t *changes =
        json_pack("{s:s, s:b}", "table", plan->table, "setForwarding", !forwarding());
    _autofree_ char *text = changes ? json_dumps(changes, JSON_INDENT(2)) : NULL;
    if (!text || sandbox_path(path, state, "host-changes.json") < 0)
        return err_set(err, -ENOMEM, "out of memory");
    return file_write_atomic(path, text, strlen(text), 0600, err);
}

int nat_host_up(const char *state, pid_t pid, struct err *err)
{
    struct nat_plan plan = nat_plan(state);
    int r = record_changes(state, &plan, err);
    if (r < 0)
        return r;
    _autobuf_ struct buf links = BUF_INIT;
    buf_printf(&links, "link add %s type veth peer name " SANDBOX_UPLINK " netns %d\n", plan.veth,
               pid);
    buf_printf(&links, "addr add %s dev %s\n", plan.host, plan.veth);
    buf_printf(&links, "link set %s up\n", plan.veth);
    r = run_ip(&links, err);
    if (r < 0)
        return err_wrap(err, "outbound access");
    _autobuf_ struct buf rules = BUF_INIT;
    buf_printf(&rules, "table ip %s {\n", plan.table);
    buf_printf(&rules,
               " chain postrouting { type nat hook postrouting priority srcnat;"
               " ip saddr %s masquerade; }\n}\n",
               plan.subnet);
    r = run_nft(&rules, err);
    if (r == 0 && !forwarding())
        r = set_forwarding(true, err);
    return r < 0 ? err_wrap(err, "outbound access") : 0;
}

int nat_host_down(const char *state, struct err *err)
{
    char path[SANDBOX_PATH_MAX];
    if (sandbox_path(path, state, "host-changes.json") < 0)
        return 0;
    json_auto_t *changes = json_load_file(path, 0, NULL);
    const char *table = json_string_value(json_object_get(changes, "table"));
    if (!table)
        return 0;
    /* "add" first: then deleting succeeds whether or not the table was ever made. */
    _autobuf_ struct buf rules = BUF_INIT;
    buf_printf(&rules, "add table ip %s\ndelete table ip %s\n", table, table);
    int r = run_nft(&rules, err);
    if (r == 0 && json_is_true(json_object_get(changes, "setForwarding")))
        r = set_forwarding(false, err);
    if (r == 0)
        (void)unlink(path);
    return r < 0 ? err_wrap(err, "cannot undo the outbound access of the sandbox") : 0;
}

/* slirp4netns writes one byte when the network is there. */
static int await_ready(int fd, struct err *err)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char byte;
    if (poll(&p, 1, 10000) != 1 || read(fd, &byte, 1) != 1)
        return err_set(err, -EIO, "slirp4netns did not start");
    return 0;
}

static _Noreturn void exec_slirp(pid_t pid, int ready, int lifeline)
{
    char pid_text[16], ready_text[16], exit_text[16];
    (void)snprintf(pid_text, sizeof(pid_text), "%d", pid);
    (void)snprintf(ready_text, sizeof(ready_text), "%d", ready);
    (void)snprintf(exit_text, sizeof(exit_text), "%d", lifeline);
    (void)fcntl(ready, F_SETFD, 0);
    (void)fcntl(lifeline, F_SETFD, 0);
    (void)execlp("slirp4netns", "slirp4netns", "--configure", "--mtu=1500", "-r", ready_text, "-e",
                 exit_text, pid_text, SANDBOX_UPLINK, (char *)NULL);
    _exit(127);
}

int nat_user_up(pid_t pid, int *ret_lifeline, struct err *err)
{
    char path[SANDBOX_PATH_MAX];
    if (!proc_find("slirp4netns", path, sizeof(path)))
        return err_set(err, -ENOENT,
                       "outbound access without root needs slirp4netns: install that package, "
                       "or run this as root");
    int ready[2], life[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return err_errno(err, -errno, "pipe");
    _autofd_ int ready_read = ready[0];
    _autofd_ int ready_write = ready[1];
    if (pipe2(life, O_CLOEXEC) < 0)
        return err_errno(err, -errno, "pipe");
    _autofd_ int life_read = life[0];
    _autofd_ int life_write = life[1];
    pid_t child = fork();
    if (child < 0)
        return err_errno(err, -errno, "fork");
    if (child == 0)
        exec_slirp(pid, ready_write, life_read);
    cleanup_fd(&ready_write);
    ready_write = -1;
    int r = await_ready(ready_read, err);
    if (r == 0)
        *ret_lifeline = TAKE_FD(life_write);
    return r;
}

int nat_inside_up(const char *state, bool configure_uplink, struct err *err)
{
    struct nat_plan plan = nat_plan(state);
    _autobuf_ struct buf links = BUF_INIT;
    buf_printf(&links, "addr add %s dev " SANDBOX_UPLINK "\n", plan.inside);
    buf_adds(&links, "link set " SANDBOX_UPLINK " up\n");
    buf_printf(&links, "route add default via %s\n", plan.gateway);
    int r = configure_uplink ? run_ip(&links, err) : 0;
    if (r < 0)
        return err_wrap(err, "outbound access");
    _autobuf_ struct buf rules = BUF_INIT;
    buf_adds(&rules, "table ip sandbox {\n chain postrouting {\n  type nat hook postrouting "
                     "priority srcnat;\n  oifname \"" SANDBOX_UPLINK "\" masquerade;\n }\n}\n");
    r = run_nft(&rules, err);
    if (r == 0)
        r = set_forwarding(true, err);
    return r < 0 ? err_wrap(err, "outbound access") : 0;
}
