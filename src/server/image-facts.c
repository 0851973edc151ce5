/* SPDX-License-Identifier: Apache-2.0 */
#include "server/image-facts.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/str.h"
#include "image/manifest.h"

/* "debian-12.json" -> "debian-12.zst". NULL when the name is not a manifest's or out of memory. */
static char *data_name(const char *manifest)
{
    if (!str_ends_with(manifest, ".json") || strchr(manifest, '/'))
        return NULL;
    return str_format("%.*s.zst", (int)(strlen(manifest) - strlen(".json")), manifest);
}

static int64_t changed_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int64_t image_facts_changed(const char *folder, const char *name)
{
    struct stat manifest, data;
    _autofree_ char *data_file = data_name(name);
    _autofree_ char *manifest_path = str_format("%s/%s", folder, name);
    _autofree_ char *data_path = data_file ? str_format("%s/%s", folder, data_file) : NULL;
    if (!manifest_path || !data_path || stat(manifest_path, &manifest) < 0 ||
        stat(data_path, &data) < 0)
        return 0;
    int64_t a = changed_ns(&manifest), b = changed_ns(&data);
    return a > b ? a : b;
}

static void fill(struct image_facts *facts, const struct image_manifest *m)
{
    facts->disk_size = m->disk_size;
    facts->data_size = m->data_size;
    facts->chunk_count = m->chunk_count;
    facts->cloud_init = !m->node;
    (void)snprintf(facts->kubernetes, sizeof(facts->kubernetes), "%s", m->kubernetes);
    (void)snprintf(facts->proxy_image, sizeof(facts->proxy_image), "%s", m->proxy_image);
    (void)snprintf(facts->dns_image, sizeof(facts->dns_image), "%s", m->dns_image);
    facts->kexec = m->boot.root_partition > 0;
    (void)snprintf(facts->architecture, sizeof(facts->architecture), "%s", m->architecture);
}

static int check_data(const char *folder, const struct image_facts *facts, struct err *err)
{
    struct stat st;
    _autofree_ char *path = str_format("%s/%s", folder, facts->data_file);
    if (!path)
        return err_set(err, -ENOMEM, "out of memory");
    if (stat(path, &st) < 0)
        return err_errno(err, -errno, "cannot read %s", path);
    if ((uint64_t)st.st_size != facts->data_size)
        return err_set(err, -EBADMSG,
                       "%s has %" PRIu64 " bytes, but its manifest says %" PRIu64
                       ": copy or build the image again",
                       path, (uint64_t)st.st_size, facts->data_size);
    return 0;
}

static int read_facts(const char *folder, const char *name, struct image_facts *facts,
                      struct err *err)
{
    _automanifest_ struct image_manifest manifest = {0};
    _autofree_ char *text = NULL;
    size_t len = 0;
    _autofree_ char *data_file = data_name(name);
    _autofree_ char *path = str_format("%s/%s", folder, name);
    if (!data_file || !path)
        return err_set(err, -EINVAL, "%s is not the file name of a manifest (NAME.json)", name);
    int r = file_read(path, IMAGE_MANIFEST_MAX, &text, &len, err);
    if (r < 0)
        return r;
    r = image_manifest_parse(text, len, &manifest, err);
    if (r < 0) {
        err_wrap(err, "%s", path);
        return r;
    }
    trust_digest(text, len, facts->digest);
    fill(facts, &manifest);
    r = str_copy(facts->data_file, sizeof(facts->data_file), data_file);
    if (r == 0)
        r = str_copy(facts->manifest_file, sizeof(facts->manifest_file), name);
    return r < 0 ? err_set(err, r, "the name %s is too long", name)
                 : check_data(folder, facts, err);
}

void image_facts_read(const char *folder, const char *name, struct image_facts *ret)
{
    struct err err = ERR_INIT;
    *ret = (struct image_facts){.changed_ns = image_facts_changed(folder, name)};
    if (read_facts(folder, name, ret, &err) < 0)
        (void)snprintf(ret->problem, sizeof(ret->problem), "%s", err_text(&err));
    else
        ret->ready = true;
}
