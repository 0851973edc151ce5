/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image-commands.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/str.h"
#include "image/store.h"

static int export_to(const struct image_reader *image, const char *path, struct image_work *work,
                     struct err *err)
{
    if (str_eq(path, "-"))
        return image_export(image, STDOUT_FILENO, &work->progress, err);
    _autofd_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_errno(err, -errno, "cannot open %s", path);
    int r = image_export(image, fd, &work->progress, err);
    if (r >= 0 && fsync(fd) < 0 && errno != EINVAL)
        r = err_errno(err, -errno, "cannot save %s", path);
    return r;
}

static int run(struct cli *cli, const struct args *args)
{
    struct err err = ERR_INIT;
    struct image_work work;
    _autoreader_ struct image_reader image = IMAGE_READER_INIT;
    const char *path = args_operand(args, 1);
    if (str_eq(path, "-") && isatty(STDOUT_FILENO))
        return cli_usage_error(cli, "a disk is not written to a terminal");
    if (image_reader_open(args_operand(args, 0), &image, &err) < 0)
        return cli_fail(cli, &err);
    image_work_begin(&work, cli, args_given(args, "quiet"));
    int r = export_to(&image, path, &work, &err);
    image_work_end(&work);
    return r < 0 ? cli_fail(cli, &err) : STATUS_OK;
}

static const struct command_option options[] = {
    {'q', "quiet", NULL, "show no progress", COMPLETE_NOTHING},
    {0},
};

const struct command image_export_command = {
    .name = "export",
    .summary = "Write an image's disk to a raw file",
    .operands = "IMAGE FILE",
    .min_operands = 2,
    .max_operands = 2,
    .details = "FILE may be \"-\" for standard output. Zero chunks become holes of a regular file.",
    .options = options,
    .run = run,
};
