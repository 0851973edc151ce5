/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/command.h"
#include "image/initrd.h"

enum { FIRMWARE_FOLDERS_MAX = 16, LEVEL_DEFAULT = 19 };

/* The agent beside this program: as installed, then as it lies in a build folder. */
static char *find_agent(void)
{
    static const char *const places[] = {"/slipway-agent", "/../lib/slipway/slipway-agent",
                                         "/../agent/slipway-agent"};
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n <= 0)
        return NULL;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    *slash = '\0';
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        _autofree_ char *path = str_format("%s%s", self, places[i]);
        if (path && access(path, R_OK) == 0)
            return TAKE_PTR(path);
    }
    return NULL;
}

static void show_step(void *data, const char *text)
{
    (void)data;
    (void)fprintf(stderr, "%s\n", text);
}

static void show_result(const char *folder, const struct initrd_result *result)
{
    char kernel[32], initrd[32], unpacked[32];
    (void)printf("kernel %s: %s/vmlinuz, %s\n", result->kernel_version, folder,
                 str_human_size(kernel, sizeof(kernel), result->kernel_bytes));
    (void)printf("%zu modules: %s/initrd.img, %s (%s unpacked)\n", result->modules, folder,
                 str_human_size(initrd, sizeof(initrd), result->initrd_bytes),
                 str_human_size(unpacked, sizeof(unpacked), result->unpacked_bytes));
}

static int collect_firmware(const struct args *args, const char **folders)
{
    size_t cursor = 0, count = 0;
    for (const char *folder; (folder = args_each(args, "firmware", &cursor));) {
        if (count == FIRMWARE_FOLDERS_MAX)
            return -E2BIG;
        folders[count++] = folder;
    }
    return 0;
}

static int run_build(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    long level = LEVEL_DEFAULT;
    const char *firmware[FIRMWARE_FOLDERS_MAX + 1] = {NULL};
    if (args_number(args, "level", 0, 22, LEVEL_DEFAULT, &level, &err) < 0)
        return cli_usage_error(cli, "%s", err_text(&err));
    if (args_given(args, "kernel-deb") && args_given(args, "kernel-package"))
        return cli_usage_error(cli, "--kernel-deb and --kernel-package exclude each other");
    if (collect_firmware(args, firmware) < 0)
        return cli_usage_error(cli, "more than %d folders of firmware", FIRMWARE_FOLDERS_MAX);
    _autofree_ char *found = args_given(args, "agent") ? NULL : find_agent();
    _autofree_ char *folder = args_given(args, "output")
                                  ? strdup(args_value(args, "output"))
                                  : str_format("%s/boot", cli_state_dir(cli, args));
    const char *agent = args_given(args, "agent") ? args_value(args, "agent") : found;
    const char *package = args_value(args, "kernel-package");
    const char *modules = args_value(args, "modules");
    if (!agent)
        return cli_usage_error(cli, "slipway-agent is not beside this program: give --agent");
    struct initrd_options options = {
        .kernel_deb = args_value(args, "kernel-deb"),
        .kernel_package = package ? package : "linux-image-cloud-amd64",
        .modules = modules ? modules : "server",
        .agent = agent,
        .firmware = firmware[0] ? firmware : NULL,
        .folder = folder,
        .level = (int)level,
        .on_step = show_step,
    };
    struct initrd_result result = {0};
    if (!folder)
        (void)err_set(&err, -ENOMEM, "out of memory");
    if (!folder || initrd_build(&options, &result, &err) < 0)
        return cli_fail(cli, &err);
    show_result(folder, &result);
    return STATUS_OK;
}

static const struct command_option build_options[] = {
    {0, "kernel-deb", "FILE", "take the kernel from this Debian package", COMPLETE_FILE},
    {0, "kernel-package", "NAME",
     "fetch this package with apt-get (default linux-image-cloud-amd64)", COMPLETE_NOTHING},
    {0, "modules", "SET", "server (default) or vm, and names of further modules: server,nbd",
     COMPLETE_NOTHING},
    {0, "firmware", "FOLDER", "add the firmware that the modules name from here; may be repeated",
     COMPLETE_FOLDER},
    {0, "agent", "FILE", "the static slipway-agent (default: the one beside this program)",
     COMPLETE_FILE},
    {0, "level", "N", "zstd level of the initrd, 0 for none (default 19)", COMPLETE_NOTHING},
    {'o', "output", "FOLDER", "write vmlinuz and initrd.img here (default STATE/boot)",
     COMPLETE_FOLDER},
    {0, "state", "FOLDER", "the state folder (default /var/lib/slipway)", COMPLETE_FOLDER},
    {0},
};

static const struct command initrd_build_command = {
    .name = "build",
    .summary = "Build the kernel and initrd that blank machines boot",
    .details =
        "Writes FOLDER/vmlinuz and FOLDER/initrd.img from a Debian kernel package, with\n"
        "slipway-agent as the first process. Needs no root. The same package, agent and set of\n"
        "modules give the same bytes.\n"
        "\n"
        "linux-image-cloud-amd64 has what virtual machines need and boots fastest; physical\n"
        "machines need linux-image-amd64.",
    .options = build_options,
    .run = run_build,
};

static const struct command *const subcommands[] = {&initrd_build_command, NULL};

const struct command cmd_initrd = {
    .name = "initrd",
    .summary = "Make what blank machines boot over the network",
    .subcommands = subcommands,
};
