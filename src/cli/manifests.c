/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/manifests.h"

#include <dirent.h>
#include <sys/stat.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/str.h"

struct reading {
    struct manifests *manifests;
    struct problems *problems;
    struct err *err;
};

void manifests_clear(struct manifests *manifests)
{
    for (size_t i = 0; i < manifests->count; i++) {
        json_decref(manifests->items[i].json);
        free(manifests->items[i].place);
    }
    free(manifests->items);
    *manifests = (struct manifests){0};
}

static int keep(struct reading *r, const char *file, const struct resource *resource)
{
    struct manifests *m = r->manifests;
    struct manifest *grown = reallocarray(m->items, m->count + 1, sizeof(*grown));
    char *place = str_format("%s:%d", file, resource->line);
    if (grown)
        m->items = grown;
    if (!grown || !place) {
        free(place);
        return err_errno(r->err, -ENOMEM, "%s", file);
    }
    m->items[m->count++] = (struct manifest){resource->kind, json_incref(resource->json), place};
    return 0;
}

static int read_text(struct reading *r, const char *file, const char *text, size_t len)
{
    _autoresources_ struct resources resources = {0};
    int rc = resources_parse(file, text, len, &resources, r->problems);
    if (rc == -EINVAL && problems_any(r->problems))
        return 0; /* they are told together at the end */
    if (rc < 0)
        return err_errno(r->err, rc, "%s", file);
    for (size_t i = 0; rc == 0 && i < resources.n; i++)
        rc = keep(r, file, &resources.items[i]);
    return rc;
}

static int read_stdin(struct reading *r)
{
    _autofree_ char *text = malloc(YAML_SIZE_MAX + 1);
    if (!text)
        return err_errno(r->err, -ENOMEM, "standard input");
    ssize_t n = fd_read_full(STDIN_FILENO, text, YAML_SIZE_MAX + 1);
    if (n < 0)
        return err_errno(r->err, (int)n, "standard input");
    if (n > YAML_SIZE_MAX)
        return err_set(r->err, -EFBIG, "standard input: more than %d bytes", YAML_SIZE_MAX);
    return read_text(r, "standard input", text, (size_t)n);
}

static int read_file(struct reading *r, const char *path)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    int rc = file_read(path, YAML_SIZE_MAX, &text, &len, r->err);
    return rc < 0 ? rc : read_text(r, path, text, len);
}

static int is_manifest(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           (str_ends_with(entry->d_name, ".yaml") || str_ends_with(entry->d_name, ".yml") ||
            str_ends_with(entry->d_name, ".json"));
}

static int read_folder(struct reading *r, const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_manifest, alphasort);
    if (count < 0)
        return err_errno(r->err, -errno, "%s", path);
    int rc = count ? 0 : err_set(r->err, -ENOENT, "%s: no *.yaml, *.yml or *.json in it", path);
    for (int i = 0; i < count; i++) {
        _autofree_ char *file = str_format("%s/%s", path, entries[i]->d_name);
        if (rc == 0)
            rc = file ? read_file(r, file) : -ENOMEM;
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int read_named(struct reading *r, const char *path)
{
    struct stat st;
    if (str_eq(path, "-"))
        return read_stdin(r);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return read_folder(r, path);
    return read_file(r, path);
}

int manifests_read(const struct args *args, struct manifests *ret, struct problems *problems,
                   struct err *err)
{
    struct manifests manifests = {0};
    struct reading r = {&manifests, problems, err};
    size_t cursor = 0;
    int rc = 0;
    for (const char *path; rc == 0 && (path = args_each(args, "filename", &cursor));)
        rc = read_named(&r, path);
    if (rc == 0 && problems_any(problems))
        rc = problems_err(problems, err);
    if (rc < 0)
        manifests_clear(&manifests);
    else
        *ret = manifests;
    return rc;
}
