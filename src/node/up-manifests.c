/* SPDX-License-Identifier: Apache-2.0 */
/* Files and addresses of manifests into objects. */
#include <dirent.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/str.h"
#include "node/cluster-kubeadm.h"
#include "node/up-addons.h"
#include "resource/kind.h"

enum { FETCH_MS = 40000 };

struct loading {
    const struct up_addons *addons;
    const json_t *addon, *values;
    struct up_manifests *ret;
    size_t bytes; /* so far */
};

void up_manifests_free(struct up_manifests *manifests)
{
    addon_objects_free(&manifests->objects);
    buf_free(&manifests->problems);
}

static void problem(struct loading *l, const char *source, const char *text)
{
    buf_printf(&l->ret->problems, "%s: %s\n", source, text);
}

static void take_manifest(struct loading *l, const char *source, const char *text, size_t len)
{
    _autobuf_ struct buf out = BUF_INIT_MAX(ADDON_FILE_MAX);
    struct err err = ERR_INIT;
    bool template = json_is_true(json_object_get(l->addon, "template"));
    const json_t *own = json_object_get(l->addon, "variables");
    l->bytes += len;
    if (l->bytes > ADDON_TOTAL_MAX) {
        problem(l, source, "the add-on is too long");
        return;
    }
    if (template && addons_render(text, len, own, l->values, &out, &err) < 0) {
        problem(l, source, err_text(&err));
        return;
    }
    if (addon_objects_add(&l->ret->objects, object_text(l->addon, "name"), source,
                          template ? buf_str(&out) : text, template ? out.len : len,
                          &l->ret->problems) == -ENOMEM)
        problem(l, source, "out of memory");
}

/* ---- addresses ---- */

static void free_environment(char ***environment)
{
    cluster_environment_free(*environment);
}

/* TLS is what this program has not: curl is on nearly every host. */
static int fetch(const struct loading *l, const char *url, struct buf *out, struct err *err)
{
    _cleanup_(free_environment) char **environment =
        cluster_environment(l->addons->kubectl->proxies);
    const char *const command[] = {l->addons->curl,
                                   "--fail",
                                   "--silent",
                                   "--show-error",
                                   "--location",
                                   "--proto",
                                   "=https,http",
                                   "--proto-redir",
                                   "=https",
                                   "--max-time",
                                   "30",
                                   "--",
                                   url,
                                   NULL};
    struct proc_options options = {.output = out,
                                   .env = (const char *const *)environment,
                                   .timeout_ms = FETCH_MS,
                                   .cancel = l->addons->kubectl->cancel};
    int r = environment ? proc_run(command, &options, NULL, err) : -ENOMEM;
    return r == -ENOENT ? err_set(err, r, "there is no curl on this host to fetch it") : r;
}

static void take_url(struct loading *l, const struct addon_url *url)
{
    _autobuf_ struct buf content = BUF_INIT_MAX(ADDON_FILE_MAX);
    struct err err = ERR_INIT;
    uint8_t digest[crypto_hash_sha256_BYTES];
    if (fetch(l, url->url, &content, &err) < 0) {
        problem(l, url->url, err_text(&err));
        return;
    }
    (void)crypto_hash_sha256(digest, (const uint8_t *)buf_str(&content), content.len);
    if (url->pinned && memcmp(digest, url->sha256, sizeof(digest)) != 0)
        problem(l, url->url, "its content has another digest than its .url file says");
    else
        take_manifest(l, url->url, buf_str(&content), content.len);
}

static void take_urls(struct loading *l, const char *source, const char *text, size_t len)
{
    struct addon_urls urls;
    struct err err = ERR_INIT;
    if (addon_urls_parse(text, len, &urls, &err) < 0) {
        problem(l, source, err_text(&err));
        return;
    }
    for (size_t i = 0; i < urls.n; i++)
        take_url(l, &urls.items[i]);
    addon_urls_free(&urls);
}

/* ---- files ---- */

static void take_file(struct loading *l, const char *path)
{
    _autofree_ char *text = NULL;
    size_t len = 0;
    struct err err = ERR_INIT;
    if (file_read(path, ADDON_FILE_MAX, &text, &len, &err) < 0)
        problem(l, path, err_text(&err));
    else if (str_ends_with(path, ".url"))
        take_urls(l, path, text, len);
    else
        take_manifest(l, path, text, len);
    if (text)
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

static void take_folder(struct loading *l, const char *path)
{
    struct dirent **names = NULL;
    int n = scandir(path, &names, is_manifest, by_name);
    if (n < 0)
        problem(l, path, strerror(errno));
    if (n == 0)
        problem(l, path, "no manifests in it");
    if (n > ADDON_FILES_MAX)
        problem(l, path, "too many files");
    for (int i = 0; i < n; i++) {
        _autofree_ char *file = str_format("%s/%s", path, names[i]->d_name);
        if (file && i < ADDON_FILES_MAX)
            take_file(l, file);
        free(names[i]);
    }
    free(names);
}

static bool is_url(const char *path)
{
    return str_after(path, "https://") || str_after(path, "http://");
}

static void take_path(struct loading *l, const char *path)
{
    struct stat st;
    struct addon_url url = {.url = (char *)(uintptr_t)path};
    if (is_url(path))
        take_url(l, &url);
    else if (stat(path, &st) < 0)
        problem(l, path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        take_folder(l, path);
    else if (S_ISREG(st.st_mode))
        take_file(l, path);
    else
        problem(l, path, "neither a file nor a folder");
}

void up_manifests_load(const struct up_addons *addons, const json_t *addon, const json_t *values,
                       struct up_manifests *ret)
{
    struct loading l = {.addons = addons, .addon = addon, .values = values, .ret = ret};
    const char *path = object_text(addon, "path");
    take_path(&l, path);
    if (json_array_size(json_object_get(addon, "certificates")))
        problem(&l, path, "certificates of add-ons are made by Slipway's server alone");
    if (json_object_get(addon, "variablesFrom"))
        problem(&l, path, "variablesFrom is read by Slipway's server alone");
    addon_objects_sort(&ret->objects, &ret->problems);
}
