/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands of `slipway image`, one file each, and what they share. */
#pragma once

#include "cli/cli.h"
#include "cli/progress.h"
#include "image/progress.h"

extern const struct command image_build_command;
extern const struct command image_import_command;
extern const struct command image_inspect_command;
extern const struct command image_verify_command;
extern const struct command image_export_command;

/* Progress on standard error and cancelling by signal, for the image library. */
struct image_work {
    struct progress *shown; /* NULL: quiet */
    struct image_progress progress;
};

/* quiet: show nothing. Ends with image_work_end(). */
void image_work_begin(struct image_work *work, const struct cli *cli, bool quiet);
void image_work_end(struct image_work *work);

/* --output, else STATE/images; malloc'd or NULL. */
char *image_folder(const struct cli *cli, const struct args *args);

/* "wrote FOLDER/NAME.zst: 704 MiB disk, 96 MiB" */
struct image_manifest;
void image_report(const char *verb, const char *folder, const struct image_manifest *m);
