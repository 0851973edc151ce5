/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/machine.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "sandbox/namespace.h"
#include "sandbox/paths.h"
#include "sandbox/qemu.h"
#include "sandbox/qmp.h"

enum { START_TIMEOUT_MS = 10000, VARS_MAX = 16 << 20, LOG_TAIL = 400 };

void vm_free(struct vm *m)
{
    if (!m)
        return;
    free(m->folder);
    free(m);
}

/* ---- disks and firmware variables ---- */

static int make_disk(const struct vm *m, size_t i, bool blank, struct err *err)
{
    char path[SANDBOX_PATH_MAX];
    if (sandbox_path(path, m->folder, "disk%zu.raw", i) < 0)
        return err_set(err, -ENAMETOOLONG, "%s: too long", m->folder);
    if (blank && unlink(path) < 0 && errno != ENOENT)
        return err_errno(err, -errno, "%s", path);
    _autofd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)m->spec.disks[i].size) < 0)
        return err_errno(err, -errno, "%s", path);
    return 0;
}

/* Each UEFI machine has variables of its own, from the firmware's template. */
static int make_vars(struct vm *m, bool blank, struct err *err)
{
    if (m->spec.firmware != SANDBOX_UEFI)
        return 0;
    const char *vars;
    int r = qemu_find_ovmf(&m->ovmf_code, &vars, err);
    if (r < 0)
        return r;
    char path[SANDBOX_PATH_MAX];
    if (sandbox_path(path, m->folder, "vars.fd") < 0)
        return err_set(err, -ENAMETOOLONG, "%s: too long", m->folder);
    if (!blank && access(path, F_OK) == 0)
        return 0;
    _autofree_ char *template = NULL;
    size_t len;
    r = file_read(vars, VARS_MAX, &template, &len, err);
    return r < 0 ? r : file_write_atomic(path, template, len, 0600, err);
}

static int make_storage(struct vm *m, bool blank, struct err *err)
{
    for (size_t i = 0; i < m->spec.disk_count; i++) {
        int r = make_disk(m, i, blank, err);
        if (r < 0)
            return r;
    }
    return make_vars(m, blank, err);
}

