/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image-commands.h"

#include "base/str.h"
#include "image/import.h"

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    struct image_work work;
    long level = 0;
    _automanifest_ struct image_manifest m = {0};
    _autofree_ char *folder = image_folder(cli, args);
    const char *architecture = args_value(args, "architecture");
    struct image_import import = {
        .path = args_operand(args, 0),
        .format = args_value(args, "format"),
        .name = args_value(args, "name"),
        .architecture = architecture ? architecture : "amd64",
        .description = args_value(args, "description"),
        .folder = folder,
        .progress = &work.progress,
    };
    if (args_number(args, "level", 1, 19, IMAGE_LEVEL_DEFAULT, &level, &err) < 0)
        return cli_usage_error(cli, "%s", err_text(&err));
    if (!import.name)
        return cli_usage_error(cli, "--name is needed");
    if (!folder) {
        (void)err_set(&err, -ENOMEM, "out of memory");
        return cli_fail(cli, &err);
    }
    import.level = (int)level;
    image_work_begin(&work, cli, args_given(args, "quiet"));
    int r = image_import(&import, &m, &err);
    image_work_end(&work);
    if (r < 0)
        return cli_fail(cli, &err);
    image_report("imported", folder, &m);
    if (!m.boot.root_partition)
        (void)printf("no kernel was found: machines start it through their firmware\n");
    return STATUS_OK;
}

static const struct command_option options[] = {
    {'n', "name", "NAME", "name of the image", COMPLETE_NOTHING},
    {'o', "output", "FOLDER", "write the image here (default STATE/images)", COMPLETE_FOLDER},
    {0, "format", "FORMAT", "raw, qcow2, vdi, vpc or vhdx (default: found out)", COMPLETE_NOTHING},
    {0, "architecture", "NAME", "of the machines it runs on (default amd64)", COMPLETE_NOTHING},
    {0, "description", "TEXT", "a line for people", COMPLETE_NOTHING},
    {0, "level", "N", "zstd level, 1 to 19 (default 3)", COMPLETE_NOTHING},
    {'q', "quiet", NULL, "show no progress", COMPLETE_NOTHING},
    {0, "state", "FOLDER", "the state folder (default /var/lib/slipway)", COMPLETE_FOLDER},
    {0},
};

const struct command image_import_command = {
    .name = "import",
    .summary = "Take in a disk image, such as a vendor's cloud image",
    .operands = "FILE",
    .min_operands = 1,
    .max_operands = 1,
    .details =
        "The disk is stored as it is. Machines get its configuration through a seed partition\n"
        "(label CIDATA), which cloud-init reads. Where kernel and initrd are found inside, "
        "machines\n"
        "start it by kexec, without a second power-on self-test.",
    .options = options,
    .run = run,
};
