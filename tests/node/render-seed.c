/* SPDX-License-Identifier: Apache-2.0 */
/* Usage: render-seed PROVISION.json FOLDER: writes the files of the seed partition into FOLDER. */
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "provision/render.h"

static int write_file(const char *folder, const struct seed_file *file, struct err *err)
{
    _autofree_ char *path = str_format("%s/%s", folder, file->path);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    *strrchr(path, '/') = '\0';
    int r = dir_make(path, 0755, err);
    path[strlen(path)] = '/';
    return r < 0 ? r : file_write_atomic(path, file->data, file->len, file->mode, err);
}

static int run(const char *input, const char *folder, struct err *err)
{
    _autofree_ char *json = NULL;
    size_t len = 0;
    _autoprovision_ struct provision p = {0};
    _autoseed_ struct seed seed = SEED_INIT;
    int r = file_read(input, PROVISION_JSON_MAX, &json, &len, err);
    if (r == 0)
        r = provision_parse(json, len, &p, err);
    if (r == 0)
        r = provision_render(&p, &seed, err);
    for (size_t i = 0; r == 0 && i < seed.count; i++)
        r = write_file(folder, &seed.files[i], err);
    return r;
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    if (argc != 3) {
        fprintf(stderr, "usage: render-seed PROVISION.json FOLDER\n");
        return 2;
    }
    if (run(argv[1], argv[2], &err) < 0) {
        fprintf(stderr, "render-seed: %s\n", err_text(&err));
        return 1;
    }
    return 0;
}