static int make_taps(const struct vm *m, struct err *err)
{
    for (size_t i = 0; i < m->spec.nic_count; i++) {
        char tap[SANDBOX_IFNAME_SIZE];
        qemu_tap_name(tap, m->index, i);
        int r = namespace_add_tap(tap, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int vm_new(const struct sandbox_machine *spec, unsigned index, const char *state, struct vm **ret,
           struct err *err)
{
    _cleanup_(vm_freep) struct vm *m = calloc(1, sizeof(*m));
    if (!m)
        return err_set(err, -ENOMEM, "out of memory");
    list_init(&m->list);
    m->spec = *spec;
    m->index = index;
    m->folder = str_format("%s/machines/%s", state, spec->name);
    if (!m->folder)
        return err_set(err, -ENOMEM, "out of memory");
    int r = dir_make(m->folder, 0700, err);
    if (r == 0)
        r = make_storage(m, false, err);
    if (r == 0)
        r = make_taps(m, err);
    if (r < 0)
        return err_wrap(err, "machine %s", spec->name);
    *ret = TAKE_PTR(m);
    return 0;
}

int vm_remove(struct vm *m, struct err *err)
{
    _cleanup_(vm_freep) struct vm *owned = m;
    process_kill(&owned->qemu);
    for (size_t i = 0; i < owned->spec.nic_count; i++) {
        char tap[SANDBOX_IFNAME_SIZE];
        qemu_tap_name(tap, owned->index, i);
        int r = namespace_remove_tap(tap, err);
        if (r < 0)
            return r;
    }
    return tree_remove(owned->folder, err);
}

/* ---- power ---- */

/* The end of what QEMU complained about. */
static void explain(const struct vm *m, struct err *err)
{
    char path[SANDBOX_PATH_MAX];
    _autofree_ char *log = NULL;
    size_t len = 0;
    if (sandbox_path(path, m->folder, "qemu.log") < 0 ||
        file_read(path, 1 << 20, &log, &len, NULL) < 0)
        return;
    while (len && log[len - 1] == '\n')
        log[--len] = '\0';
    (void)err_set(err, -EIO, "QEMU ended at once: %s", log + (len > LOG_TAIL ? len - LOG_TAIL : 0));
}

static bool ended(struct vm *m)
{
    int status;
    return waitpid(m->qemu.pid, &status, WNOHANG) == m->qemu.pid &&
           process_reaped(&m->qemu, m->qemu.pid, status);
}

/* QEMU makes its sockets before it starts the machine. */
static int await_qmp(struct vm *m, struct err *err)
{
    int64_t deadline = clock_now(&clock_system) + START_TIMEOUT_MS;
    while (clock_now(&clock_system) < deadline) {
        if (ended(m)) {
            explain(m, err);
            return -EIO;
        }
        _autofd_ int fd = sandbox_connect(m->folder, "qmp.sock");
        if (fd >= 0)
            return 0;
        clock_sleep_ms(10);
    }
    process_kill(&m->qemu);
    return err_set(err, -ETIMEDOUT, "QEMU does not answer");
}

static int start_qemu(struct vm *m, bool kvm, struct err *err)
{
    _autoargv_ struct argv argv = ARGV_INIT;
    struct qemu_host host = {.kvm = kvm, .ovmf_code = m->ovmf_code, .index = m->index};
    qemu_command(&m->spec, &host, &argv);
    char path[SANDBOX_PATH_MAX];
    if (sandbox_path(path, m->folder, "qmp.sock") < 0)
        return err_set(err, -ENAMETOOLONG, "%s: too long", m->folder);
    (void)unlink(path); /* of an earlier run: else it would be taken for an answer */
    if (sandbox_path(path, m->folder, "qemu.log") < 0)
        return err_set(err, -ENAMETOOLONG, "%s: too long", m->folder);
    int r = process_start(&m->qemu, argv_vector(&argv), NULL, m->folder, path, err);
    return r < 0 ? r : await_qmp(m, err);
}

int vm_power_on(struct vm *m, bool kvm, struct err *err)
{
    if (m->qemu.state == PROCESS_RUNNING)
        return 0;
    int r = start_qemu(m, kvm, err);
    for (size_t i = 0; r == 0 && i < m->spec.nic_count; i++) {
        if (!m->spec.nics[i].link)
            r = vm_set_link(m, i, false, err);
    }
    return r < 0 ? err_wrap(err, "machine %s", m->spec.name) : 0;
}

static int need_power(const struct vm *m, struct err *err)
{
    if (m->qemu.state == PROCESS_RUNNING)
        return 0;
    return err_set(err, -EINVAL, "machine %s is off", m->spec.name);
}

int vm_power_off(struct vm *m, struct err *err)
{
    int r = need_power(m, err);
    return r < 0 ? r : qmp_execute(m->folder, "system_powerdown", NULL, NULL, err);
}

void vm_power_cut(struct vm *m)
{
    process_kill(&m->qemu);
}

int vm_reset(struct vm *m, struct err *err)
{
    int r = need_power(m, err);
    return r < 0 ? r : qmp_execute(m->folder, "system_reset", NULL, NULL, err);
}

int vm_blank(struct vm *m, struct err *err)
{
    process_kill(&m->qemu);
    return make_storage(m, true, err);
}

int vm_set_link(struct vm *m, size_t i, bool up, struct err *err)
{
    if (i >= m->spec.nic_count)
        return err_set(err, -EINVAL, "machine %s has no NIC %zu", m->spec.name, i);
    int r = need_power(m, err);
    if (r < 0)
        return r;
    char nic[16];
    (void)snprintf(nic, sizeof(nic), "nic%zu", i);
    return qmp_execute(m->folder, "set_link", json_pack("{s:s, s:b}", "name", nic, "up", up), NULL,
                       err);
}

/* ---- status ---- */

static json_t *nics_status(const struct vm *m)
{
    json_t *nics = json_array();
    for (size_t i = 0; i < m->spec.nic_count; i++) {
        char mac[MAC_TEXT_SIZE];
        char tap[SANDBOX_IFNAME_SIZE];
        qemu_tap_name(tap, m->index, i);
        (void)json_array_append_new(
            nics,
            json_pack("{s:s, s:s}", "mac", mac_text(m->spec.nics[i].mac, mac), "interface", tap));
    }
    return nics;
}

static json_t *disks_status(const struct vm *m)
{
    json_t *disks = json_array();
    for (size_t i = 0; i < m->spec.disk_count; i++) {
        const struct sandbox_disk *d = &m->spec.disks[i];
        (void)json_array_append_new(
            disks, json_pack("{s:I, s:s}", "size", (json_int_t)d->size, "serial", d->serial));
    }
    return disks;
}

json_t *vm_status(const struct vm *m, int64_t now_ms)
{
    bool on = m->qemu.state == PROCESS_RUNNING;
    char result[64] = "";
    if (m->qemu.state == PROCESS_ENDED && !m->qemu.killed)
        (void)process_result(&m->qemu, result, sizeof(result));
    bool failed = result[0] && m->qemu.status != 0;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:s, s:o, s:o}", "name", m->spec.name,
                     "power",
                     on       ? "on"
                     : failed ? "failed"
                              : "off",
                     "firmware", sandbox_firmware_name(m->spec.firmware), "serial", m->spec.serial,
                     "uuid", m->spec.uuid, "pid", on ? (int)m->qemu.pid : 0, "uptimeSeconds",
                     on ? (json_int_t)((now_ms - m->qemu.started_ms) / 1000) : 0, "result", result,
                     "nics", nics_status(m), "disks", disks_status(m));
}
