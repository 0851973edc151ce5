/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest.h"

#include <inttypes.h>

#include "base/str.h"
#include "image/chunk.h"

void image_manifest_clear(struct image_manifest *m)
{
    if (!m)
        return;
    free(m->chunks);
    *m = (struct image_manifest){0};
}

static bool is_alnum_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool image_name_valid(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    if (n == 0 || n > IMAGE_NAME_MAX || !is_alnum_lower(name[0]) || !is_alnum_lower(name[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_alnum_lower(name[i]) && name[i] != '-' && name[i] != '.')
            return false;
        if (name[i] == '.' && (name[i + 1] == '.' || name[i + 1] == '-' || name[i - 1] == '-'))
            return false;
    }
    return true;
}

/* Skips a number without leading zeros, of at most 9 digits; NULL when there is none. */
static const char *skip_number(const char *p)
{
    size_t n = strspn(p, "0123456789");
    return n == 0 || n > 9 || (n > 1 && p[0] == '0') ? NULL : p + n;
}

/* Skips identifiers between dots, none of them empty; NULL when they are not. */
static const char *skip_identifiers(const char *p)
{
    for (;; p++) {
        size_t n = strspn(p, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-");
        if (n == 0)
            return NULL;
        p += n;
        if (*p != '.')
            return p;
    }
}

bool image_kubernetes_version_valid(const char *version)
{
    const char *p = version;
    for (size_t i = 0; i < 3; i++) {
        if (*p != (i ? '.' : 'v'))
            return false;
        p = skip_number(p + 1);
        if (!p)
            return false;
    }
    if (*p == '-')
        p = skip_identifiers(p + 1);
    if (p && *p == '+')
        p = skip_identifiers(p + 1);
    return p && !*p && strlen(version) <= IMAGE_KUBERNETES_MAX;
}

static int check_sizes(uint64_t disk_size, uint32_t chunk_size, struct err *err)
{
    if (chunk_size < IMAGE_CHUNK_SIZE_MIN || chunk_size > IMAGE_CHUNK_SIZE_MAX ||
        (chunk_size & (chunk_size - 1)))
        return err_set(err, -EBADMSG, "chunkSize: %u is not a power of two from 64 KiB to 64 MiB",
                       chunk_size);
    if (disk_size == 0 || disk_size % IMAGE_SECTOR_SIZE)
        return err_set(err, -EBADMSG, "diskSize: %llu is not a whole number of %d-byte sectors",
                       (unsigned long long)disk_size, IMAGE_SECTOR_SIZE);
    if ((disk_size - 1) / chunk_size >= IMAGE_CHUNKS_MAX)
        return err_set(err, -EMSGSIZE, "diskSize: %llu takes more than %d chunks of %u bytes",
                       (unsigned long long)disk_size, IMAGE_CHUNKS_MAX, chunk_size);
    return 0;
}

int image_manifest_init(struct image_manifest *ret, const char *name, const char *architecture,
                        uint64_t disk_size, uint32_t chunk_size, struct err *err)
{
    _automanifest_ struct image_manifest m = {.disk_size = disk_size, .chunk_size = chunk_size};
    int r = check_sizes(disk_size, chunk_size, err);
    if (r < 0)
        return r;
    if (!image_name_valid(name) || !image_name_valid(architecture))
        return err_set(err, -EINVAL, "name: lower-case letters, digits, '-' and '.' are allowed");
    if (str_copy(m.name, sizeof(m.name), name) < 0 ||
        str_copy(m.architecture, sizeof(m.architecture), architecture) < 0)
        return err_set(err, -EINVAL, "name: too long");
    m.chunk_count = (size_t)((disk_size - 1) / chunk_size + 1);
    m.chunks = calloc(m.chunk_count, sizeof(*m.chunks));
    if (!m.chunks)
        return err_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < m.chunk_count; i++)
        m.chunks[i].zero = true;
    *ret = m;
    m.chunks = NULL;
    return 0;
}

static bool is_printable(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
            return false;
    }
    return true;
}

static bool path_valid(const char *path)
{
    if (path[0] != '/' || !is_printable(path))
        return false;
    for (const char *p = path; (p = strstr(p, "/..")); p += 3) {
        if (p[3] == '/' || p[3] == '\0')
            return false;
    }
    return true;
}

static int check_boot(const struct image_boot *boot, struct err *err)
{
    if (boot->root_partition == 0) {
        if (boot->kernel[0] || boot->initrd[0] || boot->cmdline[0])
            return err_set(err, -EBADMSG, "boot.rootPartition: missing");
        return 0;
    }
    if (boot->root_partition > 128)
        return err_set(err, -EBADMSG, "boot.rootPartition: %u is not 1 to 128",
                       boot->root_partition);
    if (!path_valid(boot->kernel))
        return err_set(err, -EBADMSG, "boot.kernel: not an absolute path");
    if (boot->initrd[0] && !path_valid(boot->initrd))
        return err_set(err, -EBADMSG, "boot.initrd: not an absolute path");
    if (!is_printable(boot->cmdline))
        return err_set(err, -EBADMSG, "boot.cmdline: holds bytes that are not printable ASCII");
    return 0;
}

static int check_chunk(const struct image_manifest *m, size_t i, uint64_t offset, struct err *err)
{
    const struct image_chunk *c = &m->chunks[i];
    uint32_t raw = image_chunk_raw_length(m, i);
    if (c->offset != offset)
        return err_set(err, -EBADMSG, "chunks[%zu]: its frame does not follow the one before", i);
    if (c->zero && c->length != image_zero_frame_length(raw))
        return err_set(err, -EBADMSG, "chunks[%zu]: %u is not the length of a zero frame", i,
                       c->length);
    if (c->length == 0 || c->length > image_frame_max(raw))
        return err_set(err, -EBADMSG, "chunks[%zu]: a frame of %u bytes is not possible", i,
                       c->length);
    return 0;
}

int image_manifest_check(const struct image_manifest *m, struct err *err)
{
    int r = check_sizes(m->disk_size, m->chunk_size, err);
    if (r < 0)
        return r;
    if (!image_name_valid(m->name))
        return err_set(err, -EBADMSG, "name: not a valid image name");
    if (!image_name_valid(m->architecture))
        return err_set(err, -EBADMSG, "architecture: not a valid name");
    if (m->kubernetes[0] && !image_kubernetes_version_valid(m->kubernetes))
        return err_set(err, -EBADMSG, "kubernetes.version: not a version such as v1.20.2");
    r = check_boot(&m->boot, err);
    if (r < 0)
        return r;
    if (m->chunk_count != (m->disk_size - 1) / m->chunk_size + 1)
        return err_set(err, -EBADMSG, "chunks: %zu given, the disk has %" PRIu64, m->chunk_count,
                       (m->disk_size - 1) / m->chunk_size + 1);
    uint64_t offset = 0;
    for (size_t i = 0; i < m->chunk_count; i++) {
        r = check_chunk(m, i, offset, err);
        if (r < 0)
            return r;
        offset += m->chunks[i].length;
    }
    if (offset != m->data_size)
        return err_set(err, -EBADMSG, "dataSize: %llu, but the frames take %llu",
                       (unsigned long long)m->data_size, (unsigned long long)offset);
    return 0;
}
