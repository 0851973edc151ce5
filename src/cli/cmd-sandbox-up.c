/* SPDX-License-Identifier: Apache-2.0 */
/* `slipway sandbox up`: start a sandbox, or add machines to the one that is up. */
#include <glob.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/cmd-sandbox.h"
#include "resource/read.h"
#include "sandbox/accel.h"
#include "sandbox/control.h"
#include "sandbox/paths.h"
#include "sandbox/start.h"

/* Sets what the flags say over what the file says. */
static int apply_flags(const struct args *args, json_t *config, struct err *err)
{
    const char *network = args_value(args, "network");
    const char *accel = args_value(args, "accelerator");
    if (network && json_object_set_new(config, "network", json_string(network)) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    if (accel && json_object_set_new(config, "accelerator", json_string(accel)) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    if (args_given(args, "nat") && json_object_set_new(config, "nat", json_true()) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    json_t *machines = json_object_get(config, "machines");
    size_t cursor = 0;
    for (const char *text; (text = args_each(args, "machine", &cursor));) {
        json_t *machine = NULL;
        int r = sandbox_machine_flag(text, &machine, err);
        if (r < 0)
            return r;
        if (json_array_append_new(machines, machine) < 0)
            return err_set(err, -ENOMEM, "out of memory");
    }
    return 0;
}

/* The file's one document; an object with nothing in it when the file is empty. */
static int load_file(const char *file, json_t **ret, struct err *err)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    int r = file_read(file, YAML_SIZE_MAX, &text, &len, err);
    if (r < 0)
        return r;
    _autodocuments_ struct documents documents = {0};
    _autoproblems_ struct problems problems = PROBLEMS_INIT;
    r = yaml_parse(file, text, len, &documents, &problems);
    if (r < 0)
        return r == -EINVAL ? problems_err(&problems, err) : err_set(err, r, "out of memory");
    if (documents.n > 1)
        return err_set(err, -EINVAL, "%s: expected one document, found %zu", file, documents.n);
    *ret = documents.n ? json_incref(documents.items[0].json) : json_object();
    return 0;
}

static int read_config(const struct args *args, json_t **ret, struct err *err)
{
    const char *file = args_value(args, "file");
    json_t *loaded = file ? NULL : json_object();
    int r = file ? load_file(file, &loaded, err) : 0;
    json_auto_t *config = loaded;
    if (r == 0 && json_is_object(config) && !json_object_get(config, "machines") &&
        json_object_set_new(config, "machines", json_array()) < 0)
        return err_set(err, -ENOMEM, "out of memory");
    if (r == 0)
        r = apply_flags(args, config, err);
    if (r == 0)
        *ret = TAKE_PTR(config);
    return r;
}

/* All machines are checked before the first one is made. */
static int check_machines(const json_t *machines, struct err *err)
{
    size_t i;
    json_t *machine;
    json_array_foreach (machines, i, machine) {
        struct sandbox_machine spec;
        int r = sandbox_machine_parse(machine, &spec, err);
        if (r < 0)
            return err_wrap(err, "machines[%zu]", i);
    }
    return 0;
}

/* A kernel to try KVM with: --kernel, stage2's, or the host's own. malloc'd, or NULL. */
static char *trial_kernel(const struct args *args)
{
    const char *given = args_value(args, "kernel");
    if (given)
        return str_format("%s", given);
    static const char *const patterns[] = {"build/boot/vmlinuz", "/var/lib/slipway/boot/vmlinuz",
                                           "/boot/vmlinuz-*"};
    for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
        glob_t found;
        if (glob(patterns[i], 0, NULL, &found) != 0)
            continue;
        char *path = str_format("%s", found.gl_pathv[0]);
        globfree(&found);
        if (path && access(path, R_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}

static char *cache_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    if (!str_empty(cache))
        return str_format("%s/slipway", cache);
    cache = getenv("HOME");
    return str_empty(cache) ? NULL : str_format("%s/.cache/slipway", cache);
}

/* The key pair that `slipway sandbox ssh` logs in with. */
static int make_ssh_key(const char *state, struct err *err)
{
    char folder[SANDBOX_PATH_MAX];
    char key[SANDBOX_PATH_MAX];
    if (sandbox_path(folder, state, "ssh") < 0 || sandbox_path(key, folder, "id_ed25519") < 0)
        return err_set(err, -ENAMETOOLONG, "%s: too long", state);
    int r = dir_make(folder, 0700, err);
    if (r < 0 || access(key, F_OK) == 0)
        return r;
    const char *argv[] = {"ssh-keygen", "-q",      "-t", "ed25519", "-N", "",
                          "-C",         "sandbox", "-f", key,       NULL};
    r = proc_run(argv, &(struct proc_options){0}, NULL, err);
    return r == -ENOENT
               ? err_set(err, r, "ssh-keygen is missing: install the package openssh-client")
               : r;
}

static int start(const struct args *args, const char *state, const json_t *config, struct err *err)
{
    struct supervisor_options options = {.state = state};
    int r = sandbox_network_parse(config, &options.network, err);
    if (r < 0)
        return r;
    _autofree_ char *kernel = trial_kernel(args);
    _autofree_ char *cache = cache_folder();
    struct accel accel;
    r = accel_choose(options.network.accel, kernel, cache, &accel, err);
    if (r < 0)
        return r;
    options.kvm = accel.kvm;
    options.reason = accel.reason;
    r = sandbox_start(&options, err);
    if (r == 0)
        r = make_ssh_key(state, err);
    if (r < 0)
        return r;
    log_info("sandbox is up: machines run with %s (%s)", accel.kvm ? "KVM" : "emulation",
             accel.reason);
    return 0;
}

static int add_machines(const char *state, const json_t *machines, bool on, struct err *err)
{
    size_t i;
    json_t *machine;
    json_array_foreach (machines, i, machine) {
        int r = control_request(
            state, json_pack("{s:s, s:O, s:b}", "command", "add", "machine", machine, "power", on),
            NULL, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int up(const struct args *args, struct err *err)
{
    _autofree_ char *state = NULL;
    json_auto_t *config = NULL;
    int r = sandbox_state(args, &state, err);
    if (r == 0)
        r = read_config(args, &config, err);
    json_t *machines = json_object_get(config, "machines");
    if (r == 0)
        r = check_machines(machines, err);
    if (r == 0 && control_supervisor(state) == 0)
        r = start(args, state, config, err);
    return r < 0 ? r : add_machines(state, machines, !args_given(args, "off"), err);
}

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    return up(args, &err) < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

static const struct command_option options[] = {
    SANDBOX_STATE_OPTION,
    {'f', "file", "FILE", "configuration of the sandbox", COMPLETE_FILE},
    {'m', "machine", "SPEC", "a machine, see below; may be repeated", COMPLETE_NOTHING},
    {0, "network", "CIDR", "the bridge's address (default: 10.77.0.1/24)", COMPLETE_NOTHING},
    {0, "nat", NULL, "let the machines reach what the host reaches", COMPLETE_NOTHING},
    {0, "accelerator", "NAME", "auto, kvm or tcg (default: auto)", COMPLETE_NOTHING},
    {0, "kernel", "FILE", "kernel to try KVM with", COMPLETE_FILE},
    {0, "off", NULL, "leave the machines powered off", COMPLETE_NOTHING},
    {0},
};

const struct command cmd_sandbox_up = {
    .name = "up",
    .summary = "Start a sandbox, or add machines to the one that is up",
    .options = options,
    .details =
        "SPEC is NAME[,FIELD=VALUE...]: firmware=bios|uefi, boot=network|disk|firmware,\n"
        "memory=SIZE, cpus=N, serial=TEXT, uuid=UUID, clock=TIME, vnc=true, rom=false, and as "
        "often as wanted\n"
        "disk=SIZE[/virtio|scsi|nvme|ahci[/SERIAL[/BLOCKSIZE[/WRITERATE]]]] and\n"
        "nic=[virtio|e1000e|e1000|rtl8139|vmxnet3][/MAC[/down]].\n"
        "A machine has one disk of 8 GiB and one NIC unless others are given, 1 GiB of memory,\n"
        "2 CPUs, and tries the network before its disks.",
    .run = run,
};
