/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/image-commands.h"

#include "base/str.h"
#include "cli/cancel.h"
#include "image/manifest.h"

static void show_step(void *data, const char *step, uint64_t done, uint64_t total)
{
    struct image_work *work = data;
    progress_step(work->shown, step, done, total);
}

void image_work_begin(struct image_work *work, const struct cli *cli, bool quiet)
{
    *work = (struct image_work){
        .shown = quiet ? NULL : progress_new(stderr, cli_interactive(cli), &clock_system),
        .progress = {.on_step = show_step, .data = work, .cancel = cancel_on_signals()},
    };
}

void image_work_end(struct image_work *work)
{
    progress_free(work->shown);
    work->shown = NULL;
}

char *image_folder(const struct cli *cli, const struct args *args)
{
    const char *output = args_value(args, "output");
    return output ? strdup(output) : str_format("%s/images", cli_state_dir(cli, args));
}

void image_report(const char *verb, const char *folder, const struct image_manifest *m)
{
    char disk[32], data[32];
    size_t zero = 0;
    for (size_t i = 0; i < m->chunk_count; i++)
        zero += m->chunks[i].zero;
    (void)printf("%s %s/%s.json and %s.zst: a disk of %s in %s, %zu of %zu chunks hold data\n",
                 verb, folder, m->name, m->name, str_human_size(disk, sizeof(disk), m->disk_size),
                 str_human_size(data, sizeof(data), m->data_size), m->chunk_count - zero,
                 m->chunk_count);
}

static const struct command *const subcommands[] = {
    &image_build_command,   &image_export_command, &image_import_command,
    &image_inspect_command, &image_verify_command, NULL,
};

const struct command cmd_image = {
    .name = "image",
    .summary = "Build, import and examine disk images",
    .subcommands = subcommands,
};
