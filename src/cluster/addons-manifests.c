/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/addons-manifests.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"

struct reading {
    const struct addon_source *source;
    struct addon_objects *objects;
    struct buf *problems;
    size_t bytes; /* so far */
};

static void problem(struct reading *r, const char *where, const char *text)
{
    buf_printf(r->problems, "%s: %s\n", where, text);
}

static bool is_cancelled(const struct reading *r)
{
    return r->source->cancelled && *r->source->cancelled;
}

/* ---- texts ---- */

static void take_manifest(struct reading *r, const char *where, const char *text, size_t len)
{
    _autobuf_ struct buf out = BUF_INIT_MAX(ADDON_FILE_MAX);
    struct err err = ERR_INIT;
    const struct addon_source *s = r->source;
    r->bytes += len;
    if (r->bytes > ADDON_TOTAL_MAX) {
        buf_printf(r->problems, "%s: the add-on is longer than %d MiB\n", where,
                   ADDON_TOTAL_MAX >> 20);
        return;
    }
    if (s->template && addons_render(text, len, s->own, s->values, &out, &err) < 0) {
        problem(r, where, err_text(&err));
        return;
    }
    if (addon_objects_add(r->objects, s->name, where, s->template ? buf_str(&out) : text,
                          s->template ? out.len : len, r->problems) == -ENOMEM)
        problem(r, where, "out of memory");
    if (out.data)
        explicit_bzero(out.data, out.len);
}

/* ---- addresses ---- */

static bool digest_fits(const struct addon_url *url, const struct buf *content)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(digest, (const uint8_t *)buf_str(content), content->len);
    return !url->pinned || memcmp(digest, url->sha256, sizeof(digest)) == 0;
}

static void take_url(struct reading *r, const struct addon_url *url)
{
    _autobuf_ struct buf content = BUF_INIT_MAX(ADDON_FILE_MAX);
    struct err err = ERR_INIT;
    if (r->source->fetch(r->source->data, url->url, &content, &err) < 0)
        buf_printf(r->problems, "%s\n", err_text(&err));
    else if (content.len == 0)
        problem(r, url->url, "is empty");
    else if (!digest_fits(url, &content))
        problem(r, url->url, "its content has another digest than its .url file says");
    else
        take_manifest(r, url->url, buf_str(&content), content.len);
}

static void take_urls(struct reading *r, const char *where, const char *text, size_t len)
{
    struct addon_urls urls;
    struct err err = ERR_INIT;
    if (addon_urls_parse(text, len, &urls, &err) < 0) {
        problem(r, where, err_text(&err));
        return;
    }
    for (size_t i = 0; i < urls.n && !is_cancelled(r); i++)
        take_url(r, &urls.items[i]);
    addon_urls_free(&urls);
}

/* ---- files ---- */

static void take_file(struct reading *r, const char *path)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    struct err err = ERR_INIT;
    if (file_read(path, ADDON_FILE_MAX, &text, &len, &err) < 0) {
        buf_printf(r->problems, "%s\n", err_text(&err));
        return;
    }
    if (len == 0) /* somebody may be about to write it: taken as it is, all it brought would go */
        problem(r, path, "is empty; what it brought stays until it is removed");
    else if (str_ends_with(path, ".url"))
        take_urls(r, path, text, len);
    else
        take_manifest(r, path, text, len);
    explicit_bzero(text, len);
}

static int is_manifest(const struct dirent *entry)
{
    const char *name = entry->d_name;
    return name[0] != '.' && (str_ends_with(name, ".yaml") || str_ends_with(name, ".yml") ||
                              str_ends_with(name, ".json") || str_ends_with(name, ".url"));
}

/* In the order of their names, whatever the locale says. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void take_entry(struct reading *r, const char *folder, const char *name)
{
    struct stat st;
    _autofree_ char *file = str_format("%s/%s", folder, name);
    if (!file || stat(file, &st) < 0 || !S_ISREG(st.st_mode))
        problem(r, file ? file : folder, "cannot be read");
    else
        take_file(r, file);
}

static void take_folder(struct reading *r, const char *path)
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, is_manifest, by_name);
    if (n < 0)
        problem(r, path, strerror(errno));
    if (n == 0)
        problem(r, path, "no manifests in it");
    if (n > ADDON_FILES_MAX)
        buf_printf(r->problems, "%s: more than %d files\n", path, ADDON_FILES_MAX);
    for (int i = 0; i < n; i++) {
        if (i < ADDON_FILES_MAX && !is_cancelled(r))
            take_entry(r, path, names[i]->d_name);
        free(names[i]);
    }
    free(names);
}

static bool is_url(const char *path)
{
    return str_after(path, "https://") || str_after(path, "http://");
}

void addon_manifests_read(const struct addon_source *source, const char *path,
                          struct addon_objects *objects, struct buf *problems)
{
    struct reading r = {.source = source, .objects = objects, .problems = problems};
    struct addon_url url = {.url = (char *)(uintptr_t)path};
    struct stat st;
    if (is_url(path))
        take_url(&r, &url);
    else if (stat(path, &st) < 0)
        problem(&r, path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        take_folder(&r, path);
    else if (S_ISREG(st.st_mode))
        take_file(&r, path);
    else
        problem(&r, path, "neither a file nor a folder");
}
