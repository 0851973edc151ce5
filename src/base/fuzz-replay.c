/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A main() for fuzz targets without libFuzzer: runs every file named in the arguments, and every
 * file of the folders named there, through the target. Fails when there was nothing to run, so that
 * a lost corpus is not a passed test.
 */
#include <dirent.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 16 << 20 };

static int run_file(const char *path)
{
    _autofree_ char *data = NULL;
    size_t len = 0;
    struct err err = ERR_INIT;
    if (file_read(path, INPUT_MAX, &data, &len, &err) < 0) {
        fprintf(stderr, "%s\n", err_text(&err));
        return -1;
    }
    /* A copy of the exact size, so that AddressSanitizer sees reads behind its end. */
    _autofree_ uint8_t *exact = malloc(len ? len : 1);
    if (!exact)
        return -1;
    memcpy(exact, data, len);
    (void)LLVMFuzzerTestOneInput(exact, len);
    return 1;
}

static int run_folder(const char *path)
{
    int ran = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        _autofree_ char *file = str_format("%s/%s", path, entry->d_name);
        int r = file ? run_file(file) : -1;
        if (r < 0) {
            (void)closedir(dir);
            return r;
        }
        ran += r;
    }
    (void)closedir(dir);
    return ran;
}

int main(int argc, char **argv)
{
    int ran = 0;
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) < 0) {
            perror(argv[i]);
            return 1;
        }
        int r = S_ISDIR(st.st_mode) ? run_folder(argv[i]) : run_file(argv[i]);
        if (r < 0)
            return 1;
        ran += r;
    }
    printf("%d inputs\n", ran);
    return ran > 0 ? 0 : 1;
}
