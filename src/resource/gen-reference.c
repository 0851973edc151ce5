/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: gen-reference FOLDER: writes the reference page of every kind (FOLDER/machine.md, ...). */
#include <stdio.h>

#include "base/file.h"
#include "base/str.h"
#include "resource/node-configuration.h"
#include "resource/schema.h"

static int write_page(const char *folder, const struct kind *kind, struct err *err)
{
    _autobuf_ struct buf page = BUF_INIT;
    _autofree_ char *path = str_format("%s/%s.md", folder, kind->singular);
    if (!path || kind_reference(kind, &page) < 0)
        return err_errno(err, -ENOMEM, "cannot write the page of %s", kind->kind);
    return file_write_atomic(path, page.data, page.len, 0644, err);
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    if (argc != 2) {
        (void)fprintf(stderr, "Usage: gen-reference FOLDER\n");
        return 2;
    }
    if (dir_make(argv[1], 0755, &err) < 0) {
        (void)fprintf(stderr, "gen-reference: %s\n", err_text(&err));
        return 1;
    }
    int r = write_page(argv[1], &kind_node_configuration, &err);
    for (const struct kind *const *k = kinds; r == 0 && *k; k++) {
        if ((*k)->group[0])
            r = write_page(argv[1], *k, &err);
    }
    if (r == 0)
        return 0;
    (void)fprintf(stderr, "gen-reference: %s\n", err_text(&err));
    return 1;
}
